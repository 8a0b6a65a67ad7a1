package freshchat

import (
	"fmt"
	"testing"

	"github.com/chatlake/chatlake/schemas"
)

func show(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

// The text is what a reader sees of each kind of part; html contains its markup.
func TestVisibleText(t *testing.T) {
	for _, tt := range []struct{ parts, text, html string }{
		{`[{"text":{"content":"hi"}}]`, "hi", "-"},
		{`[{"text":{"content":""}},{"text":{"content":"hi"}},{"text":{"content":""}}]`, "\nhi\n", "-"},
		{`[{"text":{"content":"\nhi"}}]`, "\nhi", "-"},
		{`[{"text":{"content":""}}]`, "-", "-"},
		{`[{"text":{}},{"text":{"content":null}},{"text":{"content":"hi"}}]`, "hi", "-"},
		{`[{"text":{"content":"2 < 3 and <3"}}]`, "2 < 3 and <3", "-"},
		{`[{"text":{"content":"<p>a <b>b</b></p><p>c &amp; d</p>"}}]`, "a b\nc & d", "<p>a <b>b</b></p><p>c &amp; d</p>"},
		{`[{"text":{"content":"<b>a</b>\nb"}},{"text":{"content":"c"}}]`, "a\nb\nc", "<b>a</b>\nb"},
		{`[{"email":{"subject":"s","content":"<div>a</div>"}}]`, "a", "<div>a</div>"},
		{`[{"email":{"subject":"s","content":"a\nb"}}]`, "a\nb", "-"},
		{`[{"image":{"url":"https://e.example/1.png","caption":"a shoe"}}]`, "a shoe", "-"},
		{`[{"video":{"url":"https://e.example/1.mp4"}}]`, "-", "-"},
		{`[{"url_button":{"url":"https://e.example","label":"open"}},{"callback":{"label":"buy","payload":"1"}},{"reference":{"label":"how","reference_id":"1"}}]`, "open\nbuy\nhow", "-"},
		{`[{"quick_reply_button":{"custom_reply_text":"Yes, please","label":"Yes"}}]`, "Yes, please", "-"},
		{`[{"quick_reply_button":{"label":"Yes","payload":"y"}}]`, "Yes", "-"},
		{`[{"collection":{"sub_parts":[{"text":{"content":"a"}},"b",{"collection":{"sub_parts":[{"text":{"content":"<i>c</i>"}}]}}]}}]`, "a\nb\nc", "<i>c</i>"},
		{`[{"template_content":{"type":"carousel","sections":[{"name":"title","parts":[{"text":{"content":"a"}}]},{"name":"cards","parts":[{"template_content":{"sections":[{"parts":[{"text":{"content":"b"}}]}]}}]}]}}]`, "a\nb", "-"},
		{`[{"product":{"title":"Shoe","subtitle":"blue","price":5,"sub_parts":[{"image":{"url":"u","caption":"side"}}]}}]`, "Shoe\nblue\nside", "-"},
		{`[{"part_type":"TEXT","properties":{"content":"old"}}]`, "old", "-"},
	} {
		thread, err := mapper().Thread([]schemas.Document{messagesDoc(`{"id":"m","message_parts":` + tt.parts + `}`)})
		if err != nil {
			t.Fatal(err)
		}
		if m := thread.Messages[0]; show(m.Text) != tt.text || show(m.HTML) != tt.html {
			t.Errorf("%s: text %q, html %q; want %q, %q", tt.parts, show(m.Text), show(m.HTML), tt.text, tt.html)
		}
	}
	thread, err := mapper().Thread([]schemas.Document{transcript(`{"message_id":"m","message_parts":"\nplain"}`)})
	if err != nil || show(thread.Messages[0].Text) != "\nplain" {
		t.Errorf("plain text of a transcript became %q, %v", show(thread.Messages[0].Text), err)
	}
}

// Files have the name, type and size that were sent, in either spelling of the members. Nothing is guessed.
func TestFiles(t *testing.T) {
	for body, want := range map[string]string{
		`{"name":"a.pdf","url":"u","file_size_in_bytes":5,"content_type":"x/y","file_id":"7"}`:                "a.pdf x/y 5 u 7",
		`{"file_name":"a.pdf","download_url":"u","fileSize":5,"contentType":"x/y","fileId":"7"}`:              "a.pdf x/y 5 u 7",
		`{"url":"https://e.example/l.php?u=1"}`:                                                               "- - - https://e.example/l.php?u=1 m/0",
		`{"url":"https://e.example/0b81f9a2.png"}`:                                                            "- - - https://e.example/0b81f9a2.png m/0",
		`{"name":"","file_name":"b.txt","url":null,"download_url":"d","file_size_in_bytes":"?","fileSize":2}`: "b.txt - 2 d m/0",
	} {
		thread, err := mapper().Thread([]schemas.Document{messagesDoc(`{"id":"m","message_parts":[{"collection":{"sub_parts":[{"file":` + body + `}]}}]}`)})
		if err != nil || len(thread.Attachments) != 1 {
			t.Fatalf("%s: %d attachments, %v", body, len(thread.Attachments), err)
		}
		a := thread.Attachments[0]
		size := "-"
		if a.Bytes != nil {
			size = fmt.Sprint(*a.Bytes)
		}
		if got := fmt.Sprint(show(a.Name), " ", show(a.ContentType), " ", size, " ", show(a.URL), " ", a.AttachmentID); got != want {
			t.Errorf("%s became %s, want %s", body, got, want)
		}
	}
}
