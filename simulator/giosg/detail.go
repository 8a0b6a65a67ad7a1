package giosg

import (
	"net/http"

	"github.com/chatlake/chatlake/simulator"
)

// one handles a request for the chat in its path.
func (s *Site) one(do func(http.ResponseWriter, *http.Request, room)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, ok := s.find(r.PathValue("chat"))
		if !ok {
			fail(w, http.StatusNotFound, "Not found.")
			return
		}
		do(w, r, c)
	}
}

func (s *Site) chat(w http.ResponseWriter, _ *http.Request, c room) { send(w, c.fields()) }

// messages is GET owned_chats/{chat}/messages: oldest first in most chats, newest first in some.
func (s *Site) messages(w http.ResponseWriter, r *http.Request, c room) {
	n := len(c.lines)
	falling := c.Number%4 == 0
	at := func(i int) line {
		if falling {
			i = n - 1 - i
		}
		return c.lines[i]
	}
	cached := s.cached.Load()
	s.paginate(w, r, n, s.options.MessagePageSize, falling,
		func(i int) int64 { return at(i).at.UnixMilli() },
		func(i int) any { return at(i).fields(c, cached) })
}

func (l line) fields(c room, cached bool) fields {
	f := fields{
		"id": l.id, "type": l.kind, "chat_id": c.id, "room_id": uuid("room", c.ChannelID), "created_at": stamp(l.at),
		"sender_type": or(l.senderType), "sender_id": or(l.senderID), "sender_public_name": or(l.publicName),
		"sender_name": or(l.name), "sender_avatar": nil, "message": or(l.text), "is_encrypted": c.encrypted,
		"sensitive_data_purged_at": stamp(l.purged), "selected_reply_suggestion_id": nil, "selected_reply_suggestion": nil,
		"attachments": l.attachments(), "attachment_template": nil, "response_to_message_id": or(l.replyTo),
		"response_to_attachment_id": nil, "response_to_attachment": nil, "response_to_action_id": nil,
		"response_to_action": nil, "response_text": nil, "response_value": or(l.response),
	}
	if c.encrypted && !cached && l.text != "" {
		f["message"] = nil
		f["encrypted_message"] = keyOf(c.id).seal(l.text, l.id)
	}
	return f
}

func (l line) attachments() []any {
	all := []any{}
	for _, c := range l.cards {
		actions := []any{}
		for i, b := range c.buttons {
			actions = append(actions, fields{
				"id": uuid("button "+c.id, int64(i)), "text": b.Title, "type": "button", "link_target": "_blank",
				"value": b.Value, "style": "brand_secondary", "is_disabled_on_selection": true, "is_disabled_on_visitor_message": true,
			})
		}
		all = append(all, fields{
			"id": c.id, "title": or(c.title), "title_link_url": nil, "text": or(c.text), "image_url": or(c.image),
			"image_link_url": nil, "link_target": "_blank", "actions": actions,
		})
	}
	return all
}

// memberships is GET owned_chats/{chat}/memberships: users first, the visitor last.
func (s *Site) memberships(w http.ResponseWriter, r *http.Request, c room) {
	n := len(c.Participants) + 1
	s.paginate(w, r, n, s.options.MessagePageSize, false, func(i int) int64 { return int64(i) }, func(i int) any {
		f := fields{
			"member_avatar": nil, "room_id": uuid("room", c.ChannelID), "chat_id": c.id, "created_at": stamp(c.created),
			"updated_at": stamp(c.updated), "is_participating": c.ended.IsZero(), "is_present": false, "composing_status": "idle",
			"message_count": 1, "room_organization_id": Organization,
		}
		if i == n-1 {
			f["member_id"], f["member_type"] = visitorID(c.PersonID), "visitor"
			f["member_name"], f["member_public_name"], f["member_organization_id"] = nil, nil, nil
			f["legacy_member_id"] = visitorID(c.PersonID)
			return f
		}
		a, _ := s.corpus.AgentByID(c.Participants[i])
		f["member_id"], f["member_type"], f["legacy_member_id"] = uuid("user", a.ID), "user", number(a.ID)
		f["member_name"], f["member_public_name"], f["member_organization_id"] = a.Name, a.DisplayName, Organization
		return f
	})
}

// tags is GET owned_chats/{chat}/tags.
func (s *Site) tags(w http.ResponseWriter, r *http.Request, c room) {
	s.paginate(w, r, len(c.Tags), s.options.PageSize, false, func(i int) int64 { return int64(i) }, func(i int) any {
		return fields{"id": uuid("tag", c.Number*10+int64(i)), "name": c.Tags[i], "created_at": stamp(c.created)}
	})
}

// private reports whether nobody may read the variables and details of a room's visitors.
func private(c simulator.Channel) bool { return c.Kind == simulator.Telegram }

// fact is one variable of a visitor.
type fact struct{ key, value string }

func factsOf(p simulator.Person) []fact {
	var all []fact
	if p.Identified() {
		all = append(all, fact{"username", p.Name}, fact{"customer_number", p.Identifier}, fact{"email", p.Email})
	}
	for _, a := range p.Custom {
		if v, ok := a.Value.(string); ok {
			all = append(all, fact{a.Key, v})
		}
	}
	return all
}

// variables is GET owned_chats/{chat}/visitors/{visitor}/variables.
func (s *Site) variables(w http.ResponseWriter, r *http.Request, c room) {
	p, ok := s.corpus.PersonByID(c.PersonID)
	switch {
	case private(c.channel):
		fail(w, http.StatusForbidden, "You do not have permission to perform this action.")
		return
	case !ok || r.PathValue("visitor") != visitorID(c.PersonID):
		fail(w, http.StatusNotFound, "Not found.")
		return
	}
	facts := factsOf(p)
	name := "variables of " + c.id
	if c.encrypted {
		if !s.cached.Load() {
			for i, f := range facts {
				if f.value != "" {
					facts[i].value = keyOf(name).seal(f.value, name+f.key)
				}
			}
		}
		facts = append(facts, fact{"_encrypted_aes_key", keyOf(name).wrapped(name)})
	}
	s.paginate(w, r, len(facts), s.options.PageSize, false, func(i int) int64 { return int64(i) }, func(i int) any {
		return fields{"key": facts[i].key, "value": facts[i].value}
	})
}

// forgotten reports whether a room has deleted the details of a visitor.
func forgotten(person int64) bool { return person%10 == 0 }

// visitor is GET rooms/{room}/visitors/{visitor}.
func (s *Site) visitor(w http.ResponseWriter, r *http.Request) {
	for _, ch := range s.corpus.Channels() {
		if uuid("room", ch.ID) == r.PathValue("room") && private(ch) {
			fail(w, http.StatusForbidden, "You do not have permission to perform this action.")
			return
		}
	}
	s.people.Do(func() {
		s.visitors = make(map[string]int, s.corpus.People())
		for k := range s.corpus.People() {
			s.visitors[visitorID(s.corpus.Person(k).ID)] = k
		}
	})
	if k, ok := s.visitors[r.PathValue("visitor")]; ok && !forgotten(s.corpus.Person(k).ID) {
		p := s.corpus.Person(k)
		send(w, fields{
			"id": visitorID(p.ID), "room_id": r.PathValue("room"), "ip": nil, "device_type": "desktop",
			"browser": fields{"name": "Firefox", "version": 128}, "country_code": or(place(p)),
		})
		return
	}
	fail(w, http.StatusNotFound, "Not found.")
}

func place(p simulator.Person) string {
	for _, a := range p.Additional {
		if v, ok := a.Value.(string); ok && a.Key == "country_code" {
			return v
		}
	}
	return ""
}
