package giosg

import (
	"cmp"
	"fmt"
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
	t := s.corpus.Thread(e.index)
	if s.old(e) {
		t.State = simulator.Closed
	}
	return t
}

// old reports whether a chat must have ended, because Options.Newest later ones of the corpus may be open.
func (s *Site) old(e entry) bool {
	return s.options.Newest > 0 && e.index >= 0 && e.index < s.corpus.Len()-s.options.Newest
}

// hasEnded reports whether a chat has ended. The caller holds s.mu.
func (s *Site) hasEnded(e entry) bool {
	if _, ended := s.ended[e.number]; ended {
		return true
	}
	var o simulator.Outline
	if t := s.added[e.number]; t != nil {
		o = t.Outline
	} else {
		o = s.corpus.Outline(e.index)
	}
	channel, _ := s.corpus.ChannelByID(o.ChannelID)
	return s.old(e) || o.State == simulator.Closed && endsOnItsOwn(channel)
}

// endsOnItsOwn reports whether the chats of a channel end. External ones do not.
func endsOnItsOwn(c simulator.Channel) bool { return c.Kind != simulator.Email }

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
	return s.insert(conv, slices.Clone(messages))
}

// insert adds a conversation. The caller holds s.mu.
func (s *Site) insert(conv simulator.Conversation, messages []simulator.Message) string {
	t := simulator.NewThread(conv, messages)
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
	if ok {
		s.remove(e)
	}
	return ok
}

// remove removes a chat. The caller holds s.mu.
func (s *Site) remove(e entry) {
	delete(s.numbers, e.number)
	at, _ := slices.BinarySearchFunc(s.entries, e, compareEntries)
	s.entries = slices.Delete(s.entries, at, at+1)
	clear(s.lists)
}

var _ simulator.Living = (*Site)(nil)

// Happen is simulator.Living. A chat that has ended is locked: it can only be purged or deleted. Only ended chats are purged, and
// messages are never edited.
func (s *Site) Happen(e simulator.Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Kind == simulator.Begins {
		return s.begin(e)
	}
	chat, ok := s.numbers[e.Number]
	if !ok {
		return false
	}
	switch e.Kind {
	case simulator.Vanishes:
		s.remove(chat)
		return true
	case simulator.Purges:
		if _, again := s.purged[e.Number]; again || !s.hasEnded(chat) {
			return false
		}
		s.purged[e.Number] = e.At.UTC().Truncate(time.Millisecond)
		clear(s.lists)
		return true
	case simulator.Replies, simulator.Closes, simulator.Labels:
	default:
		return false
	}
	old := s.thread(chat)
	channel, _ := s.corpus.ChannelByID(old.ChannelID)
	if s.hasEnded(chat) || e.Kind == simulator.Closes && !endsOnItsOwn(channel) {
		return false
	}
	changed, ok := e.Apply(s.corpus, old, s.messageID)
	if ok {
		if m := changed.Message(changed.Len() - 1); e.Kind == simulator.Closes && !slices.Contains(changed.Participants, m.Author.ID) {
			changed.Participants = append(slices.Clone(changed.Participants), m.Author.ID) // and leaves a few seconds later
		}
		changed.Number = e.Number
		s.added[e.Number] = &changed
		clear(s.lists)
	}
	return ok
}

// begin lets a chat begin. The caller holds s.mu.
func (s *Site) begin(e simulator.Event) bool {
	conv, m := e.New(s.corpus)
	if conv.Number = s.next; conv.Number != e.Number {
		panic(fmt.Sprintf("chat %d begins, but the script says %d", conv.Number, e.Number))
	}
	s.next++
	m.ID = s.messageID()
	s.insert(conv, []simulator.Message{m})
	return true
}

// messageID is the id of the next message. The caller holds s.mu.
func (s *Site) messageID() int64 {
	s.nextID++
	return s.nextID
}

// ID is simulator.Living.
func (s *Site) ID(number int64) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.numbers[number]
	return uuid("chat", number), ok
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
