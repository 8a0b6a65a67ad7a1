package freshchat

import (
	"path"
	"strings"

	"github.com/chatlake/chatlake/simulator"
)

// content is one part of a message. Fields without a column in rows are in more.
type content struct {
	kind        string
	text        string
	label       string
	url         string
	name        string
	contentType string
	bytes       int64
	more        pairs
}

// wire is the part as sent: an object with one key.
func (c content) wire() pairs {
	var inner pairs
	switch c.kind {
	case "text":
		inner = pairs{"content", c.text}
	case "image":
		inner = pairs{"url", c.url}
	case "file":
		inner = pairs{"name", c.name, "url", c.url, "file_size_in_bytes", c.bytes, "content_type", c.contentType}
	case "video", "audio":
		inner = pairs{"url", c.url, "content_type", c.contentType}
	case "email":
		inner = pairs{"subject", c.label, "content", c.text}
	case "url_button":
		inner = pairs{"url", c.url, "label", c.label}
	case "quick_reply_button":
		inner = pairs{"custom_reply_text", c.text, "label", c.label}
	case "template_content":
		inner = pairs{"type", c.label}
	case "callback", "reference":
		inner = pairs{"label", c.label}
	}
	return pairs{c.kind, append(inner, c.more...)}
}

func wires(all []content) []any {
	list := []any{}
	for _, c := range all {
		list = append(list, c.wire())
	}
	return list
}

// contents are the parts of a message, and the parts offered as replies.
func contents(m simulator.Message) (parts, replies []content) {
	switch {
	case m.Mail != nil:
		parts = append(parts, content{kind: "email", label: m.Mail.Subject, text: m.Mail.HTML})
	case m.Kind == simulator.Template && m.ID%3 == 0 && len(m.Items) == 0:
		parts = append(parts, content{kind: "text", text: "."}) // the platform's own greeting
	case m.Text != nil:
		parts = append(parts, content{kind: "text", text: *m.Text})
	}
	for _, f := range m.Files {
		parts = append(parts, file(f))
	}
	if m.Kind == simulator.Out && m.ID%17 == 0 {
		parts = append(parts, content{kind: "url_button", url: "https://example.com/pay?id=7&x=1", label: "Öffnen", more: pairs{"target", "_self"}})
	}
	if m.Kind == simulator.In && m.ID%29 == 0 {
		parts = append(parts, content{kind: "callback", label: "👍 upvote", more: pairs{"payload", `{"vote":"1"}`}})
	}
	if len(m.Items) == 0 {
		return parts, nil
	}
	switch m.ContentType {
	case "select":
		var sub []content
		for _, item := range m.Items {
			sub = append(sub, content{kind: "quick_reply_button", text: item.Title, label: item.Title, more: pairs{"payload", item.Value}})
		}
		replies = append(replies, content{kind: "collection", more: pairs{"sub_parts", wires(sub)}})
	case "form":
		var sections []any
		for _, item := range m.Items {
			sections = append(sections, pairs{"name", item.Value, "parts", wires([]content{{kind: "text", text: item.Title}})})
		}
		parts = append(parts, content{kind: "template_content", label: "quick_reply_dropdown", more: pairs{"sections", sections}})
	case "cards":
		for _, item := range m.Items {
			sub := wires([]content{{kind: "text", text: item.Title + "\n" + item.Description}, {kind: "image", url: cardImage}})
			parts = append(parts, content{kind: "collection", more: pairs{"sub_parts", sub}})
		}
	default:
		for _, item := range m.Items {
			parts = append(parts, content{kind: "reference", label: item.Title, more: pairs{"reference_id", item.Value, "placeholder_reference_id", nil}})
		}
	}
	return parts, replies
}

const cardImage = "https://files.example.com/cards/shoe.png?X-Amz-Expires=3600"

// file is an attachment. If the platform has no kind for it, it gets an unknown kind.
func file(f simulator.File) content {
	link := "https://files.example.com/" + uuid("file", f.ID) + "/" + strings.ReplaceAll(f.Name, " ", "%20") + "?X-Amz-Expires=3600&X-Amz-Signature=ab"
	c := content{kind: f.Kind, url: link, name: f.Name, contentType: f.MediaType, bytes: f.Bytes}
	switch f.Kind {
	case "image", "audio", "video":
	case "file":
		c.more = pairs{"file_extension", strings.TrimPrefix(path.Ext(f.Name), "."), "file_hash", uuid("hash", f.ID)}
	default:
		c.more = pairs{"title", f.Title, "lat", f.Lat, "long", f.Long}
	}
	return c
}
