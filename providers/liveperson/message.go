package liveperson

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

const (
	typeContact = "contact"
	typeAgent   = "agent"
	typeBot     = "bot"
	typeSystem  = "system"
)

// userTypes are the types of those on the brand's side, as sent.
// "Conversations", agentParticipants: 0 System, 1 Human, 2 Bot.
var userTypes = map[string]string{"0": typeSystem, "1": typeAgent, "2": typeBot}

// message is one message as sent, with what orders it.
type message struct {
	id     string
	at     *time.Time
	seq    *int64
	fields object
	data   object
}

// messages maps messages, in the order of time, then of their numbers, which begin anew in every dialog.
func (m *mapper) messages(records []object) {
	var all []message
	for i, o := range records {
		msg := message{at: m.when(o, "time"), seq: o.integer("seq"), data: o.object("messageData"), fields: o}
		msg.id = o.word("messageId")
		if msg.id == "" {
			msg.id = fmt.Sprintf("%s/%s", cmp.Or(o.peek("dialogId"), m.id), numberOr(msg.seq, i))
		}
		known, twice := m.places[msg.id]
		if twice && !sameDialog(all[known].fields, o) {
			// The older form of ids does not name the dialog, in each of which numbers may begin anew.
			msg.id += "@" + o.peek("dialogId")
			known, twice = m.places[msg.id]
		}
		if twice {
			all[known] = msg
			continue
		}
		m.places[msg.id] = len(all)
		all = append(all, msg)
	}
	slices.SortStableFunc(all, compareMessages)
	for i, msg := range all {
		m.places[msg.id] = i
		m.Messages = append(m.Messages, m.message(msg, int64(i)))
	}
}

// sameDialog says that two messages are of one dialog, as far as they say.
func sameDialog(x, y object) bool {
	a, b := x.peek("dialogId"), y.peek("dialogId")
	return a == b || a == "" || b == ""
}

func compareMessages(x, y message) int {
	if c := compareTimes(x.at, y.at); c != 0 || x.seq == nil || y.seq == nil {
		return c
	}
	return cmp.Compare(*x.seq, *y.seq)
}

func numberOr(n *int64, i int) string {
	if n == nil {
		return "#" + strconv.Itoa(i)
	}
	return strconv.FormatInt(*n, 10)
}

func (m *mapper) message(msg message, sequence int64) schemas.Message {
	o := msg.fields
	row := schemas.Message{
		ConversationID: m.id,
		MessageID:      msg.id,
		ObservedAt:     m.at,
		Sequence:       sequence,
		CreatedAt:      msg.at,
		AuthorID:       o.said("participantId"),
		Kind:           "message",
		ContentType:    o.said("type"),
	}
	author, direction := m.author(&row, o.word("sentBy"))
	audience := o.word("audience")
	if audience == "AGENTS_AND_MANAGERS" {
		row.Kind, row.IsPrivate, direction = "note", true, "none"
	}
	row.AuthorType, row.Direction = orNil(author), &direction
	all := attributes{}
	if msg.seq != nil {
		all.put("seq", strconv.FormatInt(*msg.seq, 10))
	}
	all.put("audience", audience)
	all.rest("", o)
	row.Attributes = all.rows()
	m.content(&row, msg.data)
	return row
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// author is who wrote a message, and which way it went.
func (m *mapper) author(row *schemas.Message, sentBy string) (author, direction string) {
	known := m.people[stringOf(row.AuthorID)]
	row.AuthorName = known.name
	switch strings.ToLower(sentBy) {
	case "consumer":
		return typeContact, "in"
	case "agent":
		return cmp.Or(known.kind, typeAgent), "out"
	case "":
		switch known.kind {
		case typeContact:
			return known.kind, "in"
		case "":
			return "", "none"
		}
		return known.kind, "out"
	}
	return cmp.Or(known.kind, strings.ToLower(sentBy)), "none"
}

// content maps what a message holds: one member or several.
// "Conversations", messageData.
func (m *mapper) content(row *schemas.Message, data object) {
	if msg := data.object("msg"); msg != nil {
		row.Text = msg.text("text")
		if stringOf(row.ContentType) == "TEXT_HTML" {
			row.HTML = row.Text
		}
		if row.Text != nil {
			row.Parts = append(row.Parts, schemas.Part{Type: "text", Text: row.Text, Payload: leftover(msg)})
		}
	}
	if file := data.object("file"); file != nil {
		m.file(row, file, "relativePath")
	}
	if link := data.object("link"); link != nil {
		m.file(row, link, "externalFileLink")
	}
	for _, rich := range [][2]string{{"quickReplies", "quick_reply"}, {"richContent", "template"}} {
		v := data.take(rich[0])
		if o := asObject(v); o != nil {
			content := o.text("content")
			row.Parts = append(row.Parts, schemas.Part{Type: rich[1], Payload: cmp.Or(content, leftover(o))})
		} else if v != nil {
			row.Parts = append(row.Parts, schemas.Part{Type: rich[1], Payload: textOf(v)})
		}
	}
	if slices.ContainsFunc([]string{"formId", "invitationId", "submissionId"}, data.has) {
		form := data
		row.Parts = append(row.Parts, schemas.Part{Type: "form", Label: textOf(form["formName"]), Payload: leftover(form)})
		return
	}
	for _, name := range sortedKeys(data) {
		kind := name
		if strings.Contains(strings.ToLower(name), "form") {
			kind = "form"
		}
		if payload := textOf(data[name]); payload != nil {
			row.Parts = append(row.Parts, schemas.Part{Type: kind, Label: textOf(asObject(data[name])["formName"]), Payload: payload})
		}
	}
}

func sortedKeys(o object) []string {
	var names []string
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// leftover is what is left of an object as JSON, nil where that is nothing.
func leftover(o object) *string {
	if len(o) == 0 {
		return nil
	}
	return textOf(map[string]any(o))
}

// fileKinds are the kinds of files by their type, which is a file name's extension or a media type.
var fileKinds = map[string]string{
	"jpg": "image", "jpeg": "image", "png": "image", "gif": "image", "webp": "image", "bmp": "image", "image": "image",
	"mp4": "video", "mov": "video", "webm": "video", "avi": "video", "video": "video",
	"mp3": "audio", "ogg": "audio", "wav": "audio", "m4a": "audio", "aac": "audio", "audio": "audio",
}

// file maps a file on the platform's store, or one that is linked.
func (m *mapper) file(row *schemas.Message, o object, address string) {
	url, kind := o.text(address), o.said("fileType")
	family, _, _ := strings.Cut(strings.ToLower(stringOf(kind)), "/")
	part := schemas.Part{Type: cmp.Or(fileKinds[family], "file"), URL: url, ContentType: kind, Label: o.text("caption")}
	if url != nil {
		name, _, _ := strings.Cut(*url, "?")
		if name = path.Base(name); name != "." && name != "/" {
			part.Name = &name
		}
	}
	all := attributes{}
	if part.Label != nil {
		all["caption"] = part.Label
	}
	all.rest("", o)
	row.Parts = append(row.Parts, part)
	m.Attachments = append(m.Attachments, schemas.Attachment{
		ConversationID: m.id,
		AttachmentID:   fmt.Sprintf("%s/%d", row.MessageID, len(row.Parts)-1),
		ObservedAt:     m.at,
		MessageID:      &row.MessageID,
		Kind:           part.Type,
		Name:           part.Name,
		ContentType:    kind,
		URL:            url,
		CreatedAt:      row.CreatedAt,
		Attributes:     all.rows(),
	})
}
