package freshchat

import (
	"cmp"
	"net/url"
	"path"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// partTypes are the kinds of parts as rows have them; others keep the platform's word.
var partTypes = map[string]string{
	"url_button": "button", "quick_reply_button": "quick_reply", "template_content": "template",
}

// piece is one part of a message: its kind as sent and what it says.
type piece struct {
	kind  string
	inner value
}

// pieces are the parts of a message. Each is an object with one key, its kind; where there are several (as in the vendor's
// sample) each is a part. The form of 2018, {"part_type": ..., "properties": ...}, is read as well.
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

// part is a piece as it stands in a row. What has no column is in the payload.
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
		row.URL = cmp.Or(wire.Text(o["url"]), wire.Text(o["download_url"]))
		row.Name, row.ContentType, row.Bytes = wire.Text(o["name"]), wire.Text(o["content_type"]), integer(o["file_size_in_bytes"])
		but := []string{"url", "name", "content_type", "file_size_in_bytes"}
		if wire.Text(o["url"]) == nil {
			but = append(but, "download_url")
		}
		row.Payload = leftover(p.inner, but...)
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

// files are the pieces with a file among parts, those within collections and templates too.
func files(all []piece, depth int) []piece {
	const deepest = 8
	if depth > deepest {
		return nil
	}
	var found []piece
	for _, p := range all {
		o := wire.Fields(p.inner)
		switch p.kind {
		case "image", "file", "video", "audio":
			if o != nil {
				found = append(found, p)
			}
		case "collection":
			found = append(found, files(pieces(o["sub_parts"]), depth+1)...)
		case "template_content":
			for _, section := range wire.Items(o["sections"]) {
				found = append(found, files(pieces(wire.Field(section, "parts")), depth+1)...)
			}
		}
	}
	return found
}

// fileName is the last element of a link's path.
func fileName(link *string) *string {
	if link == nil {
		return nil
	}
	u, err := url.Parse(*link)
	if err != nil || u.Path == "" {
		return nil
	}
	if name := path.Base(u.Path); name != "/" && name != "." {
		return some(strings.ToValidUTF8(name, "\ufffd"))
	}
	return nil
}
