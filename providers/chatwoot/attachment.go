package chatwoot

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

func (m message) attachments(conversation string) []schemas.Attachment {
	var all []schemas.Attachment
	for i, v := range m.wire.List("attachments") {
		o := wire.Read(v)
		if o.Empty() {
			continue
		}
		if wire.Word(o.Peek("message_id")) == m.id {
			o.Skip("message_id")
		}
		link := o.Text("data_url")
		all = append(all, schemas.Attachment{
			ConversationID: conversation,
			AttachmentID:   cmp.Or(o.Word("id"), fmt.Sprintf("%s/%d", m.id, i)),
			ObservedAt:     m.doc.ObservedAt,
			MessageID:      &m.id,
			Kind:           cmp.Or(o.Word("file_type"), "file"),
			Name:           cmp.Or(o.Text("fallback_title"), fileName(word(link))),
			ContentType:    o.Text("content_type"),
			Bytes:          wire.Parse(o, "file_size", integer),
			URL:            link,
			Width:          wire.Parse(o, "width", integer),
			Height:         wire.Parse(o, "height", integer),
			CreatedAt:      m.createdAt,
			Attributes:     o.Rest(),
		})
	}
	return all
}

// storage is part of the address of every file that the server stores. Such an address ends with the file's original name. All
// other addresses lead to other sites and contain no reliable name.
// Seen in chatwoot/chatwoot app/models/attachment.rb (file_url, external_url).
const storage = "/rails/active_storage/"

func fileName(link string) *string {
	u, err := url.Parse(link)
	if err != nil || !strings.Contains(u.Path, storage) {
		return nil
	}
	name := path.Base(u.Path)
	return &name
}
