package inspect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// AlarmBefore is how long before its deadline a window is said to be urgent.
const AlarmBefore = 7 * 24 * time.Hour

// A Lost is a part of a stream that the platform may have deleted, by its retention, before the lake had it.
type Lost struct {
	Gap
	// Listed is when a committed window was listed there, too late; nil if the lake has no window there.
	Listed *time.Time `json:"listed,omitempty"`
	// Reason says in words why it is lost.
	Reason string `json:"reason"`
}

// Command is the command that accepts the loss.
func (l Lost) Command() string {
	return fmt.Sprintf("chatlake gap accept --account %s --stream %s --from %s --to %s --reason \"lost to retention\"",
		l.Account, l.Stream, words.Time(l.Window.From), words.Time(l.Window.To))
}

// An Expiring is a part of a stream that the lake does not have yet and that the platform begins to delete soon.
type Expiring struct {
	Gap
	Deadline time.Time `json:"deadline"`
}

// Retained is what a platform's retention means for the lake.
type Retained struct {
	Lost     []Lost     `json:"lost"`     // and not accepted
	Expiring []Expiring `json:"expiring"` // within AlarmBefore
	// Late are losses that a person has accepted.
	Late []AcceptedGap `json:"-"`
}

// LostOf says of the losses of an account why they are lost.
func LostOf(c worker.Config, account string, losses []ledger.Loss) []Lost {
	all := []Lost{}
	for _, loss := range losses {
		what := "conversations"
		if loss.Stream == schemas.StreamReports {
			what = "reports"
		}
		reason := fmt.Sprintf("the platform keeps %s for %s, and they were not copied in that time", what, c.Retention(account, loss.Stream))
		if loss.Listed != nil {
			reason = fmt.Sprintf("the platform keeps %s for %s, and they were listed only on %s", what, c.Retention(account, loss.Stream), loss.Listed.UTC().Format(time.DateOnly))
		}
		all = append(all, Lost{Gap{account, loss.Stream, loss.Window}, loss.Listed, reason})
	}
	return all
}

// Joined returns losses with those as one that follow each other and have the same reason, for people.
func Joined(all []Lost) (joined []Lost) {
	for _, next := range all {
		if n := len(joined) - 1; n >= 0 && joined[n].Account == next.Account && joined[n].Stream == next.Stream && joined[n].Reason == next.Reason && joined[n].Window.To.Equal(next.Window.From) {
			joined[n].Window.To = next.Window.To
			continue
		}
		joined = append(joined, next)
	}
	return joined
}

// RetentionOf returns what the retention of an account's platform means for a range that is to be copied. A lake that does not exist yet
// has nothing of it.
func RetentionOf(ctx context.Context, c worker.Config, account string, within schemas.Window, now time.Time) (Retained, error) {
	l, err := worker.ReadLake(ctx, c)
	if errors.Is(err, ledger.ErrNoLake) {
		return retainedOf(ctx, nil, c, account, nil, nil, within, now)
	}
	if err != nil {
		return Retained{}, err
	}
	records, err := l.Current(ctx, ledger.Filter{Account: account, Window: within})
	if err != nil {
		return Retained{}, err
	}
	acceptances, err := l.Accepted(ctx, account)
	if err != nil {
		return Retained{}, err
	}
	return retainedOf(ctx, l, c, account, records, acceptances, within, now)
}

