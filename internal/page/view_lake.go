package page

import (
	"context"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
)

var lakeView = &view{name: "lake", title: "Lake", link: "Lake", model: lakeModel}

// lakeSight is what the view shows of the lake.
type lakeSight struct {
	Read       time.Time
	URL        string
	Accounts   []lakeAccount
	Tables     []inspect.TableSum
	Windows    int
	Files      int
	Bytes      int64
	Unreadable int
}

type lakeAccount struct {
	inspect.Holding
	Verified *inspect.LastVerify
	Verdict  mark
	Keeps    string // how long the platform keeps conversations
}

func lakeModel(ctx context.Context, p *Page, _ *request) (any, error) {
	contents, err := p.contents(ctx)
	if err != nil {
		return nil, err
	}
	verified := map[string]*inspect.LastVerify{}
	for _, f := range p.readState(ctx).Freshness {
		verified[f.Account] = f.Verified
	}
	m := lakeSight{Read: contents.At, URL: p.o.Config.Lake.URL, Unreadable: len(contents.Unreadable)}
	var all [][]inspect.TableSum
	for _, h := range contents.Holdings() {
		one := lakeAccount{Holding: h, Verified: verified[h.Account], Verdict: nothing("never verified"), Keeps: h.Retention.String()}
		if !h.Retention.Limited() {
			one.Keeps = "no limit known"
		}
		switch v := one.Verified; {
		case v == nil:
		case v.Whole:
			one.Verdict = good("whole")
		default:
			one.Verdict = bad("not whole")
		}
		m.Accounts = append(m.Accounts, one)
		m.Windows, m.Files, m.Bytes = m.Windows+h.Windows, m.Files+h.Files, m.Bytes+h.Bytes
		all = append(all, h.Tables)
	}
	m.Tables = inspect.AddTables(all...)
	return m, nil
}
