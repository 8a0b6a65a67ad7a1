package freshchat

import (
	"regexp"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// markup finds an element of HTML as the platform's editor and mail programs write it.
var markup = regexp.MustCompile(`(?i)<(a|b|blockquote|body|br|center|code|div|em|font|h[1-6]|hr|html|i|img|li|ol|p|pre|s|span|strong|sub|sup|table|tbody|td|th|tr|u|ul)(\s[^<>]*)?/?>`)

// block finds an element that begins a line.
var block = regexp.MustCompile(`(?i)<(blockquote|body|br|div|h[1-6]|hr|html|li|ol|p|pre|table|tr|ul)(\s[^<>]*)?/?>`)

// spoken gathers what the reader of a message sees, in its order.
type spoken struct {
	lines, markup []string
}

// add takes a text as sent; one with markup is read as HTML.
func (s *spoken) add(text string) {
	if !markup.MatchString(text) {
		s.lines = append(s.lines, text)
		return
	}
	s.markup = append(s.markup, text)
	if block.MatchString(text) {
		s.lines = append(s.lines, wire.PlainText(text))
		return
	}
	for line := range strings.SplitSeq(text, "\n") { // without blocks the line breaks are those that were typed
		s.lines = append(s.lines, wire.PlainText(line))
	}
}

// label takes the first text that there is.
func (s *spoken) label(o object, names ...string) {
	for _, name := range names {
		if text := wire.Word(o[name]); text != "" {
			s.add(text)
			return
		}
	}
}

// words are what a reader sees of a message: its texts, captions, labels and the replies that were chosen, those within
// collections and templates too, one to a line; and the HTML of those with markup. The vendor's own client prints the same
// (jaya-lib, packages/freshchat-api, conversation-text.hbs). Replies that are only offered are parts, and no words.
func words(all []piece) (plain, html *string) {
	var s spoken
	for _, p := range all {
		p.say(&s, 0)
	}
	return some(strings.Join(s.lines, "\n")), some(strings.Join(s.markup, "\n"))
}

// captions are the members of a part that people read, in the order of a card.
var captions = []string{"label", "title", "subtitle", "content", "text", "caption", "description"}

func (p piece) say(s *spoken, depth int) {
	o := wire.Fields(p.inner)
	switch p.kind {
	case "text":
		content := o["content"]
		if o == nil {
			content = p.inner
		}
		if !wire.IsNull(content) {
			s.add(wire.Word(content)) // an empty text is an empty line
		}
		return
	case "email":
		s.label(o, "content")
	case "quick_reply_button":
		s.label(o, "custom_reply_text", "label")
	case "url_button", "callback", "reference":
		s.label(o, "label")
	case "image", "file", "video", "audio":
		s.label(o, fileCaptions...)
	case "collection", "template_content": // their parts follow
	default:
		for _, name := range captions {
			s.label(o, name)
		}
	}
	if depth < deepest {
		for _, inner := range p.nested() {
			inner.say(s, depth+1)
		}
	}
}

// fileCaptions are the names of the words beside a file.
var fileCaptions = []string{"caption", "text", "content"}

// deepest is how far parts within parts are followed.
const deepest = 8

// nested are the parts within a part: of a collection, of the sections of a template, and of parts of unknown kinds in the same form.
func (p piece) nested() []piece {
	o := wire.Fields(p.inner)
	all := append(pieces(o["sub_parts"]), pieces(o["parts"])...)
	for _, section := range wire.Items(o["sections"]) {
		all = append(all, pieces(wire.Field(section, "parts"))...)
	}
	return all
}

// files are the pieces with a file among parts, those within others too.
func files(all []piece, depth int) []piece {
	if depth > deepest {
		return nil
	}
	var found []piece
	for _, p := range all {
		if p.isFile() {
			found = append(found, p)
		}
		found = append(found, files(p.nested(), depth+1)...)
	}
	return found
}

func (p piece) isFile() bool {
	switch p.kind {
	case "image", "file", "video", "audio":
		return wire.Fields(p.inner) != nil
	}
	return false
}

// picker reads the members of a file, whose names are spelt in two ways (seen in a bridge's code, which reads both), and remembers
// which it read.
type picker struct {
	left *wire.Reader
	used []string
}

// text reads the first member that has a text.
func (k *picker) text(names ...string) *string { return pick(k, wire.Text, names) }

// count reads the first member that is a whole number.
func (k *picker) count(names ...string) *int64 { return pick(k, integer, names) }

func pick[T any](k *picker, read func(value) *T, names []string) *T {
	for _, name := range names {
		if found := read(k.left.Peek(name)); found != nil {
			k.left.Skip(name)
			k.used = append(k.used, name)
			return found
		}
	}
	return nil
}

// file is a piece with a file as it stands in a row, and what of it is left for the row of the attachment. The name is the one
// that was sent: a link's last element is often an id.
func (p piece) file() (row schemas.Part, left *picker) {
	k := &picker{left: wire.Read(p.inner)}
	row = schemas.Part{
		Type: p.kind, URL: k.text("url", "download_url", "downloadUrl"), Name: k.text("name", "file_name", "fileName", "filename"),
		ContentType: k.text("content_type", "contentType", "mime_type"), Bytes: k.count("file_size_in_bytes", "fileSizeInBytes", "file_size", "fileSize"),
	}
	o := wire.Fields(p.inner)
	but := k.used
	for _, name := range fileCaptions {
		if row.Text = wire.Text(o[name]); row.Text != nil {
			but = append(but, name)
			break
		}
	}
	row.Payload = leftover(p.inner, but...)
	return row, k
}
