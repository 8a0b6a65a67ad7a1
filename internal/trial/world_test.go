package trial

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world is everything that a seed decides. Each request to the platform or the store waits for its turn. The scheduler gives one
// turn at a time, so a schedule is a sequence, and the same seed replays it.
type world struct {
	t    testing.TB
	seed uint64
	dice *rand.Rand // only the scheduler uses it
	plan plan
	born time.Time

	store    *store
	desk     *desk // of an account that is kept up to date
	platform *platform

	mu       sync.Mutex
	parked   []*turn
	attempts map[string]*attempt // under way
	runs     []*run
	intents  []*intent
	steps    int
	// cutBeside is set if a window was too dense for one of several shards that were at work on it.
	cutBeside bool
	trace     []string
	wrong     []string // violations
}

// turn is a request of an attempt that waits for the scheduler.
type turn struct {
	by      *attempt
	what    string
	giveUp  bool // not a request: the attempt is given up at this turn
	proceed chan verdict
}

// verdict is what happens to a turn.
type verdict string

const (
	fine   verdict = "fine"
	refuse verdict = "refused"             // an error; nothing was done
	lose   verdict = "answer lost"         // an error, although it was done
	die    verdict = "killed"              // the process dies before the request
	after  verdict = "killed after"        // the process dies after the request, before it gets the answer
	cut    verdict = "cut short"           // of a staged object: half of it is returned, without an error
	mixed  verdict = "mixed up"            // of a staged object: another one is returned
	expire verdict = "cursor expired"      // of a list
	deny   verdict = "denied"              // of the platform
	tooBig verdict = "window is too dense" // of a list
)

// attempt is one attempt at an activity.
type attempt struct {
	name string
	run  *run
	dead bool // its process is gone: nothing that it does has any effect
}

var errKilled = errors.New("the process is gone")

type attemptKey struct{}

// clock is the clock of the lake. It is fast: a step takes an hour, so that a sweep has something to do.
func (w *world) clock() time.Time {
	if w.desk != nil {
		return w.desk.now()
	}
	return last.Add(time.Since(w.born) * time.Duration(time.Hour/time.Millisecond))
}

// sweep starts a sweep of the lake.
func (w *world) sweep(name string) {
	a := w.begin(nil, name)
	go func() {
		defer w.over(a)
		swept, err := w.lake().Sweep(context.WithValue(context.Background(), attemptKey{}, a), "", true)
		w.note("%s: %+v %v", name, swept, err)
	}()
}

// turn waits until the scheduler gives a request its turn.
func (w *world) turn(ctx context.Context, what string) verdict {
	a, _ := ctx.Value(attemptKey{}).(*attempt)
	if a == nil {
		return fine // a check from outside of the schedule
	}
	w.mu.Lock()
	if a.dead {
		w.mu.Unlock()
		return die
	}
	t := &turn{by: a, what: what, proceed: make(chan verdict)}
	w.parked = append(w.parked, t)
	w.mu.Unlock()
	v := <-t.proceed
	if v == fine && ctx.Err() != nil {
		return refuse
	}
	return v
}

// schedule gives turns until every run has ended and no attempt is left.
func (w *world) schedule() {
	const most = 20_000 // steps; the longest of ten thousand schedules has a tenth of that
	idle, talk := 0, 0
	for w.steps = 0; ; w.steps++ {
		time.Sleep(time.Millisecond) // lets everything run until it waits
		synctest.Wait()
		if w.steps > most {
			w.fail("it does not end after %d steps", most)
			w.abandon()
			return
		}
		if w.desk != nil {
			w.desk.look()
		}
		w.deliver()
		if w.follow() {
			continue
		}
		ready := w.ready()
		if len(ready) == 0 {
			if w.ended() {
				return
			}
			if idle++; idle > 200 {
				w.fail("it stands still: %s", w.standing())
				w.abandon()
				return
			}
			w.people()
			continue
		}
		idle = 0
		if slices.ContainsFunc(ready, func(t *turn) bool { return t.what != looks && t.what != arrives }) {
			talk = 0
		} else if talk++; talk%100 == 0 || !slices.ContainsFunc(ready, func(t *turn) bool { return t.what != looks }) {
			w.people() // nothing happens any more but that an export looks at a shard, and the shard answers
		}
		if i := slices.IndexFunc(ready, func(t *turn) bool { return t.by.run == nil && strings.HasPrefix(t.what, "delete data/") }); i >= 0 {
			w.release(ready[i]) // a sweep deletes within a minute of its list, or not at all
			continue
		}
		if w.happen() {
			continue
		}
		w.release(ready[w.dice.IntN(len(ready))])
	}
}

