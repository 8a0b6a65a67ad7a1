package chatwoot

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/simulator"
)

const attachmentsPerPage = 100

// dataURL is the address of a file's bytes, empty if it has none.
func dataURL(f simulator.File) string {
	if f.Name == "" {
		return ""
	}
	return "https://files.example.com/rails/active_storage/blobs/redirect/" + strconv.FormatInt(f.ID, 36) + "--0abc/" + url.PathEscape(f.Name)
}

func thumbURL(f simulator.File) string {
	if f.Kind != "image" {
		return ""
	}
	return "https://files.example.com/rails/active_storage/representations/redirect/" + strconv.FormatInt(f.ID, 36) + "--0abc/" + url.PathEscape(f.Name)
}

func extension(f simulator.File) string { return strings.TrimPrefix(path.Ext(f.Name), ".") }

// files writes the attachments of a message, if it has any.
func (s *Site) files(b *writer, m simulator.Message) {
	if len(m.Files) == 0 {
		return
	}
	b.array("attachments")
	for _, f := range m.Files {
		s.file(b, m, f)
	}
	b.close(']')
}

func (s *Site) file(b *writer, m simulator.Message, f simulator.File) {
	b.open('{')
	b.key("id").int(f.ID)
	b.key("message_id").int(m.ID)
	b.key("file_type").str(f.Kind)
	b.key("account_id").int(s.options.AccountID)
	switch f.Kind {
	case "location":
		b.key("coordinates_lat").float(f.Lat)
		b.key("coordinates_long").float(f.Long)
		b.key("fallback_title").str(f.Title)
		b.key("data_url").null()
	case "contact":
		b.key("fallback_title").str(f.Title)
		b.key("meta").attributes(simulator.Attributes{{Key: "first_name", Value: "Ana"}})
	case "share", "fallback":
		b.key("fallback_title").str(f.Title)
		b.key("data_url").str("https://social.example.com/p/" + strconv.FormatInt(f.ID, 10) + "?utm=1")
	default:
		b.key("extension").strOrNull(extension(f))
		if s.modern() {
			b.key("content_type").str(f.MediaType)
		}
		b.key("data_url").str(dataURL(f))
		b.key("thumb_url").str(thumbURL(f))
		b.key("file_size").int(f.Bytes)
		b.key("width").intOrNull(f.Width)
		b.key("height").intOrNull(f.Height)
		if f.Kind == "audio" {
			b.key("transcribed_text").str(f.Spoken)
		}
	}
	b.close('}')
}

// attachments is GET conversations/{id}/attachments: the newest first.
func (s *Site) attachments(w http.ResponseWriter, r *http.Request, t simulator.Thread) {
	type attached struct {
		message simulator.Message
		file    simulator.File
	}
	var all []attached
	for j := range t.Len() {
		m := t.Message(j)
		for _, f := range m.Files {
			all = append(all, attached{m, f})
		}
	}
	slices.SortFunc(all, func(a, b attached) int {
		return cmp.Or(-a.message.CreatedAt.Compare(b.message.CreatedAt), -cmp.Compare(a.file.ID, b.file.ID))
	})
	var b writer
	b.open('{')
	b.object("meta")
	b.key("total_count").int(int64(len(all)))
	b.close('}')
	b.array("payload")
	for _, a := range slice(all, pageOf(r), attachmentsPerPage) {
		b.open('{')
		b.key("id").int(a.file.ID)
		b.key("message_id").int(a.message.ID)
		b.key("thumb_url").str(thumbURL(a.file))
		b.key("data_url").str(dataURL(a.file))
		b.key("file_size").intOrNull(a.file.Bytes)
		b.key("file_type").str(a.file.Kind)
		b.key("extension").strOrNull(extension(a.file))
		b.key("width").intOrNull(a.file.Width)
		b.key("height").intOrNull(a.file.Height)
		b.key("created_at").int(a.message.CreatedAt.Unix())
		s.sender(&b, a.message)
		b.close('}')
	}
	b.close(']')
	b.close('}')
	send(w, &b)
}

// slice is one page of a list.
func slice[T any](list []T, page, size int) []T {
	from := min(len(list), (page-1)*size)
	return list[from:min(len(list), from+size)]
}
