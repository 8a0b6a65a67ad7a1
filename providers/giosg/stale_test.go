package giosg

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// listOnly selects the requests for lists of chats.
func listOnly(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "chats")
}

// patiently lists a window as an export does, which retries if a page could not be read.
func patiently(t *testing.T, a *account, w schemas.Window) (refs []providers.Ref) {
	t.Helper()
	const attempts = 4
	for attempt := 1; ; attempt++ {
		var last error
		for page, err := range a.Conversations(t.Context(), w, "") {
			refs, last = append(refs, page.Refs...), err
		}
		if last == nil {
			return refs
		}
		if attempt == attempts {
			t.Fatal(last)
		}
	}
}

// TestStalePages replaces some pages of the list with others: no chat is lost, whatever the order of windows, and whether or not
// pages link to previous ones.
func TestStalePages(t *testing.T) {
	const chats, seeds = 120, 8
	for _, tt := range []struct {
		name    string
		options fake.Options
		rising  bool
	}{
		{"newest first", fake.Options{PageSize: 7}, false},
		{"oldest first", fake.Options{PageSize: 7, IgnoreOrdering: true}, true},
		{"without links to pages before", fake.Options{PageSize: 7, NoPrevious: true}, false},
		{"empty pages", fake.Options{PageSize: 7, EmptyPages: true}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			struck, lost := 0, 0
			for seed := range uint64(seeds) {
				corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: chats})
				whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
				s := fake.New(corpus, tt.options)
				stale := &simulator.Stale{Seed: seed, Probability: 0.06, Match: listOnly}
				server := httptest.NewServer(stale.Wrap(s))
				a := testAccount(t, server.URL, func(p *providers.Account) { p.Token = fake.ManagerToken })
				windows := whole.Cut("month")
				if seed%2 == 0 {
					slices.Reverse(windows)
				}
				var refs []providers.Ref
				for _, w := range windows {
					refs = append(refs, patiently(t, a, w)...)
				}
				server.Close()
				struck += stale.Struck()
				found := map[string]bool{}
				for _, ref := range refs {
					found[ref.ID] = true
				}
				lost += chats - len(found)
			}
			if lost > 0 || struck == 0 {
				t.Errorf("%d chats lost, %d answers were stale", lost, struck)
			}
		})
	}
}

// TestUnwitnessed reports the lists of a server whose pages have no links to previous pages as unwitnessed.
func TestUnwitnessed(t *testing.T) {
	details := []string{kindMemberships, kindTags, kindVariables}
	for _, tt := range []struct {
		options fake.Options
		want    []string
	}{
		{fake.Options{PageSize: 7}, details},
		{fake.Options{PageSize: 7, NoPrevious: true}, append([]string{kindChats}, details...)},
		{fake.Options{PageSize: 100, NoPrevious: true}, details}, // one page, requested twice
	} {
		_, a, whole := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 40}, tt.options)
		var got []string
		for page, err := range a.Conversations(t.Context(), whole, "") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.Unwitnessed...)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.options, got, tt.want)
		}
	}
}
