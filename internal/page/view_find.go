package page

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/schemas"
)

// findView asks by POST: the id of a conversation must not be in an address, because addresses end up in logs of proxies.
var findView = &view{name: "find", title: "Find a conversation", link: "Find", model: findModel, asks: true}

// find is what the view shows.
type find struct {
	Accounts             []string
	ID, Account, Created string
	Found                *inspect.Whereabouts
	Mark                 mark
	Wrong                string
}

// states are how the view says where a conversation is.
var states = map[string]mark{
	inspect.StateWhole:  good("in the lake, whole"),
	inspect.StateDead:   bad("not in the lake: it could not be copied"),
	inspect.StateGone:   lost("in the lake as a tombstone only"),
	inspect.StateAbsent: nothing("not in the lake"),
}

func findModel(ctx context.Context, p *Page, r *request) (any, error) {
	m := find{Accounts: p.accounts()}
	if r.Method != "POST" {
		return m, nil
	}
	m.ID, m.Account, m.Created = strings.TrimSpace(r.PostForm.Get("id")), r.PostForm.Get("account"), strings.TrimSpace(r.PostForm.Get("created"))
	var created time.Time
	if m.Created != "" {
		var err error
		if created, err = time.Parse(time.DateOnly, m.Created); err != nil {
			m.Wrong = "The day of creation is not one like 2025-01-31."
			return m, nil
		}
	}
	if m.ID == "" || len(m.ID) > 300 {
		m.Wrong = "The id is missing, or longer than any."
		return m, nil
	}
	l, err := inspect.Open(ctx, p.o.Config, m.Account)
	if err != nil {
		return nil, err
	}
	found, err := l.Why(ctx, m.ID, schemas.Window{}, created, func(ctx context.Context) []string { return p.underWay(ctx, m.Account, created) })
	if errors.Is(err, context.DeadlineExceeded) {
		m.Wrong = "The search took too long for a page. `chatlake why` has no limit; --from and --to make it faster."
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	m.Found, m.Mark = &found, states[found.State]
	return m, nil
}

// underWay says what runs have to do with a time.
func (p *Page) underWay(ctx context.Context, account string, created time.Time) (reasons []string) {
	err := p.visit(ctx, func(s *operate.Session) (err error) {
		reasons, err = s.UnderWay(ctx, account, created)
		return err
	})
	if err != nil && !errors.Is(err, errNobody) {
		return []string{"Temporal could not be asked what is under way: " + reasonOf(err)}
	}
	return reasons
}
