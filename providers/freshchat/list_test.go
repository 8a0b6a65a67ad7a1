package freshchat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

var march = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)

// small is a corpus of a few days.
func small(n int) simulator.CorpusConfig {
	return simulator.CorpusConfig{Seed: 5, Conversations: n, From: march, To: march.AddDate(0, 0, 4)}
}

// TestWindows lists adjacent windows. Every conversation is in exactly one, even if its messages continue in the next one, and even
// if only Conversation-Created has its time of creation.
func TestWindows(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"reports": nil, "transcript": {"lane": "transcript"}, "users": {"enumeration": "users"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a, whole := site(t, small(300), fake.Options{Sparse: map[string]string{"users": "none"}[name]}, settings)
			seen := map[string]bool{}
			dropped := 0
			for from := whole.From; from.Before(whole.To); from = from.Add(7 * time.Hour) {
				w := schemas.Window{From: from, To: from.Add(7 * time.Hour)}
				for page, err := range a.Conversations(t.Context(), w, "") {
					if err != nil {
						t.Fatal(err)
					}
					dropped += page.Dropped
					for _, ref := range page.Refs {
						if seen[ref.ID] || !w.Contains(ref.CreatedAt) {
							t.Errorf("conversation %s is in %s, but listed before or created at another time", ref.ID, w)
						}
						seen[ref.ID] = true
					}
				}
			}
			if want := s.Conversations(whole); len(seen) != len(want) || dropped == 0 && !a.users {
				t.Errorf("%d conversations, want %d; %d dropped", len(seen), len(want), dropped)
			}
		})
	}
}

// step reads pages until one has conversations or there is an error, and returns the last cursor.
func step(a *account, ctx context.Context, w schemas.Window, at providers.Cursor) (providers.Cursor, providers.Page, error) {
	for page, err := range a.Conversations(ctx, w, at) {
		if err != nil {
			return at, page, err
		}
		if at = page.Next; len(page.Refs) > 0 || at == "" {
			return at, page, nil
		}
	}
	return at, providers.Page{}, errors.New("the walk ended without a page")
}

// Every order is a page of its own, so that its id is kept before the wait begins. The caller waits for reports, and no report is
// ordered twice.
func TestPending(t *testing.T) {
	s, a, w := site(t, small(40), fake.Options{Reports: fake.Reports{Polls: 2, PerMinute: 1000, PerDay: 1000}}, nil)
	at, orders := providers.Cursor(""), 0
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			break
		}
		orders++
		if len(page.Refs) != 0 || page.Next == "" {
			t.Errorf("page %d has %d conversations and the cursor %q", orders, len(page.Refs), page.Next)
		}
		at = page.Next
	}
	if orders != 5 || s.Stats().Endpoints["reports/raw"] != 5 {
		t.Fatalf("%d pages, %d orders, want 5", orders, s.Stats().Endpoints["reports/raw"])
	}
	waits := 0
	for {
		next, page, err := step(a, t.Context(), w, at)
		var e *providers.Error
		if errors.As(err, &e) {
			if waits++; e.Kind != providers.Pending || e.After != firstPoll && e.After != 2*firstPoll || next != at {
				t.Fatalf("%v after %s, cursor %q", err, e.After, next)
			}
			continue
		}
		if len(page.Refs) == 0 {
			t.Error("the page has no conversations")
		}
		break
	}
	if n := s.Stats().Endpoints["reports/raw"]; n != 5 || waits < 2 || waits > 15 {
		t.Errorf("%d orders, %d waits", n, waits)
	}
}

