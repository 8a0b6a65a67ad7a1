package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// lastSettle is a window that was settled for the last time, unless it was overtaken.
type lastSettle struct {
	window            schemas.Window
	after             time.Duration // after its end
	opened, committed time.Time
}

// lastSettle returns a window that is made of windows of creation, the first of which was opened at a time.
func (p *planner) lastSettle(w schemas.Window, created []ledger.Record, after time.Duration, opened time.Time) lastSettle {
	l := lastSettle{window: w, after: after, opened: opened}
	for _, r := range created {
		if (r.Shard.Window == w || within(r.Shard.Window, w)) && r.CommittedAt.After(l.committed) {
			l.committed = r.CommittedAt
		}
	}
	return l
}

// settleAgain plans windows that are settled once more after their last settle, because shards of changes were made at the same time, and one
// does not know of the other. It reads the files of those shards only.
func (a *Activities) settleAgain(ctx context.Context, p *planner, k providers.Keeper, last []lastSettle) (plan []Planned, err error) {
	if len(last) == 0 {
		return nil, nil
	}
	// As for the next generation of what was committed last: so it is known.
	newest := ledger.Record{}
	for _, r := range p.current {
		if r.Shard.Stream.IsByCreation() && !r.CommittedAt.Before(newest.CommittedAt) {
			newest = r
		}
	}
	known, err := a.Lake.Known(ctx, newest.Shard, newest.Generation+1)
	if err != nil {
		return nil, err
	}
	for _, l := range last {
		overtaken, err := a.overtaken(ctx, known, k, l)
		if err != nil {
			return nil, err
		}
		if overtaken {
			next := p.shard(schemas.StreamCreated, l.window)
			next.Cause, next.Depth, next.Refresh = ledger.CauseSettle, DepthList, fmt.Sprintf("settle/%s/%s", l.after, l.opened.UTC().Format(time.RFC3339Nano))
			plan = append(plan, next)
		}
	}
	return plan, nil
}

// overtaken reports whether the last settle of a window would have had another result with those shards in the lake that were made at the same
// time: one of them has a conversation that the settle did not find and would have asked for by its id, or documents that are kept.
func (a *Activities) overtaken(ctx context.Context, known *lake.Known, k providers.Keeper, l lastSettle) (bool, error) {
	for v, err := range known.Meanwhile(ctx, l.window, l.opened, l.committed) {
		if err != nil {
			return false, err
		}
		all, err := known.Versions(ctx, v.ID, v.CreatedAt)
		if err != nil {
			return false, err
		}
		if len(all) == 0 {
			continue // its row says another time than its shard
		}
		best, listed := all[0], slices.IndexFunc(all, func(v lake.Version) bool { return v.Shard.Stream.IsByCreation() })
		alive := best.Row && !best.Gone && best.ObservedAt.Before(l.committed)
		if alive && (listed < 0 || !all[listed].Row || all[listed].Gone) {
			return true, nil
		}
		for _, other := range unseenBy(k, all) {
			if adds, err := addsTo(ctx, a.Lake, k, other, best); err != nil || adds {
				return adds, err
			}
		}
	}
	return false, nil
}
