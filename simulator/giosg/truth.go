package giosg

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

// Conversations are the ids of the chats that were created in a window, ascending by time.
func (s *Site) Conversations(window schemas.Window) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, e := range s.entries {
		if window.Contains(time.UnixMilli(e.created)) {
			ids = append(ids, uuid("chat", e.number))
		}
	}
	return ids
}

// Thread is the correct content of the lake for a chat in its current state, read with PrivateKey, and false if there is no
// such chat. Observation times, StoredMessages and ContentSHA256 are zero.
func (s *Site) Thread(id string) (schemas.Thread, bool) {
	c, ok := s.find(id)
	if !ok {
		return schemas.Thread{}, false
	}
	truth := schemas.Thread{Conversation: c.row()}
	for _, l := range c.lines {
		l.rows(c, &truth)
	}
	stated := int64(len(truth.Messages)) // of all types; the platform's own count includes only type msg
	truth.Conversation.StatedMessages = &stated
	s.participants(c, &truth)
	return truth, true
}

func (r room) row() schemas.Conversation {
	last := r.updated
	row := schemas.Conversation{
		ConversationID: r.id, Status: text(r.legacy()), State: text("open"), ChannelID: text(uuid("room", r.ChannelID)),
		ChannelName: text(r.channel.Name), ChannelType: text(chatTypes[r.channel.Kind]), CreatedAt: at(r.created),
		UpdatedAt: at(r.updated), ClosedAt: at(r.ended), ContactID: text(visitorID(r.PersonID)), IsEncrypted: new(r.encrypted),
		SourceURL: text("https://www.example.com/"), Tags: r.Tags, Attributes: map[string]*string{},
	}
	switch {
	case !r.ended.IsZero():
		row.State = text("closed")
	case r.State == simulator.Pending:
		row.State = text("pending")
	}
	if p := r.page(); p != "" {
		row.SourceURL = &p
	}
	for _, l := range r.lines {
		if row.FirstReplyAt == nil && l.kind == "msg" && l.senderType == "user" && !l.bot(r) {
			row.FirstReplyAt = at(l.at)
		}
		if row.LastActivityAt == nil || l.at.After(*row.LastActivityAt) {
			row.LastActivityAt = at(l.at)
		}
	}
	if row.LastActivityAt != nil && row.LastActivityAt.After(last) {
		last = *row.LastActivityAt
	}
	row.SourceVersion = new(last.UnixMicro())
	r.attributes(row.Attributes)
	return row
}

func (r room) attributes(to map[string]*string) {
	all, users, visitors := r.counts()
	for key, n := range map[string]int{
		"tag_count": len(r.Tags), "message_count": all, "user_message_count": users, "visitor_message_count": visitors,
		"member_count": len(r.Participants) + 1, "user_member_count": len(r.Participants), "visitor_member_count": 1,
		"present_participant_count": 0, "present_user_participant_count": 0, "present_visitor_participant_count": 0,
	} {
		add(to, key, strconv.Itoa(n))
	}
	for key, b := range map[string]bool{
		"has_messages": all > 0, "has_user_messages": users > 0, "has_visitor_messages": visitors > 0, "is_private": false,
		"is_real_conversation": false, "is_autosuggested": r.Number%2 == 0, "is_waiting": r.isWaiting(), "is_pending": false,
	} {
		add(to, key, flag(b))
	}
	add(to, "room_organization_id", Organization)
	add(to, "autosuggest_url", "https://www.example.com/")
	add(to, "autosuggest_url_title", "Home")
	add(to, "legacy_room_id", "legacy"+number(r.ChannelID))
	add(to, "duration", "13.976128")
	add(to, "active_duration", "13.976128")
	if visitors > 0 {
		add(to, "visitor_wait_time", "13.976128")
	}
	if r.isWaiting() {
		add(to, "waiting_started_at", r.created.Add(time.Second).Format(layout))
	}
	details := ""
	for i, tag := range r.Tags {
		if i > 0 {
			details += ","
		}
		details += jsonOf(fields{"created_at": r.created.Format(layout), "id": uuid("tag", r.Number*10+int64(i)), "name": tag})
	}
	if details != "" {
		add(to, "tag_details", "["+details+"]")
	}
}

func (s *Site) participants(c room, truth *schemas.Thread) {
	common := func(organization, legacy string) map[string]*string {
		to := map[string]*string{}
		add(to, "updated_at", c.updated.Format(layout))
		add(to, "is_participating", flag(c.ended.IsZero()))
		add(to, "is_present", "false")
		add(to, "composing_status", "idle")
		add(to, "message_count", "1")
		add(to, "member_organization_id", organization)
		add(to, "legacy_member_id", legacy)
		add(to, "room_organization_id", Organization)
		return to
	}
	for _, n := range c.Participants {
		a, _ := s.corpus.AgentByID(n)
		row := schemas.Participant{
			ConversationID: c.id, ParticipantID: uuid("user", n), Type: "agent", Role: "participant", Name: text(a.Name),
			JoinedAt: at(c.created), Attributes: common(Organization, number(n)),
		}
		add(row.Attributes, "member_public_name", a.DisplayName)
		if i := slices.IndexFunc(c.lines, func(l line) bool { return l.kind == "leave" && l.senderID == row.ParticipantID }); i >= 0 {
			row.LeftAt = at(c.lines[i].at)
		}
		truth.Participants = append(truth.Participants, row)
	}
	row := schemas.Participant{
		ConversationID: c.id, ParticipantID: visitorID(c.PersonID), Type: "contact", Role: "contact",
		JoinedAt: at(c.created), Attributes: common("", visitorID(c.PersonID)),
	}
	if p, ok := s.corpus.PersonByID(c.PersonID); ok && !private(c.channel) {
		for _, f := range factsOf(p) {
			add(row.Attributes, "variable."+f.key, f.value)
			if f.key == "username" {
				row.Name = text(f.value)
			}
		}
		if !forgotten(p.ID) {
			add(row.Attributes, "visitor.device_type", "desktop")
			add(row.Attributes, "visitor.browser", `{"name":"Firefox","version":128}`)
			add(row.Attributes, "visitor.country_code", place(p))
		}
	}
	truth.Participants = append(truth.Participants, row)
}

func jsonOf(v any) string {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // all our values can be encoded as JSON
	}
	return string(body)
}

func flag(b bool) string { return strconv.FormatBool(b) }

// text is nil for an empty text.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// at is nil for no time.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func add(to map[string]*string, key, value string) {
	if value != "" {
		to[key] = &value
	}
}
