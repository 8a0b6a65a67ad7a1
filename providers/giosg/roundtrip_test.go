package giosg

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
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

func site(t testing.TB, config simulator.CorpusConfig, options fake.Options, change ...func(*providers.Account)) (*fake.Site, *account, schemas.Window) {
	t.Helper()
	corpus := simulator.NewCorpus(config)
	if options.Tokens == nil {
		options.Tokens = map[string]fake.Role{testToken: fake.Manager}
	}
	s := fake.New(corpus, options)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, testAccount(t, server.URL, change...), schemas.Window{From: corpus.Config().From, To: corpus.Config().To.Add(time.Second)}
}

func refsOf(t testing.TB, a *account, w schemas.Window, keep func(schemas.Document, error)) []providers.Ref {
	t.Helper()
	var refs []providers.Ref
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, page.Refs...)
		for _, doc := range page.Documents {
			if keep != nil {
				keep(doc, nil)
			}
		}
	}
	slices.SortStableFunc(refs, func(a, b providers.Ref) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return refs
}

func collect(t testing.TB, a *account, w schemas.Window) ([]providers.Ref, map[string][]schemas.Document) {
	t.Helper()
	pages, docs := providertest.Collect(t, a, w)
	refs := providertest.Refs(pages)
	slices.SortStableFunc(refs, func(a, b providers.Ref) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return refs, docs
}

// TestRoundTrip reads a simulated organization through the fake and compares the rows with the fake's truth, with and without
// encrypted rooms.
func TestRoundTrip(t *testing.T) {
	for name, options := range map[string]fake.Options{
		"plain":            {PageSize: 7},
		"encrypted":        {Encrypted: true},
		"encrypted cached": {Encrypted: true},
		"short pages":      {PageSize: 2, MessagePageSize: 3, EmptyPages: true, IgnoreOrdering: true, NextScheme: "https"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := simulator.CorpusConfig{Seed: 7, Conversations: 160, GiantMessages: 700}
			s, a, whole := site(t, config, options)
			s.CachePlainTexts(name == "encrypted cached")
			refs, docs := collect(t, a, whole)
			ids := map[string]bool{}
			for _, ref := range refs {
				ids[ref.ID] = true
				want, ok := s.Thread(ref.ID)
				providertest.SameThread(t, withKey(t, fake.PrivateKey), docs[ref.ID], want, ok)
			}
			if want := s.Conversations(whole); len(want) != len(ids) || len(refs) != len(ids) {
				t.Errorf("%d refs of %d chats, want %d", len(refs), len(ids), len(want))
			}
			stats := s.Stats()
			t.Logf("%.2f requests a chat", float64(stats.Requests)/float64(len(refs)))
		})
	}
}

func TestDirectoryRoundTrip(t *testing.T) {
	s, a, _ := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 5}, fake.Options{PageSize: 4, EmptyPages: true})
	got := providertest.Snapshot(t, a, pure())
	if diff := cmp.Diff(s.Snapshot(), got, providertest.Rows); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
}
