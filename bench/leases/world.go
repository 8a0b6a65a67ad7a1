package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// hop is how long a workflow takes to receive an event and act on it: the only number that was fitted.
	hop = 0.05
	// leaseLength is the life of a process's lease, in renewals.
	leaseLength = 6

	// The events in Temporal's histories. An activity is scheduled, started and completed, and its result takes a workflow task of three
	// events. A signal is two events and a workflow task for the sender, and one event and a workflow task for the receiver. A lease for
	// a process is an update: accepted, completed, and a workflow task.
	eventsPerActivity = 3 + 3
	eventsPerSignal   = 2 + 3 + 1 + 3
	eventsPerRenewal  = 2 + 3
	eventsPerShard    = 2 + 3 + 3 + 6 // its own start and end, and those of a child
)

// Scenario is one run.
type Scenario struct {
	Name          string
	Budget        float64
	Conversations int // of a window of 30 days
	Windows       int
	Workers       int
	Latency       float64 // of the platform, mean in seconds
	DieAt         float64 // when one worker dies, 0 means never
	SetHalfAt     float64 // when a person halves the budget
	HalveAt       int     // number of requests after which the platform halves its limit without notice
	JoinAt        float64 // when a second export of the same size joins
}

// way is how leases are granted: to chunks, or, with refresh, to processes, which renew them every refresh seconds and, with
// onChange, whenever an activity starts or ends.
type way struct {
	name     string
	refresh  float64
	onChange bool
}

func (w way) processes() bool { return w.refresh > 0 }

// world is the state of a run.
type world struct {
	sim
	Scenario
	way
	platform platform
	workers  []*process
	exports  []*export
	budget   float64

	activities, signals, renewals, shards int
	durations                             []float64
	most, over                            float64 // the highest sum of leases relative to the budget, and seconds above it
}

// holding is the Budget's record of a process's lease.
type holding struct{ lease, until, wants float64 }

func newWorld(s Scenario, how way, seed uint64) *world {
	w := &world{
		Scenario: s, way: how, budget: s.Budget,
		sim:      sim{random: rand.New(rand.NewPCG(seed, 1))},
		platform: platform{allowed: s.Budget, tokens: s.Budget, halveAt: s.HalveAt},
	}
	for range s.Workers {
		w.workers = append(w.workers, &process{w: w, ceiling: math.Inf(1), at: math.Inf(1), last: -1})
	}
	w.join()
	if s.JoinAt > 0 {
		w.after(s.JoinAt, w.join)
	}
	if s.DieAt > 0 {
		w.after(s.DieAt, w.workers[0].die)
	}
	if s.SetHalfAt > 0 {
		w.after(s.SetHalfAt, func() { w.budget /= 2; w.share() })
	}
	w.watch()
	return w
}

// join adds an export. With leases for chunks, it waits as long as the leases granted earlier may last.
func (w *world) join() {
	e := &export{w: w, left: w.Windows}
	wait := 0.0
	if !w.processes() && len(w.exports) > 0 {
		wait = chunkSeconds
	}
	w.exports = append(w.exports, e)
	w.share()
	w.after(wait, e.step)
}

// share tells the exports their shares of the budget. Leases for processes need no signal for that.
func (w *world) share() {
	at := slices.DeleteFunc(slices.Clone(w.exports), func(e *export) bool { return e.ended })
	for _, e := range at {
		rate := w.budget / float64(len(at))
		if e.rate == 0 || w.processes() {
			e.rate = rate
		} else if e.rate != rate {
			w.signal(func() { e.rate = rate; e.balance() })
		}
	}
}

func (w *world) signal(do func()) {
	w.signals++
	w.after(hop, do)
}

// place assigns an activity to any live worker, as Temporal does.
func (w *world) place(a *activity) {
	alive := slices.DeleteFunc(slices.Clone(w.workers), func(p *process) bool { return p.dead })
	alive[w.random.IntN(len(alive))].begin(a)
}

// grant is a process's lease: its share in proportion to its work, as far as others do not still hold it.
func (w *world) grant(p *process) float64 {
	wants := float64(len(p.running))
	p.held = holding{}
	all, others := wants, 0.0
	for _, other := range w.workers {
		if h := other.held; h.until > w.now {
			all, others = all+h.wants, others+h.lease
		}
	}
	if wants == 0 {
		return 0
	}
	lease := max(0, min(w.budget*wants/all, w.budget-others))
	p.held = holding{lease, w.now + leaseLength*w.refresh, wants}
	return lease
}

// watch samples the sum of leases ten times a second.
func (w *world) watch() {
	const every = 0.1
	sum, ended := 0.0, true
	for _, e := range w.exports {
		ended = ended && e.ended
		for _, s := range e.shards {
			sum += s.leased
		}
	}
	for _, p := range w.workers {
		if p.held.until > w.now {
			sum += p.held.lease
		}
	}
	if w.most = max(w.most, sum/w.budget); sum > 1.001*w.budget {
		w.over += every
	}
	if !ended {
		w.after(every, w.watch)
	}
}
