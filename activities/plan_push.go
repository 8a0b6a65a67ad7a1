package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// planPush plans one shard of the conversations that the platform announced. Its window begins where the last one ended, in the same month,
// so that the windows of a day can become one.
func (a *Activities) planPush(ctx context.Context, in OpenExportInput, account Account) ([]Planned, error) {
	if len(in.Named) == 0 {
		return nil, nil
	}
	if in.Now.IsZero() {
		return nil, fmt.Errorf("plan what was announced of %s without a time: %w", in.Account, errIncomplete)
	}
	before, err := a.Lake.Newest(ctx, ledger.Filter{Provider: account.Name, Account: in.Account, Stream: schemas.StreamPushed})
	if err != nil {
		return nil, err
	}
	shard := ledger.Shard{Provider: account.Name, Account: in.Account, Stream: schemas.StreamPushed, Window: pushedWindow(before, in.Now)}
	return []Planned{{Shard: shard, Cause: ledger.CausePush, Named: in.Named}}, nil
}

// pushedWindow is the next window of announcements at a time.
func pushedWindow(before []ledger.Generation, now time.Time) schemas.Window {
	to := now.UTC().Truncate(time.Second)
	w := schemas.Window{From: to.Add(-time.Second), To: to}
	var last time.Time
	for _, g := range before {
		if g.Shard.Window.To.After(last) {
			last = g.Shard.Window.To
		}
	}
	if !last.IsZero() {
		w.From = last
	}
	if !w.From.Before(w.To) { // the clock was set back, or two follow each other at once
		w.To = w.From.Add(time.Second)
	}
	// No window crosses the end of a month, because files belong to one month.
	if month := monthOf(w.To.Add(-time.Second)); w.From.Before(month.From) {
		w.From = month.From
	}
	return w
}
