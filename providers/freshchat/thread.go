package freshchat

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// mapping turns documents into rows. It needs no settings.
type mapping struct{}

func openMapper(providers.Settings) (providers.Mapper, error) { return mapping{}, nil }

// Thread turns the documents of one conversation into rows, as docs/mapping-freshchat.md says.
func (mapping) Thread(docs []schemas.Document) (schemas.Thread, error) {
	return providers.MapThread("conversation", docs, mapThread)
}

func mapThread(docs []schemas.Document) (schemas.Thread, error) {
	if len(docs) == 0 {
		return schemas.Thread{}, errNone
	}
	for _, doc := range docs {
		if doc.Kind == kindMessages && providers.IsGone(doc) {
			return providers.GoneThread(doc), nil
		}
	}
	s, err := gatherSources(docs)
	if err != nil {
		return schemas.Thread{}, err
	}
	all := s.utterances()
	thread := schemas.Thread{Conversation: s.row(all)}
	for i, u := range all {
		u.rows(&thread, s, int64(i))
	}
	thread.Participants = s.participants(all)
	return thread, nil
}

// row is the conversation: its own body, and what the reports and its messages say where that is silent.
func (s *sources) row(all []utterance) schemas.Conversation {
	r := wire.ReadFields(maps.Clone(s.conversation))
	r.Skip("conversation_id", "channel_id", "user_id") // s.id, first and contactID read them
	wire.Parse(r, "created_time", moment)
	properties := r.Nested("properties.", "properties")
	c := schemas.Conversation{
		ConversationID: cmp.Or(s.id, wire.Word(s.conversation["conversation_id"])),
		ObservedAt:     s.observedAt,
		State:          state(wire.Word(r.Peek("status"))),
		Status:         r.Text("status"),
		ChannelID:      s.first(all, "channel_id", "channel_id"),
		ChannelName:    s.first(all, "", "channel_name"),
		CreatedAt:      s.createdAt(),
		UpdatedAt:      wire.Parse(r, "updated_time", moment),
		ContactID:      some(s.contactID()),
		AssigneeID:     r.Text("assigned_agent_id"),
		GroupID:        r.Text("assigned_group_id"),
		Priority:       properties.Text("priority"),
	}
	if s.body != nil && s.body.Status == statusOK {
		c.ObservedAt = s.body.ObservedAt
	}
	for _, u := range all {
		if u.at != nil && (c.LastActivityAt == nil || u.at.After(*c.LastActivityAt)) {
			c.LastActivityAt = u.at
		}
	}
	if t := cmp.Or(c.UpdatedAt, c.LastActivityAt); t != nil {
		version := t.UnixMicro()
		c.SourceVersion = &version
	}
	more := attributes(r.Rest())
	if more == nil {
		more = attributes{}
	}
	if s.body != nil && s.body.Status != statusOK {
		more.put("conversation_status", some(strconv.FormatInt(s.body.Status, 10)))
	}
	if s.refused != 0 {
		more.put("messages_status", some(strconv.FormatInt(s.refused, 10)))
	}
	s.addCreation(more)
	s.compare(all, &c, more)
	c.Attributes = more.rows()
	return c
}

// addCreation adds what Conversation-Created says of the conversation when it was created, as "created.<column>".
func (s *sources) addCreation(more attributes) {
	for _, l := range s.created {
		if l.reopens() {
			continue
		}
		for name, cell := range l.cells {
			if name != l.time && !slices.Contains(creationColumns, name) {
				more.put("created."+name, some(cell))
			}
		}
		return
	}
}

// creationColumns are those of Conversation-Created that have columns.
var creationColumns = []string{columnConversation, columnInteraction, "channel_id", "channel_name", "reopened"}

// compare says how far the lanes agree. The stated number of messages is that on which all lanes that were asked agree,
// so that every difference shows where stored and stated messages are compared.
func (s *sources) compare(all []utterance, c *schemas.Conversation, more attributes) {
	if s.to.IsZero() {
		return
	}
	var onlyTranscript, onlyREST int64
	reaches := false
	for _, u := range all {
		switch {
		case u.rest == nil:
			onlyTranscript++
		case u.line == nil && within(u.at, s.from, s.to):
			onlyREST++
		}
		reaches = reaches || u.at != nil && !u.at.Before(s.to.Add(-24*time.Hour))
	}
	if !s.asked {
		if reaches {
			more.put("transcript_may_continue", some("true"))
		}
		return
	}
	agreed := int64(len(all)) - onlyTranscript - onlyREST
	c.StatedMessages = &agreed
	if onlyTranscript > 0 {
		more.put("transcript_only", some(strconv.FormatInt(onlyTranscript, 10)))
	}
	if onlyREST > 0 {
		more.put("rest_only", some(strconv.FormatInt(onlyREST, 10)))
	}
}