// retainedOf compares an account's current records with the retention of its platform. Without a range, the lake should have everything
// between its oldest and its newest window, and the history that the configuration names.
func retainedOf(ctx context.Context, l *lake.Lake, c worker.Config, account string, records []ledger.Record, acceptances []ledger.Acceptance, within schemas.Window, now time.Time) (Retained, error) {
	found := Retained{Lost: []Lost{}, Expiring: []Expiring{}}
	for _, stream := range []schemas.Stream{schemas.StreamCreated, schemas.StreamReports, schemas.StreamChanges} {
		keeps := c.Retention(account, stream)
		if !keeps.Limited() {
			continue
		}
		var covered []schemas.Window
		for _, r := range records {
			if r.Shard.Account == account && r.Shard.Stream == stream {
				covered = append(covered, r.Shard.Window)
			}
		}
		span, ok := wantedSpan(c, account, stream, covered, within, now)
		if !ok {
			continue
		}
		filter := ledger.Filter{Account: account, Stream: stream, Window: span}
		var losses []ledger.Loss
		var err error
		if l != nil {
			losses, err = l.Losses(ctx, filter, records, keeps, now)
		} else if behind, ok := keeps.Behind(span, now); ok {
			losses = []ledger.Loss{{Stream: stream, Window: behind}}
		}
		if err != nil {
			return found, err
		}
		found.Lost = append(found.Lost, LostOf(c, account, ledger.Unaccepted(losses, account, acceptances))...)
		for _, loss := range losses {
			_, known := accepted([]Gap{{account, stream, loss.Window}}, acceptances)
			for _, one := range known {
				one.Late = loss.Listed != nil
				found.Late = append(found.Late, one)
			}
		}
		soon := schemas.Window{From: keeps.Horizon(now), To: keeps.Horizon(now.Add(AlarmBefore))}
		for _, w := range span.Without(append(covered, ledger.AcceptedWindows(acceptances, account, stream)...)) {
			for _, part := range w.Without(w.Without([]schemas.Window{soon})) {
				found.Expiring = append(found.Expiring, Expiring{Gap{account, stream, part}, keeps.Deadline(part)})
			}
		}
	}
	return found, nil
}

// wantedSpan is what the lake should have of a stream: the range asked for, or else from its oldest window, or the start of the
// configured history, to its newest. It is false if nothing is wanted.
func wantedSpan(c worker.Config, account string, stream schemas.Stream, covered []schemas.Window, within schemas.Window, now time.Time) (schemas.Window, bool) {
	var span schemas.Window
	widen := func(w schemas.Window) {
		if span.From.IsZero() || w.From.Before(span.From) {
			span.From = w.From
		}
		if w.To.After(span.To) {
			span.To = w.To
		}
	}
	for _, w := range covered {
		widen(w)
	}
	sync := c.Accounts[account].Sync
	if sync != nil && !sync.From.IsZero() && (stream == schemas.StreamCreated || stream == schemas.StreamReports && len(covered) > 0) {
		widen(schemas.Window{From: sync.From, To: now.UTC().Truncate(24 * time.Hour)})
	}
	if stream != schemas.StreamChanges || len(covered) > 0 {
		if !within.From.IsZero() {
			span.From = within.From
		}
		if !within.To.IsZero() {
			span.To = within.To
		}
	}
	if stream == schemas.StreamReports && len(covered) == 0 {
		return span, false // the list of conversations says it already
	}
	return span, span.From.Before(span.To)
}

// late are accepted losses that are not accepted gaps: windows that were listed too late.
func late(losses, gaps []AcceptedGap) (left []AcceptedGap) {
	for _, loss := range losses {
		var away []schemas.Window
		for _, g := range gaps {
			if g.Account == loss.Account && g.Stream == loss.Stream {
				away = append(away, g.Window)
			}
		}
		for _, w := range loss.Window.Without(away) {
			left = append(left, AcceptedGap{Gap{loss.Account, loss.Stream, w}, loss.Reason, loss.At, loss.Late})
		}
	}
	return left
}

// without returns gaps without what is lost, which is said apart.
func without(gaps []Gap, lost []Lost) (left []Gap) {
	for _, g := range gaps {
		var away []schemas.Window
		for _, l := range lost {
			if l.Account == g.Account && l.Stream == g.Stream {
				away = append(away, l.Window)
			}
		}
		for _, w := range g.Window.Without(away) {
			left = append(left, Gap{g.Account, g.Stream, w})
		}
	}
	return left
}

// retained is what retention means for the accounts that are looked at.
func (l *Lake) retained(ctx context.Context, records []ledger.Record, acceptances []ledger.Acceptance, within schemas.Window) (all Retained, err error) {
	all = Retained{Lost: []Lost{}, Expiring: []Expiring{}}
	for _, account := range slices.Sorted(maps.Keys(l.config.Accounts)) {
		if l.account != "" && l.account != account {
			continue
		}
		one, err := retainedOf(ctx, l.lake, l.config, account, records, acceptances, within, l.lake.Now())
		if err != nil {
			return all, err
		}
		all.Lost, all.Expiring = append(all.Lost, one.Lost...), append(all.Expiring, one.Expiring...)
		all.Late = append(all.Late, one.Late...)
	}
	return all, nil
}
