package chatwoot

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// messageTypes maps message_type to the direction and the kind of a message.
var messageTypes = map[string]struct{ direction, kind string }{
	"0": {"in", "message"}, "incoming": {"in", "message"},
	"1": {"out", "message"}, "outgoing": {"out", "message"},
	"2": {"none", "activity"}, "activity": {"none", "activity"},
	"3": {"out", "template"}, "template": {"out", "template"},
}

// rows adds the rows of the message to a thread.
func (m message) rows(thread *schemas.Thread, sequence int64) {
	files := m.attachments(thread.Conversation.ConversationID)
	row := m.row(thread.Conversation.ConversationID, sequence, files)
	thread.Messages = append(thread.Messages, row)
	thread.Attachments = append(thread.Attachments, files...)
	if row.IsDeleted {
		thread.Tombstones = append(thread.Tombstones, providers.DeletedMessage(row))
	}
	if row.Kind == "activity" {
		event := schemas.Event{
			ConversationID: row.ConversationID, EventID: row.MessageID, ObservedAt: row.ObservedAt, Kind: "activity",
			CreatedAt: row.CreatedAt, MessageID: &row.MessageID, Text: row.Text,
		}
		if row.AuthorID != nil {
			event.ActorID, event.ActorType = row.AuthorID, row.AuthorType
		}
		if m.mentionsStory(files) {
			event.Kind = storyMention
		}
		thread.Events = append(thread.Events, event)
	}
	if answer := csatAnswer(m.content.Peek("submitted_values")); !answer.Empty() {
		rating := csatRating(answer)
		rating.ConversationID, rating.RatingID, rating.ObservedAt = row.ConversationID, row.MessageID, row.ObservedAt
		rating.AskedAt, rating.MessageID, rating.ContactID = row.CreatedAt, &row.MessageID, thread.Conversation.ContactID
		thread.Ratings = append(thread.Ratings, rating)
	}
}

func (m message) row(conversation string, sequence int64, files []schemas.Attachment) schemas.Message {
	w := m.wire
	kind := w.Word("message_type")
	what, known := messageTypes[kind]
	if !known {
		what.direction, what.kind = "none", cmp.Or(kind, "message")
	}
	row := schemas.Message{
		ConversationID: conversation,
		MessageID:      m.id,
		ObservedAt:     m.doc.ObservedAt,
		Sequence:       sequence,
		CreatedAt:      m.createdAt,
		IsPrivate:      w.Truth("private"),
		Text:           w.Text("content"),
		ContentType:    w.Text("content_type"),
		ReplyTo:        wire.Text(m.content.Peek("in_reply_to")),
		IsDeleted:      wire.Truth(m.content.Peek("deleted")),
		DeliveryStatus: w.Text("status"),
	}
	switch {
	case m.mentionsStory(files):
		what.direction, what.kind = "none", "activity"
	case row.IsPrivate && what.direction == "out" && what.kind == "message":
		what.direction, what.kind = "none", "note"
	}
	row.Direction, row.Kind = &what.direction, what.kind
	m.author(&row)
	m.mail(&row)
	m.parts(&row, files)
	if wire.Word(w.Peek("conversation_id")) == conversation {
		w.Skip("conversation_id")
	}
	row.Attributes = w.Rest()
	return row
}

// storyMention marks the message about a contact who mentioned the business in an Instagram story. Its sender is the contact, but
// its text is the server's.
// Seen in chatwoot/chatwoot app/builders/messages/instagram.
const storyMention = "story_mention"

func (m message) mentionsStory(files []schemas.Attachment) bool {
	return wire.Word(m.content.Peek("image_type")) == storyMention ||
		slices.ContainsFunc(files, func(f schemas.Attachment) bool { return f.Kind == storyMention })
}

// skipKnown skips the fields of a sender that equal those in the participant's row, and the sender's presence at the time of reading.
func (m message) skipKnown(sender *wire.Reader) {
	sender.Skip("availability_status")
	for _, key := range details {
		sent := sender.Peek(key)
		if bytes.Equal(sent, m.known[key]) || key == "avatar_url" && bytes.Equal(sent, m.known["thumbnail"]) || wire.Word(sent) == wire.Word(m.known[key]) {
			sender.Skip(key)
		}
	}
}

// author sets the author of a message. The author of a message from an automation rule is the system; of an echo of a message
// written in another app of the business, an agent; of any other outgoing message without a sender, the system. If the sender's type
// is unknown, the author type stays null.
func (m message) author(row *schemas.Message) {
	sender := m.wire.Nested("sender.", "sender")
	nobody := sender.Empty()
	row.AuthorID, row.AuthorName = sender.Text("id"), sender.Text("name")
	if row.AuthorID == nil {
		row.AuthorID = m.wire.Text("sender_id")
	}
	word := typeWord(sender.Value("type"))
	m.skipKnown(sender)
	if word == "" {
		word = typeWord(m.wire.Peek("sender_type"))
	}
	author := authorTypes[word]
	switch {
	case !wire.IsNull(m.content.Peek("automation_rule_id")):
		author = "system"
	case word != "" || !nobody:
	case wire.Truth(m.content.Peek("external_echo")):
		author = "agent"
	case row.Kind == "activity" || *row.Direction == "out" || row.Kind == "note":
		author = "system"
	}
	if author != "" {
		row.AuthorType = &author
	}
}

