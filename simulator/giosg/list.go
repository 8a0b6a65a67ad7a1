package giosg

import (
	"net/http"
	"slices"
	"time"
)

// chats is GET owned_chats and GET rooms/{room}/chats.
func (s *Site) chats(w http.ResponseWriter, r *http.Request) {
	if id := r.PathValue("room"); id != "" && !s.hasRoom(id) {
		fail(w, http.StatusNotFound, "Not found.")
		return
	}
	falling := r.FormValue("ordering") != "created_at" && !s.options.IgnoreOrdering
	list := s.selection(r, falling)
	key := func(i int) int64 { return list[i].created }
	if s.options.ByActivity {
		key = func(i int) int64 { return list[i].updated }
	}
	s.paginate(w, r, len(list), s.options.PageSize, falling, key, func(i int) any {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.open(list[i]).fields()
	})
}

// selection is the chats of a list, in order.
func (s *Site) selection(r *http.Request, falling bool) []entry {
	filters := map[string]string{"room": r.PathValue("room")}
	name := r.PathValue("room")
	for _, key := range []string{"ordering", "is_ended", "has_user_messages", "has_visitor_messages"} {
		filters[key] = r.FormValue(key)
		name += "&" + filters[key]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if list, ok := s.lists[name]; ok {
		return list
	}
	var list []entry
	for _, e := range s.entries {
		if s.passes(e, filters) {
			list = append(list, e)
		}
	}
	if s.options.ByActivity {
		slices.SortStableFunc(list, func(a, b entry) int { return int(a.updated - b.updated) })
	}
	if falling {
		slices.Reverse(list)
	}
	s.lists[name] = list
	return list
}

// passes reports whether a chat matches the parameters of a list. The caller holds s.mu.
func (s *Site) passes(e entry, filters map[string]string) bool {
	if filters["room"]+filters["is_ended"]+filters["has_user_messages"]+filters["has_visitor_messages"] == "" {
		return true
	}
	if want := filters["is_ended"]; want != "" && (want == "true") != s.hasEnded(e) {
		return false
	}
	if filters["room"]+filters["has_user_messages"]+filters["has_visitor_messages"] == "" {
		return true
	}
	c := s.open(e)
	_, users, visitors := c.counts()
	for key, is := range map[string]bool{"has_user_messages": users > 0, "has_visitor_messages": visitors > 0} {
		if want := filters[key]; want != "" && (want == "true") != is {
			return false
		}
	}
	return filters["room"] == "" || filters["room"] == uuid("room", c.ChannelID)
}

func (s *Site) hasRoom(id string) bool {
	for _, ch := range s.corpus.Channels() {
		if uuid("room", ch.ID) == id {
			return true
		}
	}
	return false
}

// Rooms are the ids of the rooms, in the order of the world's channels.
func (s *Site) Rooms() []string {
	var ids []string
	for _, ch := range s.corpus.Channels() {
		ids = append(ids, uuid("room", ch.ID))
	}
	return ids
}

// wait is how long a visitor waited, in seconds.
const wait = 13.976128

// fields is a chat as it appears in lists.
func (r room) fields() fields {
	all, users, visitors := r.counts()
	f := fields{
		"id": r.id, "chat_type": chatTypes[r.channel.Kind], "created_at": stamp(r.created), "updated_at": stamp(r.updated),
		"ended_at": stamp(r.ended), "waiting_started_at": stamp(r.waiting()), "room_id": uuid("room", r.ChannelID),
		"room_organization_id": Organization, "room_name": r.channel.Name, "tag_count": len(r.Tags), "message_count": all,
		"user_message_count": users, "visitor_message_count": visitors, "has_messages": all > 0,
		"has_user_messages": users > 0, "has_visitor_messages": visitors > 0, "present_participant_count": 0,
		"present_user_participant_count": 0, "present_visitor_participant_count": 0, "member_count": 1 + len(r.Participants),
		"user_member_count": len(r.Participants), "visitor_member_count": 1, "is_private": false,
		"is_real_conversation": false, "is_autosuggested": r.Number%2 == 0, "is_waiting": r.isWaiting(), "is_pending": false,
		"is_ended": !r.ended.IsZero(), "is_encrypted": r.encrypted, "encrypted_symmetric_key": nil,
		"autosuggest_url": "https://www.example.com/", "autosuggest_url_title": "Home", "first_visitor_message_url": or(r.page()),
		"first_visitor_message_url_title": nil, "token": "opaque" + number(r.Number),
		"legacy_conversation_state": r.legacy(), "legacy_room_id": "legacy" + number(r.ChannelID),
		"visitor_wait_time": nil, "duration": wait, "active_duration": wait,
	}
	if visitors > 0 {
		f["visitor_wait_time"] = wait
	}
	if r.encrypted {
		f["encrypted_symmetric_key"] = keyOf(r.id).wrapped(r.id)
	}
	return f
}

func (r room) waiting() time.Time {
	if !r.isWaiting() {
		return time.Time{}
	}
	return r.created.Add(time.Second)
}

func (r room) isWaiting() bool { return r.ended.IsZero() && r.State == "pending" }

func (r room) legacy() string {
	switch {
	case !r.ended.IsZero():
		return "closed"
	case r.isWaiting():
		return "waiting"
	}
	return "active"
}

func (r room) page() string {
	if r.Number%3 == 0 {
		return ""
	}
	return "https://www.example.com/p/" + number(r.Number)
}
