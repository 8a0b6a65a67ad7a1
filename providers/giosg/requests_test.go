package giosg

import (
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// TestRequests holds how many requests a chat takes: one for each page of its messages, its members and its tags, and one for the variables
// and, unless an option turns them off, one for the details of each visitor.
func TestRequests(t *testing.T) {
	const chats, pages, visitors = 500, 505, 500
	for name, test := range map[string]struct {
		visitors string
		months   bool
		lists    int64
	}{
		"one window":       {"true", false, 2*chats/25 + 4},
		"months":           {"true", true, 2*chats/25 + 12*5},
		"without visitors": {"false", false, 2*chats/25 + 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a, year := site(t, simulator.CorpusConfig{Seed: 5, Conversations: chats}, fake.Options{PageSize: 25}, func(p *providers.Account) {
				p.Options = map[string]string{optionVisitors: test.visitors}
			})
			windows := []schemas.Window{year}
			if test.months {
				windows = year.Cut("month")
			}
			n := 0
			for _, w := range windows {
				refs, _ := collect(t, a, w)
				n += len(refs)
			}
			details := int64(visitors)
			if test.visitors == "false" {
				details = 0
			}
			if n != chats {
				t.Errorf("%d chats, want %d", n, chats)
			}
			for path, most := range map[string]int64{
				"owned_chats": test.lists, "owned_chats/{chat}/messages": pages, "owned_chats/{chat}/memberships": chats, "owned_chats/{chat}/tags": chats,
				"owned_chats/{chat}/visitors/{visitor}/variables": visitors, "rooms/{room}/visitors/{visitor}": details, "users": 2,
			} {
				if n := s.Stats().Endpoints[path]; n > most {
					t.Errorf("%d requests of %s, want at most %d", n, path, most)
				}
			}
			t.Logf("%v", s.Stats().Endpoints)
		})
	}
}
