package rest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
)

// watchedAttempt is an attempt with its outcome.
type watchedAttempt struct {
	providers.Attempt
	providers.Outcome
}

// TestWatchSeesEveryAttempt checks that retries, refusals and failures are told one by one, with what the gate knows after each.
func TestWatchSeesEveryAttempt(t *testing.T) {
	answers := []int{http.StatusServiceUnavailable, http.StatusOK, http.StatusOK, http.StatusTooManyRequests, http.StatusOK}
	var sent atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(sent.Add(1)) - 1
		if w.WriteHeader(answers[n]); n == 2 {
			_, _ = w.Write([]byte("<html>"))
			return
		}
		_, _ = w.Write([]byte("{}"))
	}))
	defer server.Close()
	var got []watchedAttempt
	client, err := New(Config{BaseURL: server.URL, Watch: func(ctx context.Context, a providers.Attempt) (context.Context, func(providers.Outcome)) {
		return ctx, func(o providers.Outcome) { got = append(got, watchedAttempt{a, o}) }
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"retried", "page", "refused"} {
		method := "GET"
		if op == "page" {
			method = "POST" // which is sent once
		}
		_, err := client.Do(t.Context(), Request{Op: op, Method: method, Path: "/x/4711?secret=1"})
		if (err != nil) != (op == "page") {
			t.Errorf("%s: %v", op, err)
		}
	}
	at, _ := url.Parse(server.URL)
	port, _ := strconv.Atoi(at.Port())
	attempt := func(op string, status int, failure string) watchedAttempt {
		return watchedAttempt{providers.Attempt{Op: op, Method: "GET", Host: at.Hostname(), Port: port}, providers.Outcome{Status: status, Failure: failure}}
	}
	want := []watchedAttempt{
		attempt("retried", 503, ""), attempt("retried", 200, ""), attempt("page", 200, "html"), attempt("refused", 429, ""), attempt("refused", 200, ""),
	}
	want[2].Method = "POST"
	tolerated := got[3].Tolerated
	want[3].Tolerated, want[4].Tolerated = tolerated, got[4].Tolerated
	if diff := cmp.Diff(want, got); diff != "" || tolerated <= 0 || got[4].Tolerated <= 0 {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	if words := failureWords(); !slices.Contains(words, "timeout") || len(words) > 20 {
		t.Errorf("words for failures: %v", words)
	}
}

func failureWords() (words []string) {
	for _, f := range failures {
		words = append(words, f.word)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// TestWatchSeesAStop checks that the watch is told when the account is stopped.
func TestWatchSeesAStop(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer server.Close()
	var stops []bool
	client, err := New(Config{BaseURL: server.URL, Watch: func(ctx context.Context, _ providers.Attempt) (context.Context, func(providers.Outcome)) {
		return ctx, func(o providers.Outcome) { stops = append(stops, o.Stopped) }
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range maxDenials {
		_, _ = client.Get(t.Context(), "ask", "/", nil)
	}
	if len(stops) != maxDenials || stops[0] || !stops[len(stops)-1] {
		t.Errorf("stopped after each attempt: %v", stops)
	}
}
