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

// kinds of messages and where they go, by message_type.
var messageTypes = map[string]struct{ direction, kind string }{
	"0": {"in", "message"}, "incoming": {"in", "message"},
	"1": {"out", "message"}, "outgoing": {"out", "message"},
	"2": {"none", "activity"}, "activity": {"none", "activity"},
	"3": {"out", "template"}, "template": {"out", "template"},
}

// rows adds the message and all that it says to a thread.
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
	m.words(&row, files)
	if wire.Word(w.Peek("conversation_id")) == conversation {
		w.Skip("conversation_id")
	}
	row.Attributes = w.Rest()
	return row
}

// storyMention is what Instagram says of somebody who mentioned the business in a story: the words are the server's, not
// those of the contact under whose name they stand.
// Seen in chatwoot/chatwoot app/builders/messages/instagram.
const storyMention = "story_mention"

func (m message) mentionsStory(files []schemas.Attachment) bool {
	return wire.Word(m.content.Peek("image_type")) == storyMention ||
		slices.ContainsFunc(files, func(f schemas.Attachment) bool { return f.Kind == storyMention })
}

// skipKnown leaves out what the participant's row says of a sender, and whether the sender is there as this is read.
func (m message) skipKnown(sender *wire.Reader) {
	sender.Skip("availability_status")
	for _, key := range details {
		sent := sender.Peek(key)
		if bytes.Equal(sent, m.known[key]) || key == "avatar_url" && bytes.Equal(sent, m.known["thumbnail"]) || wire.Word(sent) == wire.Word(m.known[key]) {
			sender.Skip(key)
		}
	}
}

// author says who wrote a message. A message that an automation rule sent is the system's, the echo of one that was
// written in another app of the business is an agent's, and no other outgoing message without a sender is a person's. Of a
// type that is not known the author type stays unknown.
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

// mail reads the e-mail that a message came as. Its HTML is a column, all else of it, such as its envelope, an attribute;
// what only repeats the text of the row is left out.
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

// HTML stands in place of the text where all of the text is one element or several, and in an e-mail without a text part
// that has any of the elements below. What somebody typed about HTML is neither.
var (
	enclosed = regexp.MustCompile(`(?is)^\s*<(!doctype|html|body|div|p|table|span|ul|ol|h[1-6])(\s[^<>]*)?>.*</[a-z][a-z0-9]*>\s*$`)
	markup   = regexp.MustCompile(`(?i)<(!doctype|html|body|div|p|br|table|span|ul|ol|h[1-6])(\s[^<>]*)?/?>|</(a|b|i|em|strong|u)>`)
)

// readable is the words of HTML, nil where it has none.
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

// words adds the parts of a message and what was read in them: the text, then the attachments, then the items of a form,
// a menu or cards.
func (m message) words(row *schemas.Message, files []schemas.Attachment) {
	var lines []string
	say := func(text *string) {
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
			say(f.Name)
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
		say(label)
		say(description)
		for _, action := range wire.Items(o["actions"]) {
			say(wire.Text(wire.Fields(action)["text"]))
		}
	}
	if len(lines) > 0 {
		text := strings.Join(lines, "\n")
		row.Text = &text
	}
}

// titled are the kinds of attachments that are shown by their title: a place, a link.
var titled = []string{"location", "share", "fallback", "embed"}

func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// place is a pair of coordinates as JSON, nil where one is missing or not a number.
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
