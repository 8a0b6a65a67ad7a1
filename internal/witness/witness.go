// Package witness decides when to trust a list page for which a platform gives no other proof.
//
// A cache or a replica can answer with a different page than the one requested. A single answer never shows that, so such a
// page is requested until several answers agree.
//
// It must not know HTTP, a platform, or what a page holds.
package witness

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
)

const (
	// Usual is how many answers must agree.
	Usual = 2
	// Doubted is how many must agree once a platform has given answers that differ.
	Doubted = 4
	// Most is how many answers are requested before chatlake gives up the list for now.
	Most = 12
)

// ErrFickle means that a platform keeps giving different answers to the same request. Trying again later may help.
var ErrFickle = errors.New("the platform gives different answers to the same request for a list page; a cache or a replica may be out of date")

// Doubt remembers whether a platform has contradicted itself. The zero value trusts it. It is safe for concurrent use.
type Doubt struct{ raised atomic.Bool }

// Raise requires more matching answers from now on.
func (d *Doubt) Raise() { d.raised.Store(true) }

// Looks is how many answers must currently agree.
func (d *Doubt) Looks() int {
	if d.raised.Load() {
		return Doubted
	}
	return Usual
}

// Agree calls ask until as many answers are the same as d requires, and returns the last of them. Its errors are those of
// ask, and ErrFickle.
func Agree[T any](ctx context.Context, d *Doubt, ask func(context.Context) (T, error), same func(a, b T) bool) (T, error) {
	var answers []T
	var counts []int
	for range Most {
		got, err := ask(ctx)
		if err != nil {
			return got, err
		}
		i := slices.IndexFunc(answers, func(before T) bool { return same(before, got) })
		if i < 0 {
			if i = len(answers); i > 0 {
				d.Raise()
			}
			answers, counts = append(answers, got), append(counts, 0)
		}
		answers[i] = got
		if counts[i]++; counts[i] >= d.Looks() {
			return got, nil
		}
	}
	var none T
	return none, ErrFickle
}
