package freshchat

import (
	"maps"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

func site(t testing.TB, config simulator.CorpusConfig, options fake.Options, settings map[string]string) (*fake.Site, *account, schemas.Window) {
	t.Helper()
	corpus := simulator.NewCorpus(config)
	if options.Token == "" {
		options.Token = testToken
	}
	s := fake.New(corpus, options)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	a := testAccount(t, server.URL+"/v2/", func(p *providers.Account) { p.Options = settings })
	return s, a, schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
}

// collect lists windows and fetches all conversations in them.
func collect(t testing.TB, a *account, windows ...schemas.Window) ([]providers.Ref, map[string][]schemas.Document) {
	t.Helper()
	pages, docs := providertest.Collect(t, a, windows...)
	return providertest.Refs(pages), docs
}

// TestRoundTrip reads a generated account in every lane and compares the rows with those that the fake knows to be true.
func TestRoundTrip(t *testing.T) {
	from := time.Date(2025, 2, 26, 0, 0, 0, 0, time.UTC)
	config := simulator.CorpusConfig{Seed: 7, Conversations: 150, From: from, To: from.AddDate(0, 0, 10), GiantMessages: 200}
	missing := fake.Options{MissingInREST: 31, MissingInTranscript: 37}
	tests := []struct {
		name     string
		options  fake.Options
		settings map[string]string
	}{
		{"both", fake.Options{DeletedPeople: 11}, nil},
		{"both, sparse", fake.Options{Sparse: "all", Reports: fake.Reports{Untidy: true, Numbers: true}}, nil},
		{"both, lanes that differ", missing, nil},
		{"both, plain files", fake.Options{MessagePage: 7, NoBatch: true, Reports: fake.Reports{Plain: true, Capitals: true}}, nil},
		{"both, links that skip", fake.Options{MessagePage: 6, CoarseTimes: true, Exclusive: true}, nil},
		{"rest", fake.Options{MessagePage: 3}, map[string]string{"lane": "rest"}},
		{"rest, numbered pages", fake.Options{NumberedMessages: true}, map[string]string{"lane": "rest"}},
		{"transcript", missing, map[string]string{"lane": "transcript", "transcript_tail": "3"}},
		{"users", fake.Options{}, map[string]string{"enumeration": "users"}},
		{"users, links only", fake.Options{Sparse: "none", Envelope: "links", DeletedPeople: 1000}, map[string]string{"enumeration": "users", "lane": "rest"}},
		{"users, no envelope", fake.Options{Sparse: "none", Envelope: "none"}, map[string]string{"enumeration": "users"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, a, whole := site(t, config, tt.options, tt.settings)
			refs, docs := collect(t, a, whole)
			reading := fake.Reading{Lane: string(a.lane), Users: a.users, Covered: []schemas.Window{a.transcriptWindow(whole)}}
			ids := map[string]bool{}
			for _, ref := range refs {
				ids[ref.ID] = true
				want, ok := s.Thread(ref.ID, reading)
				providertest.SameThread(t, mapper(), docs[ref.ID], want, ok)
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(s.Conversations(whole))), slices.Sorted(maps.Keys(ids))); diff != "" {
				t.Errorf("listed conversations (-want +got):\n%s", diff)
			}
			stats := s.Stats()
			t.Logf("%d conversations, %.3f requests each: %v", len(ids), float64(stats.Requests)/float64(len(ids)), stats.Endpoints)
		})
	}
}
