package chatwoot

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// entry is the data of a conversation that lists need, 48 bytes each.
type entry struct {
	created, activity int64 // Unix seconds
	updated           int64 // Unix microseconds
	number, person    int32
	index             int32 // in the corpus, -1 if it was inserted later
	inbox, team       int16
	agent, bot        int16
	state, priority   uint8
	survey            simulator.Survey
}

var states = []simulator.State{simulator.Open, simulator.Closed, simulator.Pending, simulator.Snoozed}

var priorities = []string{"", "low", "medium", "high", "urgent"}

func entryOf(o simulator.Outline, index int) entry {
	e := entry{
		created:  o.CreatedAt.Unix(),
		activity: o.LastActivityAt.Unix(),
		updated:  o.UpdatedAt.UnixMicro(),
		number:   int32(o.Number),
		person:   int32(o.PersonID),
		index:    int32(index),
		inbox:    int16(o.ChannelID),
		team:     int16(o.GroupID),
		state:    uint8(slices.Index(states, o.State)),
		priority: uint8(slices.Index(priorities, o.Priority)),
		survey:   o.Survey,
	}
	switch o.Assignee.Kind {
	case simulator.ByAgent:
		e.agent = int16(o.Assignee.ID)
	case simulator.ByBot:
		e.bot = int16(o.Assignee.ID)
	}
	return e
}

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.number, b.number))
}

// thread is a conversation in its current state, and false if there is none.
func (s *Site) thread(number int64) (simulator.Thread, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t, changed := s.changed[number]; changed {
		if t == nil {
			return simulator.Thread{}, false
		}
		return *t, true
	}
	i, ok := s.corpus.Index(number)
	if !ok {
		return simulator.Thread{}, false
	}
	return s.corpus.Thread(i), true
}

// replace replaces a conversation with the result of edit, unless edit returns false. It reports whether it replaced it.
func (s *Site) replace(number int64, edit func(simulator.Thread) (simulator.Thread, bool)) bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	old, ok := s.thread(number)
	if !ok {
		return false
	}
	changed, ok := edit(old)
	if !ok {
		return false
	}
	changed.Number = number
	s.mu.Lock()
	defer s.mu.Unlock()
	index := s.remove(old)
	s.insert(changed, index)
	return true
}

// change is replace with a conversation and its messages, for a change that happens now.
func (s *Site) change(number int64, edit func(*simulator.Conversation, *[]simulator.Message) bool) bool {
	return s.replace(number, func(old simulator.Thread) (simulator.Thread, bool) {
		conv, all := old.Conversation, old.All()
		conv.UpdatedAt = s.options.Now().UTC().Truncate(time.Microsecond)
		ok := edit(&conv, &all)
		return simulator.NewThread(conv, all), ok
	})
}

// Happen is simulator.Living. New versions do not update the conversation when only a message changes.
func (s *Site) Happen(e simulator.Event) bool {
	switch e.Kind {
	case simulator.Begins:
		conv, m := e.New(s.corpus)
		if n := s.begin(conv, e.At, m); n != e.Number {
			panic(fmt.Sprintf("conversation %d begins, but the script says %d", n, e.Number))
		}
		return true
	case simulator.Vanishes:
		return s.DeleteConversation(e.Number)
	}
	return s.replace(e.Number, func(old simulator.Thread) (simulator.Thread, bool) {
		changed, ok := e.Apply(s.corpus, old, s.messageID)
		switch e.Kind {
		case simulator.Edits, simulator.Retracts, simulator.Rates, simulator.Delivers, simulator.Purges:
			if s.modern() {
				changed.UpdatedAt = old.UpdatedAt
			}
		}
		return changed, ok
	})
}

// messageID is the id of the next message. The caller holds s.changing.
func (s *Site) messageID() int64 {
	id := s.nextID
	s.nextID += 3
	return id
}

// ID is simulator.Living.
func (s *Site) ID(number int64) (string, bool) {
	_, ok := s.thread(number)
	return id(number), ok
}

// remove takes a conversation out of the lists and returns its index in the corpus. The caller holds s.mu.
func (s *Site) remove(t simulator.Thread) int {
	at, _ := slices.BinarySearchFunc(s.entries, entryOf(t.Outline, -1), compareEntries)
	index := s.entries[at].index
	s.entries = slices.Delete(s.entries, at, at+1)
	s.invalidate()
	return int(index)
}

