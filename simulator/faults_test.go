package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const intact = `{"payload":["` + "0123456789abcdef0123456789abcdef0123456789abcdef" + `"]}`

func fine(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, intact)
}

// fetch sends one request with the given patience and returns the outcome in a word.
func fetch(t *testing.T, url string, patience time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	answer, err := http.DefaultTransport.RoundTrip(r)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	case err != nil:
		return "no connection"
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	what := fmt.Sprint(answer.StatusCode, " ", answer.Header.Get("Content-Type"))
	if after := answer.Header.Get("Retry-After"); after != "" {
		what += " after " + after
	}
	switch {
	case err != nil:
		return what + " broken"
	case string(body) == intact:
		return what + " intact"
	case strings.HasPrefix(intact, string(body)) && len(body) > 0:
		return what + " cut"
	case len(body) == 0:
		return what + " empty"
	}
	return what
}

func TestFaults(t *testing.T) {
	tests := map[Fault]string{
		NoFault:             "200 application/json intact",
		Throttled:           "429 text/plain",
		ThrottledRetryAfter: "429 text/plain after 7",
		ServerError:         "500 text/html; charset=utf-8",
		BadGateway:          "502 text/html; charset=utf-8",
		Unavailable:         "503  empty",
		Unauthorized:        "401 application/json",
		HTMLPage:            "200 text/html; charset=utf-8",
		Reset:               "no connection",
		TruncatedBody:       "200 application/json broken",
		TruncatedGzip:       "200 application/json broken",
		WrongLength:         "200 application/json cut",
		LongLength:          "200 application/json broken",
		ResetBody:           "200 application/json broken",
		SlowBody:            "200 application/json intact",
		Hang:                "no answer",
	}
	for fault, want := range tests {
		t.Run(string(fault), func(t *testing.T) {
			f := &Faults{Script: []Fault{fault}, RetryAfter: 7 * time.Second, Slow: 20 * time.Millisecond}
			server := httptest.NewServer(f.Wrap(http.HandlerFunc(fine)))
			defer server.Close()
			patience := time.Minute
			if fault == Hang {
				patience = 50 * time.Millisecond
			}
			if got := fetch(t, server.URL, patience); got != want {
				t.Errorf("the spoiled answer is %q, want %q", got, want)
			}
			if got := fetch(t, server.URL, time.Minute); got != tests[NoFault] {
				t.Errorf("the answer after it is %q", got)
			}
		})
	}
}

// TestDribble: the answer begins at once and never ends, and the site does not wait for a reader that is gone.
func TestDribble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Faults{Script: []Fault{Dribble}}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		defer func() {
			if recover() != http.ErrAbortHandler || w.Body.Len() < 80 || w.Body.Len() > 90 || strings.TrimSpace(w.Body.String()) != "" {
				t.Errorf("%d bytes in a minute and a half, want one a second, and the connection cut", w.Body.Len())
			}
		}()
		f.Wrap(http.HandlerFunc(fine)).ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	})
}

func TestFaultsAreSeeded(t *testing.T) {
	run := func(seed uint64) (list []Fault, counts map[Fault]int64) {
		f := &Faults{Seed: seed, Probability: 0.2, Script: []Fault{Reset}}
		for range 1000 {
			list = append(list, f.next())
		}
		return list, f.Counts()
	}
	first, counts := run(1)
	again, _ := run(1)
	other, _ := run(2)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the same seed gives other faults:\n%s", diff)
	}
	if cmp.Equal(first, other) {
		t.Error("another seed gives the same faults")
	}
	total := int64(0)
	for _, kind := range PassingFaults {
		if counts[kind] == 0 {
			t.Errorf("%s never struck", kind)
		}
		total += counts[kind]
	}
	if total < 150 || total > 250 || first[0] != Reset {
		t.Errorf("%d of 1000 requests were spoiled, the first by %q", total, first[0])
	}
}

func TestFaultsMatch(t *testing.T) {
	f := &Faults{Probability: 1, Kinds: []Fault{ServerError}, Match: func(r *http.Request) bool { return r.URL.Path == "/bad" }}
	handler := f.Wrap(http.HandlerFunc(fine))
	for path, want := range map[string]int{"/good": 200, "/bad": 500} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
}

func TestServe(t *testing.T) {
	s, err := Serve(":0", http.HandlerFunc(fine))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.URL, "http://127.0.0.1:") {
		t.Errorf("the site listens at %s, want the loopback interface", s.URL)
	}
	if got := fetch(t, s.URL, time.Minute); got != "200 application/json intact" {
		t.Errorf("answer %q", got)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
	if got := fetch(t, s.URL, time.Minute); got != "no connection" {
		t.Errorf("after Close: %q", got)
	}
	if _, err := Serve("nonsense", nil); err == nil {
		t.Error("an address without a port was taken")
	}
}

// TestCloseDropsWhatHangs: a reader that waits forever does not delay Close.
func TestCloseDropsWhatHangs(t *testing.T) {
	f := &Faults{Script: []Fault{Hang}}
	inside := make(chan struct{})
	wrapped := f.Wrap(http.HandlerFunc(fine))
	s, err := Serve("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(inside)
		wrapped.ServeHTTP(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if answer, err := http.Get(s.URL); err == nil {
			_ = answer.Body.Close()
		}
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}
