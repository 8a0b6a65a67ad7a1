package freshchat

import (
	"regexp"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// markup matches the HTML elements that the platform's editor and mail programs write.
var markup = regexp.MustCompile(`(?i)<(a|b|blockquote|body|br|center|code|div|em|font|h[1-6]|hr|html|i|img|li|ol|p|pre|s|span|strong|sub|sup|table|tbody|td|th|tr|u|ul)(\s[^<>]*)?/?>`)

// block matches the HTML elements that begin a line.
var block = regexp.MustCompile(`(?i)<(blockquote|body|br|div|h[1-6]|hr|html|li|ol|p|pre|table|tr|ul)(\s[^<>]*)?/?>`)

// textCollector collects the texts of a message that a reader sees, in their order.
type textCollector struct {
	lines, markup []string
}

// add adds a text as sent. A text with markup is read as HTML.
func (s *textCollector) add(text string) {
	if !markup.MatchString(text) {
		s.lines = append(s.lines, text)
		return
	}
	s.markup = append(s.markup, text)
	if block.MatchString(text) {
		s.lines = append(s.lines, wire.PlainText(text))
		return
	}
	for line := range strings.SplitSeq(text, "\n") { // without block elements, the author typed the line breaks
		s.lines = append(s.lines, wire.PlainText(line))
	}
}

// addFirst adds the first member that has a text.
func (s *textCollector) addFirst(o object, names ...string) {
	for _, name := range names {
		if text := wire.Word(o[name]); text != "" {
			s.add(text)
			return
		}
	}
}

// visibleText returns what a reader sees of a message, one text on each line: texts, captions, labels and chosen replies, also within
// collections and templates. html contains those with markup, as sent. The vendor's own client displays the same (jaya-lib,
// packages/freshchat-api, conversation-text.hbs). Replies that are only offered become parts, but not text.
func visibleText(all []piece) (plain, html *string) {
	var s textCollector
	for _, p := range all {
		p.addTo(&s, 0)
	}
	return wire.NonEmpty(strings.Join(s.lines, "\n")), wire.NonEmpty(strings.Join(s.markup, "\n"))
}

// captions are the members of a part that a reader sees, in the order of a card.
var captions = []string{"label", "title", "subtitle", "content", "text", "caption", "description"}

func (p piece) addTo(s *textCollector, depth int) {
	o := wire.Fields(p.inner)
	switch p.kind {
	case "text":
		content := o["content"]
		if o == nil {
			content = p.inner
		}
		if !wire.IsNull(content) {
			s.add(wire.Word(content)) // an empty text becomes an empty line
		}
		return
	case "email":
		s.addFirst(o, "content")
	case "quick_reply_button":
		s.addFirst(o, "custom_reply_text", "label")
	case "url_button", "callback", "reference":
		s.addFirst(o, "label")
	case "image", "file", "video", "audio":
		s.addFirst(o, fileCaptions...)
	case "collection", "template_content": // their parts follow
	default:
		for _, name := range captions {
			s.addFirst(o, name)
		}
	}
	if depth < maxDepth {
		for _, inner := range p.nested() {
			inner.addTo(s, depth+1)
		}
	}
}

// fileCaptions are the members with the caption of a file.
var fileCaptions = []string{"caption", "text", "content"}

// maxDepth is the depth to which nested parts are read.
const maxDepth = 8

// nested returns the parts within a part: of a collection, of the sections of a template, and of unknown kinds in the same form.
func (p piece) nested() []piece {
	o := wire.Fields(p.inner)
	all := append(pieces(o["sub_parts"]), pieces(o["parts"])...)
	for _, section := range wire.Items(o["sections"]) {
		all = append(all, pieces(wire.Field(section, "parts"))...)
	}
	return all
}

// files returns the pieces with a file, also the nested ones.
func files(all []piece, depth int) []piece {
	if depth > maxDepth {
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

// picker reads the members of a file, whose names have two spellings (seen in a bridge's code, which reads both). It remembers which
// members it has read.
type picker struct {
	left *wire.Reader
	used []string
}

// text reads the first named member that has a text.
func (k *picker) text(names ...string) *string { return pick(k, wire.Text, names) }

// count reads the first named member that is an integer.
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

// file returns a piece with a file in the form of a row, and the members that are left for the row of the attachment. The name is the
// one that was sent; none is taken from the link, whose last element is often an id.
func (p piece) file() (row schemas.Part, left *picker) {
	k := &picker{left: wire.Read(p.inner)}
	row = schemas.Part{
		Type: p.kind, URL: k.text("url", "download_url", "downloadUrl"), Name: k.text("name", "file_name", "fileName", "filename"),
		ContentType: k.text("content_type", "contentType", "mime_type"), Bytes: k.count("file_size_in_bytes", "fileSizeInBytes", "file_size", "fileSize"),
	}
	o := wire.Fields(p.inner)
	except := k.used
	for _, name := range fileCaptions {
		if row.Text = wire.Text(o[name]); row.Text != nil {
			except = append(except, name)
			break
		}
	}
	row.Payload = leftover(p.inner, except...)
	return row, k
}
