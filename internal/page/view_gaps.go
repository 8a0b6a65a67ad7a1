package page

import (
	"context"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
)

var gapsView = &view{
	name: "gaps", title: "Gaps", link: "Gaps", model: gapsModel,
	orders: map[string]order{"missing": copyMissing, "copy": copyAgain, "accept": acceptGap, "retry": retryBlocked, "skip": skipBlocked},
}

// gaps is what is missing from the lake.
type gaps struct {
	Sentence string
	Mark     mark
	Open     []gap // that need somebody
	MoreWeak int
	Settled  []gap // accepted, or there is nothing to do
	Gone     []inspect.Gone
	NoRuns   string // why nothing is known of runs
}

// gap is one thing that is missing, and what can be done.
type gap struct {
	Mark            mark
	Account, Stream string
	Of              string // account/stream/window, for orders
	Range           string
	Address         string // of its window, if there is one
	Why             []string
	Command         string
	Copies          string // order that copies it; empty if there is none
	Accepts, Blocks bool   // it can be accepted; it is blocked
}

// weakShown is how many windows with shortcomings are shown.
const weakShown = 200

func gapsModel(ctx context.Context, p *Page, _ *request) (any, error) {
	contents, err := p.contents(ctx)
	if err != nil {
		return nil, err
	}
	m := gaps{Gone: contents.Gone()}
	runs, noRuns := p.runs(ctx)
	m.NoRuns = noRuns
	for _, run := range runs.shards {
		if cause, ok := run.Blocked(); ok {
			m.Open = append(m.Open, p.blockedGap(run, cause))
		}
	}
	of := func(g inspect.Gap, state mark, why ...string) gap {
		return gap{
			Mark: state, Account: g.Account, Stream: string(g.Stream), Range: words.Span(g.Window), Of: g.Account + "/" + string(g.Stream) + "/" + g.Window.String(), Why: why,
		}
	}
	for _, g := range contents.Missing.Open {
		one := of(g, markOf(inspect.CoveredMissing), "no committed window covers it")
		one.Command, one.Copies, one.Accepts = g.Command(), "missing", true
		m.Open = append(m.Open, one)
	}
	for _, l := range inspect.Joined(contents.Missing.Lost) {
		one := of(l.Gap, markOf(inspect.CoveredLost), l.Reason)
		one.Accepts = true
		m.Open = append(m.Open, one)
	}
	for _, s := range contents.Missing.Skipped {
		one := of(s.Gap, markOf(inspect.CoveredSkipped), "given up on "+s.At.UTC().Format(inDay)+" while it was blocked ("+s.Kind+")", s.Reason)
		one.Command, one.Copies = s.Command(), "missing"
		m.Open = append(m.Open, one)
	}
	weak, more := contents.Weak("", weakShown)
	for _, w := range weak {
		one := of(inspect.Gap{Account: w.Shard.Account, Stream: w.Shard.Stream, Window: w.Shard.Window}, markOf(inspect.CoveredGaps), w.Shortcomings...)
		one.Command, one.Copies, one.Address = w.Again, "copy", shardAddress(one.Of)
		m.Open = append(m.Open, one)
	}
	m.MoreWeak = more
	for _, e := range contents.Missing.Expiring {
		m.Settled = append(m.Settled, of(e.Gap, flagged("expiring"), "not copied yet; the platform begins to delete it on "+e.Deadline.UTC().Format(inDay)))
	}
	for _, a := range contents.Missing.Accepted {
		why := "no committed window covers it"
		if a.Late {
			why = "it was listed only after the platform had begun to delete it"
		}
		m.Settled = append(m.Settled, of(a.Gap, markOf(inspect.CoveredAccepted), why, "accepted on "+a.At.UTC().Format(inDay)+": "+a.Reason))
	}
	for _, f := range contents.Unreadable {
		m.Open = append(m.Open, gap{Mark: bad("unreadable"), Range: f.Key, Why: []string{f.Problem + ". Restore it from a backup or an older version; until then, its window does not count"}})
	}
	for i := range m.Open {
		if _, ok := p.o.Config.Accounts[m.Open[i].Account]; !ok { // it stands as it is
			m.Open[i].Copies, m.Open[i].Accepts = "", false
		}
	}
	if m.Mark, m.Sentence = good("no gaps"), "Nothing is missing between the first and the last window of each account."; len(m.Open) > 0 {
		m.Mark, m.Sentence = bad(words.Plural(int64(len(m.Open)+more), "gap")), "Each of these keeps the lake from being whole, until it is copied or accepted."
	}
	return m, nil
}

// blockedGap is a window that waits for a person.
func (p *Page) blockedGap(run operate.ShardRun, cause operate.Cause) gap {
	one := gap{Mark: markOf(inspect.CoveredBlocked), Of: run.Window, Range: run.Window, Address: shardAddress(run.Window), Why: []string{cause.Detail, cause.Remedy}, Blocks: true}
	if of, err := p.partOf(run.Window); err == nil {
		one.Account, one.Stream, one.Range = of.account, string(of.stream), words.Span(of.window)
	}
	return one
}
