package faults

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

var show = flag.Bool("show", false, "say how each export ended")

// state is the final state of an export.
type state string

const (
	complete state = "complete"
	gaps     state = "complete with gaps" // dead letters, or a flag
	blocked  state = "blocked"
	waiting  state = "waiting"
)

// end is the expected outcome of a fault.
type end struct {
	state state
	kind  string // of the dead letter, or of the error that blocks
	says  string // part of the text of either
	gone  bool   // the victim is a tombstone
	flag  string // of the commit record
	// extra is how many additional requests the fault may cause; least and most are how long the export may take.
	extra       int64
	least, most time.Duration
	// changed means that the victim's rows differ from those without the fault; check verifies them.
	changed bool
	check   func(*world, contents, reference) error
}

// fault is one thing that goes wrong, in one or more places, on one or more platforms, always with the same outcome.
type fault struct {
	name   string
	where  []place
	on     []string // platforms; nil means all that have the place
	corpus simulator.CorpusConfig
	spoil  func(place) spoil
	end    end
	note   string // for the page, about the outcome
}

func (f fault) meets(p platform, where place) bool {
	return (f.on == nil || slices.Contains(f.on, p.name)) && p.has(where)
}

// reference is the result of an export without a fault.
type reference struct {
	contents
	requests int64
}

var references sync.Map // by platform and corpus

type referenceKey struct {
	platform string
	corpus   simulator.CorpusConfig
}

// refer exports without a fault, once for each platform and corpus, and compares the result with the fake.
func refer(t *testing.T, p platform, config simulator.CorpusConfig) reference {
	t.Helper()
	key := referenceKey{p.name, config}
	if found, ok := references.Load(key); ok {
		return found.(reference)
	}
	var ref reference
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, p, config, nil)
		o := w.run()
		ref = reference{w.contents(), w.requests.Load()}
		if !o.ended || o.err != nil || len(o.errors) > 0 {
			t.Errorf("without a fault it ended with %v, blocked %v, %v", o.err, o.blocked, o.errors)
		}
		if got := slices.Sorted(maps.Keys(ref.digests)); !slices.Equal(got, slices.Sorted(slices.Values(w.ids))) {
			t.Errorf("%d conversations, the platform has %d", len(got), len(w.ids))
		}
		for _, id := range w.ids {
			if thread, ok := w.thread(id); !ok || len(thread.Messages) != len(ref.messages[id]) {
				t.Errorf("conversation %s has %d messages, the platform says %d", id, len(ref.messages[id]), len(thread.Messages))
			}
		}
	})
	references.Store(key, ref)
	return ref
}

// TestMatrix tests every fault in every place on every platform.
func TestMatrix(t *testing.T) {
	if err := warm(); err != nil {
		t.Fatal(err)
	}
	for _, f := range matrix {
		if f.corpus.Conversations == 0 {
			f.corpus = small
		}
		for _, where := range f.where {
			for _, p := range platforms {
				if !f.meets(p, where) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", strings.ReplaceAll(f.name, "/", "-"), where, p.name), func(t *testing.T) {
					t.Parallel()
					meet(t, f, where, p)
				})
			}
		}
	}
}

func meet(t *testing.T, f fault, where place, p platform) {
	ref := refer(t, p, f.corpus)
	if f.spoil == nil { // the account itself is the fault, and refer has compared it with the fake
		if err := f.end.check(nil, ref.contents, ref); err != nil {
			t.Error(err)
		}
		return
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, p, f.corpus, f.spoil(where))
		o := w.run()
		c := w.contents()
		if *show {
			t.Logf("%s: blocked %+v, dead %v, gone %v, %d of %d requests, took %s, flags %v\n%s", o.state(c), o.blocked, c.dead, c.gone,
				o.asked, ref.requests, o.took, c.flags, strings.Join(slices.Compact(o.errors), "\n"))
		}
		w.judge(f.end, where, o, c, ref)
		w.searchForWords(o, c)
	})
}

// step is the activity in which a fault in a place occurs.
func (p place) step() string {
	switch p {
	case atMessages:
		return "FetchMessages"
	case atMetadata:
		return "FetchMetadata"
	}
	return ""
}

// state is the state in which an export ended.
func (o outcome) state(c contents) state {
	switch {
	case o.blocked != nil:
		return blocked
	case o.stood != nil:
		return waiting
	case o.err != nil:
		return state("failed: " + o.err.Error())
	case len(c.dead) > 0 || len(c.flags) > 0:
		return gaps
	}
	return complete
}

// patience is how long a request may take, whatever the platform does.
const patience = 61 * time.Second