// mail reads the e-mail behind a message. Its HTML is a column, and everything else, such as the envelope, an attribute. Fields that
// only repeat the text of the row are left out.
// Seen in chatwoot/chatwoot app/presenters/mail_presenter.rb (serialized_data).
func (m message) mail(row *schemas.Message) {
	mail := m.content.Nested("email.", "email")
	html, plain := mail.Nested("html_content.", "html_content"), mail.Nested("text_content.", "text_content")
	row.HTML = html.Text("full")
	if row.Text == nil {
		row.Text = cmp.Or(wire.Text(plain.Peek("full")), wire.Text(plain.Peek("reply")))
	}
	isMail := word(row.ContentType) == "incoming_email" || !mail.Empty()
	if sent := word(row.Text); row.HTML == nil && (enclosed.MatchString(sent) || isMail && plain.Empty() && markup.MatchString(sent)) {
		row.HTML, row.Text = row.Text, readable(row.Text)
	}
	if row.Text == nil {
		row.Text = readable(row.HTML)
	}
	for _, part := range []*wire.Reader{html, plain} {
		for _, name := range []string{"full", "reply", "quoted"} {
			if row.Text != nil && wire.Word(part.Peek(name)) == *row.Text {
				part.Skip(name)
			}
		}
	}
}

// A text is HTML if it consists of one or more elements (enclosed), or if it contains an element (markup) and belongs to an e-mail
// without a text part. A person may also write about HTML; such a text is not HTML.
var (
	enclosed = regexp.MustCompile(`(?is)^\s*<(!doctype|html|body|div|p|table|span|ul|ol|h[1-6])(\s[^<>]*)?>.*</[a-z][a-z0-9]*>\s*$`)
	markup   = regexp.MustCompile(`(?i)<(!doctype|html|body|div|p|br|table|span|ul|ol|h[1-6])(\s[^<>]*)?/?>|</(a|b|i|em|strong|u)>`)
)

// readable returns the plain text of HTML, nil if it has none.
func readable(html *string) *string {
	if html == nil {
		return nil
	}
	words := wire.PlainText(*html)
	if words == "" {
		return nil
	}
	return &words
}

// parts adds the parts of a message and sets its text to what a reader sees of them: the text, then the attachments, then the items
// of a form, a menu or cards.
func (m message) parts(row *schemas.Message, files []schemas.Attachment) {
	var lines []string
	add := func(text *string) {
		if text != nil && !slices.Contains(lines, *text) {
			lines = append(lines, *text)
		}
	}
	if row.Text != nil {
		row.Parts = append(row.Parts, schemas.Part{Type: "text", Text: row.Text})
		lines = append(lines, *row.Text)
	}
	for _, f := range files {
		row.Parts = append(row.Parts, schemas.Part{
			Type: f.Kind, URL: f.URL, Name: f.Name, ContentType: f.ContentType, Bytes: f.Bytes,
			Payload: place(f.Attributes["coordinates_lat"], f.Attributes["coordinates_long"]),
		})
		if slices.Contains(titled, f.Kind) {
			add(f.Name)
		}
	}
	kind := "item"
	switch word(row.ContentType) {
	case "input_select":
		kind = "button"
	case "form":
		kind = "form"
	case "cards":
		kind = "collection"
	}
	for _, item := range m.content.List("items") {
		o := wire.Fields(item)
		label, description := cmp.Or(wire.Text(o["title"]), wire.Text(o["label"])), wire.Text(o["description"])
		row.Parts = append(row.Parts, schemas.Part{
			Type: kind, Label: label, Text: cmp.Or(wire.Text(o["value"]), description), Payload: wire.Text(item),
		})
		add(label)
		add(description)
		for _, action := range wire.Items(o["actions"]) {
			add(wire.Text(wire.Fields(action)["text"]))
		}
	}
	if len(lines) > 0 {
		text := strings.Join(lines, "\n")
		row.Text = &text
	}
}

// titled are the kinds of attachments that are displayed as their title, such as places and links.
var titled = []string{"location", "share", "fallback", "embed"}

func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// place returns a pair of coordinates as JSON, nil if one is missing or not a number.
func place(lat, long *string) *string {
	if lat == nil || long == nil {
		return nil
	}
	s := `{"lat":` + *lat + `,"long":` + *long + `}`
	if !wire.Valid([]byte(s)) {
		return nil
	}
	return &s
}
