package chatwoot

import (
	"strconv"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

// Conversations are the ids of the conversations that were created in a window, ascending by time and id.
func (s *Site) Conversations(window schemas.Window) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var ids []string
	for _, e := range s.entries {
		if window.Contains(time.Unix(e.created, 0)) {
			ids = append(ids, strconv.Itoa(int(e.number)))
		}
	}
	return ids
}

// Thread is the correct content of the lake for a conversation in its current state, and false if there is no such
// conversation. Observation times, StoredMessages and ContentSHA256 are zero. It includes reporting events if the site has them.
func (s *Site) Thread(conversationID string) (schemas.Thread, bool) {
	n, err := strconv.ParseInt(conversationID, 10, 64)
	if err != nil {
		return schemas.Thread{}, false
	}
	t, ok := s.thread(n)
	if !ok {
		return schemas.Thread{}, false
	}
	truth := schemas.Thread{Conversation: s.conversationRow(t)}
	s.messageRows(t, &truth)
	s.participantRows(t, &truth)
	s.senderRows(t, &truth)
	if s.options.ReportingEvents {
		for _, e := range events(t) {
			truth.Events = append(truth.Events, s.eventRow(e))
		}
	}
	return truth, true
}

func (s *Site) conversationRow(t simulator.Thread) schemas.Conversation {
	channel, _ := s.corpus.ChannelByID(t.ChannelID)
	row := schemas.Conversation{
		ConversationID: id(t.Number),
		Subject:        textOf(t.Additional, "mail_subject"),
		Status:         text(statusOf(t.State)),
		State:          text(string(t.State)),
		ChannelID:      text(id(t.ChannelID)),
		CreatedAt:      at(t.CreatedAt),
		LastActivityAt: at(t.LastActivityAt),
		ContactID:      text(id(t.PersonID)),
		Language:       textOf(t.Additional, "browser_language"),
		SourceURL:      textOf(t.Additional, "referer"),
		Attributes:     map[string]*string{},
	}
	if row.Language == nil {
		row.Language = textOf(t.Additional, "conversation_language")
	}
	row.AssigneeID = s.assigneeID(t)
	addAll(row.Attributes, "custom.", t.Custom)
	addAll(row.Attributes, "additional.", t.Additional)
	add(row.Attributes, "account_id", id(s.options.AccountID))
	add(row.Attributes, "unread_count", strconv.Itoa(min(t.Unread, 10)))
	if s.owns(t, OwnMore) {
		add(row.Attributes, closingNote, noteOf(t))
	}
	if s.docs() {
		row.LastActivityAt = at(t.CreatedAt) // from timestamp, the only time there
		add(row.Attributes, "agent_last_seen_at", timeText(t.AgentSeenAt, t.Number))
		add(row.Attributes, "contact_last_seen_at", timeText(t.PersonSeenAt, t.Number))
		row.SourceVersion = new(row.LastActivityAt.UnixMicro())
		return row
	}
	row.ChannelType = text(channelType(channel.Kind))
	row.FirstReplyAt = at(t.FirstReplyAt)
	row.Priority = text(t.Priority)
	row.Tags = t.Tags
	if group, ok := s.corpus.GroupByID(t.GroupID); ok {
		row.GroupID = text(id(t.GroupID))
		add(row.Attributes, "team.name", group.Name)
		add(row.Attributes, "team.description", group.Description)
		s.addTeam(row.Attributes, "team.", group)
	}
	row.SourceVersion = new(t.LastActivityAt.UnixMicro())
	if s.modern() {
		row.UpdatedAt = at(t.UpdatedAt)
		row.SourceVersion = new(t.UpdatedAt.UnixMicro())
	}
	s.addNamed(row.Attributes, t)
	return row
}

// addNamed adds the fields of a conversation that become attributes under their own names.
func (s *Site) addNamed(to map[string]*string, t simulator.Thread) {
	add(to, "uuid", t.UUID)
	add(to, "muted", strconv.FormatBool(t.Muted))
	add(to, "can_reply", strconv.FormatBool(t.CanReply))
	add(to, "hmac_verified", strconv.FormatBool(t.Authenticated))
	add(to, "snoozed_until", iso(t.SnoozedUntil))
	add(to, "waiting_since", id(unix(t.WaitingSince)))
	add(to, "agent_last_seen_at", id(unix(t.AgentSeenAt)))
	add(to, "assignee_last_seen_at", "0")
	add(to, "contact_last_seen_at", id(unix(t.PersonSeenAt)))
	if s.modern() && s.assigneeID(t) != nil {
		kind := "User"
		if t.Assignee.Kind == simulator.ByBot {
			kind = "AgentBot"
		}
		add(to, "assignee_type", kind)
	}
}

// assigneeID is nil if the site shows no assignee.
func (s *Site) assigneeID(t simulator.Thread) *string {
	switch t.Assignee.Kind {
	case simulator.ByAgent:
		if _, ok := s.corpus.AgentByID(t.Assignee.ID); ok {
			return text(id(t.Assignee.ID))
		}
	case simulator.ByBot:
		if _, ok := s.corpus.BotByID(t.Assignee.ID); ok && s.modern() {
			return text(id(t.Assignee.ID))
		}
	}
	return nil
}

func (s *Site) eventRow(e event) schemas.Event {
	row := schemas.Event{
		ConversationID: id(e.number),
		EventID:        "reporting:" + id(e.id),
		Kind:           e.name,
		CreatedAt:      at(e.recordedAt()),
		Attributes:     map[string]*string{},
	}
	if e.agent != 0 {
		row.ActorID, row.ActorType = text(id(e.agent)), text("agent")
	}
	value := strconv.FormatFloat(e.value(), 'f', 1, 64)
	add(row.Attributes, "value", value)
	add(row.Attributes, "value_in_business_hours", value)
	add(row.Attributes, "event_start_time", iso(e.from))
	add(row.Attributes, "event_end_time", iso(e.to))
	add(row.Attributes, "account_id", id(s.options.AccountID))
	add(row.Attributes, "inbox_id", id(e.channel))
	add(row.Attributes, "conversation_id", id(internalID(e.number)))
	add(row.Attributes, "updated_at", iso(e.recordedAt()))
	return row
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

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

func addAll(to map[string]*string, prefix string, list simulator.Attributes) {
	for _, a := range list {
		add(to, prefix+a.Key, plain(a.Value))
	}
}

// plain is a value as "text" in the sense of the mapping: empty for null.
func plain(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if v == nil {
		return ""
	}
	var w writer
	w.value(v)
	return string(w.b)
}

func textOf(list simulator.Attributes, key string) *string {
	for _, a := range list {
		if a.Key == key {
			return text(plain(a.Value))
		}
	}
	return nil
}
