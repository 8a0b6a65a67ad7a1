package simulator

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// A script is the same for the same seed, in the order of time, within its range, and has every kind of event and ties in one second.
func TestScript(t *testing.T) {
	c := NewCorpus(CorpusConfig{Seed: 7, Conversations: 80})
	config := ScriptConfig{Seed: 3, From: c.Config().To, To: c.Config().To.Add(48 * time.Hour), Events: 2000}
	events := c.Script(config)
	if again := c.Script(config); !reflect.DeepEqual(events, again) {
		t.Error("the same seed gives another script")
	}
	kinds := map[EventKind]int{}
	ties, next := 0, c.NextNumber()
	for i, e := range events {
		kinds[e.Kind]++
		if e.At.Before(config.From) || !e.At.Before(config.To) || i > 0 && e.At.Before(events[i-1].At) {
			t.Errorf("event %d is at %s", i, e.At)
		}
		if i > 0 && e.At.Unix() == events[i-1].At.Unix() {
			ties++
		}
		if e.Kind == Begins {
			if e.Number != next {
				t.Errorf("event %d begins conversation %d, want %d", i, e.Number, next)
			}
			next++
		} else if e.Number < 1 || e.Number >= next {
			t.Errorf("event %d is about conversation %d", i, e.Number)
		}
	}
	if len(kinds) != int(eventKinds) || ties < len(events)/10 {
		t.Errorf("%d kinds and %d ties", len(kinds), ties)
	}
}

// Every kind of event changes a conversation and leaves the old thread as it was.
func TestApply(t *testing.T) {
	c := NewCorpus(CorpusConfig{Seed: 7, Conversations: 80})
	happened := map[EventKind]int{}
	for _, e := range c.Script(ScriptConfig{Seed: 4, From: c.Config().To, To: c.Config().To.Add(48 * time.Hour), Events: 1000}) {
		i, known := c.Index(e.Number)
		if e.Kind == Begins || e.Kind == Vanishes || !known {
			continue
		}
		old := c.Thread(i)
		before := old.All()
		ids := 0
		after, ok := e.Apply(c, old, func() int64 { ids++; return c.NextMessageID() })
		if !slices.EqualFunc(before, old.All(), func(a, b Message) bool { return reflect.DeepEqual(a, b) }) {
			t.Errorf("%s changes the old thread", e.Kind)
		}
		if !ok {
			continue
		}
		happened[e.Kind]++
		conv := after.Conversation
		conv.UpdatedAt = old.UpdatedAt
		if reflect.DeepEqual(before, after.All()) && reflect.DeepEqual(conv, old.Conversation) {
			t.Errorf("%s changes nothing", e.Kind)
		}
		if !after.UpdatedAt.Equal(e.At) || after.Len() != old.Len()+ids {
			t.Errorf("%s: updated at %s, %d messages after %d", e.Kind, after.UpdatedAt, after.Len(), old.Len())
		}
	}
	if len(happened) != int(eventKinds)-2 {
		t.Errorf("these kinds happened: %v", happened)
	}
}