// Small reports are ready within seconds, and long ones are not polled more than twice a minute.
func TestPollAfter(t *testing.T) {
	var r linkCache
	var waits []time.Duration
	for range 6 {
		waits = append(waits, r.pollAfter("a")/time.Second)
	}
	if want := []time.Duration{2, 4, 8, 16, 30, 30}; !slices.Equal(waits, want) {
		t.Errorf("waits of %d s, want %d", waits, want)
	}
	if r.pollAfter("b") != firstPoll {
		t.Error("another report is polled as late as the first")
	}
	for range 100 {
		if wait := r.pollAfter("a"); wait != longestPoll {
			t.Fatalf("polled after %s", wait)
		}
	}
	if r.put("a", nil); r.pollAfter("a") != firstPoll {
		t.Error("a report that was ready before is polled late")
	}
}

// A failed report is ordered again.
func TestFailedReports(t *testing.T) {
	s, a, w := site(t, small(40), fake.Options{Reports: fake.Reports{Fail: 3}}, nil)
	at := providers.Cursor("")
	var refs int
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatalf("after %q: %v", at, err)
		}
		at, refs = page.Next, refs+len(page.Refs)
	}
	if n := s.Stats().Endpoints["reports/raw"]; refs != len(s.Conversations(w)) || n != 8 {
		t.Errorf("%d conversations, %d orders", refs, n)
	}
}

// After too many failed reports, no report is ordered until a person retries. Then the same number may fail again.
func TestFailedReportsAfterRetry(t *testing.T) {
	for name, settings := range map[string]map[string]string{"conversations": nil, "reports": {"reports": "CSAT-Score"}} {
		s, a, w := site(t, small(40), fake.Options{Reports: fake.Reports{Fail: 14}}, settings)
		list := a.Conversations
		if settings != nil {
			list = a.Reports
		}
		at, stops, orders := providers.Cursor(""), 0, int64(0)
		for done := false; !done; {
			done = true
			for page, err := range list(t.Context(), w, at) {
				var e *providers.Error
				switch {
				case errors.As(err, &e) && e.Kind == providers.Failed && errors.Is(err, errFailed):
					if stops++; stops%2 == 0 { // without Retry it fails again at once
						at = a.Retry(at)
					} else {
						orders = s.Stats().Endpoints["reports/raw"]
					}
					if n := s.Stats().Endpoints["reports/raw"]; n != orders {
						t.Errorf("%s: %d orders between two stops", name, n-orders)
					}
					done = false
				case err != nil:
					t.Fatalf("%s: %v", name, err)
				default:
					at = page.Next
				}
			}
			if stops > 10 {
				t.Fatalf("%s: the list does not continue after a retry", name)
			}
		}
		if stops < 2 {
			t.Errorf("%s: the list stopped %d times", name, stops)
		}
	}
}

func TestRetryOfOtherCursors(t *testing.T) {
	_, a, _ := site(t, small(1), fake.Options{}, nil)
	for _, at := range []providers.Cursor{"", "u17.d3", "?", "r0.0.5.!"} {
		if got := a.Retry(at); got != at {
			t.Errorf("%q became %q", at, got)
		}
	}
}

// Links that expire between the poll and the download are requested again. The token is never sent to the file host.
func TestExpiredLinks(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	clock := func() time.Time { return time.UnixMilli(now.Load()) }
	s := fake.New(simulator.NewCorpus(small(40)), fake.Options{Token: testToken, Now: clock})
	polls, late := 0, true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/extracts") && r.Header.Get("Authorization") != "" {
			t.Error("the file host received the token")
		}
		if strings.HasPrefix(r.URL.Path, "/extracts") && late {
			late = false
			now.Add((2 * time.Hour).Milliseconds())
		}
		if strings.HasPrefix(r.URL.Path, "/v2/reports/raw/") {
			polls++
		}
		s.ServeHTTP(w, r)
	}))
	defer server.Close()
	a := testAccount(t, server.URL)
	w := schemas.Window{From: march, To: march.AddDate(0, 0, 4)}
	_, page, err := step(a, t.Context(), w, "")
	if err != nil || len(page.Refs) == 0 || polls != 10 { // all five links had expired by then
		t.Errorf("%d conversations, %d polls, %v", len(page.Refs), polls, err)
	}
}

