package freshchat

import (
	"cmp"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// partTypes maps kinds of parts to the types in rows. Other kinds keep the platform's word.
var partTypes = map[string]string{
	"url_button": "button", "quick_reply_button": "quick_reply", "template_content": "template",
}

// piece is one part of a message: its kind as sent, and its content.
type piece struct {
	kind  string
	inner value
}

// pieces returns the parts of a message. Each is an object whose only key is its kind. If an object has several keys, as in the
// vendor's sample, each one is a part. The form of 2018, {"part_type": ..., "properties": ...}, works too.
func pieces(parts value) []piece {
	var all []piece
	for _, part := range wire.Items(parts) {
		o := wire.Fields(part)
		if kind := lower(wire.Word(o["part_type"])); kind != "" {
			all = append(all, piece{kind, o["properties"]})
			continue
		}
		if o == nil {
			all = append(all, piece{"text", part})
			continue
		}
		for key, inner := range wire.Members(part) {
			if kind, ok := wire.Unquote(key); ok && !wire.IsNull(inner) {
				all = append(all, piece{strings.ToValidUTF8(kind, "\ufffd"), inner})
			}
		}
	}
	return all
}

// part returns the piece in the form of a row. Its payload contains the members without a column.
func (p piece) part() schemas.Part {
	row := schemas.Part{Type: cmp.Or(partTypes[p.kind], p.kind, "unknown")}
	o := wire.Fields(p.inner)
	if o == nil {
		if p.kind == "text" {
			row.Text = wire.Text(p.inner)
		} else {
			row.Payload = wire.Text(p.inner)
		}
		return row
	}
	switch p.kind {
	case "text":
		row.Text = wire.Text(o["content"])
		row.Payload = leftover(p.inner, "content")
	case "image", "file", "video", "audio":
		row, _ = p.file()
	case "email":
		row.Label, row.Text = wire.Text(o["subject"]), wire.Text(o["content"])
		row.Payload = leftover(p.inner, "subject", "content")
	case "url_button":
		row.URL, row.Label = wire.Text(o["url"]), wire.Text(o["label"])
		row.Payload = leftover(p.inner, "url", "label")
	case "quick_reply_button":
		row.Text, row.Label = wire.Text(o["custom_reply_text"]), wire.Text(o["label"])
		row.Payload = leftover(p.inner, "custom_reply_text", "label")
	case "template_content":
		row.Label = wire.Text(o["type"])
		row.Payload = leftover(p.inner, "type")
	case "callback", "reference":
		row.Label = wire.Text(o["label"])
		row.Payload = leftover(p.inner, "label")
	default:
		row.Payload = wire.Text(p.inner)
	}
	return row
}
