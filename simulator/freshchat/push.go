package freshchat

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"sync"

	"github.com/chatlake/chatlake/simulator"
)

var _ simulator.Announcer = (*Site)(nil)

// Announce is simulator.Announcer. Ratings, edits and properties are not announced.
func (s *Site) Announce(e simulator.Event, by simulator.Sending) (all []simulator.Announcement) {
	s.mu.RLock()
	i, ok := s.numbered(e.Number)
	s.mu.RUnlock()
	if !ok {
		return nil
	}
	t, ok := s.at(i)
	if !ok || t.Len() == 0 {
		return nil
	}
	m := s.sentMessage(t, t.Message(t.Len()-1))
	app := cmp.Or(by.Account, appID)
	conversation := pairs{"conversation_id", t.UUID, "app_id", app, "status", "", "channel_id", uuid(ofChannel, t.ChannelID)}
	send := func(action, member string, content pairs) {
		// The time is that of the event, also if it is delivered late.
		at := e.At
		if by.At.Before(at) {
			at = by.At
		}
		body := encode(pairs{
			"actor", pairs{"actor_type", m.actorType, "actor_id", m.actor}, "action", action, "action_time", iso(at), "data", pairs{member, content},
		})
		all = append(all, simulator.Announcement{Method: http.MethodPost, Header: header(body, by), Body: body, Timed: by.Key != ""})
	}
	switch e.Kind {
	case simulator.Begins, simulator.Replies, simulator.Closes, simulator.Reopens:
		parts := []any{}
		if m.Text != nil {
			parts = append(parts, pairs{"text", pairs{"content", *m.Text}})
		}
		send("message_create", "message", pairs{
			"message_parts", parts, "app_id", app, "actor_id", m.actor, "org_actor_id", m.org, "id", m.id, "channel_id", uuid(ofChannel, t.ChannelID),
			"conversation_id", t.UUID, "message_type", "normal", "actor_type", m.actorType, "created_time", iso(m.at), "user_id", uuid(ofUser, t.PersonID), "message_source", m.source,
		})
	}
	switch e.Kind {
	case simulator.Closes:
		conversation[5] = "resolved"
		send("conversation_resolution", "resolve", pairs{"resolver", m.actorType, "resolver_id", m.actor, "conversation", conversation})
	case simulator.Reopens:
		conversation[5] = "reopened"
		send("conversation_reopen", "reopen", pairs{"reopener", m.actorType, "reopener_id", m.actor, "conversation", conversation})
	}
	return all
}

// header has the signature of a body. Forged ones and those of another account are signed with another key.
func header(body []byte, by simulator.Sending) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	h.Set("X-Retry-Count", "0")
	h.Set("X-Freshchat-Payload-Version", "1.0")
	if by.Key == "" {
		return h
	}
	key := otherKey()
	if !by.Forged && by.Account == "" {
		block, _ := pem.Decode([]byte(by.Key))
		var err error
		if key, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			panic(err) // it is WebhookKey
		}
	}
	sum := sha256.Sum256(body)
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is long enough
	}
	h.Set("X-Freshchat-Signature", base64.StdEncoding.EncodeToString(signature))
	return h
}

// otherKey is a key that is not the account's.
var otherKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // there is randomness
	}
	return key
})
