package freshchat

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// sources are the parsed documents of one conversation.
type sources struct {
	id           string
	observedAt   time.Time // of the newest document
	conversation object
	body         *schemas.Document // of the conversation, of any status
	created      []reportRow       // of the newest document first
	transcripts  []transcriptPart  // the newest first
	transcript   []reportRow       // each message once
	newest       *time.Time        // of the messages that the conversation ever had, as far as a document says so
	askedAt      time.Time         // when the messages were last read by REST; zero if they were not
	messages     []message         // each once
	refused      int64             // status of the answer if the messages could not be read
	users        map[string]person
	actors       map[string]actor // according to the transcript
}

type actor struct{ name, email *string }

// transcriptPart is what the transcripts of a range have of the conversation.
type transcriptPart struct {
	doc    schemas.Document
	window schemas.Window
	rows   []reportRow
}

// reportRow is one row of a report. Its cells are by column.
type reportRow struct {
	doc   schemas.Document
	cells map[string]string
	empty map[string]bool // columns with an empty cell
	at    *time.Time
	time  string // column of at
	place [2]int // the transcript in sources, and the row in it
}

// message is one message as sent by the REST API.
type message struct {
	doc  schemas.Document
	id   string
	wire object
	at   *time.Time
}

// person is a fetched user, without a body if the platform does not know the user.
type person struct {
	doc  schemas.Document
	wire object
}

// gatherSources parses documents. Only a body that is not JSON, or has a completely different form, is an error.
func gatherSources(docs []schemas.Document) (*sources, error) {
	s := &sources{users: map[string]person{}, actors: map[string]actor{}}
	at := map[string]int{}
	for _, doc := range docs {
		s.id = doc.ConversationID
		if doc.ObservedAt.After(s.observedAt) {
			s.observedAt = doc.ObservedAt
		}
		if err := s.add(doc, at); err != nil {
			return nil, fmt.Errorf("%s %d: %w", doc.Kind, doc.Sequence, err)
		}
	}
	newestFirst(s.transcripts, func(t transcriptPart) time.Time { return t.doc.ObservedAt })
	newestFirst(s.created, func(l reportRow) time.Time { return l.doc.ObservedAt })
	s.joinTranscripts()
	return s, nil
}

// newestFirst sorts by the time at which something was read. What was read at the same time keeps its order.
func newestFirst[T any](all []T, at func(T) time.Time) {
	slices.SortStableFunc(all, func(a, b T) int { return at(b).Compare(at(a)) })
}

// joinTranscripts collects the rows of all transcripts. Of each time, the newest transcript counts whose range contains it. The reports
// of two days may both contain a message from midnight.
func (s *sources) joinTranscripts() {
	seen := map[string]bool{}
	for i, t := range s.transcripts {
		for j, l := range t.rows {
			l.place = [2]int{i, j}
			id := l.cells["message_id"]
			if id != "" && seen[id] || coveredBy(s.transcripts[:i], l.at) {
				continue
			}
			seen[id] = true
			s.transcript = append(s.transcript, l)
			s.learn(l)
		}
	}
}

// coveredBy reports whether the range of a transcript contains a time.
func coveredBy(all []transcriptPart, at *time.Time) bool {
	return slices.ContainsFunc(all, func(t transcriptPart) bool { return contains(t.window, at) })
}

func (s *sources) add(doc schemas.Document, at map[string]int) (err error) {
	read := doc.Status == statusOK
	switch {
	case doc.Kind == kindConversation:
		if s.body == nil || !doc.ObservedAt.Before(s.body.ObservedAt) {
			kept := doc
			s.body = &kept
			s.conversation = nil
			if read {
				s.conversation, err = wire.ParseObject(doc.Body)
			}
		}
	case doc.Kind == kindMessages && doc.Status >= 400:
		s.refused = doc.Status
	case !read:
		// the document has no body
	case doc.Kind == kindMessages || doc.Kind == kindListed:
		if doc.ObservedAt.After(s.askedAt) {
			s.askedAt = doc.ObservedAt
		}
		err = s.addMessages(doc, at)
	case doc.Kind == kindCreated:
		var rows []reportRow
		rows, err = readReportRows(doc, doc.Body)
		s.created = append(s.created, rows...)
	case doc.Kind == kindTranscript:
		err = s.addTranscript(doc)
	case doc.Kind == kindNewest:
		var o object
		if o, err = wire.ParseObject(doc.Body); err == nil {
			s.newest = wire.Later(s.newest, moment(o["created_time"]))
		}
	case doc.Kind == kindUser || doc.Kind == kindSystemUser:
		var o object
		if o, err = wire.ParseObject(doc.Body); err == nil {
			s.users[wire.Word(o["id"])] = person{doc, o}
		}
	}
	return err
}

func (s *sources) addMessages(doc schemas.Document, at map[string]int) error {
	rows, err := listRows(doc.Body, "messages")
	if err != nil {
		return err
	}
	doc.Body = nil
	for _, row := range rows {
		m := message{doc: doc, wire: wire.Fields(row)}
		if m.wire == nil {
			continue
		}
		m.id, m.at = wire.Word(m.wire["id"]), moment(m.wire["created_time"])
		if m.id == "" {
			m.id = derivedID("message", m.at, wire.Word(m.wire["actor_id"]))
		}
		i, twice := at[m.id]
		switch {
		case !twice:
			at[m.id] = len(s.messages)
			s.messages = append(s.messages, m)
		case !doc.ObservedAt.Before(s.messages[i].doc.ObservedAt):
			s.messages[i] = m
		}
	}
	return nil
}

