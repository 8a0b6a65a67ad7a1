package liveperson

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// content maps the content of a message, which has one or more members. The text is everything that a person reads, line by line.
// "Conversations", messageData.
func (m *mapper) content(row *schemas.Message, data object, more attributes) {
	var read []string
	if msg := data.object("msg"); msg != nil {
		read = append(read, textContent(row, msg)...)
		more.rest("msg.", msg)
	}
	for _, file := range [][2]string{{"file", "relativePath"}, {"link", "externalFileLink"}} {
		if o := data.object(file[0]); o != nil {
			if caption := m.file(row, o, file[1]); caption != nil {
				read = append(read, *caption)
			}
		}
	}
	for _, rich := range [][2]string{{"richContent", "template"}, {"quickReplies", "quick_reply"}} {
		read = append(read, richPart(row, data.take(rich[0]), rich[1], more, rich[0]+".")...)
	}
	others(row, data)
	row.Text = orNil(strings.Join(read, "\n"))
}

// textContent maps the text of a message. If its type is HTML, the markup goes to html and its plain text to text.
func textContent(row *schemas.Message, msg object) []string {
	text := msg.text("text")
	if text != nil && strings.Contains(strings.ToLower(stringOf(row.ContentType)), "html") {
		row.HTML, text = text, orNil(wire.PlainText(*text))
	}
	if text == nil {
		return nil
	}
	row.Parts = append(row.Parts, schemas.Part{Type: "text", Text: text})
	return []string{*text}
}

// richPart adds structured content, which is JSON in a text or as it is, and returns its words.
func richPart(row *schemas.Message, v any, kind string, more attributes, prefix string) []string {
	content := v
	if o := asObject(v); o.has("content") {
		content = o.take("content")
		more.rest(prefix, o)
	}
	payload := textOf(content)
	if payload == nil {
		return nil
	}
	read := readable(content)
	row.Parts = append(row.Parts, schemas.Part{Type: kind, Text: orNil(strings.Join(read, "\n")), Payload: payload})
	return read
}

// shown are the members of structured content that a person reads, from top to bottom; unseen are those that nobody reads.
// "Structured content templates" and "Quick Replies".
var (
	shown  = []string{"header", "title", "text", "body", "subtitle", "label", "description", "caption", "footer"}
	unseen = []string{"click", "metadata", "style", "accessibility"}
)

// readable returns the readable texts of structured content.
func readable(v any) []string {
	switch v := v.(type) {
	case string:
		switch inner, _ := decode([]byte(v)); inner.(type) {
		case map[string]any, []any:
			return readable(inner)
		}
		return lines(v)
	case []any:
		var all []string
		for _, element := range v {
			if asObject(element) != nil {
				all = append(all, readable(element)...)
			}
		}
		return all
	case map[string]any:
		return shownOf(v)
	}
	return nil
}

func shownOf(o object) []string {
	var all []string
	for _, name := range shown {
		if text, ok := o[name].(string); ok {
			all = append(all, lines(text)...)
		}
	}
	for _, name := range sortedKeys(o) {
		if _, text := o[name].(string); !text && !slices.Contains(unseen, name) {
			all = append(all, readable(o[name])...)
		}
	}
	return all
}

// lines returns the text as one line, or nothing if it is blank.
func lines(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return []string{text}
}

// others maps secure forms and unknown members. Unknown members keep their names.
func others(row *schemas.Message, data object) {
	label := func(o object) *string { return cmp.Or(textOf(o["formName"]), textOf(o["title"])) }
	if slices.ContainsFunc([]string{"formId", "invitationId", "submissionId"}, data.has) {
		row.Parts = append(row.Parts, schemas.Part{Type: "form", Label: label(data), Payload: leftover(data)})
		return
	}
	for _, name := range sortedKeys(data) {
		kind := name
		if strings.Contains(strings.ToLower(name), "form") {
			kind = "form"
		}
		if payload := textOf(data[name]); payload != nil {
			row.Parts = append(row.Parts, schemas.Part{Type: kind, Label: label(asObject(data[name])), Payload: payload})
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

// leftover returns the rest of an object as JSON, or nil if it is empty.
func leftover(o object) *string {
	if len(o) == 0 {
		return nil
	}
	return textOf(map[string]any(o))
}

// fileKinds maps file types, which are extensions or media types, to kinds of attachments.
var fileKinds = map[string]string{
	"jpg": "image", "jpeg": "image", "png": "image", "gif": "image", "webp": "image", "bmp": "image", "image": "image",
	"mp4": "video", "mov": "video", "webm": "video", "avi": "video", "video": "video",
	"mp3": "audio", "ogg": "audio", "wav": "audio", "m4a": "audio", "aac": "audio", "audio": "audio",
}

// file maps a file in the platform's store or a linked file, and returns its caption. The file's name is one that was sent,
// because the address ends with an id.
func (m *mapper) file(row *schemas.Message, o object, address string) *string {
	kind := o.value("fileType")
	family, _, _ := strings.Cut(strings.ToLower(stringOf(kind)), "/")
	part := schemas.Part{Type: cmp.Or(fileKinds[family], "file"), URL: o.text(address), ContentType: kind, Label: o.text("caption")}
	for _, name := range []string{"fileName", "name"} {
		if part.Name == nil {
			part.Name = o.value(name)
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
		URL:            part.URL,
		CreatedAt:      row.CreatedAt,
		Attributes:     all.rows(),
	})
	return part.Label
}
