package trial

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// plan is what a seed decides in advance. The counts are of events that may still happen, the fractions are chances.
type plan struct {
	export        bool // whole exports, not single shards
	kept          bool // an account that is kept up to date, on a desk; see newKeptPlan
	conversations int
	pageSize      int
	chunk, chunks int
	parallel      int
	messages      float64 // requests per conversation; with many, each conversation is a part of its own
	metadata      float64
	rate          float64
	fileBytes     int64
	flag          bool
	counts        bool // the platform can count conversations

	pauses   float64 // that a page is empty or lists a conversation twice
	faults   float64 // that a request fails
	mishaps  int     // the most faults in all, or a shard of many files would never succeed
	zombies  float64 // that an attempt is given up while it still runs
	lost     float64 // that a result comes too late
	timeouts float64 // that an attempt that was given up is the last one

	changes, kills, terminations, cancels, anew, sweeps, dense, vandals, pauseOrders int
	second                                                                           string // the refresh of a second export beside the first; "none" where there is none
	old                                                                              bool   // some runs began before 0.2.0, and carry no policy

	actions  int     // of schedules and people, while an account is kept up to date
	window   string  // the size of windows
	versions string  // fine, seconds or none: what lists and rows say of when a conversation changed
	stale    float64 // that a conversation is read from a replica
	keeps    bool    // there are reports
}

// newPlan draws a plan. Some plans have no faults, some have all of them at once.
func newPlan(d *rand.Rand) plan {
	upTo := func(n int) int { return d.IntN(n + 1) }
	some := func(most float64) float64 {
		if d.IntN(3) == 0 {
			return 0
		}
		return most * d.Float64()
	}
	p := plan{
		export:        d.IntN(3) == 0,
		conversations: upTo(7), pageSize: 1 + upTo(3), chunk: 1 + upTo(2), chunks: 1 + upTo(2), parallel: 1 + upTo(2),
		metadata: float64(upTo(1)), flag: d.IntN(4) == 0, counts: d.IntN(2) == 0,
		pauses: some(0.6), faults: some(0.08), mishaps: upTo(60), zombies: some(0.5), lost: some(0.2), timeouts: some(0.1),
		changes: upTo(5), kills: upTo(2), anew: upTo(2), sweeps: upTo(2), dense: max(0, upTo(5)-4),
		second: "none",
	}
	if d.IntN(2) == 0 {
		p.rate = 1 // pages are short then
	}
	if d.IntN(5) == 0 {
		p.fileBytes = 1000 // a row or two
	}
	p.vandals = max(0, upTo(4)-3)
	p.messages = 1
	if d.IntN(2) == 0 {
		p.messages, p.metadata = 80, 80*p.metadata
	}
	p.pauseOrders = max(0, upTo(3)-2)
	if d.IntN(2) == 0 {
		p.terminations = upTo(2)
	}
	if d.IntN(4) == 0 {
		p.cancels = 1
	}
	switch d.IntN(4) {
	case 0:
		p.second = "" // the same export, by somebody else
	case 1:
		p.second = "anew"
	}
	p.old = d.IntN(4) == 0
	return p
}

// calm is the plan without further faults.
func (p plan) calm() plan {
	p.faults, p.zombies, p.lost, p.timeouts, p.stale = 0, 0, 0, 0, 0
	p.changes, p.kills, p.terminations, p.cancels, p.anew, p.sweeps, p.dense, p.vandals, p.pauseOrders, p.actions, p.second = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "none"
	return p
}

var (
	first    = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	last     = first.AddDate(0, 0, 2)
	creation = []time.Duration{0, time.Hour, time.Hour, 23 * time.Hour, 24 * time.Hour, 30 * time.Hour, 47 * time.Hour}
)

// isKept reports whether the schedule of a seed is that of an account that is kept up to date. The others copy a range.
func isKept(seed uint64) bool { return seed%3 == 1 }

// newWorld makes the world of a seed.
func newWorld(t testing.TB, seed uint64, forgetful bool) *world {
	d := rand.New(rand.NewPCG(seed, 0))
	w := &world{t: t, seed: seed, dice: d, born: time.Now(), attempts: map[string]*attempt{}}
	w.store = &store{w: w, objects: map[string]object{}, forgetful: forgetful}
	if isKept(seed) {
		w.plan = newKeptPlan(d)
		w.keepUp()
		return w
	}
	w.plan = newPlan(d)
	w.platform = &platform{w: w, pageSize: w.plan.pageSize, poison: map[string]string{}}
	for range w.plan.conversations {
		w.platform.add(first.Add(creation[d.IntN(len(creation))]), d.IntN(5))
	}
	for _, ill := range []string{"malformed", "panic", "illegible", "breaks the decoder"} {
		if w.plan.conversations > 0 && d.IntN(6) == 0 {
			w.platform.poison[fmt.Sprint(1+d.IntN(w.plan.conversations))] = ill
		}
	}
	return w
}

