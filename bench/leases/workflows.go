package main

import (
	"math"
	"slices"
)

// The constants of package workflows.
const (
	chunkSeconds   = 60.0
	shortestChunk  = 4.0
	refsPerPage    = 500
	windowsAtWork  = 2
	chunksOfWindow = 2
	sealedBeside   = 2
	idlePart       = 0.02
	leastLease     = 0.4
	sealSeconds    = 0.3

	// Chatwoot's: messages, metadata, and a page of the list for 25.
	messageRequests  = 1
	metadataRequests = 2
	perListRequest   = 25
)

// days of the months of a year, which windows are as large as.
var days = []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

type export struct {
	w      *world
	rate   float64
	left   int // windows not started yet
	shards []*shard
	ended  bool
}

// shard is a window in flight.
type shard struct {
	e                   *export
	unlisted            int
	queue               []chunk
	listing             bool
	inFlight            int
	rate, leased        float64
	number              int     // of the newest lease that it knows
	known               float64 // the most that the Export counts it to have leased
	open                bool
	idle, ending, ended bool

	// What the Export knows: the lease that it has told last, its number, and all that the shard may go by.
	told      float64
	last      int
	rates     []float64
	sealing   bool
	concludes bool // it has given out its last work
}

// chunk is a number of conversations, and the requests that each costs.
type chunk struct{ conversations, cost int }

func (s *shard) working() bool { return !s.sealing && !s.concludes }

func (e *export) working() (n int) {
	for _, s := range e.shards {
		if s.working() {
			n++
		}
	}
	return n
}

func (e *export) step() {
	for e.left > 0 && e.working() < windowsAtWork && len(e.shards) < windowsAtWork+sealedBeside && e.mayLease() {
		e.left--
		e.w.shards++
		month := days[(e.w.Windows-e.left-1)%len(days)]
		s := &shard{e: e, unlisted: e.w.Conversations * month / 30}
		e.shards = append(e.shards, s)
		if s.rate = e.share(); !e.w.processes() {
			s.rate = min(s.rate, e.free(s))
		}
		s.told, s.known, s.rates = s.rate, s.rate, []float64{s.rate}
		e.balance()
		e.w.after(hop, func() { s.activity(2, s.rate, func() { s.open = true; s.step() }) }) // OpenShard requests the count of the window
	}
	e.balance()
	if e.left == 0 && len(e.shards) == 0 {
		e.ended = true
		e.w.share()
	}
}

// share is Export.share.
func (e *export) share() float64 {
	rate := e.rate
	for _, s := range e.shards {
		if s.sealing {
			rate -= idlePart * e.rate
		}
	}
	soon := min(windowsAtWork, e.working()+e.left)
	return max(idlePart*e.rate, rate) / float64(max(1, soon, e.working()))
}

// most is Told.most: the most that the shard may have leased.
func (s *shard) most() float64 { return slices.Max(s.rates) }

// free is Export.free: the part of the rate that no other shard may have leased.
func (e *export) free(except *shard) float64 {
	free := e.rate
	for _, s := range e.shards {
		if s != except {
			free -= s.most()
		}
	}
	return free
}

// mayLease is Export.mayLease.
func (e *export) mayLease() bool {
	return e.w.processes() || e.free(nil) >= leastLease*e.share()
}

// due is Export.due.
func (e *export) due(s *shard) float64 {
	switch {
	case s.sealing && e.working() == 0 && e.left == 0:
		return e.rate / float64(len(e.shards))
	case s.sealing:
		return idlePart * e.rate
	case s.concludes:
		return s.told
	}
	return e.share()
}

// balance notifies shards whose share has changed, as far as there is room. Leases for processes do not need it.
func (e *export) balance() {
	if e.w.processes() {
		return
	}
	for _, s := range e.shards {
		due := e.due(s)
		rate := min(due, max(s.most(), e.free(s)))
		if rate == s.told || s.told < rate && rate < due && rate-s.told < idlePart*e.rate {
			continue
		}
		if rate >= s.most() {
			s.rates = nil
		}
		s.told, s.rates = rate, append(s.rates, rate)
		s.last++
		number := s.last
		e.w.signal(func() {
			if s.rate, s.number, s.known = rate, number, max(s.known, rate); s.ending && !s.idle {
				s.rate = min(s.rate, s.leased)
			}
			s.step()
			s.confirm()
		})
	}
}

// keeps is Shard.keeps: the most that the shard leases until it is told another lease.
func (s *shard) keeps() float64 { return max(s.rate, s.leased) }

// confirm tells the Export when the shard keeps to less than the Export counts.
func (s *shard) confirm() {
	if !s.e.w.processes() && s.keeps() < (1-1e-9)*s.known {
		s.tell()
	}
}

