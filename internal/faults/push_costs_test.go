package faults

import (
	"flag"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
)

var pushCosts = flag.Bool("push-costs", false, "measure what push costs on all platforms and at all rates, and not only on one at some")

// TestPushCosts measures what announced events cost and how long they take to the lake, by the bubble's clock, on accounts that allow 10 requests
// a second. Nothing is lost on the way, and no sync runs. docs/push.md has the figures.
func TestPushCosts(t *testing.T) {
	if err := warm(); err != nil {
		t.Fatal(err)
	}
	const lasts = 10 * time.Minute
	for i, p := range movingPlatforms {
		if i > 0 && !*pushCosts {
			break
		}
		for _, test := range []struct {
			name    string
			events  int // in all
			lasts   time.Duration
			same    bool // all of one conversation
			fetches int  // at most
			always  bool // also without the flag
		}{
			{"1 a minute, different conversations", 10, lasts, false, 10, true},
			{"10 a minute, different conversations", 100, lasts, false, 100, false},
			{"1,000 in a minute, different conversations", 1000, time.Minute, false, 1000, false},
			{"1 a minute, one conversation", 10, lasts, true, 10, false},
			{"10 a minute, one conversation", 100, lasts, true, 10, true},
			{"1,000 a minute, one conversation", 10_000, lasts, true, 10, false},
			{"1,000 in less than a minute, one conversation", 1000, 58 * time.Second, true, 1, true},
		} {
			if !test.always && !*pushCosts {
				continue
			}
			if p.name == "giosg" && test.events > 1000 {
				continue // a chat that grows by 17 messages a second changes while it is read, and is flagged
			}
			t.Run(p.name+"/"+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := &month{moving: p, t: t, read: map[string]map[string]version{}, settings: worker.SyncDefaults(p.name), arrivals: map[string][]*arrival{}}
					m.start = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
					corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 100, From: m.start.AddDate(0, -1, 0), To: m.start})
					time.Sleep(time.Until(m.start))
					m.open(corpus, 10)
					m.receive(1)
					number := corpus.NextNumber() - 1
					for k := range test.events {
						e := simulator.Event{At: m.start.Add(test.lasts / time.Duration(test.events) * time.Duration(k)).Truncate(time.Microsecond), Kind: simulator.Begins, Seed: uint64(k)}
						if test.same && k > 0 {
							e.Kind = simulator.Replies
						} else {
							number++
						}
						e.Number = number
						time.Sleep(time.Until(e.At))
						m.happen(e, func(e simulator.Event) {
							by := m.push.courier.Sending
							by.At = time.Now()
							for _, a := range m.site.Living.(simulator.Announcer).Announce(e, by) {
								if code := m.push.deliver(a); code != 200 {
									t.Errorf("an announcement is answered with %d", code)
								}
							}
						})
					}
					time.Sleep(4 * time.Hour)
					m.push.stop()
					var took []time.Duration
					for _, all := range m.arrivals {
						for _, a := range all {
							took = append(took, a.took)
						}
					}
					slices.Sort(took)
					t.Logf("%d events: %d pushes, %d fetches, %d requests, %.2f for each event; from event to row: median %.1f s, worst %.1f s", test.events,
						m.push.pushes, m.push.named, m.requests.Load(), float64(m.requests.Load())/float64(test.events), took[len(took)/2].Seconds(), took[len(took)-1].Seconds())
					if len(took) != test.events || took[0] == 0 {
						t.Errorf("%d of %d events happened; the first took %s", len(took), test.events, took[0])
					}
					if m.push.named > test.fetches {
						t.Errorf("%d fetches, want %d at most", m.push.named, test.fetches)
					}
				})
			})
		}
	}
}