// ready is the turns that can be given now, in an order that does not depend on how goroutines ran.
func (w *world) ready() []*turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.parked, func(a, b *turn) int {
		if c := strings.Compare(a.by.name, b.by.name); c != 0 {
			return c
		}
		return strings.Compare(a.what, b.what)
	})
	return slices.Clone(w.parked)
}

// release gives a turn.
func (w *world) release(t *turn) {
	v := fine
	if !t.giveUp {
		v = w.verdict(t)
	}
	w.note("%s: %s: %s", t.by.name, t.what, v)
	w.mu.Lock()
	if v == die || v == after {
		t.by.dead = true
	}
	w.mu.Unlock()
	w.hand(t, v)
}

// hand removes a turn from the list and lets its request continue.
func (w *world) hand(t *turn, v verdict) {
	w.mu.Lock()
	i := slices.Index(w.parked, t)
	if i >= 0 {
		w.parked = slices.Delete(w.parked, i, i+1)
	}
	w.mu.Unlock()
	if i >= 0 {
		t.proceed <- v
	}
}

// verdict draws what happens to a request.
func (w *world) verdict(t *turn) verdict {
	if w.plan.mishaps == 0 || !w.chance(w.plan.faults) {
		return fine
	}
	w.plan.mishaps--
	choices := []verdict{refuse, refuse, lose, die, after}
	switch {
	case strings.HasPrefix(t.what, "list "):
		choices = []verdict{refuse, refuse, die, expire, deny}
		if w.plan.dense > 0 {
			choices = append(choices, tooBig, tooBig)
		}
	case strings.HasPrefix(t.what, "get _staging/"):
		choices = append(choices, cut, mixed)
	case !strings.Contains(t.what, "/"): // of the platform
		choices = []verdict{refuse, refuse, die, deny}
	}
	v := choices[w.dice.IntN(len(choices))]
	if v == tooBig {
		w.plan.dense--
		w.cutBeside = w.cutBeside || len(w.runs) > len(w.intents) || w.plan.second != "none" || slices.ContainsFunc(w.intents, func(i *intent) bool {
			return i.name == "second"
		})
	}
	return v
}

func (w *world) chance(p float64) bool { return w.dice.Float64() < p }

// kill ends processes: nothing that their attempts do has any effect.
func (w *world) kill(dead func(*attempt) bool) {
	w.mu.Lock()
	var turns []*turn
	for _, a := range w.attempts {
		if dead(a) {
			a.dead = true
		}
	}
	for _, t := range w.parked {
		if dead(t.by) && !t.giveUp {
			turns = append(turns, t)
		}
	}
	w.mu.Unlock()
	for _, t := range turns {
		w.hand(t, die)
	}
}

// abandon ends everything, so that the bubble can end.
func (w *world) abandon() {
	for _, r := range w.runs {
		r.terminate()
	}
	for range 1000 {
		w.kill(func(*attempt) bool { return true })
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if w.ended() && len(w.ready()) == 0 {
			return
		}
		for _, t := range w.ready() {
			w.hand(t, die)
		}
	}
}

func (w *world) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.attempts) == 0 && !slices.ContainsFunc(w.runs, func(r *run) bool { return !r.over })
}

func (w *world) standing() string {
	var at []string
	for _, r := range w.runs {
		if !r.over {
			at = append(at, r.name)
		}
	}
	return strings.Join(at, ", ")
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, fmt.Sprintf("%5d ", w.steps)+fmt.Sprintf(format, args...))
}

// fail records a violation.
func (w *world) fail(format string, args ...any) {
	w.note("WRONG: "+format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// hash is a random number for a name. It does not depend on other draws.
func (w *world) hash(name string) float64 {
	h := w.seed*0x9e3779b97f4a7c15 + 0x1234567
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return rand.New(rand.NewPCG(h, w.seed)).Float64()
}
