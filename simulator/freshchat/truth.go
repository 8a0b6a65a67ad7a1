package freshchat

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

// Reading is how an account is read. The correct content of the lake depends on it.
type Reading struct {
	Lane string // both, rest or transcript
	// Users means that conversations were found through their users, and no reports were read.
	Users bool
	// Covered are the time ranges of the transcripts that were read.
	Covered []schemas.Window
}

// covers reports whether a transcript of a time was read.
func (r Reading) covers(at time.Time) bool {
	return slices.ContainsFunc(r.Covered, func(w schemas.Window) bool { return w.Contains(at) })
}

// end is the end of the last transcript that was read.
func (r Reading) end() (end time.Time) {
	for _, w := range r.Covered {
		if w.To.After(end) {
			end = w.To
		}
	}
	return end
}

func (r Reading) readsREST() bool       { return r.Lane != "transcript" }
func (r Reading) lists() bool           { return !r.Users }
func (r Reading) readsTranscript() bool { return r.Lane != "rest" && !r.Users }

// Conversations are the ids of the conversations that were created in a window, in the order of the world.
func (s *Site) Conversations(window schemas.Window) []string {
	var ids []string
	for i := range s.len() {
		if t, ok := s.at(i); ok && window.Contains(createdAt(t.Outline)) {
			ids = append(ids, t.UUID)
		}
	}
	return ids
}

// unified is one message and the lanes that have it.
type unified struct {
	sent
	rest, line bool
}

// key is the message's id in rows. A message without an id that only the transcript has is named after its time and actor.
func (h unified) key() string {
	if !h.rest && h.nameless() {
		return "row:" + h.at.Format("20060102T150405.000") + ":" + h.actor
	}
	return h.id
}

// Thread is the correct content of the lake for a conversation in its current state, and false if there is no such
// conversation. Observation times, StoredMessages and ContentSHA256 are zero.
func (s *Site) Thread(conversationID string, r Reading) (schemas.Thread, bool) {
	t, ok := s.find(conversationID)
	if !ok {
		return schemas.Thread{}, false
	}
	var all []unified
	for _, u := range s.sentMessages(t) {
		h := unified{sent: u, rest: r.readsREST() && s.inREST(u), line: r.readsTranscript() && s.inTranscript(u) && r.covers(u.at)}
		if h.rest || h.line {
			all = append(all, h)
		}
	}
	truth := schemas.Thread{Conversation: s.conversationRow(t, all, r)}
	for i, h := range all {
		row := s.messageRow(h)
		row.Sequence = int64(i)
		truth.Messages = append(truth.Messages, row)
		truth.Attachments = append(truth.Attachments, h.attachments(row)...)
		if row.Kind == "activity" {
			truth.Events = append(truth.Events, schemas.Event{
				ConversationID: t.UUID, EventID: row.MessageID, Kind: h.event(), CreatedAt: row.CreatedAt, ActorID: row.AuthorID,
				ActorType: row.AuthorType, MessageID: &row.MessageID, Text: row.Text,
			})
		}
	}
	truth.Participants = s.participantRows(t, all, r)
	for i := range truth.Messages {
		truth.Messages[i].AuthorName = nameOf(truth.Participants, *truth.Messages[i].AuthorID)
	}
	return truth, true
}