var scratch = func() string {
	dir := filepath.Join(os.TempDir(), "chatlake-trial")
	if shm, err := os.Stat("/dev/shm"); err == nil && shm.IsDir() {
		dir = filepath.Join("/dev/shm", "chatlake-trial") // files in progress of thousands of exports
	}
	return dir
}()

// lake has checkpoints of single records: a schedule has few.
func (w *world) lake() *lake.Lake {
	return lake.New(ledger.New(w.store, "memory:", w.clock).CheckpointFrom(1), lake.Config{Scratch: scratch, Writer: "trial", FileBytes: w.plan.fileBytes})
}

func (w *world) activities() *activities.Activities {
	mismatch := "block"
	if w.plan.flag {
		mismatch = "flag"
	}
	var reader providers.Reader = w.platform
	if !w.plan.counts {
		reader = struct{ providers.Reader }{reader}
	}
	if w.plan.kept {
		return w.desk.activities()
	}
	return &activities.Activities{Lake: w.lake(), Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{
			Reader: providertest.Reads(reader), Mapper: providertest.Maps(w.platform), Name: "chatwoot", Spec: "spec", RequestsPerSecond: w.plan.rate,
			Costs: providers.Costs{MessageRequests: w.plan.messages, MetadataRequests: w.plan.metadata}, Parallel: w.plan.parallel, Shards: 2, ChunksInFlight: w.plan.chunks, ChunkSize: w.plan.chunk,
			Window: "day", OnMismatch: mismatch,
		}, nil
	}}
}

// intent is something that a person wants in the lake, however many runs that takes.
type intent struct {
	name    string
	kind    kind
	nominal time.Time // of a sync or a settle
	refresh string
	window  schemas.Window
	policy  *workflows.Policy
	began   time.Time // the start of the current chain of runs
	now     *run
	runs    int
	done    bool
}

// begin starts a run, or the next run after continue-as-new.
func (i *intent) begin(w *world, anew any) {
	i.runs++
	var before *run
	if anew == nil {
		i.began = time.Now()
	} else {
		before = i.now
	}
	i.now = w.start(fmt.Sprintf("%s.%d", i.name, i.runs), i.kind, i.refresh, before, func(env *testsuite.TestWorkflowEnvironment) {
		switch {
		case anew != nil:
			env.ExecuteWorkflow(kinds[i.kind], anew)
		case i.kind == upkeeps:
			env.ExecuteWorkflow(workflows.Maintain, workflows.MaintainInput{Account: "acme", Policy: i.policy})
		case i.kind == syncs || i.kind == settles:
			env.ExecuteWorkflow(kinds[i.kind], workflows.SyncInput{Account: "acme", Now: i.nominal, Policy: i.policy})
		case i.kind == exports:
			env.ExecuteWorkflow(workflows.Export, workflows.ExportInput{
				Account: "acme", Name: "may", From: i.window.From, To: i.window.To, Refresh: i.refresh, Policy: i.policy,
			})
		default:
			env.ExecuteWorkflow(workflows.Shard, w.shardInput(i.window, i.refresh, i.policy))
		}
	})
	i.now.started = i.began
}

func (w *world) shardInput(window schemas.Window, refresh string, policy *workflows.Policy) workflows.ShardInput {
	return workflows.ShardInput{
		Shard: ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: "created", Window: window}, Spec: "spec", Refresh: refresh,
		Visibility: "full", Lease: providers.Lease{RequestsPerSecond: w.plan.rate}, ChunksInFlight: w.plan.chunks, ChunkSize: w.plan.chunk,
		Costs: providers.Costs{MessageRequests: w.plan.messages, MetadataRequests: w.plan.metadata}, Flag: w.plan.flag, Policy: policy,
	}
}

