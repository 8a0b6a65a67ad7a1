package simulator

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"sync"
)

// Stale simulates a cache or a replica that sometimes answers a request for a list page with a different page: with an
// earlier answer to a request for the same path. The n-th request has the same fate in every run.
type Stale struct {
	Seed        uint64
	Probability float64
	// Match selects the requests that count and may be corrupted; all if nil.
	Match func(*http.Request) bool

	mu     sync.Mutex
	number int
	struck int
	pages  map[string][]stalePage // by path
}

// stalePage is an earlier answer.
type stalePage struct {
	request string
	header  http.Header
	body    []byte
}

// Struck is how many requests got the answer of another request.
func (s *Stale) Struck() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.struck
}

// Wrap returns a handler that puts the cache in front of a site.
func (s *Stale) Wrap(site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Match != nil && !s.Match(r) {
			site.ServeHTTP(w, r)
			return
		}
		asked, _ := io.ReadAll(r.Body) // an error shows up at the site as a missing body
		r.Body = io.NopCloser(bytes.NewReader(asked))
		a := answer{header: http.Header{}, status: http.StatusOK}
		site.ServeHTTP(&a, r)
		page := stalePage{request: r.URL.RawQuery + "\n" + string(asked), header: a.header, body: a.body.Bytes()}
		if a.status == http.StatusOK {
			page = s.exchange(r.URL.Path, page)
		}
		maps.Copy(w.Header(), page.header)
		w.Header().Del("Content-Length")
		w.WriteHeader(a.status)
		_, _ = w.Write(page.body) // the reader may be gone
	})
}

// exchange records a page, and returns that page or another one of the same list.
func (s *Stale) exchange(list string, page stalePage) stalePage {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := newDice(s.Seed, streamStale, s.number, 0)
	s.number++
	var others []stalePage
	known := false
	for _, p := range s.pages[list] {
		if p.request == page.request {
			known = true
		} else if !bytes.Equal(p.body, page.body) {
			others = append(others, p)
		}
	}
	if !known {
		if s.pages == nil {
			s.pages = map[string][]stalePage{}
		}
		s.pages[list] = append(s.pages[list], page)
	}
	if d.unit() >= s.Probability || len(others) == 0 {
		return page
	}
	s.struck++
	return choose(&d, others)
}