func nameOf(all []schemas.Participant, id string) *string {
	for _, p := range all {
		if p.ParticipantID == id {
			return p.Name
		}
	}
	return nil
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func at(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// plain is a free-form value as text.
func plain(v any) *string {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return text(v)
	}
	return text(string(encode(v)))
}

func add(to map[string]*string, key string, v any) {
	if s := plain(v); s != nil {
		to[key] = s
	}
}

func (s *Site) conversationRow(t simulator.Thread, all []unified, r Reading) schemas.Conversation {
	c := schemas.Conversation{ConversationID: t.UUID, CreatedAt: s.created(t, all, r), Attributes: map[string]*string{}}
	channel, _ := s.corpus.ChannelByID(t.ChannelID)
	c.ChannelID = text(uuid(ofChannel, channel.ID))
	if r.lists() {
		c.ChannelName = text(channel.Name)
		if a, ok := s.corpus.AgentByID(t.Assignee.ID); ok && t.Assignee.Kind == simulator.ByAgent {
			add(c.Attributes, "created.agent_id", uuid(ofAgent, a.ID))
			add(c.Attributes, "created.agent_name", a.Name)
		}
		add(c.Attributes, "created.conversation_url", inboxURL(t.Outline))
	}
	for _, h := range all {
		if c.LastActivityAt == nil || h.at.After(*c.LastActivityAt) {
			c.LastActivityAt = at(h.at)
		}
	}
	full := r.readsREST() && !s.sparse(t.Outline)
	if full {
		c.UpdatedAt = at(t.UpdatedAt)
		c.Priority = text(t.Priority)
		if t.Assignee.Kind == simulator.ByAgent {
			c.AssigneeID = text(uuid(ofAgent, t.Assignee.ID))
			add(c.Attributes, "assigned_org_agent_id", orgID(ofAgent, t.Assignee.ID))
		}
		if t.GroupID != 0 {
			c.GroupID = text(uuid(ofGroup, t.GroupID))
		}
		for _, a := range t.Custom {
			add(c.Attributes, "properties.cf_"+a.Key, a.Value)
		}
		add(c.Attributes, "created_by", "user")
		add(c.Attributes, "conversation_internal_id", internalID(t.Number))
		add(c.Attributes, "url", inboxURL(t.Outline))
	}
	if r.readsREST() {
		c.Status = text(status(t.Conversation))
		c.State = text(map[simulator.State]string{simulator.Closed: "closed", simulator.Pending: "pending"}[t.State])
		if c.State == nil {
			c.State = text("open")
		}
		add(c.Attributes, "app_id", appID)
		add(c.Attributes, "skill_id", "0")
	}
	c.ContactID = s.contact(t, all, full, r)
	if version := c.UpdatedAt; version != nil {
		c.SourceVersion = new(version.UnixMicro())
	} else if c.LastActivityAt != nil {
		c.SourceVersion = new(c.LastActivityAt.UnixMicro())
	}
	s.agree(&c, all, r)
	return c
}

// created is when the conversation was created. If no body and no report says so, it is the best that can be inferred.
func (s *Site) created(t simulator.Thread, all []unified, r Reading) *time.Time {
	if r.lists() || !s.sparse(t.Outline) {
		return at(createdAt(t.Outline))
	}
	for _, h := range all { // oldest first
		return at(h.at)
	}
	p, _ := s.corpus.PersonByID(t.PersonID)
	return at(p.CreatedAt)
}

// contact is whom a conversation is with; for an old one without a report, only its messages tell.
func (s *Site) contact(t simulator.Thread, all []unified, full bool, r Reading) *string {
	known := full || r.Users
	for _, h := range all {
		known = known || h.line || h.actorType == "user"
	}
	if !known {
		return nil
	}
	return text(uuid(ofUser, t.PersonID))
}

// agree returns how far two lanes agree.
func (s *Site) agree(c *schemas.Conversation, all []unified, r Reading) {
	if !r.readsTranscript() {
		return
	}
	var onlyTranscript, onlyREST int64
	continues := false
	for _, h := range all {
		if !h.rest {
			onlyTranscript++
		}
		if h.rest && !h.line && r.covers(h.at) {
			onlyREST++
		}
		continues = continues || !h.at.Before(r.end().AddDate(0, 0, -1))
	}
	if !r.readsREST() {
		if continues {
			add(c.Attributes, "transcript_may_continue", "true")
		}
		return
	}
	c.StatedMessages = new(int64(len(all)) - onlyTranscript - onlyREST)
	if onlyTranscript > 0 {
		add(c.Attributes, "transcript_only", strconv.FormatInt(onlyTranscript, 10))
	}
	if onlyREST > 0 {
		add(c.Attributes, "rest_only", strconv.FormatInt(onlyREST, 10))
	}
}

func (s *Site) participantRows(t simulator.Thread, all []unified, r Reading) []schemas.Participant {
	var rows []schemas.Participant
	seen := map[string]bool{}
	put := func(p schemas.Participant) {
		if !seen[p.ParticipantID] {
			seen[p.ParticipantID] = true
			p.ConversationID = t.UUID
			rows = append(rows, p)
		}
	}
	c := s.conversationRow(t, all, r)
	if c.ContactID != nil {
		put(s.contactRow(t, all, r))
	}
	if c.AssigneeID != nil {
		put(s.named(schemas.Participant{ParticipantID: *c.AssigneeID, Type: "agent", Role: "assignee"}, all))
	}
	for _, h := range all {
		p := s.named(schemas.Participant{ParticipantID: h.actor, Type: h.actorType, Role: "participant"}, all)
		if h.actorType == "system" && heardInREST(all, h.actor) {
			n := 1 + h.ID%systemUsers
			p.Name, p.Attributes = text(fmt.Sprintf("System %d", n)), map[string]*string{"org_contact_id": text(orgID(ofSystem, n))}
		}
		put(p)
	}
	return rows
}

func heardInREST(all []unified, actor string) bool {
	for _, h := range all {
		if h.rest && h.actor == actor {
			return true
		}
	}
	return false
}

// named adds the transcript's name for an actor.
func (s *Site) named(p schemas.Participant, all []unified) schemas.Participant {
	for _, h := range all {
		if h.line && h.actor == p.ParticipantID {
			who := s.actor(h.sent)
			p.Name, p.Email = text(strings.TrimSpace(who.first+" "+who.last)), text(who.email)
			break
		}
	}
	return p
}

func (s *Site) contactRow(t simulator.Thread, all []unified, r Reading) schemas.Participant {
	row := s.named(schemas.Participant{ParticipantID: uuid(ofUser, t.PersonID), Type: "contact", Role: "contact"}, all)
	p := s.person(t.PersonID)
	if !r.readsREST() || !s.hasUser(p.ID) {
		return row
	}
	row.Name, row.Email, row.Phone = text(p.Name), text(p.Email), text(p.Phone)
	row.Attributes = personAttributes(p)
	add(row.Attributes, "created_time", iso(p.CreatedAt))
	add(row.Attributes, "reference_id", p.Identifier)
	add(row.Attributes, "updated_time", iso(p.LastActivityAt))
	return row
}

func personAttributes(p simulator.Person) map[string]*string {
	to := map[string]*string{}
	add(to, "restore_id", uuid("restore", p.ID))
	add(to, "login_status", strconv.FormatBool(p.Online))
	add(to, "org_contact_id", orgID(ofUser, p.ID))
	add(to, "social_profiles", "[]")
	for _, a := range p.Custom {
		add(to, "properties."+a.Key, a.Value)
	}
	return to
}
