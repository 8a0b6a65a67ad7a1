package giosg

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// facts is what the messages of a chat need to know about the chat.
type facts struct {
	decrypter
	chat, room string
	bots       map[string]bool   // users that are bots
	labels     map[string]string // of buttons, by message and action
}

// factsOf collects facts that only all documents of a chat together contain.
func factsOf(c decrypter, chat chat, rows []message, bots map[string]bool) facts {
	all := facts{decrypter: c, chat: chat.id, room: wire.Word(chat.fields["room_id"]), bots: bots, labels: map[string]string{}}
	for _, m := range rows {
		for _, v := range items(m.wire["attachments"]) {
			for _, v := range items(fields(v)["actions"]) {
				action := fields(v)
				all.labels[m.id+"/"+wire.Word(action["id"])] = wire.Word(action["text"])
			}
		}
	}
	return all
}

// authorType returns the type of a sender or member. Bots are users who are marked as bots, in the organization's list or in the
// row itself. An unknown type is returned as it was sent.
func (c facts) authorType(id *string, sent string, row object) *string {
	known := authorTypes[sent]
	if sent == userSender && (id != nil && c.bots[*id] || isBot(row)) {
		known = "bot"
	}
	if known = cmp.Or(known, sent); known == "" {
		return nil
	}
	return &known
}

// isBot reports whether a user, or a row about a user, is marked as a bot. Users, of the vendor's API reference.
func isBot(o object) bool {
	return truth(o["is_bot"]) || truth(o["sender_is_bot"]) || truth(o["member_is_bot"])
}

// chosen returns what the visitor said with a click: the text that was sent, or else the label of the button.
func (c facts) chosen(m object) *string {
	if text := cmp.Or(wire.Text(m["response_text"]), wire.Text(fields(m["response_to_action"])["text"])); text != nil {
		return text
	}
	if label := c.labels[wire.Word(m["response_to_message_id"])+"/"+wire.Word(m["response_to_action_id"])]; label != "" {
		return &label
	}
	return nil
}

// content is the content of a message's attachments, in the order sent.
type content struct {
	words []string // visible to a person
	parts []schemas.Part
	files []schemas.Attachment
}

func (c *content) read(text *string) {
	if text != nil && strings.TrimSpace(*text) != "" {
		c.words = append(c.words, *text)
	}
}

// attachment adds the nth attachment of a message: its card, its picture, its file and its buttons.
func (c *content) attachment(row schemas.Message, n int, v value) {
	r := wire.Read(v)
	if fields(v) == nil {
		c.parts = append(c.parts, schemas.Part{Type: "template", Payload: wire.Text(v)})
		return
	}
	title, text, actions := wire.Text(r.Peek("title")), wire.Text(r.Peek("text")), r.List("actions")
	c.read(title)
	c.read(text)
	link, payload := wire.Text(r.Peek("title_link_url")), fields(v)
	if r.Peek("actions") == nil {
		delete(payload, "actions") // each is a separate part
	}
	c.parts = append(c.parts, schemas.Part{Type: "template", Label: title, Text: text, URL: link, Payload: compact(payload)})
	c.media(row, n, r, title)
	for _, v := range actions {
		action := fields(v)
		if action == nil {
			c.parts = append(c.parts, schemas.Part{Type: "button", Label: wire.Text(v)})
			c.read(wire.Text(v))
			continue
		}
		button := schemas.Part{Type: "button", Label: wire.Text(action["text"]), Text: wire.Text(action["value"]), Payload: wire.Text(v)}
		if wire.Word(action["type"]) == "link_button" {
			button.URL = button.Text
		}
		c.read(button.Label)
		c.parts = append(c.parts, button)
	}
}

// media adds the picture and the file of an attachment, each as a part and as a row. No example shows the members of files: files
// are known to exist, but not their form.
func (c *content) media(row schemas.Message, n int, r *wire.Reader, title *string) {
	id := cmp.Or(r.Word("id"), fmt.Sprintf("%s/%d", row.MessageID, n))
	image, file := r.Text("image_url"), r.Text("file_url")
	if file == nil {
		file = r.Text("url")
	}
	if image == nil && file == nil {
		return
	}
	part := schemas.Part{ContentType: r.Text("content_type"), Bytes: wire.Parse(r, "size", integer), Name: r.Text("file_name")}
	if part.Name == nil {
		part.Name = r.Text("name")
	}
	if part.Name == nil || image != nil && file != nil {
		r.Skip("title") // it is the name of one of them
	}
	name, more := cmp.Or(part.Name, title), r.Rest()
	add := func(kind string, url, name *string, part schemas.Part) {
		part.Type, part.URL, part.Name = kind, url, name
		c.parts = append(c.parts, part)
		c.files = append(c.files, schemas.Attachment{
			ConversationID: row.ConversationID, AttachmentID: id, ObservedAt: row.ObservedAt, MessageID: &row.MessageID, CreatedAt: row.CreatedAt,
			Kind: kind, URL: url, Name: name, ContentType: part.ContentType, Bytes: part.Bytes, Attributes: more,
		})
	}
	switch {
	case image != nil && file != nil:
		add("image", image, title, schemas.Part{})
		id += "/file"
		add("file", file, name, part)
	case image != nil:
		add("image", image, name, part)
	default:
		add("file", file, name, part)
	}
}
