package liveperson

import (
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// thread is a conversation in its current state, and false if there is none.
func (s *Site) thread(id string) (simulator.Thread, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	number, ok := s.numbers[id]
	if !ok {
		return simulator.Thread{}, false
	}
	if t, changed := s.changed[number]; changed {
		return t, true
	}
	i, ok := s.corpus.Index(number)
	if !ok {
		return simulator.Thread{}, false
	}
	return s.corpus.Thread(i), true
}

// DeleteConversation removes a conversation without a trace.
func (s *Site) DeleteConversation(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.numbers[id]
	delete(s.numbers, id)
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return e.id == id })
	return ok
}

// Hold hides conversations from searches until Release, as if the search engine had not indexed them yet.
func (s *Site) Hold(ids ...string) { s.hold(true, ids) }

// Release makes conversations visible to searches.
func (s *Site) Release(ids ...string) { s.hold(false, ids) }

func (s *Site) hold(held bool, ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.entries {
		if slices.Contains(ids, s.entries[i].id) {
			s.entries[i].held = held
		}
	}
}

// UpdateConversation changes a conversation with edit and sets its update time to now. Its id does not change.
func (s *Site) UpdateConversation(id string, edit func(*simulator.Conversation)) bool {
	now := s.options.Now().UTC().Truncate(time.Millisecond)
	return s.replace(id, now, func(old simulator.Thread) (simulator.Thread, int64, bool) {
		conv := old.Conversation
		conv.UpdatedAt = now
		edit(&conv)
		return simulator.NewThread(conv, old.All()), now.UnixMilli(), true
	})
}

// replace replaces a conversation with the result of edit, which also returns the time of the update that searches know.
func (s *Site) replace(id string, at time.Time, edit func(simulator.Thread) (t simulator.Thread, updated int64, ok bool)) bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	old, ok := s.thread(id)
	if !ok {
		return false
	}
	t, updated, ok := edit(old)
	if !ok {
		return false
	}
	t.Number, t.UUID, t.CreatedAt = old.Number, old.UUID, old.CreatedAt
	s.mu.Lock()
	defer s.mu.Unlock()
	e := entryOf(t)
	e.updated = updated
	s.index(t, e, at)
	return true
}

// index stores a conversation, and lets searches find it after a while. The caller holds s.mu.
func (s *Site) index(t simulator.Thread, e entry, at time.Time) {
	s.changed[t.Number] = t
	s.numbers[t.UUID] = t.Number
	delete(s.cache, t.Number)
	s.waiting = append(s.waiting, indexing{at: at.Add(s.options.IndexDelay), entry: e})
	s.ripen()
}

// ripen lets searches find what they can find by now. The caller holds s.mu.
func (s *Site) ripen() {
	now := s.options.Now()
	for len(s.waiting) > 0 && (s.options.IndexDelay == 0 || !now.Before(s.waiting[0].at)) {
		e := s.waiting[0].entry
		s.waiting = s.waiting[1:]
		if _, exists := s.numbers[e.id]; !exists {
			continue
		}
		if i := slices.IndexFunc(s.entries, func(old entry) bool { return old.id == e.id }); i >= 0 {
			e.held = s.entries[i].held
			s.entries = slices.Delete(s.entries, i, i+1)
		}
		i, _ := slices.BinarySearchFunc(s.entries, e, compareEntries)
		s.entries = slices.Insert(s.entries, i, e)
	}
}

// updatedOf is when searches say that a conversation was updated last.
func (s *Site) updatedOf(t simulator.Thread) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, w := range slices.Backward(s.waiting) {
		if w.id == t.UUID {
			return w.updated
		}
	}
	for _, e := range s.entries {
		if e.id == t.UUID {
			return e.updated
		}
	}
	return t.UpdatedAt.UnixMilli()
}

// Happen is simulator.Living.
func (s *Site) Happen(e simulator.Event) bool {
	switch e.Kind {
	case simulator.Begins:
		conv, m := e.New(s.corpus)
		s.changing.Lock()
		defer s.changing.Unlock()
		if s.next != e.Number {
			panic(fmt.Sprintf("conversation %d begins, but the script says %d", s.next, e.Number))
		}
		conv.Number = s.next
		m.ID = s.messageID()
		s.next++
		t := simulator.NewThread(conv, []simulator.Message{m})
		s.mu.Lock()
		defer s.mu.Unlock()
		s.index(t, entryOf(t), e.At)
		return true
	case simulator.Vanishes:
		id, ok := s.ID(e.Number)
		return ok && s.DeleteConversation(id)
	}
	id, ok := s.ID(e.Number)
	return ok && s.replace(id, e.At, func(old simulator.Thread) (simulator.Thread, int64, bool) {
		t, ok := e.Apply(s.corpus, old, s.messageID)
		updated := t.UpdatedAt.UnixMilli()
		switch {
		case slices.Contains(s.options.Unseen, e.Kind):
			updated, t.UpdatedAt = s.updatedOf(old), old.UpdatedAt
		case slices.Contains(s.options.Unstamped, e.Kind):
			t.UpdatedAt = old.UpdatedAt
		}
		return t, updated, ok
	})
}

// messageID is the id of the next message. The caller holds s.changing.
func (s *Site) messageID() int64 {
	s.nextID++
	return s.nextID - 1
}

// ID is simulator.Living.
func (s *Site) ID(number int64) (string, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	id := ""
	if t, changed := s.changed[number]; changed {
		id = t.UUID
	} else if i, ok := s.corpus.Index(number); ok {
		id = s.corpus.Conversation(i).UUID
	}
	_, exists := s.numbers[id]
	return id, exists
}
