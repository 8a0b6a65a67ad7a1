package chatwoot

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

var _ simulator.Announcer = (*Site)(nil)

// announced are the webhooks that the site sends of each kind of event. Deletions are not announced.
var announced = map[simulator.EventKind][]string{
	simulator.Begins:    {"conversation_created", "message_created"},
	simulator.Replies:   {"message_created", "conversation_updated"},
	simulator.Closes:    {"message_created", "conversation_status_changed"},
	simulator.Reopens:   {"message_created", "conversation_status_changed"},
	simulator.Edits:     {"message_updated"},
	simulator.Retracts:  {"message_updated"},
	simulator.Rates:     {"message_updated"},
	simulator.Delivers:  {"message_updated"},
	simulator.Purges:    {"message_updated"},
	simulator.Labels:    {"conversation_updated"},
	simulator.Annotates: {"conversation_updated"},
}

// Announce is simulator.Announcer.
func (s *Site) Announce(e simulator.Event, by simulator.Sending) (all []simulator.Announcement) {
	t, ok := s.thread(e.Number)
	if !ok {
		return nil
	}
	for _, name := range announced[e.Kind] {
		header, body := s.announcement(name, t, by)
		all = append(all, simulator.Announcement{Method: http.MethodPost, Header: header, Body: body, Timed: by.Key != ""})
	}
	return all
}

// Event returns what a webhook of the account sends about a conversation, with the signature of its secret. Without a secret, as of servers
// before 4.12, it is not signed. It returns false if there is no such conversation.
func (s *Site) Event(name string, number int64, secret string, at time.Time) (header http.Header, body []byte, ok bool) {
	t, ok := s.thread(number)
	if !ok {
		return nil, nil, false
	}
	header, body = s.announcement(name, t, simulator.Sending{Key: secret, At: at})
	return header, body, true
}

func (s *Site) announcement(name string, t simulator.Thread, by simulator.Sending) (header http.Header, body []byte) {
	account := cmp.Or(by.Account, strconv.FormatInt(s.options.AccountID, 10))
	b := &writer{b: make([]byte, 0, 4096)}
	b.open('{')
	b.key("event").str(name)
	switch name {
	case "message_created", "message_updated":
		if all := t.All(); len(all) > 0 {
			m := all[len(all)-1]
			b.key("id").int(m.ID)
			b.content(m)
			b.key("created_at").str(iso(m.CreatedAt))
		}
		b.key("conversation").open('{')
		b.key("id").int(t.Number)
		b.key("inbox_id").int(t.ChannelID)
		b.close('}')
	default:
		b.key("id").int(t.Number)
		b.key("inbox_id").int(t.ChannelID)
		b.key("updated_at").str(iso(t.UpdatedAt))
	}
	b.key("account").open('{')
	b.key("id").lit(account)
	b.close('}')
	b.close('}')
	header = http.Header{"Content-Type": {"application/json"}}
	if by.Key == "" {
		return header, b.b
	}
	stamp := strconv.FormatInt(by.At.Unix(), 10)
	mac := hmac.New(sha256.New, by.Signer())
	fmt.Fprintf(mac, "%s.%s", stamp, b.b)
	header.Set("X-Chatwoot-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	header.Set("X-Chatwoot-Timestamp", stamp)
	header.Set("X-Chatwoot-Delivery", fmt.Sprintf("%08x-0000-4000-8000-%012x", t.Number, by.At.UnixNano()&0xffffffffffff))
	return header, b.b
}
