package freshchat

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// sources are the documents of one conversation, read.
type sources struct {
	id           string
	observedAt   time.Time // of the newest document
	conversation object
	body         *schemas.Document // of the conversation, whatever its status
	created      []line
	from, to     time.Time // the range of the transcript, zero where there is none
	lines        []line    // of the transcript, each message once
	asked        bool      // the messages were read by REST
	messages     []message // each once
	refused      int64     // status of the answer where the messages could not be read
	users        map[string]person
	actors       map[string]actor // as the transcript names them
}

type actor struct{ name, email *string }

// line is one row of a report: its cells under the names of their columns.
type line struct {
	doc   schemas.Document
	cells map[string]string
	empty map[string]bool // columns whose cell is empty
	at    *time.Time
	time  string // the column of at
}

// message is one message as the REST part sent it.
type message struct {
	doc  schemas.Document
	id   string
	wire object
	at   *time.Time
}

// person is a user as fetched; without a body where the platform does not know it.
type person struct {
	doc  schemas.Document
	wire object
}

// gatherSources reads documents. Only what is no JSON, or JSON of another shape altogether, is an error.
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
	return s, nil
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
				s.conversation, err = only(doc.Body)
			}
		}
	case doc.Kind == kindMessages && doc.Status >= 400:
		s.refused = doc.Status
	case !read:
		// what it would have said is not known
	case doc.Kind == kindMessages || doc.Kind == kindListed:
		s.asked = s.asked || doc.Kind == kindMessages
		err = s.addMessages(doc, at)
	case doc.Kind == kindCreated:
		s.created, err = readLines(doc, doc.Body)
	case doc.Kind == kindTranscript:
		err = s.addTranscript(doc)
	case doc.Kind == kindUser || doc.Kind == kindSystemUser:
		var o object
		if o, err = only(doc.Body); err == nil {
			s.users[wire.Word(o["id"])] = person{doc, o}
		}
	}
	return err
}

func (s *sources) addMessages(doc schemas.Document, at map[string]int) error {
	rows, err := list(doc.Body, "messages")
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

// derivedID names what has no id of its own by its time and its actor.
func derivedID(what string, at *time.Time, actor string) string {
	when := "-"
	if at != nil {
		when = at.Format("20060102T150405.000")
	}
	return what + ":" + when + ":" + actor
}

func (s *sources) addTranscript(doc schemas.Document) error {
	o, err := only(doc.Body)
	if err != nil {
		return err
	}
	if from, to := moment(o["from"]), moment(o["to"]); from != nil && to != nil {
		s.from, s.to = *from, *to
	}
	rows := o["rows"]
	if wire.IsNull(rows) || rows[0] != '[' {
		return wire.ErrShape
	}
	doc.Body = nil
	lines, err := readLines(doc, rows)
	seen := map[string]bool{}
	for _, l := range lines {
		id := l.cells["message_id"]
		if id == "" || !seen[id] { // a message on the edge of two days may be in the reports of both
			seen[id] = true
			s.lines = append(s.lines, l)
			s.learn(l)
		}
	}
	return err
}

// learn keeps what a row says of its actor.
func (s *sources) learn(l line) {
	id := l.cells["actor_id"]
	if id == "" {
		return
	}
	known := s.actors[id]
	if known.name == nil {
		known.name = fullName(l.cells["actor_first_name"], l.cells["actor_last_name"])
	}
	if known.email == nil {
		known.email = some(l.cells["actor_email"])
	}
	s.actors[id] = known
}

func readLines(doc schemas.Document, rows []byte) ([]line, error) {
	if !wire.Valid(rows) {
		return nil, wire.ErrNotJSON
	}
	doc.Body = nil
	var all []line
	for _, row := range wire.Items(rows) {
		if row[0] != '{' {
			return nil, wire.ErrShape
		}
		l := line{doc: doc, cells: map[string]string{}, empty: map[string]bool{}}
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

// stated is when the conversation was created as its own body says, else as Conversation-Created does. A row that says
// that the conversation was reopened is not of its creation.
func (s *sources) stated() *time.Time {
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

// reopens reports whether a row of Conversation-Created is of a reopening.
func (l line) reopens() bool {
	switch lower(l.cells["reopened"]) {
	case "true", "1", "yes":
		return true
	}
	return false
}

// createdAt is stated, else the time of the first message, else of the first row of the transcript, else that of the
// contact.
func (s *sources) createdAt() *time.Time {
	first := s.stated()
	if first != nil {
		return first
	}
	for _, m := range s.messages {
		first = wire.Earlier(first, m.at)
	}
	if first != nil {
		return first
	}
	for _, l := range s.lines {
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

// contactID is whom the conversation is with.
func (s *sources) contactID() string {
	if id := wire.Word(s.conversation["user_id"]); id != "" {
		return id
	}
	for _, m := range s.messages {
		if id := wire.Word(m.wire["user_id"]); id != "" {
			return id
		}
	}
	for _, l := range slices.Concat(s.lines, s.created) {
		if id := cmp.Or(l.cells["customer_id"], l.cells["user_id"]); id != "" {
			return id
		}
	}
	for _, m := range s.messages {
		if authorTypes[lower(wire.Word(m.wire["actor_type"]))] == "contact" && wire.Word(m.wire["actor_id"]) != "" {
			return wire.Word(m.wire["actor_id"])
		}
	}
	for _, l := range s.lines {
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

// hint is the count and digest of the transcript's message ids.
func (s *sources) hint() hint {
	h := hint{From: s.from, To: s.to}
	for _, l := range s.lines {
		if id := l.cells["message_id"]; id != "" {
			h.add(id)
		} else {
			h.Unnamed++
		}
	}
	return h
}

var errNone = errors.New("there are none")