// insert puts a conversation into the lists. The caller holds s.mu.
func (s *Site) insert(t simulator.Thread, index int) {
	e := entryOf(t.Outline, index)
	at, _ := slices.BinarySearchFunc(s.entries, e, compareEntries)
	s.entries = slices.Insert(s.entries, at, e)
	s.changed[t.Number] = &t
	s.invalidate()
}

// invalidate discards what was derived from the entries. The caller holds s.mu.
func (s *Site) invalidate() {
	clear(s.lists)
	s.derived = derived{}
}

// InsertConversation adds a conversation with messages and returns its number. The site assigns numbers and message ids;
// zero times mean now. The texts are served unchanged.
func (s *Site) InsertConversation(conv simulator.Conversation, messages ...simulator.Message) int64 {
	return s.begin(conv, s.options.Now(), messages...)
}

// begin adds a conversation with messages and returns its number.
func (s *Site) begin(conv simulator.Conversation, now time.Time, messages ...simulator.Message) int64 {
	if conv.CreatedAt.IsZero() {
		conv.CreatedAt = now.UTC().Truncate(time.Second)
	}
	conv.LastActivityAt = conv.CreatedAt
	if conv.State == "" {
		conv.State = simulator.Open
	}
	if conv.ChannelID == 0 {
		conv.ChannelID = s.corpus.Channels()[0].ID
	}
	if conv.PersonID == 0 {
		conv.PersonID = s.corpus.Person(0).ID
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	conv.Number = s.next
	s.next++
	messages = slices.Clone(messages)
	for j := range messages {
		s.complete(&messages[j], conv.CreatedAt)
		conv.LastActivityAt = messages[j].CreatedAt
		conv.Survey = max(conv.Survey, messages[j].Survey)
	}
	conv.UpdatedAt = now.UTC().Truncate(time.Microsecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.insert(simulator.NewThread(conv, messages), -1)
	return conv.Number
}

// complete fills in the missing fields of a new message. The caller holds s.changing.
func (s *Site) complete(m *simulator.Message, at time.Time) {
	m.ID = s.messageID()
	if m.CreatedAt.IsZero() {
		m.CreatedAt = at
	}
	m.CreatedAt = m.CreatedAt.UTC().Truncate(time.Second)
	m.ContentType = cmp.Or(m.ContentType, "text")
	m.Delivery = cmp.Or(m.Delivery, "sent")
}

// DeleteConversation removes a conversation without a trace.
func (s *Site) DeleteConversation(number int64) bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	old, ok := s.thread(number)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(old)
	s.changed[number] = nil
	return true
}

// UpdateConversation changes a conversation with edit.
func (s *Site) UpdateConversation(number int64, edit func(*simulator.Conversation)) bool {
	return s.change(number, func(c *simulator.Conversation, _ *[]simulator.Message) bool {
		edit(c)
		return true
	})
}

// AddMessage adds a message to a conversation and returns its id; false if there is no such conversation.
func (s *Site) AddMessage(number int64, m simulator.Message) (int64, bool) {
	ok := s.change(number, func(c *simulator.Conversation, all *[]simulator.Message) bool {
		s.complete(&m, s.options.Now())
		c.LastActivityAt = m.CreatedAt
		c.Survey = max(c.Survey, m.Survey)
		*all = append(*all, m)
		return true
	})
	return m.ID, ok
}

// DeleteMessage replaces a message with a tombstone. New versions do not update the conversation.
func (s *Site) DeleteMessage(number, id int64) bool {
	return s.change(number, func(c *simulator.Conversation, all *[]simulator.Message) bool {
		j := slices.IndexFunc(*all, func(m simulator.Message) bool { return m.ID == id })
		if j < 0 {
			return false
		}
		if old, ok := s.thread(number); ok && s.modern() {
			c.UpdatedAt = old.UpdatedAt
		}
		m := (*all)[j]
		(*all)[j] = simulator.Message{
			ID: m.ID, CreatedAt: m.CreatedAt, Kind: m.Kind, Author: m.Author, ContentType: "text",
			Delivery: m.Delivery, ExternalID: m.ExternalID, Deleted: true,
		}
		return true
	})
}
