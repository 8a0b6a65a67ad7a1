package simulator

var firstNames = []string{
	"Ana", "Bo", "Chidi", "Dana", "Émile", "Fatima", "Günter", "Hà", "Ingrid", "João", "Katya", "Łukasz", "Mei", "Noor",
	"O'Neil", "Priya", "Quentin", "Rūta", "Søren", "Tomás", "Ümit", "Vera", "王芳", "Юлия", "محمد", "נועה", "ゆき",
}

var lastNames = []string{
	"Silva", "Levi", "Müller", "Nguyễn", "Okafor", "Petrov", "Sørensen", "García", "Kowalski", "de la Cruz", "Smith-Jones",
	"D'Angelo", "Öztürk", "Tanaka", "李", "Иванова", "\"Ace\" Brown", "Žukauskas",
}

var places = [][3]string{
	{"Berlin", "Germany", "DE"}, {"São Paulo", "Brazil", "BR"}, {"Helsinki", "Finland", "FI"}, {"東京", "Japan", "JP"},
}

var languages = []string{"en", "de", "fi", "pt_BR", "ja", ""}

var referers = []string{
	"https://www.example.com/billing", "https://www.example.com/?q=a%20b&utm=x", "https://shop.example.com/köln#top", "",
}

var subjects = []string{
	"Invoice 4711", "Re: Re: Fwd: still \"broken\"", "Rückfrage zu Ihrer Bestellung ✉", "お問い合わせ", "<no subject>",
}

var sentences = []string{
	"Hi, I was charged twice.",
	"Which invoice do you mean?",
	"Thank you so much! 🙏",
	"It still says \"Error 500\" when I press 'save'.",
	"Können Sie mir bitte die Rechnung für März schicken?",
	"Das Paket ist seit drei Tagen in Köln – wo bleibt es?",
	"Kiitos, asia selvisi jo itsestään. 😊",
	"Voisitteko soittaa minulle huomenna klo 9–11?",
	"Merci, c'est réglé ! À bientôt…",
	"¿Pueden ayudarme con mi contraseña, por favor?",
	"Não consigo entrar na minha conta há 2 dias 😡",
	"注文した商品がまだ届いていません。",
	"请帮我取消订单，谢谢！",
	"안녕하세요, 환불 문의드립니다.",
	"مرحبا، أحتاج إلى مساعدة في طلبي",
	"שלום, איפה ההזמנה שלי?",
	"Пожалуйста, перезвоните мне после 18:00.",
	"Let me check that for you.",
	"I have sent it to you; please look in C:\\Users\\me\\Downloads\\new\\t.pdf",
	"👩‍👩‍👧‍👦 family plan, 🇫🇮 please 👍🏽",
	"<b>bold?</b> & <script>alert(1)</script>",
	"{\"order\": 12, \"items\": [1, 2]}",
	"Price: 1,234.56 € \t (incl. VAT)",
	"e\u0301 is not é; zero\u200bwidth; line\u2028separator; bell\u0007; \ufeffmark; \U0001F468\u200D\U0001F4BB",
	"'; DROP TABLE messages; --",
	"a,b;c\t\"d\"\"e\"",
	"ok",
	"No.",
	"https://example.com/track?id=9&lang=de",
	"You can return it within 30 days of delivery, at no cost, in any of our shops or by post.",
	"I'm sorry to hear that. May I have your order number?",
	"1) unplug it\n2) wait ten seconds\n3) plug it in again",
}

var activityTexts = []string{
	"Conversation was marked resolved by Dana Levi",
	"Assigned to Dana Levi by Automation System",
	"Ana added billing",
	"Conversation was reopened by \"Bo\"",
	"Söre set the priority to high",
	"Conversation was snoozed",
	"Unterhaltung wurde stummgeschaltet",
}

var templateTexts = []string{
	"Give the team a way to reach you.",
	"Get notified by email",
	"We are away 🌴 and back on Monday.",
	"Was möchten Sie tun?",
}

var files = []File{
	{Kind: "image", Name: "invoice.jpg", MediaType: "image/jpeg", Width: 800, Height: 600},
	{Kind: "image", Name: "Bildschirm foto ä.png", MediaType: "image/png", Width: 1920, Height: 1080},
	{Kind: "audio", Name: "voice.ogg", MediaType: "audio/ogg", Spoken: "call me back, \"please\""},
	{Kind: "audio", Name: "hold.mp3", MediaType: "audio/mpeg"},
	{Kind: "video", Name: "unboxing.mp4", MediaType: "video/mp4"},
	{Kind: "file", Name: "contract v2 (final).pdf", MediaType: "application/pdf"},
	{Kind: "file", Name: "README", MediaType: "application/octet-stream"},
	{Kind: "location", Title: "Berlin", Lat: 52.52, Long: 13.4},
	{Kind: "contact", Title: "+49 30 1234"},
	{Kind: "share", Title: "a post"},
	{Kind: "fallback", Title: "https://example.com/p/1"},
}
