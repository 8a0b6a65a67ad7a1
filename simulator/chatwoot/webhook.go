package chatwoot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Event returns what a webhook of the account sends about a conversation, with the signature of its secret. Without a secret, as of servers
// before 4.12, it is not signed. It returns false if there is no such conversation.
func (s *Site) Event(name string, number int64, secret string, at time.Time) (header http.Header, body []byte, ok bool) {
	t, ok := s.thread(number)
	if !ok {
		return nil, nil, false
	}
	b := &writer{b: make([]byte, 0, 4096)}
	switch name {
	case "message_created", "message_updated":
		all := t.All()
		b.open('{')
		b.key("event").str(name)
		if len(all) > 0 {
			m := all[len(all)-1]
			b.key("id").int(m.ID)
			b.content(m)
			b.key("created_at").str(iso(m.CreatedAt))
		}
		b.key("conversation").open('{')
		b.key("id").int(t.Number)
		b.key("inbox_id").int(t.ChannelID)
		b.close('}')
		b.key("account").open('{')
		b.key("id").int(s.options.AccountID)
		b.close('}')
		b.close('}')
	default:
		b.open('{')
		b.key("event").str(name)
		b.key("id").int(t.Number)
		b.key("inbox_id").int(t.ChannelID)
		b.key("updated_at").str(iso(t.UpdatedAt))
		b.key("account").open('{')
		b.key("id").int(s.options.AccountID)
		b.close('}')
		b.close('}')
	}
	header = http.Header{"Content-Type": {"application/json"}}
	if secret == "" {
		return header, b.b, true
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", stamp, b.b)
	header.Set("X-Chatwoot-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	header.Set("X-Chatwoot-Timestamp", stamp)
	header.Set("X-Chatwoot-Delivery", fmt.Sprintf("%08x-0000-4000-8000-%012x", t.Number, at.UnixNano()&0xffffffffffff))
	return header, b.b, true
}
