package activities

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// PlanMaintainInput asks what is due in the next month of an account.
type PlanMaintainInput struct {
	Account string `json:"account"`
	// After is the month of the plan before, as in PlanMaintainOutput; empty for the first one.
	After string `json:"after,omitempty"`
}

// PlanMaintainOutput has the steps of one month.
type PlanMaintainOutput struct {
	Month string         `json:"month,omitempty"` // as in 2026-05; empty if nothing is due in any later month
	Steps []MaintainStep `json:"steps,omitempty"`
}

// PlanMaintain finds the next month of an account in which files can become fewer, and what is to be done there. It opens no account and
// reads no record of a shard that was merged and replaced. When nothing is left to do, it writes the checkpoints that are due, so that
// readers need not read those records either.
func (a *Activities) PlanMaintain(ctx context.Context, in PlanMaintainInput) (PlanMaintainOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.planMaintain(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) planMaintain(ctx context.Context, in PlanMaintainInput) (PlanMaintainOutput, error) {
	account, err := a.Account(ctx, in.Account)
	if err != nil {
		return PlanMaintainOutput{}, err
	}
	f := ledger.Filter{Provider: account.Name, Account: in.Account}
	listed, err := a.Lake.Newest(ctx, f)
	if err != nil {
		return PlanMaintainOutput{}, err
	}
	now := a.Lake.Now()
	highest, months := map[ledger.Shard]int{}, map[string]schemas.Window{}
	for _, g := range listed {
		highest[g.Shard] = g.Number
		months[g.Shard.Partition().Month] = g.Shard.Window
	}
	for _, name := range slices.Sorted(maps.Keys(months)) {
		if name <= in.After {
			continue
		}
		month := monthOf(months[name].From)
		some := worthReading(highest, month, now)
		if len(some) == 0 {
			continue
		}
		records, err := a.records(ctx, some)
		if err != nil {
			return PlanMaintainOutput{}, err
		}
		if steps := maintenance(records, month, now); len(steps) > 0 {
			return PlanMaintainOutput{Month: name, Steps: steps}, nil
		}
	}
	_, err = a.Lake.Checkpoint(ctx, f, listed)
	return PlanMaintainOutput{}, err
}

// recordsAtOnce is how many records are read concurrently.
const recordsAtOnce = 16

// records reads records by their generations. A shard that has a later one by now is planned as it was.
func (a *Activities) records(ctx context.Context, generations map[ledger.Shard]int) ([]ledger.Record, error) {
	var mu sync.Mutex
	var records []ledger.Record
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(recordsAtOnce)
	for shard, number := range generations {
		group.Go(func() error {
			r, err := a.Lake.Record(ctx, ledger.Generation{Shard: shard, Number: number})
			if err != nil || r == nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			records = append(records, *r)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(records, func(a, b ledger.Record) int { return cmp.Compare(a.Shard.String(), b.Shard.String()) })
	return records, nil
}

// restAfter is how long after its end a month may get new shards, or be settled.
const restAfter = 62 * 24 * time.Hour

// worthReading returns the shards whose records decide what is due in a month: those of the month that were not merged and replaced, and
// the windows of creation and snapshots of all months. It returns none if the month is at rest: it ended long ago, and the list of the
// ledger shows nothing that could become fewer.
func worthReading(highest map[ledger.Shard]int, month schemas.Window, now time.Time) map[ledger.Shard]int {
	streams := map[schemas.Stream][]ledger.Shard{}
	some := map[ledger.Shard]int{}
	for shard, generation := range highest {
		if begins(shard.Window, month) {
			streams[shard.Stream] = append(streams[shard.Stream], shard)
		} else if shard.Stream == schemas.StreamCreated || shard.Stream == schemas.StreamDirectory && shard.Window.From.After(month.From) {
			some[shard] = generation
		}
	}
	rest := !now.Before(month.To.Add(restAfter))
	for stream, shards := range streams {
		slices.SortFunc(shards, func(a, b ledger.Shard) int {
			return cmp.Or(a.Window.From.Compare(b.Window.From), b.Window.To.Compare(a.Window.To))
		})
		outer := 0
		var end time.Time // of the windows so far
		for _, shard := range shards {
			inside := !shard.Window.To.After(end)
			if inside && highest[shard] > 1 && stream != schemas.StreamCreated {
				continue // it was replaced
			}
			some[shard] = highest[shard]
			switch {
			case inside:
				rest = rest && highest[shard] > 1
			case stream == schemas.StreamDirectory:
				outer++
				rest = rest && outer < 2
			case stream.IsByChange() || stream == schemas.StreamReports:
				rest = rest && shard.Window.From.After(end)
			}
			if shard.Window.To.After(end) {
				end = shard.Window.To
			}
		}
	}
	if rest {
		return nil
	}
	return some
}

// monthOf is the month of a time in UTC.
func monthOf(t time.Time) schemas.Window {
	t = t.UTC()
	from := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	return schemas.Window{From: from, To: from.AddDate(0, 1, 0)}
}
