package activities

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// Reprocess is which committed windows an export copies again.
type Reprocess string

const (
	ReprocessMissing Reprocess = "missing" // none: only what the lake does not have
	ReprocessFlagged Reprocess = "flagged" // those that were committed with a flag
	ReprocessDead    Reprocess = "dead"    // those with conversations that could not be copied
	ReprocessAll     Reprocess = "all"     // all of them
)

// Reprocesses returns all of them, in the order in which people see them.
func Reprocesses() []Reprocess {
	return []Reprocess{ReprocessMissing, ReprocessFlagged, ReprocessDead, ReprocessAll}
}

// Exception is a window of an export's plan that is not copied as it is.
type Exception struct {
	Stream schemas.Stream `json:"stream"`
	Window schemas.Window `json:"window"`
	// Parts replace the window: the windows that the ledger has of it, and what is missing between them. Empty leaves it whole.
	Parts []schemas.Window `json:"parts,omitempty"`
	// Depth and Again ask for a new generation of the window, or of the parts listed in Of.
	Again bool             `json:"again,omitempty"`
	Depth Depth            `json:"depth,omitempty"`
	Of    []schemas.Window `json:"of,omitempty"`
	// Accepted is true if nothing of the window is copied: the lake has nothing of it, and a person has accepted that.
	Accepted bool `json:"accepted,omitempty"`
}

// exceptions compares the windows of an export with the ledger, so that nothing is copied again because the windows have another size
// or because the open month has grown since. anew means that all windows are copied again.
func (a *Activities) exceptions(ctx context.Context, in OpenExportInput, account Account, streams []schemas.Stream) ([]Exception, error) {
	if in.Range.From.IsZero() {
		return nil, nil
	}
	size := cmp.Or(in.Window, account.Window)
	acceptances, err := a.Lake.Accepted(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	var all []Exception
	for _, stream := range streams {
		accepted := ledger.AcceptedWindows(acceptances, in.Account, stream)
		records, err := a.Lake.Current(ctx, ledger.Filter{Provider: account.Name, Account: in.Account, Stream: stream, Window: in.Range})
		if err != nil {
			return nil, err
		}
		var kept []ledger.Record
		for _, r := range records {
			// A wider window that cannot be adopted would have to be copied whole, which is more than was asked for.
			outside := r.Shard.Window.From.Before(in.Range.From) || r.Shard.Window.To.After(in.Range.To)
			if outside && in.Anew {
				continue
			}
			if outside {
				if same, err := a.matchesSpec(ctx, OpenShardInput{Shard: r.Shard, Spec: account.Spec}, r); err != nil {
					return nil, err
				} else if !same {
					continue
				}
			}
			if r.AbsorbedBy == "" {
				kept = append(kept, r)
			}
		}
		for _, w := range in.Range.Cut(size) {
			if e, ok := exception(stream, w, kept, accepted, in.Reprocess); ok {
				all = append(all, e)
			}
		}
	}
	return all, nil
}

// exception decides how one window of a plan is copied. What a person has accepted as a gap is not copied.
func exception(stream schemas.Stream, w schemas.Window, records []ledger.Record, accepted []schemas.Window, reprocess Reprocess) (Exception, bool) {
	e := Exception{Stream: stream, Window: w}
	var have []ledger.Record
	exact := false
	for _, r := range records {
		if !r.Shard.Window.From.Before(w.To) || !r.Shard.Window.To.After(w.From) {
			continue
		}
		have = append(have, r)
		exact = exact || r.Shard.Window == w
	}
	if exact {
		have = slices.DeleteFunc(have, func(r ledger.Record) bool { return r.Shard.Window != w })
	} else {
		have = widest(have)
	}
	for _, r := range have {
		if depth, again := depthAgain(r, reprocess); again {
			e.Again, e.Depth = true, depth
			e.Of = append(e.Of, r.Shard.Window)
		}
		if !exact {
			e.Parts = append(e.Parts, r.Shard.Window)
		}
	}
	if open := w.Without(accepted); !exact && (len(have) > 0 || len(open) != 1 || open[0] != w) {
		e.Parts = append(e.Parts, w.Without(slices.Concat(e.Parts, accepted))...)
		e.Accepted = len(e.Parts) == 0
		slices.SortFunc(e.Parts, func(a, b schemas.Window) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	}
	return e, e.Again || e.Accepted || len(e.Parts) > 0
}

// widest leaves out windows that are within wider ones.
func widest(records []ledger.Record) []ledger.Record {
	slices.SortFunc(records, func(a, b ledger.Record) int {
		return cmp.Or(a.Shard.Window.From.Compare(b.Shard.Window.From), b.Shard.Window.To.Compare(a.Shard.Window.To))
	})
	var end time.Time
	return slices.DeleteFunc(records, func(r ledger.Record) bool {
		within := !r.Shard.Window.To.After(end)
		if !within {
			end = r.Shard.Window.To
		}
		return within
	})
}

// depthAgain reports whether a committed window is copied again, and how deep.
func depthAgain(r ledger.Record, reprocess Reprocess) (Depth, bool) {
	switch reprocess {
	case ReprocessFlagged:
		return DepthFull, len(r.Flags) > 0
	case ReprocessDead:
		return DepthList, r.Counts.Dead > 0 // the others are reused
	}
	return DepthWhole, false
}
