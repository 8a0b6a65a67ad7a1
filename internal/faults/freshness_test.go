package faults

import (
	"flag"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
)

var (
	freshConversations = flag.Int("freshness-conversations", 1000, "conversations of the accounts in TestFreshness; 1 % of them change in an hour")
	freshHours         = flag.Int("freshness-hours", 1, "hours of TestFreshness")
)

// TestFreshness measures how far a lake is behind each platform, if 1 % of its conversations change in an hour and it allows 10 requests a
// second. A sync begins every 15 minutes, with the default settings, and the clock is the bubble's. The lake begins empty, and neither the
// directory nor history is copied beside the syncs. docs/sync.md has the figures.
func TestFreshness(t *testing.T) {
	if err := warm(); err != nil {
		t.Fatal(err)
	}
	for _, p := range movingPlatforms {
		t.Run(p.name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { freshness(t, p) }) })
	}
}

func freshness(t *testing.T, p moving) {
	m := &month{moving: p, t: t, shown: map[int64]time.Time{}, settings: worker.SyncDefaults(p.name)}
	m.settings.Directory, m.settings.Every = 0, 15*time.Minute
	m.start = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	m.end = m.start.Add(time.Duration(*freshHours) * time.Hour)
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: *freshConversations, From: m.start.AddDate(0, -6, 0), To: m.start})
	time.Sleep(time.Until(m.start))
	m.open(corpus, 10)
	go m.play(corpus.Script(simulator.ScriptConfig{
		Seed: 1, From: m.start, To: m.end, Events: *freshConversations / 100 * *freshHours, Recent: *freshConversations / 20,
		Kinds: []simulator.EventKind{simulator.Begins, simulator.Replies, simulator.Replies, simulator.Replies, simulator.Closes},
	}))
	var took, longest, after, worst time.Duration
	var copied int64
	syncs, behind := 0, m.start
	for tick := m.start.Add(m.settings.Every); !tick.After(m.end); tick = tick.Add(m.settings.Every) {
		if time.Now().After(tick) {
			continue // the run before has not ended
		}
		time.Sleep(time.Until(tick))
		m.sync(tick)
		records, err := m.lake.Current(t.Context(), ledger.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if syncs++; syncs > 1 {
			worst = max(worst, now.Sub(behind))
		}
		copied = 0
		for _, r := range records {
			copied += r.Counts.Conversations
		}
		behind = ledger.Watermark(records, time.Time{})
		took, longest, after = took+now.Sub(tick), max(longest, now.Sub(tick)), after+now.Sub(behind)
	}
	mean := func(d time.Duration) time.Duration { return (d / time.Duration(syncs)).Round(time.Second) }
	t.Logf("%s, %d conversations, %d events in %d h: %d syncs, %d conversations copied with %d requests; a sync took %s, at most %s; right after it the lake was %s behind, right before the next one at most %s",
		p.name, *freshConversations, len(m.happened), *freshHours, syncs, copied, m.requests.Load(), mean(took), longest.Round(time.Second), mean(after), worst.Round(time.Second))
	if most := 2*m.settings.Every + m.settings.Lag; worst > most || syncs < 2 {
		t.Errorf("%d syncs, at most %s behind, want no more than %s", syncs, worst, most)
	}
}
