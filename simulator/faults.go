package simulator

import (
	"bytes"
	"compress/gzip"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is one thing that goes wrong between a reader and a site.
type Fault string

const (
	NoFault             Fault = ""
	Throttled           Fault = "429"
	ThrottledRetryAfter Fault = "429 with Retry-After"
	ServerError         Fault = "500" // an HTML page
	BadGateway          Fault = "502" // an HTML page
	Unavailable         Fault = "503" // no body
	Unauthorized        Fault = "401"
	HTMLPage            Fault = "200 with HTML"
	Reset               Fault = "connection reset"
	TruncatedBody       Fault = "truncated body"          // the connection ends before the body does
	TruncatedGzip       Fault = "truncated gzip"          // the body is complete, but its gzip content is not
	WrongLength         Fault = "wrong content length"    // the header matches a body that ends too early
	LongLength          Fault = "content length too long" // the header announces more than the body has
	ResetBody           Fault = "reset in the body"
	SlowBody            Fault = "slow body"
	Dribble             Fault = "dribbling body" // a byte per second, forever
	Hang                Fault = "hang"           // no answer until the reader gives up
)

// PassingFaults are the faults that a patient reader survives by repeating the request.
var PassingFaults = []Fault{
	Throttled, ThrottledRetryAfter, ServerError, BadGateway, Unavailable, HTMLPage, Reset, TruncatedBody, TruncatedGzip, WrongLength,
	SlowBody,
}

// Faults corrupts answers. The n-th request has the same fault in every run.
type Faults struct {
	Seed uint64
	// Script lists the faults of the first requests, one each.
	Script []Fault
	// Probability is the probability of a fault in each request after the script. The fault is drawn from Kinds (PassingFaults if nil).
	Probability float64
	Kinds       []Fault
	// Match selects the requests that count and may be corrupted; all if nil.
	Match func(*http.Request) bool
	// RetryAfter is what ThrottledRetryAfter sends, in whole seconds; 1 s if 0.
	RetryAfter time.Duration
	// Slow is how long a SlowBody takes; 100 ms if 0.
	Slow time.Duration

	mu     sync.Mutex
	number int
	counts map[Fault]int64
}

// Counts returns how often each fault occurred.
func (f *Faults) Counts() map[Fault]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.counts)
}

// Wrap returns a handler that puts the faults in front of a site.
func (f *Faults) Wrap(site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := NoFault
		if f.Match == nil || f.Match(r) {
			fault = f.next()
		}
		switch fault {
		case NoFault:
			site.ServeHTTP(w, r)
		case TruncatedBody, TruncatedGzip, WrongLength, LongLength, ResetBody, SlowBody, Dribble:
			f.spoil(w, r, site, fault)
		default:
			f.refuse(w, r, fault)
		}
	})
}

// next is the fault of the next request.
func (f *Faults) next() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := NoFault
	if f.number < len(f.Script) {
		fault = f.Script[f.number]
	} else if d := newDice(f.Seed, streamFaults, f.number, 0); d.unit() < f.Probability {
		kinds := f.Kinds
		if kinds == nil {
			kinds = PassingFaults
		}
		fault = choose(&d, kinds)
	}
	f.number++
	if fault != NoFault {
		if f.counts == nil {
			f.counts = map[Fault]int64{}
		}
		f.counts[fault]++
	}
	return fault
}

const htmlPage = "<!DOCTYPE html>\n<html><head><title>Something went wrong</title></head><body><h1>Please wait</h1></body></html>\n"

// refuse answers without calling the site.
func (f *Faults) refuse(w http.ResponseWriter, r *http.Request, fault Fault) {
	page := func(status int, contentType, body string) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
	switch fault {
	case ThrottledRetryAfter:
		seconds := max(1, int(f.RetryAfter/time.Second))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		page(http.StatusTooManyRequests, "text/plain", "Retry later\n")
	case Throttled:
		page(http.StatusTooManyRequests, "text/plain", "Retry later\n")
	case ServerError:
		page(http.StatusInternalServerError, "text/html; charset=utf-8", htmlPage)
	case BadGateway:
		page(http.StatusBadGateway, "text/html; charset=utf-8", htmlPage)
	case Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case Unauthorized:
		page(http.StatusUnauthorized, "application/json", `{"error":"Invalid Access Token"}`)
	case HTMLPage:
		page(http.StatusOK, "text/html; charset=utf-8", htmlPage)
	case Reset:
		reset(w)
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// reset drops the connection, as a crashed machine would.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// spoil corrupts the site's answer on its way.
func (f *Faults) spoil(w http.ResponseWriter, r *http.Request, site http.Handler, fault Fault) {
	a := answer{header: w.Header(), status: http.StatusOK}
	site.ServeHTTP(&a, r)
	body := a.body.Bytes()
	if fault == TruncatedGzip {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			fault = TruncatedBody
		} else {
			body = compress(body)
			w.Header().Set("Content-Encoding", "gzip")
		}
	}
	half := body[:len(body)/2]
	switch fault {
	case TruncatedBody:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(half)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case ResetBody:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(a.status)
		_, _ = w.Write(half)
		_ = http.NewResponseController(w).Flush()
		reset(w)
	case LongLength:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
		w.WriteHeader(a.status)
		_, _ = w.Write(body)
	case SlowBody:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(a.status)
		f.drip(w, r, body)
	case Dribble:
		w.WriteHeader(a.status)
		dribble(w, r)
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(half)))
		w.WriteHeader(a.status)
		_, _ = w.Write(half)
	}
}

// drip writes a body in ten pieces.
func (f *Faults) drip(w http.ResponseWriter, r *http.Request, body []byte) {
	slow := f.Slow
	if slow == 0 {
		slow = 100 * time.Millisecond
	}
	const pieces = 10
	for i := range pieces {
		select {
		case <-time.After(slow / pieces):
		case <-r.Context().Done():
			return
		}
		_, _ = w.Write(body[len(body)*i/pieces : len(body)*(i+1)/pieces])
		_ = http.NewResponseController(w).Flush()
	}
}

// dribble writes white space, which may precede JSON, until the reader gives up.
func dribble(w http.ResponseWriter, r *http.Request) {
	for {
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write([]byte(" "))
		_ = http.NewResponseController(w).Flush()
	}
}

func compress(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body) // a bytes.Buffer takes all
	_ = z.Close()
	return b.Bytes()
}

// answer records a site's answer.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
