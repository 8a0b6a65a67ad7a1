package faults

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// spoil stands between a client and a fake, and breaks something.
type spoil func(w *world, next http.Handler) http.Handler

// match chooses requests.
type match func(w *world, r *http.Request) bool

// at are the requests of one part of an export.
func at(where place) match {
	return func(w *world, r *http.Request) bool { return w.place(r) == where }
}

// ofVictim are the requests of one part that are about the victim, alone or with others.
func ofVictim(where place) match {
	return func(w *world, r *http.Request) bool {
		if w.place(r) != where {
			return false
		}
		if slices.Contains(strings.Split(r.URL.Path, "/"), w.victim.id) {
			return true
		}
		body, _ := io.ReadAll(r.Body) // of a request that was sent whole
		r.Body = io.NopCloser(bytes.NewReader(body))
		return bytes.Contains(body, []byte(strconv.Quote(w.victim.id)))
	}
}

// first are the first n requests of those.
func first(n int64, of match) match {
	met := &atomic.Int64{}
	return func(w *world, r *http.Request) bool { return of(w, r) && met.Add(1) <= n }
}

// number is the n-th request of those, counted from 1.
func number(n int64, of match) match {
	met := &atomic.Int64{}
	return func(w *world, r *http.Request) bool { return of(w, r) && met.Add(1) == n }
}

// during are those in the first time of an export.
func during(d time.Duration, of match) match {
	return func(w *world, r *http.Request) bool { return of(w, r) && time.Since(w.began) < d }
}

// everything is any request.
func everything(*world, *http.Request) bool { return true }

// broken answers chosen requests with a fault of the simulator.
func broken(kind simulator.Fault, these match) spoil {
	return func(w *world, next http.Handler) http.Handler {
		faults := &simulator.Faults{
			Probability: 1, Kinds: []simulator.Fault{kind}, Match: func(r *http.Request) bool { return these(w, r) },
		}
		return faults.Wrap(next)
	}
}

// instead answers chosen requests by itself.
func instead(answer http.HandlerFunc, these match) spoil {
	return func(w *world, next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if these(w, r) {
				answer(rw, r)
				return
			}
			next.ServeHTTP(rw, r)
		})
	}
}

// marker stands in the bodies of refusals. Like the words of a conversation it must not stand in any error.
const marker = "body-marker-beef"

// tooMany is a 429; retryAfter is what its header says, "" for none.
func tooMany(retryAfter func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if text := retryAfter(); text != "" {
			w.Header().Set("Retry-After", text)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprintf(w, `{"error":%q}`, marker)
	}
}

func saying(text string) func() string { return func() string { return text } }

func refusing(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":%q}`, marker)
	}
}

// edited changes the bodies of successful answers to chosen requests.
func edited(change func(w *world, r *http.Request, body []byte) []byte, these match) spoil {
	return func(w *world, next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !these(w, r) {
				next.ServeHTTP(rw, r)
				return
			}
			held := &held{header: http.Header{}, status: http.StatusOK}
			next.ServeHTTP(held, r)
			body := held.body.Bytes()
			if held.status == http.StatusOK {
				body = change(w, r, body)
			}
			for key, values := range held.header {
				rw.Header()[key] = values
			}
			rw.Header().Del("Content-Length")
			rw.WriteHeader(held.status)
			_, _ = rw.Write(body) // the client may have gone
		})
	}
}

// held keeps an answer back.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }

// replaced puts other bytes where the victim's words stand, inside their quotes.
func replaced(with string) func(*world, *http.Request, []byte) []byte {
	return func(w *world, _ *http.Request, body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(w.victim.words), []byte(with))
	}
}
