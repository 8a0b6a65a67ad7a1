package workflows

import (
	"cmp"
	"slices"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// shards is the plan: today's directory, then the windows of the range. A sync and a settle have theirs from the ledger.
func (e *export) shards() (plan []activities.Planned) {
	if e.kind != "" {
		return e.state.Open.Plan
	}
	shard := func(stream schemas.Stream, w schemas.Window) activities.Planned {
		next := activities.Planned{
			Shard: ledger.Shard{Provider: e.state.Open.Provider, Account: e.in.Account, Stream: stream, Window: w},
			Cause: ledger.CauseExport, Refresh: e.in.Refresh,
		}
		if e.in.Refresh != "" && stream.IsByCreation() {
			next.Depth = activities.DepthFull // what has been deleted since stays in the lake
		}
		return next
	}
	if e.state.Open.HasDirectory && !e.in.Adopt {
		day := e.state.Open.CheckedAt.UTC().Truncate(24 * time.Hour)
		plan = append(plan, shard(schemas.StreamDirectory, schemas.Window{From: day, To: day.Add(24 * time.Hour)}))
	}
	type of struct {
		stream schemas.Stream
		window schemas.Window
	}
	exceptions, planned := map[of]activities.Exception{}, map[of]bool{}
	for _, x := range e.state.Open.Exceptions {
		exceptions[of{x.Stream, x.Window}] = x
	}
	for _, w := range e.ordered((schemas.Window{From: e.in.From, To: e.state.To}).Cut(e.in.Window)) {
		for _, stream := range e.streams() {
			x, except := exceptions[of{stream, w}]
			windows := []schemas.Window{w}
			if except && (x.Accepted || len(x.Parts) > 0) {
				windows = x.Parts
			}
			for _, part := range windows {
				next := shard(stream, part)
				if except && slices.Contains(x.Of, part) && next.Refresh == "" {
					next.Refresh, next.Depth = string(e.in.Reprocess)+"/"+e.state.Open.CheckedAt.UTC().Format(time.RFC3339), x.Depth
				}
				if key := (of{stream, part}); !planned[key] { // a wide part may be in several windows
					planned[key] = true
					plan = append(plan, next)
				}
			}
		}
	}
	return plan
}

// ordered sorts windows into the order in which they are copied. Without an order, it is that of the deadlines, which is oldest first.
func (e *export) ordered(windows []schemas.Window) []schemas.Window {
	switch e.in.Order {
	case activities.NewestFirst:
		slices.Reverse(windows)
	case activities.OldestFirst:
	default:
		// What the platform has deleted already must not make the next ones late.
		slices.SortStableFunc(windows, func(a, b schemas.Window) int { return cmp.Compare(e.lost(a), e.lost(b)) })
	}
	return windows
}

// unstarted is how many shards have not started yet.
func (e *export) unstarted() int { return len(e.plan) - e.state.Next + len(e.state.Extra) }

// next takes the next shard. The halves of a window come last, unless windows have deadlines: then they keep the place of the window.
func (e *export) next() (next activities.Planned) {
	halves := len(e.state.Extra) > 0 && e.hasDeadlines()
	if e.state.Next < len(e.plan) && !halves {
		next = e.plan[e.state.Next]
		e.state.Next++
		return next
	}
	next = e.state.Extra[0]
	e.state.Extra = e.state.Extra[1:]
	return next
}

// hasDeadlines reports whether windows are copied in the order of their deadlines.
func (e *export) hasDeadlines() bool {
	return len(e.state.Open.Keeps) > 0 && e.in.Order != activities.NewestFirst && e.in.Order != activities.OldestFirst
}

// lost is 1 if the platform had deleted all of a window, in every stream, when the export began.
func (e *export) lost(w schemas.Window) int {
	for _, stream := range e.streams() {
		if behind, _ := e.state.Open.Keeps[stream].Behind(w, e.state.Open.CheckedAt); behind != w {
			return 0
		}
	}
	return 1
}

// streams are the streams that each window has a shard of.
func (e *export) streams() []schemas.Stream {
	return activities.ExportedStreams(e.state.Open.HasReports)
}

// places is how many shards may have work at a time.
func (e *export) places() int { return e.atMost(max(e.state.Open.Shards, e.enough())) }

// atMost is a number of shards, at least one and at most as many as the export may have.
func (e *export) atMost(shards int) int {
	most := max(1, shards)
	if e.in.MaxActive > 0 {
		most = min(most, e.in.MaxActive)
	}
	return most
}

// copied is what the windows of conversations have cost that an export has copied.
type copied struct {
	Windows  int   `json:"windows"`
	Requests int64 `json:"requests"`
}

// isSmall reports whether windows have cost so little that counting them before they are listed would be a good part of it.
func (e *export) isSmall() bool {
	done := e.state.Copied
	return e.policy.Behaviour >= 3 && done.Windows > 0 && done.Requests <= int64(done.Windows*e.policy.FetchAtOnce)
}

// enough is how many shards it takes to use the rate up, judged by what the finished ones have cost. It doubles, or not, to
// the nearest, so that a mean that wavers changes no leases. Without a rate, small shards take the place of the fetches that larger ones have in flight.
func (e *export) enough() int {
	open, done := e.state.Open, e.state.Copied
	if e.policy.Behaviour < 3 || done.Windows == 0 {
		return 0
	}
	each := max(1, float64(done.Requests)/float64(done.Windows))
	wanted := e.state.RequestsPerSecond * e.policy.WindowLength.Seconds() / each
	if e.state.RequestsPerSecond <= 0 && each <= float64(e.policy.FewestFree) {
		wanted = float64(max(1, open.Shards) * max(1, open.ChunksInFlight))
	}
	shards := max(1, open.Shards)
	for float64(shards) < 0.75*wanted && shards < open.MostShards {
		shards *= 2
	}
	if e.policy.LeaseLook > 0 {
		return min(shards, open.MostShards) // towards the end, the leases of those in flight grow
	}
	// Towards the end, fewer at larger rates: what a shard has leased to an activity nobody else can use.
	return min(shards, open.MostShards, e.unstarted())
}
