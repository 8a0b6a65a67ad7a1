package faults

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fakegiosg "github.com/chatlake/chatlake/simulator/giosg"
)

// TestUnreadable exports encrypted chats without their key: everything except the texts is in the lake, and the ledger counts
// each of these texts.
func TestUnreadable(t *testing.T) {
	if err := warm(); err != nil {
		t.Fatal(err)
	}
	p := ofGiosg
	var s *fakegiosg.Site
	p.fake = func(c *simulator.Corpus) site {
		s = fakegiosg.New(c, fakegiosg.Options{PageSize: 7, Encrypted: true})
		return site{Handler: s, ids: s.Conversations(window), thread: s.Thread}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, p, small, nil)
		w.run()
		c := w.contents()
		var want int64
		for _, id := range w.ids {
			thread, _ := s.Thread(id)
			n := hidden(thread)
			want += n
			for _, m := range c.messages[id] {
				if n > 0 && m.text != "" && isSealed(thread, m.id) {
					t.Errorf("message %s has a text", m.id)
				}
			}
		}
		if c.counts.Unreadable != want || want == 0 {
			t.Errorf("the ledger counts %d unreadable texts, want %d", c.counts.Unreadable, want)
		}
		if c.counts.Conversations != conversations || c.counts.Dead != 0 || c.counts.Mismatched != 0 {
			t.Errorf("counts %+v", c.counts)
		}
	})
}

// hidden is how many texts and variables of a chat are encrypted.
func hidden(t schemas.Thread) (n int64) {
	if t.Conversation.IsEncrypted == nil || !*t.Conversation.IsEncrypted {
		return 0
	}
	for _, m := range t.Messages {
		if isSealed(t, m.MessageID) {
			n++
		}
	}
	for _, e := range t.Events {
		if e.Text != nil {
			n++
		}
	}
	for _, p := range t.Participants {
		for key, v := range p.Attributes {
			if strings.HasPrefix(key, "variable.") && v != nil {
				n++
			}
		}
	}
	return n
}

// isSealed reports whether somebody wrote the text of a message; those of cards are not encrypted.
func isSealed(t schemas.Thread, id string) bool {
	for _, m := range t.Messages {
		if m.MessageID == id {
			return len(m.Parts) > 0 && m.Parts[0].Type == "text"
		}
	}
	return false
}
