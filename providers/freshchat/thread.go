package freshchat

import (
	"cmp"
	"errors"
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

// Thread turns the documents of one conversation into rows, as described in docs/mapping-freshchat.md.
func (mapping) Thread(docs []schemas.Document) (schemas.Thread, error) {
	return providers.MapThread("conversation", docs, mapThread)
}

func mapThread(docs []schemas.Document) (schemas.Thread, error) {
	if len(docs) == 0 {
		return schemas.Thread{}, errors.New("there are no documents")
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
	all := s.unifiedMessages()
	thread := schemas.Thread{Conversation: s.row(all)}
	for i, u := range all {
		u.rows(&thread, s, int64(i))
	}
	thread.Participants = s.participants(all)
	return thread, nil
}

// row maps the conversation from its own body. Fields that the body lacks come from the reports and the messages.
func (s *sources) row(all []unifiedMessage) schemas.Conversation {
	r := wire.ReadFields(maps.Clone(s.conversation))
	r.Skip("conversation_id", "channel_id", "user_id") // s.id, firstValue and contactID read them
	wire.Parse(r, "created_time", moment)
	properties := r.Nested("properties.", "properties")
	c := schemas.Conversation{
		ConversationID: cmp.Or(s.id, wire.Word(s.conversation["conversation_id"])),
		ObservedAt:     s.observedAt,
		State:          state(wire.Word(r.Peek("status"))),
		Status:         r.Text("status"),
		ChannelID:      s.firstValue(all, "channel_id", "channel_id"),
		ChannelName:    s.firstValue(all, "", "channel_name"),
		CreatedAt:      s.createdAt(),
		UpdatedAt:      wire.Parse(r, "updated_time", moment),
		ContactID:      wire.NonEmpty(s.contactID()),
		AssigneeID:     r.Text("assigned_agent_id"),
		GroupID:        r.Text("assigned_group_id"),
		Priority:       properties.Text("priority"),
	}
	if s.body != nil && s.body.Status == statusOK {
		c.ObservedAt = s.body.ObservedAt
	}
	for _, u := range all {
		c.LastActivityAt = wire.Later(c.LastActivityAt, u.at)
	}
	if t := cmp.Or(c.UpdatedAt, wire.Later(c.LastActivityAt, s.newest)); t != nil {
		version := t.UnixMicro()
		c.SourceVersion = &version
	}
	more := r.Attributes()
	if s.body != nil && s.body.Status != statusOK {
		more.Put("conversation_status", wire.NonEmpty(strconv.FormatInt(s.body.Status, 10)))
	}
	if s.refused != 0 {
		more.Put("messages_status", wire.NonEmpty(strconv.FormatInt(s.refused, 10)))
	}
	s.addCreation(more)
	s.compareLanes(all, &c, more)
	c.Attributes = more.Map()
	return c
}

// addCreation adds the cells of Conversation-Created as attributes "created.<column>". They describe the conversation when it was
// created.
func (s *sources) addCreation(more wire.Attributes) {
	l := creation(s.created)
	if l == nil {
		return
	}
	for name, cell := range l.cells {
		if name != l.time && !slices.Contains(creationColumns, name) {
			more.Put("created."+name, wire.NonEmpty(cell))
		}
	}
}

// creationColumns are the columns of Conversation-Created that have a column in our rows.
var creationColumns = []string{columnConversation, columnInteraction, "channel_id", "channel_name", "reopened"}

// compareLanes records how far the lanes agree. StatedMessages counts the messages that all lanes have, so that every difference
// between the lanes appears as a difference between stored and stated messages.
func (s *sources) compareLanes(all []unifiedMessage, c *schemas.Conversation, more wire.Attributes) {
	if !slices.ContainsFunc(s.transcripts, func(t transcriptPart) bool { return !t.window.To.IsZero() }) {
		return
	}
	var end time.Time // of the transcripts
	for _, t := range s.transcripts {
		end = *wire.Later(&end, &t.window.To)
	}
	var onlyTranscript, onlyREST int64
	lastDay := false // of the transcript has a message
	for _, u := range all {
		switch {
		case u.fromREST == nil:
			onlyTranscript++
		case u.fromTranscript == nil && coveredBy(s.transcripts, u.at):
			onlyREST++
		}
		lastDay = lastDay || u.at != nil && !u.at.Before(end.Add(-24*time.Hour))
	}
	if s.askedAt.IsZero() {
		if lastDay {
			more.Put("transcript_may_continue", wire.NonEmpty("true"))
		}
		return
	}
	agreed := int64(len(all)) - onlyTranscript - onlyREST
	c.StatedMessages = &agreed
	if onlyTranscript > 0 {
		more.Put("transcript_only", wire.NonEmpty(strconv.FormatInt(onlyTranscript, 10)))
	}
	if onlyREST > 0 {
		more.Put("rest_only", wire.NonEmpty(strconv.FormatInt(onlyREST, 10)))
	}
}

// firstValue returns a member of the conversation, or else of its first message or row that has it.
func (s *sources) firstValue(all []unifiedMessage, member, column string) *string {
	if v := wire.Text(s.conversation[member]); v != nil {
		return v
	}
	for _, u := range all {
		if u.fromREST != nil {
			if v := wire.Text(u.fromREST.wire[member]); v != nil {
				return v
			}
		}
		if u.fromTranscript != nil && u.fromTranscript.cells[column] != "" {
			return wire.NonEmpty(u.fromTranscript.cells[column])
		}
	}
	for _, l := range s.created {
		if l.cells[column] != "" {
			return wire.NonEmpty(l.cells[column])
		}
	}
	return nil
}

// state maps the status to the states that all platforms share. The first four are in the vendor's documentation, the others in its
// client.
func state(status string) *string {
	switch strings.ReplaceAll(lower(status), "_", " ") {
	case "new", "assigned", "reopened":
		return wire.NonEmpty("open")
	case "resolved":
		return wire.NonEmpty("closed")
	case "waiting on customer", "waiting on internal team":
		return wire.NonEmpty("pending")
	}
	return nil
}

// name returns the name of a user or an agent, nil if no document has it.
func (s *sources) name(id string) *string {
	if p, ok := s.users[id]; ok && id != "" {
		if name := fullName(wire.Word(p.wire["first_name"]), wire.Word(p.wire["last_name"])); name != nil {
			return name
		}
	}
	return s.actors[id].name
}

func fullName(first, last string) *string {
	return wire.NonEmpty(strings.TrimSpace(first + " " + last))
}

// participants returns the contact, the assignee, and all other authors in the order of their first messages. Their types come from
// the messages, because an assignee may be a bot.
func (s *sources) participants(all []unifiedMessage) []schemas.Participant {
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
		if u.fromREST != nil {
			observedAt = u.fromREST.doc.ObservedAt
		} else if u.fromTranscript != nil {
			observedAt = u.fromTranscript.doc.ObservedAt
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

// personRest returns the fields of a user or an agent that have no column: the address of the picture, the properties by name, whose
// values may have any type, and all others.
func personRest(r *wire.Reader) map[string]*string {
	picture := r.Nested("avatar.", "avatar").Text("url")
	properties := r.List("properties")
	more := r.Attributes()
	more.Put("avatar", cmp.Or(picture, more["avatar"]))
	for i, v := range properties {
		property := wire.Read(v)
		name, given := property.Word("name"), property.Text("value")
		key := "properties." + cmp.Or(name, strconv.Itoa(i))
		if more[key] != nil {
			key += "#" + strconv.Itoa(i)
		}
		if property.Empty() && name == "" && given == nil {
			given = wire.Text(v) // a property in an unknown form
		}
		more.Put(key, given)
		for of, rest := range property.Rest() {
			more.Put(key+"."+of, rest)
		}
	}
	return more.Map()
}

var (
	_ providers.Directory      = (*account)(nil)
	_ providers.Reporter       = (*account)(nil)
	_ providers.Prober         = (*account)(nil)
	_ providers.Retrier        = (*account)(nil)
	_ providers.SnapshotMapper = mapping{}
	_ providers.ReportMapper   = mapping{}
)