// tell reports to the Export. With both kinds of leases, the Export must know of idle shards to start the next window.
func (s *shard) tell() {
	idle, ending, number, keeps := s.idle, s.ending, s.number, s.keeps()
	s.known = keeps
	s.e.w.signal(func() {
		s.sealing, s.concludes = idle, ending && !idle
		if i := len(s.rates) - 1 - (s.last - number); i >= 0 {
			s.rates = slices.Clone(s.rates[i:])
			s.rates[0] = keeps
			if number == s.last {
				s.told = min(s.told, keeps)
			}
		}
		s.e.step()
	})
}

// activity runs requests in a process under a lease.
func (s *shard) activity(requests int, lease float64, then func()) {
	w := s.e.w
	w.activities++
	a := &activity{left: requests, lease: lease, account: w.budget}
	if !w.processes() {
		s.leased += lease
	}
	s.inFlight++
	a.done = func() {
		s.inFlight--
		if !w.processes() {
			s.leased -= lease
		}
		then()
		s.confirm()
	}
	w.after(hop, func() { w.place(a) })
}

// equal is an equal lease, or, if processes have the leases, a chunk's average part of the budget.
func (s *shard) equal() float64 { return s.rate / chunksOfWindow }

func (s *shard) hasWork() bool { return len(s.queue) > 0 || s.mayList() }

func (s *shard) mayList() bool {
	return s.unlisted > 0 && !s.listing && len(s.queue) < 2*chunksOfWindow
}

func (s *shard) mayLaunch() bool {
	switch {
	case !s.open || !s.hasWork() || s.ended:
		return false
	case s.e.w.processes():
		return s.inFlight < chunksOfWindow
	}
	return s.inFlight < 2*chunksOfWindow && s.rate-s.leased >= leastLease*s.equal()
}

// take is collector.take.
func (s *shard) take() float64 {
	waiting := len(s.queue)
	if s.mayList() {
		waiting++
	}
	free := s.rate - s.leased
	return free / max(1, min(float64(waiting), math.Floor(free/s.equal()+leastLease)))
}

// step starts activities as long as it may, and concludes once everything is fetched.
func (s *shard) step() {
	for s.mayLaunch() {
		lease := s.take()
		if s.mayList() {
			s.list(lease)
			continue
		}
		c := s.next(lease)
		s.activity(c.conversations*c.cost, lease, s.step)
	}
	switch {
	case !s.open || s.ended:
	case s.inFlight == 0 && !s.hasWork():
		s.conclude()
	case !s.hasWork() && !s.listing && !s.e.w.processes() && s.leased > 0:
		first := !s.ending
		if s.ending, s.rate = true, s.leased; first {
			s.tell()
		}
	}
}

func (s *shard) list(lease float64) {
	page := min(refsPerPage, s.unlisted)
	s.listing = true
	s.activity((page+perListRequest-1)/perListRequest, lease, func() {
		s.listing = false
		s.unlisted -= page
		for _, cost := range []int{messageRequests, metadataRequests} {
			size := min(refsPerPage, max(1, int(s.equal()*chunkSeconds)/cost))
			for low := 0; low < page; low += size {
				s.queue = append(s.queue, chunk{min(size, page-low), cost})
			}
		}
		s.step()
	})
}

// next is collector.next: towards the end, chunks get smaller and smaller.
func (s *shard) next(lease float64) chunk {
	c := s.queue[0]
	s.queue = s.queue[1:]
	left := s.unlisted*(messageRequests+metadataRequests) + c.conversations*c.cost
	for _, other := range s.queue {
		left += other.conversations * other.cost
	}
	if s.e.w.processes() {
		lease = s.equal()
	}
	seconds := min(chunkSeconds, max(float64(left)/(2*s.rate), shortestChunk))
	requests := lease * seconds
	if size := max(1, int(requests)/c.cost); size < c.conversations {
		s.queue = slices.Insert(s.queue, 0, chunk{c.conversations - size, c.cost})
		c.conversations = size
	}
	return c
}

// conclude seals, verifies, commits and cleans up; only verifying sends requests to the platform.
func (s *shard) conclude() {
	s.ended, s.idle = true, true
	w := s.e.w
	if !w.processes() {
		s.rate *= idlePart
	}
	s.tell()
	w.activities++ // the seal
	w.after(2*hop+sealSeconds, func() {
		s.activity(2, s.rate, func() {
			w.activities += 2
			w.after(4*hop, func() {
				s.e.shards = slices.DeleteFunc(s.e.shards, func(other *shard) bool { return other == s })
				s.e.step()
			})
		})
	})
}
