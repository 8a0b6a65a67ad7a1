package freshchat

import (
	"fmt"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// living is a conversation that has changed since the site was made.
type living struct {
	simulator.Thread
	events []simulator.Event // that the reports show
}

var _ simulator.Living = (*Site)(nil)

// Happen is simulator.Living. The platform has no delivery states, no tags and no purges. When a message is edited, deleted or rated,
// nothing of its conversation changes.
func (s *Site) Happen(e simulator.Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Kind == simulator.Begins {
		s.begin(e)
		return true
	}
	i, ok := s.numbered(e.Number)
	if !ok || s.deleted[i] {
		return false
	}
	switch e.Kind {
	case simulator.Delivers, simulator.Labels, simulator.Purges:
		return false
	case simulator.Vanishes:
		s.deleted[i] = true
		return true
	}
	l := s.changed[i]
	if l == nil {
		l = &living{Thread: s.corpus.Thread(i)}
	}
	changed, ok := e.Apply(s.corpus, l.Thread, s.messageID)
	if !ok {
		return false
	}
	changed.Number = e.Number
	switch e.Kind {
	case simulator.Edits, simulator.Retracts, simulator.Rates:
		changed.UpdatedAt = l.UpdatedAt
	case simulator.Replies, simulator.Reopens:
		s.hear(changed, e.At)
	}
	s.changed[i] = &living{Thread: changed, events: append(l.events[:len(l.events):len(l.events)], e)}
	return true
}

// hear notes that a person wrote, if the last message is from the person. The caller holds s.mu.
func (s *Site) hear(t simulator.Thread, at time.Time) {
	if t.Len() > 0 && t.Kind(t.Len()-1) == simulator.In {
		s.active[t.PersonID] = at
	}
}

// begin adds a conversation. The caller holds s.mu.
func (s *Site) begin(e simulator.Event) {
	conv, m := e.New(s.corpus)
	if conv.Number = s.corpus.NextNumber() + int64(len(s.begun)); conv.Number != e.Number {
		panic(fmt.Sprintf("conversation %d begins, but the script says %d", conv.Number, e.Number))
	}
	m.ID = s.messageID()
	t := simulator.NewThread(conv, []simulator.Message{m})
	i := len(s.spans) + len(s.begun)
	s.begun = append(s.begun, conv.Number)
	s.changed[i] = &living{Thread: t}
	s.byID[t.UUID] = i
	s.byUser[t.PersonID] = append(s.byUser[t.PersonID], i)
	s.hear(t, e.At)
}

// messageID is the id of the next message. The caller holds s.mu.
func (s *Site) messageID() int64 {
	s.nextID++
	return s.nextID
}

// numbered is the index of the conversation with a number. The caller holds s.mu.
func (s *Site) numbered(number int64) (int, bool) {
	if i, ok := s.corpus.Index(number); ok {
		return i, true
	}
	n := number - s.corpus.NextNumber()
	return len(s.spans) + int(n), n >= 0 && n < int64(len(s.begun))
}

// ID is simulator.Living.
func (s *Site) ID(number int64) (string, bool) {
	s.mu.RLock()
	i, ok := s.numbered(number)
	s.mu.RUnlock()
	if !ok {
		return "", false
	}
	t, ok := s.at(i)
	return t.UUID, ok
}

// len is the number of conversations, with deleted ones.
func (s *Site) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.spans) + len(s.begun)
}

// hasChanged reports whether a conversation has changed since the site was made.
func (s *Site) hasChanged(i int) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed[i] != nil
}

// rowsOf are the rows of a report about a conversation: those of its original state, and one for each later event.
func (s *Site) rowsOf(i int, event string) []reportRow {
	t, ok := s.at(i)
	if !ok {
		return nil
	}
	s.mu.RLock()
	l := s.changed[i]
	s.mu.RUnlock()
	if l == nil {
		return s.reportRows(t, event)
	}
	var all []reportRow
	switch {
	case event == "Message-Sent":
		return s.reportRows(t, event)
	case i < len(s.spans):
		all = s.reportRows(s.corpus.Thread(i), event)
	case event == "Conversation-Created":
		all = s.reportRows(t, event)[:1]
	}
	for _, e := range l.events {
		row := reportRow{at: e.At, about: t.Outline, cellsByColumn: map[string]string{
			"conversation_id": t.UUID, "interaction_id": t.UUID, "created_at": stamp(e.At), "channel_id": uuid(ofChannel, t.ChannelID),
		}}
		switch {
		case e.Kind == simulator.Closes && event == "Conversation-Resolved":
		case e.Kind == simulator.Reopens && event == "Conversation-Created":
			row.cellsByColumn["reopened"] = "true"
		case e.Kind == simulator.Rates && event == "CSAT-Score":
			row.cellsByColumn["value"], row.cellsByColumn["csat_rated_at"] = strconv.Itoa(1+int(e.Seed%5)), stamp(e.At)
		default:
			continue
		}
		all = append(all, row)
	}
	return all
}
