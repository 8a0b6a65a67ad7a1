// Package witness decides when a page of a list can be believed that a platform gives no other proof of.
//
// A cache or a replica can answer with another page than the one that was asked for. One answer alone never shows it, so
// such a page is asked for until several answers agree.
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
	// Doubted is how many must agree once a platform has given answers that did not.
	Doubted = 4
	// Most is how many answers are asked for before a list is given up for now.
	Most = 12
)

// ErrFickle says that a platform answers one request in a different way each time. Trying again later may help.
var ErrFickle = errors.New("the platform answers the same request for a page of a list in different ways; a cache or a replica may be out of date")

// Doubt remembers whether a platform has contradicted itself. The zero value trusts it. It is safe for concurrent use.
type Doubt struct{ raised atomic.Bool }

// Raise makes more answers necessary from now on.
func (d *Doubt) Raise() { d.raised.Store(true) }

// Looks is how many answers must agree.
func (d *Doubt) Looks() int {
	if d.raised.Load() {
		return Doubted
	}
	return Usual
}

// Agree asks until as many answers are the same as d wants, and returns the last of them. Its errors are those of ask, and
// ErrFickle.
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