// derivedID returns an id made of a time and an actor, for something that has no id of its own.
func derivedID(prefix string, at *time.Time, actor string) string {
	when := "-"
	if at != nil {
		when = at.Format("20060102T150405.000")
	}
	return prefix + ":" + when + ":" + actor
}

func (s *sources) addTranscript(doc schemas.Document) error {
	o, err := wire.ParseObject(doc.Body)
	if err != nil {
		return err
	}
	t := transcriptPart{doc: doc}
	if from, to := moment(o["from"]), moment(o["to"]); from != nil && to != nil {
		t.window = schemas.Window{From: *from, To: *to}
	}
	rows := o["rows"]
	if wire.IsNull(rows) || rows[0] != '[' {
		return wire.ErrShape
	}
	t.rows, err = readReportRows(doc, rows)
	s.transcripts = append(s.transcripts, t)
	return err
}

// learn records the name and the e-mail address of a row's actor.
func (s *sources) learn(l reportRow) {
	id := l.cells["actor_id"]
	if id == "" {
		return
	}
	known := s.actors[id]
	if known.name == nil {
		known.name = fullName(l.cells["actor_first_name"], l.cells["actor_last_name"])
	}
	if known.email == nil {
		known.email = wire.NonEmpty(l.cells["actor_email"])
	}
	s.actors[id] = known
}

func readReportRows(doc schemas.Document, rows []byte) ([]reportRow, error) {
	if !wire.Valid(rows) {
		return nil, wire.ErrNotJSON
	}
	doc.Body = nil
	var all []reportRow
	for _, row := range wire.Items(rows) {
		if row[0] != '{' {
			return nil, wire.ErrShape
		}
		l := reportRow{doc: doc, cells: map[string]string{}, empty: map[string]bool{}}
		for key, cell := range wire.Members(row) {
			name, ok := wire.Unquote(key)
			if s := wire.Word(cell); ok && s != "" {
				l.cells[columnName(name)] = s
			} else if ok {
				l.empty[columnName(name)] = true
			}
		}
		for _, column := range columnTimes {
			if l.at = instant(l.cells[column]); l.at != nil {
				l.time = column
				break
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// statedCreation returns the time of creation from the conversation's own body, or else from Conversation-Created. That report also
// has rows about reopened conversations; they do not count.
func (s *sources) statedCreation() *time.Time {
	if at := moment(s.conversation["created_time"]); at != nil {
		return at
	}
	var first *time.Time
	for _, l := range s.created {
		if !l.reopens() {
			first = wire.Earlier(first, l.at)
		}
	}
	return first
}

// reopens reports whether a row of Conversation-Created is about a reopened conversation.
func (l reportRow) reopens() bool {
	switch lower(l.cells["reopened"]) {
	case "true", "1", "yes":
		return true
	}
	return false
}

// createdAt returns statedCreation, or else the time of the first message, or else of the first row of the transcript, or else of the
// first row of Conversation-Created, or else the contact's time of creation.
func (s *sources) createdAt() *time.Time {
	first := s.statedCreation()
	if first != nil {
		return first
	}
	for _, m := range s.messages {
		first = wire.Earlier(first, m.at)
	}
	if first != nil {
		return first
	}
	for _, l := range s.transcript {
		first = wire.Earlier(first, l.at)
	}
	if first != nil {
		return first
	}
	for _, l := range s.created {
		first = wire.Earlier(first, l.at)
	}
	if first != nil {
		return first
	}
	for _, p := range s.users {
		if p.doc.Kind == kindUser {
			first = wire.Earlier(first, moment(p.wire["created_time"]))
		}
	}
	return first
}

// contactID returns the id of the conversation's contact.
func (s *sources) contactID() string {
	if id := wire.Word(s.conversation["user_id"]); id != "" {
		return id
	}
	for _, m := range s.messages {
		if id := wire.Word(m.wire["user_id"]); id != "" {
			return id
		}
	}
	for _, l := range slices.Concat(s.transcript, s.created) {
		if id := cmp.Or(l.cells["customer_id"], l.cells["user_id"]); id != "" {
			return id
		}
	}
	for _, m := range s.messages {
		if authorTypes[lower(wire.Word(m.wire["actor_type"]))] == "contact" && wire.Word(m.wire["actor_id"]) != "" {
			return wire.Word(m.wire["actor_id"])
		}
	}
	for _, l := range s.transcript {
		if authorTypes[lower(l.cells["actor_type"])] == "contact" && l.cells["actor_id"] != "" {
			return l.cells["actor_id"]
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.users)) {
		if s.users[id].doc.Kind == kindUser {
			return id
		}
	}
	return ""
}

// hint returns the count and the digest of the transcript's message ids.
func (s *sources) hint() hint {
	var h hint
	if len(s.transcripts) > 0 { // of a list
		h.From, h.To = s.transcripts[0].window.From, s.transcripts[0].window.To
	}
	for _, l := range s.transcript {
		if id := l.cells["message_id"]; id != "" {
			h.add(id)
		} else {
			h.Unnamed++
		}
	}
	return h
}