// judge compares the outcome of an export with the expected one.
func (w *world) judge(want end, where place, o outcome, c contents, ref reference) {
	w.t.Helper()
	if got := o.state(c); got != want.state {
		w.t.Errorf("it is %s, want %s; blocked %v, stands %v, dead %v\n%s", got, want.state, o.blocked, o.stood, c.dead, strings.Join(slices.Compact(o.errors), "\n"))
		return
	}
	if w.struck.Load() == 0 {
		w.t.Error("the fault was never met")
	}
	if longest := time.Duration(w.longest.Load()); longest > patience {
		w.t.Errorf("a request was waited for for %s, want at most %s", longest, patience)
	}
	if n := o.asked; n > ref.requests+want.extra {
		w.t.Errorf("%d requests, without the fault %d, want at most %d more", n, ref.requests, want.extra)
	}
	if o.took < want.least || want.most > 0 && o.took > want.most {
		w.t.Errorf("it took %s, want %s to %s", o.took, want.least, want.most)
	}
	switch want.state {
	case blocked:
		if o.blocked.Kind != want.kind || !strings.Contains(o.blocked.Detail, want.says) {
			w.t.Errorf("blocked by %s: %s; want %s: %s", o.blocked.Kind, o.blocked.Detail, want.kind, want.says)
		}
		if o.err != nil {
			w.t.Errorf("after the fault was repaired it ended with %v", o.err)
		}
		w.judgeRows(end{state: complete}, where.step(), c, ref)
	case waiting:
		if o.stood.WaitingUntil == nil {
			w.t.Errorf("nothing shows that it waits: %+v", o.stood)
		}
	default:
		w.judgeRows(want, where.step(), c, ref)
	}
}

// judgeRows compares the rows of a committed shard with those without the fault.
func (w *world) judgeRows(want end, step string, c contents, ref reference) {
	w.t.Helper()
	for _, id := range w.ids {
		dead, isDead := c.dead[id]
		_, isGone := c.gone[id]
		mine := id == w.victim.id
		switch {
		case isDead && (!mine || want.state != gaps || dead.Step != step || dead.ErrorKind != want.kind || !strings.Contains(*dead.Detail, want.says)):
			w.t.Errorf("conversation %s (the victim %t) is dead: %s %s %s; want %s %s %s", id, mine, dead.Step, dead.ErrorKind, *dead.Detail, step, want.kind, want.says)
		case isGone && !(mine && want.gone):
			w.t.Errorf("conversation %s (the victim %t) is a tombstone", id, mine)
		case isDead || isGone || mine && want.changed:
		case mine && want.state == gaps && want.kind != "":
			w.t.Errorf("the victim is not dead")
		case mine && want.gone:
			w.t.Errorf("the victim is no tombstone")
		case c.digests[id] != ref.digests[id] || len(c.messages[id]) != len(ref.messages[id]):
			w.t.Errorf("conversation %s has other rows than without the fault: %q, %d messages, want %d", id, c.digests[id], len(c.messages[id]), len(ref.messages[id]))
		}
	}
	if want.flag != strings.Join(c.flags, ",") {
		w.t.Errorf("the flags are %v, want %q", c.flags, want.flag)
	}
	if n := len(c.digests) + len(c.dead) + len(c.gone); n != len(w.ids) {
		w.t.Errorf("%d conversations, tombstones and dead letters, the platform has %d", n, len(w.ids))
	}
	if want.check != nil {
		if err := want.check(w, c, ref); err != nil {
			w.t.Error(err)
		}
	}
}

// searchForWords searches everything that is reported about the fault for people's words.
func (w *world) searchForWords(o outcome, c contents) {
	w.t.Helper()
	said := slices.Clone(o.errors)
	if o.blocked != nil {
		said = append(said, o.blocked.Detail)
	}
	if o.err != nil {
		said = append(said, o.err.Error())
	}
	for _, d := range c.dead {
		said = append(said, *d.Detail)
	}
	words := []string{marker, "Something went wrong", "Retry later", w.account.Token} // of refusals, and the token
	for _, id := range w.ids {
		thread, _ := w.thread(id)
		for _, m := range thread.Messages {
			if m.Text != nil && len(*m.Text) > 12 {
				words = append(words, *m.Text)
			}
		}
		for _, p := range thread.Participants {
			for _, text := range []*string{p.Name, p.Email, p.Phone} {
				if text != nil && len(*text) > 6 {
					words = append(words, *text)
				}
			}
		}
	}
	for _, text := range slices.Compact(said) {
		for _, word := range words {
			if strings.Contains(text, word) {
				w.t.Errorf("somebody's words, name or token stand in the error %q", text)
			}
		}
	}
}
