package main

import (
	"encoding/json"
	"hash/maphash"
	"net/http"
	"strings"
	"sync"
	"time"
)

// slot is the recorder's resolution in time.
const slot = 10 * time.Millisecond

const slotsPerSecond = int(time.Second / slot)

// recorder records when requests arrive at the platform and how they are answered.
type recorder struct {
	now     func() time.Time
	repeats bool
	halveAt int64
	halve   func()

	mu       sync.Mutex
	first    time.Time
	last     time.Time
	slots    []count
	requests int64
	answered map[int]int64 // by status
	inFlight int
	peak     int
	halvedAt time.Time
	seed     maphash.Seed
	asked    map[uint64]bool // requests answered with 200; true if before the mark
	again    int64
	markedAt time.Time
	begun    time.Time // the first request after the mark
	resumed  time.Time // the same for a single conversation
	paused   time.Duration
}

type count struct{ requests, refused uint32 }

// counts is a snapshot of the recorder's figures.
type counts struct {
	Requests  int64         `json:"requests"`
	Throttled int64         `json:"throttled"`
	Failed    int64         `json:"failed"` // answered with 500 and above
	First     time.Time     `json:"first"`
	Last      time.Time     `json:"last"`
	InFlight  int           `json:"peak_in_flight"`
	Second    int64         `json:"peak_1s"`
	Ten       int64         `json:"peak_10s"`
	Repeated  int64         `json:"repeated"` // requests after the mark that had been answered with 200 before it
	Marked    time.Time     `json:"marked,omitzero"`
	Begun     time.Time     `json:"begun,omitzero"`   // the first request after the mark
	Resumed   time.Time     `json:"resumed,omitzero"` // the first request for a single conversation after the mark
	Paused    time.Duration `json:"paused,omitempty"` // the longest time without a request, after the first one after the mark
	HalvedAt  time.Time     `json:"halved_at,omitzero"`
	Series    []second      `json:"series"`
	CPU       time.Duration `json:"cpu"`
	// Later is the most requests in any ten seconds that ended after the budget was halved.
	Later int64 `json:"peak_10s_halved,omitempty"`
}

// second is one second of a run.
type second struct {
	Requests uint32 `json:"requests"`
	Refused  uint32 `json:"refused"`
}

// wrap puts the recorder in front of a platform.
func (r *recorder) wrap(site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		at := r.begin(req.URL.Path)
		s := &status{ResponseWriter: w, code: http.StatusOK}
		defer func() { r.end(at, s.code, req) }()
		site.ServeHTTP(s, req)
	})
}

// begin counts a request and returns its slot.
func (r *recorder) begin(path string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.requests == 0 {
		r.first, r.answered = now, map[int]int64{}
	}
	if !r.begun.IsZero() {
		r.paused = max(r.paused, now.Sub(r.last))
	}
	r.last = now
	if !r.markedAt.IsZero() {
		if r.begun.IsZero() {
			r.begun = now
		}
		if r.resumed.IsZero() && strings.Contains(path, "/conversations/") {
			r.resumed = now
		}
	}
	r.requests++
	r.inFlight++
	r.peak = max(r.peak, r.inFlight)
	at := int(now.Sub(r.first) / slot)
	for len(r.slots) <= at {
		r.slots = append(r.slots, count{})
	}
	r.slots[at].requests++
	if r.halveAt > 0 && r.requests == r.halveAt {
		r.halvedAt = now
		r.halve()
	}
	return at
}

func (r *recorder) end(at, code int, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight--
	r.answered[code]++
	if code == http.StatusTooManyRequests {
		r.slots[at].refused++
	}
	if r.repeats {
		r.remember(code, req)
	}
}

// remember counts requests after the mark that were answered before it. Every run requests list pages more than once, so only
// requests for one conversation or for the directory count. The caller holds r.mu.
func (r *recorder) remember(code int, req *http.Request) {
	if strings.HasSuffix(req.URL.Path, "/conversations") || strings.HasSuffix(req.URL.Path, "/profile") {
		return
	}
	if r.asked == nil {
		r.seed, r.asked = maphash.MakeSeed(), map[uint64]bool{}
	}
	key := maphash.String(r.seed, req.URL.RequestURI())
	if r.asked[key] && !r.markedAt.IsZero() {
		r.again++
	}
	if _, known := r.asked[key]; !known && code == http.StatusOK {
		r.asked[key] = r.markedAt.IsZero()
	}
}

// mark is the moment of a restart, after which repeated requests count.
func (r *recorder) mark() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.markedAt = r.now()
}

func (r *recorder) report() counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := counts{
		Requests: r.requests, Throttled: r.answered[http.StatusTooManyRequests], First: r.first, Last: r.last, InFlight: r.peak,
		Repeated: r.again, Marked: r.markedAt, Begun: r.begun, Resumed: r.resumed, Paused: r.paused, HalvedAt: r.halvedAt, CPU: cpuOfSelf(),
	}
	for code, n := range r.answered {
		if code >= http.StatusInternalServerError {
			c.Failed += n
		}
	}
	c.Second, c.Ten = largest(r.slots, slotsPerSecond), largest(r.slots, 10*slotsPerSecond)
	if !r.halvedAt.IsZero() {
		c.Later = largest(r.slots[int(r.halvedAt.Sub(r.first)/slot):], 10*slotsPerSecond)
	}
	for i := 0; i < len(r.slots); i += slotsPerSecond {
		var s second
		for _, n := range r.slots[i:min(i+slotsPerSecond, len(r.slots))] {
			s.Requests += n.requests
			s.Refused += n.refused
		}
		c.Series = append(c.Series, s)
	}
	return c
}

// largest is the most requests in n consecutive slots.
func largest(slots []count, width int) int64 {
	var sum, most int64
	for i := range slots {
		sum += int64(slots[i].requests)
		if i >= width {
			sum -= int64(slots[i-width].requests)
		}
		most = max(most, sum)
	}
	return most
}

// control answers the requests of the bench itself.
func (r *recorder) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(r.report()) })
	mux.HandleFunc("POST /mark", func(http.ResponseWriter, *http.Request) { r.mark() })
	return mux
}

// status records the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap gives http.ResponseController access to the connection.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }
