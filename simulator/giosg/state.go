package giosg

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// entryOf spreads chats over the milliseconds of their second; every other one shares its millisecond with its neighbour.
func entryOf(o simulator.Outline, index int) entry {
	return entry{
		created: o.CreatedAt.UnixMilli() + o.Number/2*137%1000, updated: o.UpdatedAt.UnixMilli(), number: o.Number, index: index,
	}
}

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.number, b.number))
}

// thread is the conversation behind an entry. The caller holds s.mu.
func (s *Site) thread(e entry) simulator.Thread {
	if t := s.added[e.number]; t != nil {
		return *t
	}
	return s.corpus.Thread(e.index)
}

// entry is the entry of a chat, whose number is part of its id. The caller holds s.mu.
func (s *Site) entry(id string) (entry, bool) {
	const digits = 12
	n, err := strconv.ParseInt(id[max(0, len(id)-digits):], 16, 64)
	e, ok := s.numbers[n]
	return e, err == nil && ok && uuid("chat", n) == id
}

// find is the chat with an id, in its current state.
func (s *Site) find(id string) (room, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entry(id)
	if !ok {
		return room{}, false
	}
	return s.open(e), true
}

// Insert adds a conversation with messages and returns the id of its chat. A zero time of creation means now.
func (s *Site) Insert(conv simulator.Conversation, messages ...simulator.Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if conv.CreatedAt.IsZero() {
		conv.CreatedAt = s.options.Now().UTC().Truncate(time.Second)
	}
	conv.Number = s.next
	s.next++
	if conv.State == "" {
		conv.State = simulator.Open
	}
	if conv.ChannelID == 0 {
		conv.ChannelID = s.corpus.Channels()[0].ID
	}
	if conv.PersonID == 0 {
		conv.PersonID = s.corpus.Person(0).ID
	}
	conv.LastActivityAt, conv.UpdatedAt = conv.CreatedAt, conv.CreatedAt
	t := simulator.NewThread(conv, slices.Clone(messages))
	s.added[conv.Number] = &t
	e := entryOf(t.Outline, -1)
	at, _ := slices.BinarySearchFunc(s.entries, e, compareEntries)
	s.entries = slices.Insert(s.entries, at, e)
	s.numbers[e.number] = e
	clear(s.lists)
	return uuid("chat", conv.Number)
}

// DeleteChat removes a chat without a trace, as a deletion of personal data may do.
func (s *Site) DeleteChat(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entry(id)
	if !ok {
		return false
	}
	delete(s.numbers, e.number)
	at, _ := slices.BinarySearchFunc(s.entries, e, compareEntries)
	s.entries = slices.Delete(s.entries, at, at+1)
	clear(s.lists)
	return true
}

// Purge blanks the texts of a chat.
func (s *Site) Purge(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.entry(id); ok {
		s.purged[e.number] = s.options.Now().UTC().Truncate(time.Millisecond)
		clear(s.lists)
	}
}

// ExpireCursors makes all cursors that the site has issued invalid.
func (s *Site) ExpireCursors() { s.generation.Add(1) }

// CachePlainTexts sets whether the site still has the plain texts of encrypted rooms, as it does for ninety minutes after a
// message. Otherwise the reader must decrypt them.
func (s *Site) CachePlainTexts(yes bool) { s.cached.Store(yes) }