// first is the conversation's own member, else the first of its messages or of its rows in a report.
func (s *sources) first(all []utterance, member, column string) *string {
	if v := wire.Text(s.conversation[member]); v != nil {
		return v
	}
	for _, u := range all {
		if u.rest != nil {
			if v := wire.Text(u.rest.wire[member]); v != nil {
				return v
			}
		}
		if u.line != nil && u.line.cells[column] != "" {
			return some(u.line.cells[column])
		}
	}
	for _, l := range s.created {
		if l.cells[column] != "" {
			return some(l.cells[column])
		}
	}
	return nil
}

// state is the status in the terms of all platforms. The first four are in the vendor's documents, the others in its client.
func state(status string) *string {
	switch strings.ReplaceAll(lower(status), "_", " ") {
	case "new", "assigned", "reopened":
		return some("open")
	case "resolved":
		return some("closed")
	case "waiting on customer", "waiting on internal team":
		return some("pending")
	}
	return nil
}

// name is what a user or an agent is called, as far as the documents say.
func (s *sources) name(id string) *string {
	if p, ok := s.users[id]; ok && id != "" {
		if name := fullName(wire.Word(p.wire["first_name"]), wire.Word(p.wire["last_name"])); name != nil {
			return name
		}
	}
	return s.actors[id].name
}

func fullName(first, last string) *string { return some(strings.TrimSpace(first + " " + last)) }

// participants are the contact, the assignee, and all others who wrote, in the order in which they first did. What somebody is,
// the messages say: an assignee may be a bot.
func (s *sources) participants(all []utterance) []schemas.Participant {
	var rows []schemas.Participant
	seen := map[string]bool{"": true}
	kinds := map[string]string{}
	for _, u := range all {
		if kind := authorTypes[u.actorIs]; kind != "" && kinds[u.actor] == "" {
			kinds[u.actor] = kind
		}
	}
	add := func(id, kind, role string, observedAt time.Time) {
		if seen[id] {
			return
		}
		seen[id] = true
		rows = append(rows, s.participant(id, cmp.Or(kind, "unknown"), role, observedAt))
	}
	add(s.contactID(), "contact", "contact", s.observedAt)
	if id := wire.Word(s.conversation["assigned_agent_id"]); id != "" {
		add(id, cmp.Or(kinds[id], "agent"), "assignee", s.body.ObservedAt)
	}
	for _, u := range all {
		observedAt := s.observedAt
		if u.rest != nil {
			observedAt = u.rest.doc.ObservedAt
		} else if u.line != nil {
			observedAt = u.line.doc.ObservedAt
		}
		add(u.actor, kinds[u.actor], "participant", observedAt)
	}
	return rows
}

func (s *sources) participant(id, kind, role string, observedAt time.Time) schemas.Participant {
	row := schemas.Participant{
		ConversationID: s.id, ParticipantID: id, ObservedAt: observedAt, Type: kind, Role: role, Name: s.name(id),
		Email: s.actors[id].email,
	}
	if p, ok := s.users[id]; ok {
		r := wire.ReadFields(maps.Clone(p.wire))
		r.Skip("id")
		row.ObservedAt = p.doc.ObservedAt
		readNames(r)
		row.Email, row.Phone = cmp.Or(r.Text("email"), row.Email), r.Text("phone")
		row.Attributes = personRest(r)
	}
	return row
}

// readNames reads the names of a user or an agent.
func readNames(r *wire.Reader) *string { return fullName(r.Word("first_name"), r.Word("last_name")) }

// personRest are what of a user or an agent has no column: the picture's address, and properties, whose values may be of any type,
// under their names.
func personRest(r *wire.Reader) map[string]*string {
	picture := r.Nested("avatar.", "avatar").Text("url")
	properties := r.List("properties")
	more := attributes(r.Rest())
	if more == nil {
		more = attributes{}
	}
	more.put("avatar", cmp.Or(picture, more["avatar"]))
	for i, v := range properties {
		property := wire.Read(v)
		name, given := property.Word("name"), property.Text("value")
		key := "properties." + cmp.Or(name, strconv.Itoa(i))
		if more[key] != nil {
			key += "#" + strconv.Itoa(i)
		}
		if property.Empty() && name == "" && given == nil {
			given = wire.Text(v) // no property in the usual form
		}
		more.put(key, given)
		for of, rest := range property.Rest() {
			more.put(key+"."+of, rest)
		}
	}
	return more.rows()
}

var (
	_ providers.Directory      = (*account)(nil)
	_ providers.Reporter       = (*account)(nil)
	_ providers.Prober         = (*account)(nil)
	_ providers.Retrier        = (*account)(nil)
	_ providers.SnapshotMapper = mapping{}
	_ providers.ReportMapper   = mapping{}
)