// follow does what an export or a person does after a run: continue as new, start again, or start the halves.
func (w *world) follow() (busy bool) {
	for _, i := range w.intents {
		r := i.now
		if next, ok := r.leaves(); ok && !i.done && !r.terminated {
			busy = true
			i.begin(w, next)
			continue
		}
		if i.done || !r.over {
			continue
		}
		busy = true
		switch {
		case i.kind == syncs || i.kind == settles || i.kind == upkeeps:
			if i.done = r.next == nil; r.next != nil {
				i.begin(w, r.next)
			}
		case r.terminated:
			i.begin(w, nil)
		case r.next != nil:
			i.begin(w, r.next)
		case r.err != nil && !r.cancelled:
			if i.runs > 12 {
				w.fail("%s does not come to an end: %v", i.name, r.err)
				i.done = true
				continue
			}
			i.begin(w, nil)
		case r.err != nil, i.kind == exports && len(r.export.Gaps) > 0:
			i.begin(w, nil)
		case r.shard.Split:
			i.done = true
			left, right, _ := i.window.Halve()
			for n, half := range []schemas.Window{left, right} {
				w.want(fmt.Sprintf("%s%c", i.name, 'a'+rune(n)), i.refresh, half)
			}
		default:
			i.done = true
		}
	}
	return busy
}

func (w *world) want(name, refresh string, window schemas.Window) {
	does := shards
	if w.plan.export || w.plan.kept {
		does = exports
	}
	i := w.intent(name, does)
	i.refresh, i.window = refresh, window
	if w.plan.old && w.dice.IntN(2) == 0 {
		i.policy = nil
	}
	i.begin(w, nil)
}

// intent adds an intent. Nothing has begun yet.
func (w *world) intent(name string, does kind) *intent {
	i := &intent{name: name, kind: does, policy: workflows.NewPolicy()}
	if w.seed/3%2 == 0 { // all windows are small; in half of the schedules they go the way of large ones
		i.policy.FetchAtOnce, i.policy.FinishAtOnce = 0, 0
	}
	w.intents = append(w.intents, i)
	return i
}

// happen makes an event happen beside the requests, and reports whether it did.
func (w *world) happen() bool {
	d, p := w.dice, &w.plan
	var live []*intent
	for _, i := range w.intents {
		if !i.done && !i.now.over && !i.now.terminated && !i.now.cancelled {
			live = append(live, i)
		}
	}
	may := func(left *int, chance float64) bool {
		if *left == 0 || len(live) == 0 || !w.chance(chance) {
			return false
		}
		*left--
		return true
	}
	switch {
	case p.kept && may(&p.changes, 0.15):
		w.desk.happen()
	case p.kept && may(&p.actions, 0.04):
		w.act()
	case !p.kept && may(&p.changes, 0.05):
		switch d.IntN(3) {
		case 0:
			w.platform.add(first.Add(creation[d.IntN(len(creation))]), d.IntN(5))
		case 1:
			w.platform.change(d.IntN(100), true)
		default:
			w.platform.change(d.IntN(100), false)
		}
	case may(&p.kills, 0.02):
		r := live[d.IntN(len(live))].now
		w.note("the worker of %s is killed", r.name)
		w.kill(func(a *attempt) bool { return a.run == r })
	case may(&p.terminations, 0.01):
		r := live[d.IntN(len(live))].now
		if r.terminate(); d.IntN(2) == 0 { // its worker lives on, or does not
			w.kill(func(a *attempt) bool { return a.run == r })
		}
	case !p.export && !p.kept && may(&p.cancels, 0.01): // Temporal's test environment cannot cancel children
		if r := live[d.IntN(len(live))].now; r.pausing == 0 {
			r.cancel()
		}
	case may(&p.anew, 0.02):
		r := live[d.IntN(len(live))].now
		w.note("the history of %s is long", r.name)
		r.env.SetContinueAsNewSuggested(true)
	case may(&p.pauseOrders, 0.02):
		r := live[d.IntN(len(live))].now
		if r.order(workflows.PauseUpdate); d.IntN(2) == 0 {
			r.order(workflows.SetRateUpdate, workflows.SetRateInput{RequestsPerSecond: 1})
		}
	case p.vandals > 0 && w.chance(0.02):
		return w.vandal()
	case may(&p.sweeps, 0.02):
		w.sweep(fmt.Sprint("sweep.", w.steps))
	case p.second != "none" && w.chance(0.02):
		w.want("second", p.second, w.intents[0].window)
		p.second = "none"
	default:
		return false
	}
	return true
}

// vandal deletes a data file that no record names, as a lifecycle rule might. A commit cannot notice that between its check and its
// put, so vandal waits until no commit is under way.
func (w *world) vandal() bool {
	w.mu.Lock()
	for name := range w.attempts {
		if strings.Contains(name, "CommitShard") || strings.Contains(name, "FinishShard") {
			w.mu.Unlock()
			return false
		}
	}
	w.mu.Unlock()
	named := w.store.named()
	for _, key := range w.store.below("data/") {
		if !named[key] {
			w.note("%s vanishes", key)
			w.plan.vandals--
			w.store.remove(key)
			return true
		}
	}
	return false
}
