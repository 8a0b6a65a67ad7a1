package giosg

import (
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatlake/chatlake/providers"
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

// cmpRows compares rows without what is only known at fetch time.
var cmpRows = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".ObservedAt" }, cmp.Ignore()),
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
	docs := map[string][]schemas.Document{}
	keep := func(doc schemas.Document, err error) {
		if err != nil {
			t.Fatal(err)
		}
		docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
	}
	refs := refsOf(t, a, w, keep)
	for doc, err := range a.Messages(t.Context(), refs) {
		keep(doc, err)
	}
	for doc, err := range a.Metadata(t.Context(), refs) {
		keep(doc, err)
	}
	return refs, docs
}

// TestRoundTrip reads a made-up organization through the fake and finds the rows that the fake knows to be true, whether
// its encrypted rooms are served plain or not.
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
				got, err := withKey(t, fake.PrivateKey).Thread(docs[ref.ID])
				if err != nil {
					t.Fatal(err)
				}
				want, ok := s.Thread(ref.ID)
				if !ok {
					t.Fatalf("chat %s is not in the world", ref.ID)
				}
				if diff := cmp.Diff(want, got, cmpRows); diff != "" {
					t.Fatalf("chat %s (-want +got):\n%s", ref.ID, diff)
				}
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
	var got schemas.Snapshot
	for page, err := range a.Directory(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range page.Documents {
			rows, err := pure().Snapshot(doc)
			if err != nil {
				t.Fatal(err)
			}
			got.Agents = append(got.Agents, rows.Agents...)
			got.Groups = append(got.Groups, rows.Groups...)
			got.Channels = append(got.Channels, rows.Channels...)
		}
	}
	if diff := cmp.Diff(s.Snapshot(), got, cmpRows); diff != "" {
		t.Errorf("directory (-want +got):\n%s", diff)
	}
}
