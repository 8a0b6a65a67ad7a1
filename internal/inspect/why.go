package inspect

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// The states of a conversation in the lake.
const (
	StateWhole  = "whole"
	StateGone   = "gone"
	StateDead   = "dead"
	StateAbsent = "absent"
)

// A Whereabouts is where a conversation is, or why it is nowhere.
type Whereabouts struct {
	Conversation string  `json:"conversation_id"`
	State        string  `json:"state"`   // whole, dead, gone or absent
	Shards       []Trace `json:"shards"`  // that have rows of it
	Windows      int     `json:"windows"` // that were searched
	// Reasons say why it is not there, or not whole, and what to do.
	Reasons []string  `json:"reasons"`
	Damaged []Finding `json:"damaged"` // what could not be searched
}

// Why looks for a conversation, by the platform's own id of it, in the windows that a range touches. Where it is not, or not whole, it
// says why as far as that can be told: further with the time when it was created, which may be zero. Only then it asks underWay, which may
// be nil, what exports that run have to do with it.
func (l *Lake) Why(ctx context.Context, id string, within schemas.Window, created time.Time, underWay func(context.Context) []string) (Whereabouts, error) {
	filter := l.filter(within)
	read, err := readLedger(ctx, l.lake, filter)
	if err != nil {
		return Whereabouts{}, err
	}
	found, err := search(ctx, l.lake, read, id)
	if err == nil && found.State != StateWhole {
		found.Reasons = append(found.Reasons, reasons(ctx, found, read, filter, created, underWay)...)
	}
	return found, err
}

// shardsAtOnce is how many windows are searched at the same time.
const shardsAtOnce = 8

// search looks for a conversation in what counts. The trace of the version that readers take comes first.
func search(ctx context.Context, l *lake.Lake, read reading, id string) (Whereabouts, error) {
	w := Whereabouts{Conversation: id, State: StateAbsent, Shards: []Trace{}, Reasons: []string{}, Damaged: []Finding{}}
	w.Damaged = append(w.Damaged, read.unreadable...)
	records := slices.DeleteFunc(slices.Clone(read.current), func(r ledger.Record) bool { return r.Shard.Stream == schemas.StreamDirectory })
	w.Windows = len(records)
	traces := make([]Trace, len(records))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(shardsAtOnce)
	for i, r := range records {
		group.Go(func() (err error) {
			traces[i], err = traceIn(ctx, l, r, id)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return w, err
	}
	for _, t := range traces {
		w.Damaged = append(w.Damaged, t.damaged...)
		if len(t.Places) > 0 {
			w.Shards = append(w.Shards, t)
		}
	}
	slices.SortStableFunc(w.Shards, compareTraces)
	if len(w.Shards) > 0 {
		w.State = cmp.Or(w.Shards[0].State, StateAbsent)
	}
	return w, nil
}

// compareTraces puts the trace first that readers take.
func compareTraces(a, b Trace) int {
	return cmp.Or(
		cmp.Compare(stateRank(a.State), stateRank(b.State)),
		compareVersions(b.version, a.version),
		cmp.Compare(b.observed, a.observed),
		b.CommittedAt.Compare(a.CommittedAt),
	)
}

func stateRank(state string) int {
	return slices.Index([]string{StateWhole, StateDead, StateGone, ""}, state)
}

// compareVersions puts what has no version before all others.
func compareVersions(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}
