package faults

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

var (
	everyPlatform = flag.Bool("months", false, "let a month go by on every platform whose changes can be listed, not only on one")
	monthSeed     = flag.Uint64("month-seed", 1, "decides what happens in the month; an odd one has the end of daylight-saving time, an even one its beginning")
	monthEvents   = flag.Int("month-events", 300, "how many events the month has")
	monthHours    = flag.Int("month-hours", 4, "hours between two syncs")
)

// latency is how long the fakes take to answer. Meanwhile things happen.
const latency = 150 * time.Millisecond

// month is an account that goes on for a month, and a lake that follows it. All of it is in one bubble with one clock.
type month struct {
	world
	moving
	t      *testing.T
	site   livingSite
	killer *killer
	mapper providers.Mapper
	dice   *rand.Rand

	from, start, end time.Time      // of the first conversation, of the events
	down             schemas.Window // the platform answers nothing
	events           int
	ticks            []time.Time // of the schedule of syncs
	settings         activities.SyncSettings

	looking sync.Mutex
	before  standing
	read    map[string]map[string]version // what records have, by their digest

	mu       sync.Mutex
	happened []event
	shown    map[int64]time.Time // when conversations last changed in a way that the signal shows, unless the lake has it

	runs, skipped, doubled, merged, absorbed int
	removed                                  int
	dated                                    map[string]bool // files whose age is set

	push     *announced            // nil if the platform announces nothing
	arrivals map[string][]*arrival // of the events, by conversation
}

// event is an event that happened, and the id of its conversation.
type event struct {
	simulator.Event
	id string
}

// TestMovingMonth lets a month go by on a platform, while a lake follows it on schedules: conversations begin and get replies, edits and
// late ratings, they are closed, opened again, purged and deleted. Workers die, the platform is down for a day, actions of schedules are missed and
// doubled, a clock is set forward or back, and a person exports the same range. After every run, a reader finds nothing lost, nothing twice and
// nothing older than before. After the last settle the lake is what the platform is.
func TestMovingMonth(t *testing.T) {
	if err := warm(); err != nil {
		t.Fatal(err)
	}
	for i, p := range movingPlatforms {
		if i > 0 && !*everyPlatform {
			break
		}
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newMonth(t, p, *monthSeed, false).live() })
		})
	}
}

// TestMovingMonthWithPush is TestMovingMonth with a platform that announces what happens, to a receiver, and with an Inbox that has it fetched.
// Some announcements are lost, late, doubled, out of order and wrong.
func TestMovingMonthWithPush(t *testing.T) {
	if err := warm(); err != nil {
		t.Fatal(err)
	}
	for i, p := range movingPlatforms {
		if i > 0 && !*everyPlatform {
			break
		}
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newMonth(t, p, *monthSeed, true).live() })
		})
	}
}

// TestEveryChangingPlatformMoves: a platform whose changes can be listed has a month.
func TestEveryChangingPlatformMoves(t *testing.T) {
	for _, p := range platforms {
		account := p.account
		account.Name, account.BaseURL = "acme", "http://site.test"
		reader, err := p.definition.Open(account)
		if err != nil {
			t.Fatal(err)
		}
		_, changes := reader.(providers.Changer)
		moves := slices.ContainsFunc(movingPlatforms, func(m moving) bool { return m.name == p.name })
		if changes != moves {
			t.Errorf("%s: its changes can be listed: %t; it has a month: %t", p.name, changes, moves)
		}
	}
}

// newMonth must be called in a bubble.
func newMonth(t *testing.T, p moving, seed uint64, push bool) *month {
	m := &month{
		moving: p, t: t, dice: rand.New(rand.NewPCG(seed, 7)), read: map[string]map[string]version{}, shown: map[int64]time.Time{}, dated: map[string]bool{}, arrivals: map[string][]*arrival{},
		killer: &killer{dice: rand.New(rand.NewPCG(seed, 8))},
	}
	m.start = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	if seed%2 == 1 {
		m.start = time.Date(2026, 10, 9, 9, 0, 0, 0, time.UTC)
	}
	m.end = m.start.AddDate(0, 1, 0)
	m.from = time.Date(m.start.Year(), m.start.Month()-1, 1, 0, 0, 0, 0, time.UTC)
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: seed, Conversations: 150, From: m.from, To: m.start.AddDate(0, 0, -4)})
	time.Sleep(time.Until(m.start))
	dark := m.start.AddDate(0, 0, 12).Add(5 * time.Hour)
	m.down = schemas.Window{From: dark, To: dark.Add(24 * time.Hour)}
	m.settings = worker.SyncDefaults(p.name)
	hours := *monthHours
	m.events = *monthEvents
	if push && !*everyPlatform {
		m.events, hours = min(m.events, 100), max(hours, 12) // a part of it, because every push is a run
	}
	m.open(corpus, p.definition.RequestsPerSecond)
	m.lake.CheckpointFrom(1) // a month has few records
	m.ticks = localTimes(t, m.start, m.end.AddDate(0, 0, 1), hours)
	if push {
		m.receive(seed)
	}
	go m.play(m.script(corpus))
	return m
}

