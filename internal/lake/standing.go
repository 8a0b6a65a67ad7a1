package lake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// Key stands for the id of a conversation. Two ids have the same key only if somebody breaks SHA-256.
type Key [16]byte

// KeyOf returns the key of a text.
func KeyOf(text string) Key {
	sum := sha256.Sum256([]byte(text))
	return Key(sum[:len(Key{})])
}

// State is what a shard has of a conversation. The lowest is the one that readers prefer.
type State uint8

const (
	Whole State = iota // its rows
	Dead               // a dead letter
	Gone               // only a tombstone
)

// Standing is how a shard has a conversation, as far as it matters for choosing between shards.
type Standing struct {
	State State
	// Source is the source_version of a whole conversation; HasSource is false if it has none.
	Source    int64
	HasSource bool
	// ObservedAt is when the platform was asked for it, in microseconds; of a conversation that is gone, when it was not there.
	ObservedAt int64
	// GoneAt and DeadAt are when its tombstone and its dead letter were observed, or 0 if it has none. A whole conversation can have one:
	// then its rows are those of an earlier version, which was kept.
	GoneAt, DeadAt int64

	Content Key // of its content_sha256
}

// Compare returns a positive number if readers prefer v to other, and 0 if the time of the commit decides.
func (v Standing) Compare(other Standing) int {
	source := func(v Standing) int {
		if v.HasSource {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(other.State, v.State),
		cmp.Compare(source(v), source(other)),
		cmp.Compare(v.Source, other.Source),
		cmp.Compare(v.ObservedAt, other.ObservedAt),
	)
}

// Covers reports whether a shard that has other may be replaced because another shard has v: nothing is lost that is newer than v, and
// readers see the same rows. later means that the record with v was committed after the one with other.
func (v Standing) Covers(other Standing, later bool) bool {
	after := func(at int64) bool { return v.State == Whole && v.ObservedAt >= at }
	if other.GoneAt > 0 && v.GoneAt < other.GoneAt && !after(other.GoneAt) || other.DeadAt > 0 && v.DeadAt < other.DeadAt && !after(other.DeadAt) {
		return false
	}
	if other.State == Whole {
		order := v.Compare(other)
		return v.State == Whole && (order > 0 || order == 0 && (later || v.Content == other.Content))
	}
	return true
}

// Standings returns how a committed record has its conversations. If keep is not nil, only those that it accepts. It reads a few columns
// with range requests. It returns ErrDamaged if a file is missing or damaged.
func (l *Lake) Standings(ctx context.Context, r ledger.Record, keep func(Key) bool) (map[Key]Standing, error) {
	all := map[Key]Standing{}
	for _, f := range r.Files {
		of, ok := standingColumns[f.Table]
		if !ok {
			continue
		}
		problem, err := l.Scan(ctx, f, Query{Columns: of.columns}, func(row Row) {
			if row.Cells[0].Text == "" {
				return // a document that belongs to no conversation
			}
			key := KeyOf(row.Cells[0].Text)
			if keep != nil && !keep(key) {
				return
			}
			if v, ok := of.standing(row.Cells); ok {
				all[key] = with(all, key, v)
			}
		})
		if err == nil && problem != "" {
			err = fmt.Errorf("%s: %s: %w", f.Key, problem, ErrDamaged)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// with adds a row to what is known of a conversation.
func with(all map[Key]Standing, key Key, v Standing) Standing {
	before, ok := all[key]
	if !ok {
		return v
	}
	best := v
	if before.Compare(v) > 0 {
		best = before
	}
	best.GoneAt, best.DeadAt = max(before.GoneAt, v.GoneAt), max(before.DeadAt, v.DeadAt)
	return best
}

// standingColumns are the tables that tell how a shard has a conversation. The first column is its id.
var standingColumns = map[string]struct {
	columns  []string
	standing func([]Cell) (Standing, bool)
}{
	schemas.Conversations.Table: {
		[]string{"conversation_id", "source_version", "observed_at", "content_sha256"},
		func(c []Cell) (Standing, bool) {
			return Standing{State: Whole, Source: c[1].Integer, HasSource: !c[1].Null, ObservedAt: c[2].Integer, Content: KeyOf(c[3].Text)}, true
		},
	},
	schemas.DeadLetters.Table: {
		[]string{"conversation_id", "observed_at"},
		func(c []Cell) (Standing, bool) {
			return Standing{State: Dead, ObservedAt: c[1].Integer, DeadAt: c[1].Integer}, true
		},
	},
	schemas.Tombstones.Table: {
		[]string{"conversation_id", "observed_at", "message_id"},
		func(c []Cell) (Standing, bool) {
			return Standing{State: Gone, ObservedAt: c[1].Integer, GoneAt: c[1].Integer}, c[2].Null // the others are of messages
		},
	},
}
