package liveperson

import (
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

func site(t testing.TB, config simulator.CorpusConfig, options fake.Options, change ...func(*providers.Account)) (*fake.Site, *account, schemas.Window) {
	t.Helper()
	corpus := simulator.NewCorpus(config)
	s := fake.New(corpus, options)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	change = append([]func(*providers.Account){func(p *providers.Account) { p.Token = fake.Token }}, change...)
	return s, testAccount(t, server.URL, change...), schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
}

func collect(t testing.TB, a *account, w schemas.Window) ([]providers.Ref, map[string][]schemas.Document) {
	t.Helper()
	pages, docs := providertest.Collect(t, a, w)
	return providertest.Refs(pages), docs
}

func ids(refs []providers.Ref) []string {
	var all []string
	for _, ref := range refs {
		all = append(all, ref.ID)
	}
	return all
}

// TestRoundTrip reads a simulated account through sites that differ in everything that is unknown, and compares the rows with the
// site's truth.
func TestRoundTrip(t *testing.T) {
	for name, options := range map[string]fake.Options{
		"as documented":             {},
		"texts and updates":         {TextTimes: true, LastUpdateTime: true},
		"no rounding, short pages":  {NoRounding: true, PageLimit: 13},
		"offsets from one":          {OneBased: true, PageLimit: 13},
		"204 and no count":          {EmptyIs204: true, NoCount: true},
		"order by the second":       {SortBySecond: true, PageLimit: 7},
		"cut records":               {CutAbove: 30, LastUpdateTime: true},
		"fifty records by id":       {ByIDLimit: 50},
		"no records for unknown id": {UnknownIs404: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := simulator.CorpusConfig{Seed: 7, Conversations: 70}
			if name == "as documented" {
				config.Conversations = 210
			}
			s, a, whole := site(t, config, options)
			refs, docs := collect(t, a, whole)
			for _, ref := range refs {
				want, ok := s.Thread(ref.ID)
				providertest.SameThread(t, pure(), docs[ref.ID], want, ok)
			}
			if diff := cmp.Diff(s.Conversations(whole), ids(refs)); diff != "" {
				t.Errorf("listed conversations (-want +got):\n%s", diff)
			}
			if n, err := a.Count(t.Context(), whole); err != nil || n != int64(len(refs)) {
				t.Errorf("Count = %d, %v; want %d", n, err, len(refs))
			}
			t.Logf("%d requests for %d conversations", s.Stats().Requests, len(refs))
		})
	}
}

func TestConsumerRoundTrip(t *testing.T) {
	config := simulator.CorpusConfig{Seed: 7, Conversations: 160, People: 5}
	person := busiest(simulator.NewCorpus(config))
	for scheme, option := range map[string]string{"Bearer": "Bearer", "jwt": "jwt", "-": ""} { // which one is correct is unknown
		s, a, whole := site(t, config, fake.Options{Consumers: map[string]int64{"jwt-1": person, "jwt-2": person + 2}, ConsumerScheme: scheme},
			func(p *providers.Account) { p.Token = "jwt-1" },
			with(map[string]string{optionMode: modeConsumer, optionState: "open,close,archive", optionPageSize: "20", optionScheme: option}))
		refs, docs := collect(t, a, whole)
		for _, ref := range refs {
			want, ok := s.ConsumerThread(ref.ID)
			providertest.SameThread(t, pure(), docs[ref.ID], want, ok)
		}
		if diff := cmp.Diff(s.ConsumerConversations(whole, person), ids(refs)); diff != "" {
			t.Errorf("listed conversations (-want +got):\n%s", diff)
		}
		if n, err := a.Count(t.Context(), whole); err != nil || n != int64(len(refs)) || n < 20 {
			t.Errorf("Count = %d, %v; want %d", n, err, len(refs))
		}
	}
}

// The order is configurable, and then only offsets tell where to continue.
func TestConsumerOrders(t *testing.T) {
	config := simulator.CorpusConfig{Seed: 7, Conversations: 400, People: 5}
	person := busiest(simulator.NewCorpus(config))
	for _, order := range []string{"start:desc", "end:asc", "end:desc"} {
		s, a, whole := site(t, config, fake.Options{Consumers: map[string]int64{"jwt-1": person}},
			func(p *providers.Account) { p.Token = "jwt-1" },
			with(map[string]string{optionMode: modeConsumer, optionState: "close,archive,open", optionPageSize: "9", optionSort: order}))
		refs, _ := collect(t, a, whole)
		got, want := ids(refs), s.ConsumerConversations(whole, person)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", order, diff)
		}
	}
}

func TestDirectoryRoundTrip(t *testing.T) {
	s, a, _ := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 20}, fake.Options{})
	got := providertest.Snapshot(t, a, pure())
	if diff := cmp.Diff(s.Snapshot(), got, providertest.Rows); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
}

// TestWindows lists many windows and finds every conversation in exactly one.
func TestWindows(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 5, Conversations: 900}, fake.Options{})
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
					t.Errorf("conversation %s is in %s once more, or wrongly", ref.ID, w)
				}
				seen[ref.ID] = true
				n++
			}
		}
		if count, err := a.Count(t.Context(), w); err != nil || count != n {
			t.Errorf("Count(%s) = %d, %v; want %d", w, count, err, n)
		}
	}
	if want := s.Conversations(whole); len(seen) != len(want) {
		t.Errorf("%d conversations, want %d", len(seen), len(want))
	}
	t.Logf("%d requests for 40 windows, each with its count", s.Stats().Requests)
}

// BenchmarkFetch reads conversations: list, records, and their rows.
func BenchmarkFetch(b *testing.B) {
	s, a, whole := site(b, simulator.CorpusConfig{Seed: 2, Conversations: 500}, fake.Options{Now: func() time.Time { return seenAt }})
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		refs, docs := collect(b, a, whole)
		for _, ref := range refs {
			if _, err := pure().Thread(docs[ref.ID]); err != nil {
				b.Fatal(err)
			}
		}
		n += len(refs)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "conversations/s")
	b.ReportMetric(float64(s.Stats().Requests)/b.Elapsed().Seconds(), "requests/s")
}
