package chatwoot

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

func site(t testing.TB, config simulator.CorpusConfig, options fake.Options) (*fake.Site, *account, schemas.Window) {
	t.Helper()
	corpus := simulator.NewCorpus(config)
	if options.Tokens == nil {
		options.Tokens = map[string]fake.Role{testToken: fake.Administrator}
	}
	s := fake.New(corpus, options)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	a := testAccount(t, server.URL, func(p *providers.Account) {
		if options.ReportingEvents {
			p.Options = map[string]string{"reporting_events": "true"}
		}
	})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	return s, a, whole
}

func collect(t testing.TB, a *account, w schemas.Window) ([]providers.Ref, map[string][]schemas.Document) {
	t.Helper()
	pages, docs := providertest.Collect(t, a, w)
	slices.Reverse(pages) // the walk goes down
	return providertest.Refs(pages), docs
}

// TestRoundTrip reads a generated account from the fake of every version and compares the rows with those that the fake knows to be
// true.
func TestRoundTrip(t *testing.T) {
	for _, version := range []string{fake.V3_16, fake.V4_14, fake.Docs} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			config := simulator.CorpusConfig{Seed: 7, Conversations: 300, GiantMessages: 1500}
			s, a, whole := site(t, config, fake.Options{Version: version, ReportingEvents: version == fake.V4_14, PageSize: 7})
			refs, docs := collect(t, a, whole)
			var ids []string
			for _, ref := range refs {
				ids = append(ids, ref.ID)
				want, ok := s.Thread(ref.ID)
				providertest.SameThread(t, mapper(), docs[ref.ID], want, ok)
			}
			if diff := cmp.Diff(s.Conversations(whole), ids); diff != "" {
				t.Errorf("listed conversations (-want +got):\n%s", diff)
			}
			if n, err := a.Count(t.Context(), whole); err != nil || n != int64(len(ids)) {
				t.Errorf("Count = %d, %v; want %d", n, err, len(ids))
			}
		})
	}
}

func TestDirectoryRoundTrip(t *testing.T) {
	s, a, _ := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 200}, fake.Options{})
	got := providertest.Snapshot(t, a, mapper())
	if diff := cmp.Diff(s.Snapshot(), got, providertest.Rows); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
}

// TestWindows lists many windows. Every conversation is in exactly one, and later windows do not cost more requests.
func TestWindows(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 5, Conversations: 3000}, fake.Options{})
	seen := map[string]bool{}
	step := whole.To.Sub(whole.From) / 40
	for from := whole.From; from.Before(whole.To); from = from.Add(step) {
		w := schemas.Window{From: from, To: from.Add(step)}
		var n int64
		for page, err := range a.Conversations(t.Context(), w, "") {
			if err != nil {
				t.Fatal(err)
			}
			for _, ref := range page.Refs {
				if seen[ref.ID] || !w.Contains(ref.CreatedAt) {
					t.Errorf("conversation %s is in %s, but listed before or created at another time", ref.ID, w)
				}
				seen[ref.ID] = true
				n++
			}
		}
		count, err := a.Count(t.Context(), w)
		if err != nil || count != n {
			t.Errorf("Count(%s) = %d, %v; want %d", w, count, err, n)
		}
	}
	if want := s.Conversations(whole); len(seen) != len(want) {
		t.Errorf("%d conversations, want %d", len(seen), len(want))
	}
	requests := s.Stats().Requests
	const pages, windows = 120, 40
	if requests > 3*pages+8*windows {
		t.Errorf("%d requests for %d pages in %d windows", requests, pages, windows)
	}
	t.Logf("%d requests for %d pages in %d windows, each with its count", requests, pages, windows)
}

// Throttling takes time but loses no conversation, and after the first 429 there are few more.
func TestThrottledSite(t *testing.T) {
	t.Parallel()
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 4, Conversations: 15}, fake.Options{
		Throttle: fake.Throttle{PerSecond: 20, Burst: 20},
	})
	refs, _ := collect(t, a, whole)
	stats := s.Stats()
	if len(refs) != 15 || stats.Throttled == 0 || stats.Throttled > 4 {
		t.Errorf("%d conversations, %d of %d requests throttled", len(refs), stats.Throttled, stats.Requests)
	}
}

func TestGiantConversation(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 9, Conversations: 3, GiantMessages: 20_000}, fake.Options{})
	before := s.Stats().Requests
	refs, _ := collect(t, a, whole)
	var largest, messages int
	for doc, err := range a.Messages(t.Context(), refs) {
		if err != nil {
			t.Fatal(err)
		}
		rows, _, err := envelope(doc.Body)
		if err != nil {
			t.Fatal(err)
		}
		largest, messages = max(largest, len(rows)), messages+len(rows)
	}
	if largest >= windowCap || messages < 20_000 {
		t.Errorf("windows up to %d rows, %d messages in all", largest, messages)
	}
	t.Logf("%d requests to read it twice", s.Stats().Requests-before)
}

// BenchmarkFetch lists, fetches and maps conversations one after the other.
func BenchmarkFetch(b *testing.B) {
	s, a, whole := site(b, simulator.CorpusConfig{Seed: 2, Conversations: 500}, fake.Options{})
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		refs, docs := collect(b, a, whole)
		for _, ref := range refs {
			if _, err := mapper().Thread(docs[ref.ID]); err != nil {
				b.Fatal(err)
			}
		}
		n += len(refs)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "conversations/s")
	b.ReportMetric(float64(s.Stats().Requests)/b.Elapsed().Seconds(), "requests/s")
}
