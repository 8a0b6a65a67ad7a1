package liveperson

import (
	"testing"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

// TestRequests holds how many requests conversations take: one for each hundred to list them and one to fetch them, and a few for each
// window.
func TestRequests(t *testing.T) {
	const conversations, each = 500, 100
	s, a, year := site(t, simulator.CorpusConfig{Seed: 5, Conversations: conversations}, fake.Options{})
	for name, windows := range map[string][]schemas.Window{"one window": {year}, "months": year.Cut("month")} {
		before := s.Stats().Requests
		n := 0
		for _, w := range windows {
			refs, _ := collect(t, a, w)
			n += len(refs)
		}
		requests, most := s.Stats().Requests-before, int64(2*conversations/each+len(windows)+5)
		if n != conversations || requests > most {
			t.Errorf("%s: %d conversations with %d requests, want %d with at most %d", name, n, requests, conversations, most)
		}
		t.Logf("%s: %d requests", name, requests)
	}
}