// If every link has expired, the error is Transient.
func TestDeadLinks(t *testing.T) {
	_, a, w := site(t, small(10), fake.Options{Reports: fake.Reports{LinkLife: time.Nanosecond}}, nil)
	_, _, err := step(a, t.Context(), w, "")
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.Transient || e.Status != 403 || strings.Contains(err.Error(), "X-Amz") {
		t.Errorf("dead links end with %v", err)
	}
}

// Each order takes from the shared quotas first, and returns their errors.
func TestQuotas(t *testing.T) {
	_, a, w := site(t, small(10), fake.Options{}, nil)
	var asked []providers.Quota
	refuse := &providers.Error{Kind: providers.Throttled, Op: "quota", After: time.Minute}
	left := 3
	a.take = func(_ context.Context, q providers.Quota) error {
		asked = append(asked, q)
		if left--; left < 0 {
			return refuse
		}
		return nil
	}
	_, _, err := step(a, t.Context(), w, "")
	if !errors.Is(err, refuse) {
		t.Errorf("the walk ended with %v", err)
	}
	minute := providers.Quota{Name: "reports", Limits: []providers.Limit{{Uses: 1, Per: time.Minute}}}
	daily := func(event string) providers.Quota {
		return providers.Quota{Name: "reports-" + event, Limits: []providers.Limit{{Uses: 120, Per: 24 * time.Hour}}}
	}
	want := []providers.Quota{minute, daily("Conversation-Created"), minute, daily("Chat-Transcript")}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("quotas (-want +got):\n%s", diff)
	}

	// The uses of a list of changes say so, because others leave some to syncs.
	asked, left = nil, 1000
	for _, err := range a.Changes(t.Context(), w, providertest.NewCopy(mapper()), "") {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) == 0 || slices.ContainsFunc(asked, func(q providers.Quota) bool { return !q.Changes }) {
		t.Errorf("quotas of changes: %+v", asked)
	}
}

// If the platform's own quota is used up, the caller waits and the account is not paused.
func TestOrdersThrottled(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, quota := range []fake.Reports{{PerDay: 2}, {PerMinute: 1}} {
		_, a, w := site(t, small(10), fake.Options{Now: func() time.Time { return now }, Reports: quota}, nil)
		_, _, err := step(a, t.Context(), w, "")
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != providers.Throttled || e.After < time.Minute {
			t.Errorf("%+v: the walk ended with %v", quota, err)
		}
		if _, err := a.Probe(t.Context()); err != nil {
			t.Errorf("%+v: the account is paused: %v", quota, err)
		}
	}
}

// A conversation deleted after its report was made is listed with the report's time of creation, and is gone when it is fetched.
func TestDeletedBetween(t *testing.T) {
	s, a, w := site(t, small(60), fake.Options{}, nil)
	victim := s.Conversations(w)[7]
	want, _ := s.Thread(victim, fake.Reading{Lane: "both", Covered: []schemas.Window{w}})
	listed := providers.Ref{}
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		if s.Stats().Endpoints["reports/raw"] == 5 && s.Stats().Endpoints["conversations/{id}"] == 0 {
			c, err := parseCursor(page.Next) // the fake makes reports when they are downloaded, so that comes first
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := a.gather(t.Context(), reportSet{orders: a.ordersFor(w), cursor: c, read: a.readConversations}); err != nil {
				t.Fatal(err)
			}
			s.DeleteConversation(victim)
		}
		for _, ref := range page.Refs {
			if ref.ID == victim {
				listed = ref
			}
		}
	}
	if !listed.CreatedAt.Equal(*want.Conversation.CreatedAt) {
		t.Fatalf("the deleted conversation is listed at %s, want %s", listed.CreatedAt, want.Conversation.CreatedAt)
	}
	var docs []schemas.Document
	for doc, err := range a.Messages(t.Context(), []providers.Ref{listed}) {
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	thread, err := mapper().Thread(docs)
	if err != nil || len(docs) != 1 || docs[0].Status != 404 || len(thread.Tombstones) != 1 {
		t.Errorf("%d documents, %d tombstones, %v", len(docs), len(thread.Tombstones), err)
	}
}

