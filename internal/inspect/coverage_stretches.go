package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
)

// line is a stream of an account and its stretches, by their beginnings.
type line struct {
	account string
	stream  schemas.Stream
	all     []stretch
}

// stretches are what is known of each stream: its committed windows, and what is known of the time between them.
func (c *Contents) stretches(q Question) []line {
	lines := map[[2]string]*line{}
	of := func(account string, stream schemas.Stream) *line {
		key := [2]string{account, string(stream)}
		if lines[key] == nil {
			lines[key] = &line{account: account, stream: stream}
		}
		return lines[key]
	}
	for i := range c.records {
		r := &c.records[i]
		one := stretch{window: r.Shard.Window, covered: CoveredComplete, shard: r.Shard.String(), record: r, notes: c.shortcomings(*r)}
		if len(one.notes) > 0 {
			one.covered = CoveredGaps
		}
		l := of(r.Shard.Account, r.Shard.Stream)
		l.all = append(l.all, one)
	}
	for _, l := range lines {
		slices.SortStableFunc(l.all, byTime)
		var furthest time.Time
		for i := range l.all {
			if to := l.all[i].window.To; to.After(furthest) {
				furthest = to
			} else {
				l.all[i].nested = true
			}
		}
	}
	c.addWork(q.Work, of)
	c.addDecisions(of)
	c.addGaps(q, of)
	var all []line
	for _, account := range c.Accounts() {
		for _, stream := range c.streamsOf(account) {
			if l := lines[[2]string{account, string(stream)}]; l != nil {
				slices.SortStableFunc(l.all, byTime)
				all = append(all, *l)
			}
		}
	}
	return all
}

// streamsOf are the streams, and those of an account that this build does not know.
func (c *Contents) streamsOf(account string) []schemas.Stream {
	all := schemas.Streams()
	for _, r := range c.records {
		if r.Shard.Account == account && !r.Shard.Stream.Known() && !slices.Contains(all, r.Shard.Stream) {
			all = append(all, r.Shard.Stream)
		}
	}
	return all
}

// addWork adds the windows that runs copy. A committed window that is only read again stays as it is.
func (c *Contents) addWork(work []Work, of func(string, schemas.Stream) *line) {
	for _, w := range work {
		shard, err := ledger.ParseShard(strings.TrimPrefix(w.Shard, "shard/"))
		if err != nil {
			continue
		}
		l := of(shard.Account, shard.Stream)
		one := stretch{window: shard.Window, covered: CoveredRunning, shard: shard.String(), done: w.Done, expected: w.Expected}
		if w.Blocked {
			one.covered, one.notes = CoveredBlocked, []string{"blocked: " + w.Reason}
		} else if slices.ContainsFunc(l.all, func(s stretch) bool { return s.record != nil && s.shard == one.shard }) {
			continue
		}
		l.all = append(l.all, one)
	}
}

// addDecisions adds what a person has decided, and what the platform has deleted.
func (c *Contents) addDecisions(of func(string, schemas.Stream) *line) {
	for _, a := range c.Missing.Accepted {
		l := of(a.Account, a.Stream)
		l.all = append(l.all, stretch{window: a.Window, covered: CoveredAccepted, notes: []string{fmt.Sprintf("accepted on %s: %s", a.At.Format(time.DateOnly), a.Reason)}})
	}
	for _, s := range c.Missing.Skipped {
		l := of(s.Account, s.Stream)
		l.all = append(l.all, stretch{window: s.Window, covered: CoveredSkipped, notes: []string{fmt.Sprintf("given up on %s while it was blocked (%s): %s", s.At.Format(time.DateOnly), s.Kind, s.Reason)}})
	}
	for _, lost := range c.Missing.Lost {
		l := of(lost.Account, lost.Stream)
		l.all = append(l.all, stretch{window: lost.Window, covered: CoveredLost, notes: []string{lost.Reason}})
	}
}

// addGaps adds what no window covers: it is planned if a run or the configuration asks for it, and missing otherwise.
func (c *Contents) addGaps(q Question, of func(string, schemas.Stream) *line) {
	asked := slices.Clone(q.Requested)
	for _, account := range c.Accounts() {
		s := c.config.Accounts[account].Sync
		if s == nil || s.From.IsZero() {
			continue
		}
		first := c.At
		for _, one := range of(account, schemas.StreamCreated).all {
			if one.record != nil {
				first = one.window.From
				break
			}
		}
		if s.From.Before(first) {
			asked = append(asked, Gap{account, schemas.StreamCreated, schemas.Window{From: s.From.UTC(), To: first}})
		}
	}
	planned := map[*line][]schemas.Window{}
	for _, g := range asked {
		l := of(g.Account, g.Stream)
		planned[l] = append(planned[l], g.Window.Without(append(l.windows(every), planned[l]...))...)
	}
	for _, g := range c.Missing.Open {
		l := of(g.Account, g.Stream)
		for _, w := range g.Window.Without(append(l.windows(withoutRecord), planned[l]...)) {
			l.all = append(l.all, stretch{window: w, covered: CoveredMissing, notes: []string{"no committed window covers " + words.Span(w)}})
		}
	}
	for l, windows := range planned {
		for _, w := range windows {
			l.all = append(l.all, stretch{window: w, covered: CoveredPlanned})
		}
	}
}

// Known is the range of which anything is known, by the ledger and the configuration; zero if that is nothing.
func (c *Contents) Known() (known schemas.Window) {
	for _, l := range c.stretches(Question{}) {
		known = joined(known, l.span())
	}
	return known
}

// Newest is the end of the newest window in which something was listed, or that of the newest window if nothing was; zero if there is none.
func (c *Contents) Newest() (newest time.Time) {
	listed := false
	for _, r := range c.records {
		to, full := r.Shard.Window.To, r.Counts.Listed > 0
		if r.Shard.Stream.IsContinuous() && (full && !listed || full == listed && to.After(newest)) {
			newest, listed = to, full
		}
	}
	return newest
}

// span is the range from the beginning of the first stretch to the end of the last; zero if there is none.
func (l *line) span() (span schemas.Window) {
	for _, s := range l.all {
		span = joined(span, s.window)
	}
	return span
}

func every(stretch) bool { return true }

func withoutRecord(s stretch) bool { return s.record == nil }

// windows are those of some stretches.
func (l *line) windows(of func(stretch) bool) (all []schemas.Window) {
	for _, s := range l.all {
		if of(s) {
			all = append(all, s.window)
		}
	}
	return all
}
