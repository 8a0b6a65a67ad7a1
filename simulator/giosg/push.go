package giosg

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// AppSecret signs the triggers of an app.
const AppSecret = "the-secret-of-the-app-in-a-simulation"

var _ simulator.Announcer = (*Site)(nil)

// Announce is simulator.Announcer. Webhooks are neither signed nor dated; their address ends in a secret. When a chat
// ends, the trigger of an app is sent too, if there is a key.
func (s *Site) Announce(e simulator.Event, by simulator.Sending) (all []simulator.Announcement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry, ok := s.numbers[e.Number]
	if !ok {
		return nil
	}
	c := s.open(entry)
	chats := "/api/v5/orgs/" + cmp.Or(by.Account, Organization) + "/owned_chats"
	changed := func(resource fields) { all = append(all, s.webhook(chats, "changed", c.id, resource, by)) }
	said := func() {
		l := c.lines[len(c.lines)-1]
		all = append(all, s.webhook(chats+"/"+c.id+"/messages", "added", l.id, l.fields(c, s.cached.Load()), by))
	}
	switch e.Kind {
	case simulator.Begins:
		all = append(all, s.webhook(chats, "added", c.id, c.fields(), by))
		said()
	case simulator.Replies:
		said()
	case simulator.Closes:
		said()
		changed(fields{"is_ended": true, "ended_at": stamp(c.ended), "updated_at": stamp(c.updated)})
		if by.Key != "" {
			all = append(all, s.trigger(c, by))
		}
	case simulator.Purges:
		changed(fields{"sensitive_data_purged_at": stamp(s.purged[e.Number]), "updated_at": stamp(c.updated)})
	}
	return all
}

func (s *Site) webhook(channel, action, id string, resource fields, by simulator.Sending) simulator.Announcement {
	body, err := json.Marshal(fields{
		"channel": channel, "action": action, "resource_id": id, "resource": resource,
		"app_user_auth": fields{"access_token": "a-token-of-the-platform", "token_type": "Bearer", "expires_in": 300, "user_id": s.user(), "organization_id": Organization},
	})
	if err != nil {
		panic(err) // all our values can be encoded as JSON
	}
	return simulator.Announcement{Method: http.MethodPost, Path: "/" + by.Secret(), Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// trigger is the request of the trigger "chat ended". Its tokens are valid for ten minutes.
func (s *Site) trigger(c room, by simulator.Sending) simulator.Announcement {
	claims := fields{
		"sub": "service.giosg.com", "exp": by.At.Add(10 * time.Minute).Unix(), "org_id": cmp.Or(by.Account, Organization), "user_id": s.user(),
		"app_id": uuid("app", 1), "inst_id": uuid("installation", 1), "_org_id": 1, "_user_id": 28842,
	}
	token := signed(claims, []byte("a key of the platform"))
	for name, value := range (fields{"chat_id": c.id, "visitor_id": visitorID(c.PersonID), "room_id": uuid("room", c.ChannelID), "app_user_id": nil, "app_user_code": nil, "domain_host": nil}) {
		claims[name] = value
	}
	return simulator.Announcement{
		Method: http.MethodGet, Query: url.Values{"type": {"chat_end"}, "data": {signed(claims, by.Signer())}, "token": {token}}, Timed: true,
	}
}

// signed is a token in the compact form, signed with HS256.
func signed(claims fields, key []byte) string {
	body, err := json.Marshal(claims)
	if err != nil {
		panic(err) // all our values can be encoded as JSON
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