// open serves the platform and opens an empty lake.
func (m *month) open(corpus *simulator.Corpus, requestsPerSecond float64) {
	t, p := m.t, m.moving
	m.site = p.live(corpus, latency)
	m.world = world{t: t, platform: p.platform, root: t.TempDir()}
	base, stop := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.requests.Add(1)
		outage(m.site, m.down).ServeHTTP(w, r)
	}))
	t.Cleanup(stop)
	account := p.account
	account.Name, account.BaseURL, account.Rate.RequestsPerSecond = "acme", base, requestsPerSecond
	reader, err := p.definition.Open(account)
	if err != nil {
		t.Fatal(err)
	}
	mapper, err := p.definition.Mapper(providers.Settings{Options: account.Options, Secrets: account.Secrets})
	if err != nil {
		t.Fatal(err)
	}
	m.mapper = mapper
	m.lake, err = lake.Open(t.Context(), ledger.Config{URL: "file:" + m.root}, lake.Config{Scratch: filepath.Join(t.TempDir(), "scratch"), Writer: "month"})
	if err != nil {
		t.Fatal(err)
	}
	m.do = &activities.Activities{Lake: m.lake, Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{
			Reader: providertest.Reads(reader), Mapper: providertest.Maps(mapper), Name: p.name, Spec: "spec", Parallel: 4, Costs: p.definition.Prices(account.Options).Costs,
			Changed:           p.definition.Prices(account.Options).Changed,
			RequestsPerSecond: requestsPerSecond, Batch: p.definition.Batch, MetadataBatch: p.definition.MetadataBatch, Shards: 2, ChunksInFlight: 2,
			Window: "month", OnMismatch: "flag", Sync: &m.settings, Blind: p.definition.Blind, Keeper: p.definition.Keeper,
		}, nil
	}}
}

// localTimes are the times of a schedule that names hours of a day in a zone. The day on which the clocks are set has other distances between them.
func localTimes(t *testing.T, from, to time.Time, hours int) (times []time.Time) {
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	for day := from.In(zone); day.Before(to); day = day.AddDate(0, 0, 1) {
		for hour := 0; hour < 24; hour += hours {
			if at := time.Date(day.Year(), day.Month(), day.Day(), hour, 0, 0, 0, zone).UTC(); at.After(from) && at.Before(to) {
				times = append(times, at)
			}
		}
	}
	return times
}

// script is what happens. Some of it happens in the second in which a window of a sync ends. What only a settle can find does not happen
// after the last settle of its window.
func (m *month) script(corpus *simulator.Corpus) []simulator.Event {
	script := corpus.Script(simulator.ScriptConfig{Seed: *monthSeed, From: m.start, To: m.end, Events: m.events})
	created := map[int64]time.Time{}
	for i := range corpus.Len() {
		created[corpus.Outline(i).Number] = corpus.CreatedAt(i)
	}
	for i, e := range script {
		if e.Kind == simulator.Begins {
			created[e.Number] = e.At
		} else if m.dice.IntN(6) == 0 {
			if tick, _ := slices.BinarySearchFunc(m.ticks, e.At, time.Time.Compare); tick < len(m.ticks) {
				script[i].At = m.ticks[tick].Add(-m.settings.Lag + time.Duration(m.dice.IntN(2_000_000)-1_000_000)*time.Microsecond)
			}
		}
	}
	slices.SortStableFunc(script, func(a, b simulator.Event) int { return a.At.Compare(b.At) })
	return slices.DeleteFunc(script, func(e simulator.Event) bool {
		at := created[e.Number].UTC()
		last := time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC).Add(m.settings.Settle[len(m.settings.Settle)-1])
		return m.isHidden(e.Kind) && !e.At.Before(last)
	})
}

// play lets everything happen at its time.
func (m *month) play(script []simulator.Event) {
	for _, e := range script {
		time.Sleep(time.Until(e.At))
		m.happen(e, m.announce)
	}
}

// happen lets an event happen, and announces it.
func (m *month) happen(e simulator.Event, announce func(simulator.Event)) {
	id, _ := m.site.ID(e.Number)
	if !m.site.Happen(e) {
		return
	}
	if id == "" {
		id, _ = m.site.ID(e.Number)
	}
	m.mu.Lock()
	m.happened = append(m.happened, event{e, id})
	if m.arrivals != nil {
		m.arrivals[id] = append(m.arrivals[id], &arrival{at: e.At})
	}
	switch {
	case m.shown == nil:
	case !m.isHidden(e.Kind):
		m.shown[e.Number] = e.At
	case m.unsays:
		delete(m.shown, e.Number)
	}
	m.mu.Unlock()
	if m.push != nil {
		announce(e)
	}
}

