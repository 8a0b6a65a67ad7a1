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

// marker stands in the body of every fault. It must not stand in any error: bodies hold conversations.
const marker = "body-marker-beef"

// problem checks that an error is of the contract and gives nothing away.
func problem(t *testing.T, err error) *providers.Error {
	t.Helper()
	var e *providers.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error %v is no *providers.Error", err)
	}
	for _, forbidden := range []string{Secret, marker} {
		if strings.Contains(err.Error(), forbidden) {
			t.Errorf("%q stands in the error %q", forbidden, err)
		}
	}
	if e.Op == "" {
		t.Errorf("the error %q does not say what was being done", err)
	}
	return e
}

type fault struct {
	name   string
	answer http.HandlerFunc
	kinds  []providers.Kind
	after  bool // the error says how long to wait
	gone   bool // for a single conversation it is not an error
}

// Waits are named long, so that a provider leaves them to the export.
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

// testFaults lets every kind of walk meet every fault.
func testFaults(t *testing.T, c Case) {
	p, _ := c.start(t)
	refs := Refs(pages(t, p, c.Window, ""))
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			p := c.serve(t, f.answer)
			for name, err := range walks(t.Context(), p, c.Window, refs[:2]) {
				if f.gone && name != "list" && err == nil || c.MessagesListed && name == "messages" {
					continue
				}
				if err == nil {
					if name != "metadata" || len(documents(t, p.Metadata(t.Context(), refs[:1]))) > 0 {
						t.Errorf("%s met it and ended well", name)
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

// testOnce lets the second request of a list meet the fault: whatever was listed until then stays right, and the rest
// can be had from the last cursor on.
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
