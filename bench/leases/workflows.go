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
	leastLease     = 0.5
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
	rate, told, leased  float64
	open                bool
	idle, ending, ended bool
	needs               float64
}

// chunk is a number of conversations, and the requests that each costs.
type chunk struct{ conversations, cost int }

func (s *shard) working() bool { return !s.idle && s.needs == 0 }

func (e *export) working() (n int) {
	for _, s := range e.shards {
		if s.working() {
			n++
		}
	}
	return n
}

func (e *export) step() {
	for e.left > 0 && e.working() < windowsAtWork && len(e.shards) < windowsAtWork+sealedBeside {
		e.left--
		e.w.shards++
		month := days[(e.w.Windows-e.left-1)%len(days)]
		s := &shard{e: e, unlisted: e.w.Conversations * month / 30}
		e.shards = append(e.shards, s)
		e.balance()
		s.rate = e.share()
		s.told = s.rate
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
		if s.idle {
			rate -= idlePart * e.rate
		}
		rate -= s.needs
	}
	soon := min(windowsAtWork, e.working()+e.left)
	return max(idlePart*e.rate, rate) / float64(max(1, soon, e.working()))
}

// balance notifies shards whose share has changed. Leases for processes do not need it.
func (e *export) balance() {
	if e.w.processes() {
		return
	}
	for _, s := range e.shards {
		share := e.share()
		switch {
		case s.idle && e.working() == 0 && e.left == 0:
			share = e.rate / float64(len(e.shards))
		case s.idle:
			share = idlePart * e.rate
		case s.needs > 0:
			share = s.told
		}
		if share != s.told {
			s.told = share
			e.w.signal(func() { s.rate = share; s.step() })
		}
	}
}

// tell reports the shard's remaining need to the Export. With both kinds of leases, the Export must know of idle shards to start the
// next window.
func (s *shard) tell(idle bool, needs float64) {
	s.e.w.signal(func() {
		if s.needs > 0 && needs == 0 {
			s.told = -1 // it has given its share away already
		}
		s.idle, s.needs = idle, needs
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
		c := s.next()
		s.activity(c.conversations*c.cost, lease, s.step)
	}
	switch {
	case !s.open || s.ended:
	case s.inFlight == 0 && !s.hasWork():
		s.conclude()
	case !s.hasWork() && !s.listing && !s.ending && !s.e.w.processes() && s.leased > 0:
		s.ending, s.rate = true, s.leased
		s.tell(false, s.leased)
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
func (s *shard) next() chunk {
	c := s.queue[0]
	s.queue = s.queue[1:]
	left := s.unlisted*(messageRequests+metadataRequests) + c.conversations*c.cost
	for _, other := range s.queue {
		left += other.conversations * other.cost
	}
	requests := max(float64(left)/(2*chunksOfWindow), shortestChunk*s.equal())
	if size := max(1, int(requests)/c.cost); size < c.conversations {
		s.queue = slices.Insert(s.queue, 0, chunk{c.conversations - size, c.cost})
		c.conversations = size
	}
	return c
}

// conclude seals, verifies, commits and cleans up; only verifying sends requests to the platform.
func (s *shard) conclude() {
	s.ended = true
	w := s.e.w
	s.tell(true, 0)
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