// live is the month, and the time until its last settle.
func (m *month) live() {
	m.export("history", schemas.Window{From: m.from, To: m.start})
	m.killer.one = 40
	m.look("after the export of the history")
	settle := m.start.Truncate(24 * time.Hour).Add(28 * time.Hour)
	byHand := m.start.AddDate(0, 0, 17)
	for _, tick := range m.ticks {
		if time.Now().After(tick) {
			m.skipped++ // the run before has not ended
			continue
		}
		time.Sleep(time.Until(tick.Add(time.Duration(m.dice.IntN(120)) * time.Second)))
		if m.dice.IntN(10) == 0 {
			m.skipped++
			continue
		}
		runs := []func(){func() { m.sync(tick) }}
		if m.dice.IntN(15) == 0 {
			m.doubled++
			runs = append(runs, runs[0])
		}
		if !tick.Before(settle) {
			settle = settle.Add(24 * time.Hour)
			runs = append(runs, func() { m.settle(tick); m.maintain() })
		}
		if !byHand.IsZero() && !tick.Before(byHand) {
			byHand = time.Time{}
			runs = append(runs, func() { m.export("by hand", schemas.Window{From: m.from, To: tick}) })
		}
		m.beside(runs...)
		m.look(fmt.Sprintf("after the run of %s", tick.Format(time.RFC3339)))
	}
	m.killer.one = 0
	for last := time.Date(m.end.Year(), m.end.Month()+1, 1, 4, 0, 0, 0, time.UTC).Add(m.settings.Settle[len(m.settings.Settle)-1]); ; {
		time.Sleep(7 * 24 * time.Hour)
		tick := time.Now().UTC()
		m.sync(tick)
		m.settle(tick)
		m.maintain()
		m.look(fmt.Sprintf("after the runs of %s", tick.Format(time.RFC3339)))
		if tick.After(last) {
			break
		}
	}
	if m.push != nil {
		m.push.stop()
	}
	m.settled()
	m.freshness()
	if m.skipped == 0 || m.doubled == 0 || m.merged == 0 || m.absorbed == 0 || m.removed == 0 || m.killer.hit == 0 {
		m.t.Error("something that the month is about did not happen")
	}
	m.t.Logf("%d runs, %d actions missed, %d doubled; %d windows merged, %d absorbed, %d files removed; %d events happened; workers died %d times; %d requests",
		m.runs, m.skipped, m.doubled, m.merged, m.absorbed, m.removed, len(m.happened), m.killer.hit, m.requests.Load())
}

// beside runs workflows at the same time.
func (m *month) beside(runs ...func()) {
	var all sync.WaitGroup
	for _, run := range runs {
		all.Go(run)
	}
	all.Wait()
}

func (m *month) sync(nominal time.Time) {
	m.ended("sync", runWorkflow(m, nominal, workflows.Sync, workflows.SyncInput{Account: "acme", Policy: workflows.NewPolicy()}))
}

func (m *month) settle(nominal time.Time) workflows.SyncOutput {
	r := runWorkflow(m, nominal, workflows.Settle, workflows.SettleInput{Account: "acme", Policy: workflows.NewPolicy()})
	m.ended("settle", r)
	return r.out
}

// maintain merges and absorbs, and removes the files that no record names any more.
func (m *month) maintain() {
	r := runWorkflow(m, time.Time{}, workflows.Maintain, workflows.MaintainInput{Account: "acme", Policy: workflows.NewPolicy()})
	if r.err != nil || r.out.Totals.Kept > 0 {
		m.t.Errorf("the maintenance of %s ended with %+v, %v\n%v", time.Now().UTC().Format(time.RFC3339), r.out, r.err, r.errors)
	}
	m.mu.Lock()
	m.runs++
	m.merged += r.out.Totals.Merged
	m.absorbed += r.out.Totals.Absorbed
	m.mu.Unlock()
	m.vacuum()
}

// vacuum removes the files that no record has named for a week. Their ages are set by the bubble's clock, as no file system does.
func (m *month) vacuum() {
	err := filepath.WalkDir(filepath.Join(m.root, "data"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || m.dated[name] {
			return err
		}
		m.dated[name] = true
		return os.Chtimes(name, time.Now(), time.Now())
	})
	if err != nil {
		m.t.Error(err)
	}
	removed, err := m.lake.Vacuum(m.t.Context(), "", 7*24*time.Hour, true)
	if err != nil {
		m.t.Error(err)
	}
	m.removed += removed.Files
}

func (m *month) ended(what string, r ran[workflows.SyncOutput]) {
	m.mu.Lock()
	m.runs++
	m.mu.Unlock()
	if r.err != nil || len(r.out.Failed) > 0 || !r.out.Complete {
		m.t.Errorf("the %s of %s ended with %+v, %v\n%v", what, time.Now().UTC().Format(time.RFC3339), r.out, r.err, r.errors)
	}
}

func (m *month) export(name string, w schemas.Window) {
	r := runWorkflow(m, time.Time{}, workflows.Export, workflows.ExportInput{
		Account: "acme", Name: "by-hand", Window: "month", From: w.From, To: w.To, Policy: workflows.NewPolicy(),
	})
	if r.err != nil || len(r.out.Failed) > 0 || !r.out.Complete {
		m.t.Errorf("the export %s ended with %+v, %v\n%v", name, r.out, r.err, r.errors)
	}
}
