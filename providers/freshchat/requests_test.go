package freshchat

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

const (
	pathBody     = "conversations/{id}"
	pathMessages = "conversations/{id}/messages"
	pathUser     = "users/{id}/conversations"
	pathReport   = "reports/raw/{id}"
	pathFile     = "extracts"
)

// TestRequestsByUsers holds how many requests a conversation takes if conversations are found through users: one for its body, one for each
// page of its messages, and one for each user. If several windows are listed, one after another or at the same time, one more for the body
// finds out which window it belongs to; where the body does not say, another one for its messages.
func TestRequestsByUsers(t *testing.T) {
	const conversations, users, pages = 300, 105, 310 // pages of messages
	corpus := simulator.CorpusConfig{Seed: 5, Conversations: conversations}
	settings := map[string]string{"enumeration": "users"}
	whole := simulator.NewCorpus(corpus).Config()
	year := schemas.Window{From: whole.From, To: whole.To}
	for _, test := range []struct {
		name, sparse   string
		windows        []schemas.Window
		bodies, listed int64 // requests of bodies, and of messages besides pages
	}{
		{"one window", "none", []schemas.Window{year}, conversations, 0},
		{"one window, mixed", "mixed", []schemas.Window{year}, conversations, 0},
		{"one window, without times", "all", []schemas.Window{year}, conversations, 0},
		{"months", "none", year.Cut("month"), 2 * conversations, 0},
		{"months, mixed", "mixed", year.Cut("month"), 2 * conversations, conversations / 8},
		{"months, without times", "all", year.Cut("month"), 2 * conversations, conversations},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, a, _ := site(t, corpus, fake.Options{Sparse: test.sparse}, settings)
			refs, docs := collect(t, a, test.windows...)
			checkRows(t, s, refs, docs, conversations)
			check := func(path string, most int64) {
				t.Helper()
				if n := s.Stats().Endpoints[path]; n > most {
					t.Errorf("%d requests of %s, want at most %d", n, path, most)
				}
			}
			check(pathBody, test.bodies)
			check(pathMessages, pages+test.listed)
			check(pathUser, users)
			t.Logf("%d conversations: %v", len(refs), s.Stats().Endpoints)
		})
	}
}

// TestWalksShareWhatTheyFind lists several windows at the same time. What one walk has asked, the others do not ask again.
func TestWalksShareWhatTheyFind(t *testing.T) {
	const conversations = 300
	s, a, year := site(t, simulator.CorpusConfig{Seed: 5, Conversations: conversations}, fake.Options{Sparse: "all"}, map[string]string{"enumeration": "users"})
	windows := year.Cut("month")
	found := make([]map[string]bool, len(windows))
	var all sync.WaitGroup
	for i, w := range windows {
		all.Go(func() {
			found[i] = map[string]bool{}
			for page, err := range a.Conversations(t.Context(), w, "") {
				if err != nil {
					t.Error(err)
					return
				}
				for _, ref := range page.Refs {
					found[i][ref.ID] = true
				}
			}
		})
	}
	all.Wait()
	n := 0
	for i, ids := range found {
		n += len(ids)
		for id := range ids {
			for j := range i {
				if found[j][id] {
					t.Errorf("conversation %s is in two windows", id)
				}
			}
		}
	}
	stats := s.Stats().Endpoints
	if n != conversations || stats[pathBody] > 2*conversations || stats[pathUser] > 106 {
		t.Errorf("%d conversations with %d requests of bodies and %d of users, want %d with at most %d and 106", n, stats[pathBody], stats[pathUser], conversations, 2*conversations)
	}
	t.Logf("%v", stats)
}

// checkRows compares the messages with those that the fake knows to be true. TestRoundTrip compares everything.
func checkRows(t *testing.T, s *fake.Site, refs []providers.Ref, docs map[string][]schemas.Document, want int) {
	t.Helper()
	for _, ref := range refs {
		truth, _ := s.Thread(ref.ID, fake.Reading{Lane: "both", Users: true})
		got, err := mapper().Thread(docs[ref.ID])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(truth.Messages, got.Messages, providertest.Rows); diff != "" {
			t.Fatalf("messages of conversation %s (-want +got):\n%s", ref.ID, diff)
		}
	}
	if len(refs) != want {
		t.Errorf("%d conversations are listed, want %d", len(refs), want)
	}
}

// TestRequestsByReports holds how often a report is polled and downloaded: once, however many windows need it and however many pages a list
// has.
func TestRequestsByReports(t *testing.T) {
	const conversations = 1000
	s, a, year := site(t, simulator.CorpusConfig{Seed: 5, Conversations: conversations}, fake.Options{}, map[string]string{"reports_per_minute": "0", "reports_per_day": "0"})
	a.perPage = 10 // lists have many pages
	windows := year.Cut("month")
	var all sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for half := range 2 { // two windows at a time
		all.Go(func() {
			for i := half; i < len(windows); i += 2 {
				for page, err := range a.Conversations(t.Context(), windows[i], "") {
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, ref := range page.Refs {
						ids[ref.ID] = true
					}
					mu.Unlock()
				}
				for _, err := range a.Reports(t.Context(), windows[i], "") {
					if err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	stats := s.Stats().Endpoints
	orders := stats["reports/raw"]
	if len(ids) != conversations || stats[pathReport] > orders || stats[pathFile] > orders+orders/20 {
		t.Errorf("%d conversations; %d orders, %d polls, %d downloads; want %d, and about one for each order", len(ids), orders, stats[pathReport], stats[pathFile], conversations)
	}
	t.Logf("%v", stats)
}
