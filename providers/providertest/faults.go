package providertest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chatlake/chatlake/providers"
)

// marker is in the body of every fault. No error may contain it, because bodies contain conversations.
const marker = "body-marker-beef"

// problem checks that an error keeps the contract and contains no secret and no body.
func problem(t *testing.T, err error) *providers.Error {
	t.Helper()
	var e *providers.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error %v is not a *providers.Error", err)
	}
	for _, forbidden := range []string{Secret, marker} {
		if strings.Contains(err.Error(), forbidden) {
			t.Errorf("the error %q contains %q", err, forbidden)
		}
	}
	if e.Op == "" {
		t.Errorf("the error %q has no Op", err)
	}
	return e
}

type fault struct {
	name   string
	answer http.HandlerFunc
	kinds  []providers.Kind
	after  bool // the error must have After
	gone   bool // it is not an error for a single conversation
}

// The answers ask for long waits, so that a provider leaves them to the export.
var faults = []fault{
	{name: "401", answer: answer(401, ""), kinds: []providers.Kind{providers.Denied}},
	{name: "403", answer: answer(403, ""), kinds: []providers.Kind{providers.Denied}},
	{name: "404", answer: answer(404, ""), kinds: []providers.Kind{providers.NotFound, providers.Denied}, gone: true},
	{name: "422", answer: answer(422, ""), kinds: []providers.Kind{providers.Malformed}},
	{name: "429", answer: answer(429, "3600"), kinds: []providers.Kind{providers.Throttled}, after: true},
	{name: "500", answer: answer(500, ""), kinds: []providers.Kind{providers.Transient}},
	{name: "503", answer: answer(503, "3600"), kinds: []providers.Kind{providers.Transient, providers.Throttled}, after: true},
	{name: "HTML", answer: html, kinds: []providers.Kind{providers.Malformed}},
	{name: "redirect", answer: elsewhere, kinds: []providers.Kind{providers.Malformed}},
	{name: "truncated", answer: truncated, kinds: []providers.Kind{providers.Transient}},
	{name: "not JSON", answer: notJSON, kinds: []providers.Kind{providers.Malformed}},
	{name: "other JSON", answer: otherJSON, kinds: []providers.Kind{providers.Malformed}},
}

func answer(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":%q}`, marker)
	}
}

func html(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, "<!doctype html><p>%s</p>", marker)
}

func elsewhere(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", "https://elsewhere.example.com/"+marker)
	w.WriteHeader(http.StatusFound)
}

func truncated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "5000")
	fmt.Fprintf(w, `{"payload":[{"id":1,"content":%q`, marker)
}

func notJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"payload":[%s]}`, marker)
}

func otherJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `%q`, marker)
}

// testFaults makes every kind of request with every fault.
func testFaults(t *testing.T, c Case) {
	p, _ := c.start(t)
	refs := Refs(pages(t, p, c.Window, ""))
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			p := c.serve(t, f.answer)
			for name, err := range walks(t.Context(), p, c.Window, refs[:2], !c.NotFound) {
				if f.gone && name != "list" && err == nil || c.MessagesListed && name == "messages" {
					continue
				}
				if c.MetadataRefused && name == "metadata" && err == nil && slices.Contains(f.kinds, providers.Denied) {
					continue
				}
				if err == nil {
					if name != "metadata" || len(documents(t, p.Metadata(t.Context(), refs[:1]))) > 0 {
						t.Errorf("%s returns no error", name)
					}
					continue
				}
				e := problem(t, err)
				if !slices.Contains(f.kinds, e.Kind) || f.after && e.After <= 0 {
					t.Errorf("%s ended with %s %q after %s, want %v", name, e.Kind, err, e.After, f.kinds)
				}
			}
		})
		t.Run("once "+f.name, func(t *testing.T) {
			t.Parallel()
			testOnce(t, c, f)
		})
	}
}

// testOnce makes the second request of a list fail. What was listed before stays correct, and the list continues from the last cursor.
func testOnce(t *testing.T, c Case, f fault) {
	platform := c.Platform(t)
	var requests atomic.Int64
	p := c.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const second = 2
		if requests.Add(1) == second {
			f.answer(w, r)
			return
		}
		platform.ServeHTTP(w, r)
	}))
	var got []providers.Page
	var last providers.Cursor
	for page, err := range p.Conversations(t.Context(), c.Window, "") {
		if err != nil {
			problem(t, err)
			break
		}
		got, last = append(got, page), page.Next
	}
	if len(got) == 0 || last != "" {
		got = append(got, pages(t, c.serve(t, platform), c.Window, last)...)
	}
	if got, want := idsOf(Refs(got)), sorted(c.Conversations); !slices.Equal(got, want) {
		t.Errorf("%d conversations are listed, want %d", len(got), len(want))
	}
}