// The cursor of a month stays short for all forms of report ids.
func TestCursorLength(t *testing.T) {
	for _, numbers := range []bool{false, true} {
		config := simulator.CorpusConfig{Seed: 5, Conversations: 250, From: march, To: march.AddDate(0, 1, 0)}
		s, a, w := site(t, config, fake.Options{Reports: fake.Reports{Numbers: numbers}}, map[string]string{"lane": "transcript", "transcript_tail": "14"})
		longest, pages := 0, 0
		var ids []string
		for page, err := range a.Conversations(t.Context(), w, "") {
			if err != nil {
				t.Fatal(err)
			}
			longest, pages = max(longest, len(page.Next)), pages+1
			for _, ref := range page.Refs {
				ids = append(ids, ref.ID)
			}
		}
		if longest > 1200 || pages != 47+3 || !slices.Equal(slices.Sorted(slices.Values(ids)), slices.Sorted(slices.Values(s.Conversations(w)))) {
			t.Errorf("a cursor of %d characters, %d pages, %d conversations", longest, pages, len(ids))
		}
	}
}

// The segments of a long window are walked one after the other.
func TestSegments(t *testing.T) {
	config := simulator.CorpusConfig{Seed: 5, Conversations: 120, From: march, To: march.AddDate(0, 0, 70)}
	s, a, w := site(t, config, fake.Options{}, nil)
	seen := map[string]int{}
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Next) > maxCursor {
			t.Errorf("a cursor of %d characters", len(page.Next))
		}
		for _, ref := range page.Refs {
			seen[ref.ID]++
		}
	}
	for _, id := range s.Conversations(w) {
		if seen[id] != 1 {
			t.Errorf("conversation %s is listed %d times", id, seen[id])
		}
	}
}

// Windows in the future cost no report.
func TestFutureWindow(t *testing.T) {
	s, a, _ := site(t, small(10), fake.Options{}, nil)
	from := time.Now().AddDate(1, 0, 0)
	_, page, err := step(a, t.Context(), schemas.Window{From: from, To: from.AddDate(0, 1, 0)}, "")
	if err != nil || page.Next != "" || s.Stats().Requests != 0 {
		t.Errorf("%+v, %v, %d requests", page, err, s.Stats().Requests)
	}
}

// A second process builds its own index and continues at the same position.
func TestPositions(t *testing.T) {
	_, a, w := site(t, small(350), fake.Options{}, nil)
	var all []string
	var at providers.Cursor
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Refs) > 0 && at == "" {
			at = page.Next
			all = nil
			continue
		}
		for _, ref := range page.Refs {
			all = append(all, ref.ID)
		}
	}
	a.resetCaches()
	a.linkCache = linkCache{}
	var again []string
	for page, err := range a.Conversations(t.Context(), w, at) {
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range page.Refs {
			again = append(again, ref.ID)
		}
	}
	if diff := cmp.Diff(all, again); diff != "" || len(all) < 200 {
		t.Errorf("%d conversations after the first page (-first +second):\n%s", len(all), diff)
	}
}

func TestCacheLimit(t *testing.T) {
	s := cache[*spool]{maxEntries: 16}
	fills := 0
	get := func(i int) {
		_, err := s.get(t.Context(), fmt.Sprint(i), func() (*spool, error) { fills++; return &spool{}, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		get(i)
		get(i)
	}
	if fills != 40 || len(s.entries) > 17 {
		t.Errorf("%d fills, %d kept", fills, len(s.entries))
	}
	_, err := s.get(t.Context(), "x", func() (*spool, error) { return nil, errFailed })
	if !errors.Is(err, errFailed) {
		t.Error(err)
	}
	get(39)
	if fills != 40 {
		t.Error("the value used last was removed")
	}
}
