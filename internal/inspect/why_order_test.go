package inspect

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// read is one reading of a conversation and the trace that it left in the lake. The conversation has changed that many times before.
type read struct {
	changes int
	Trace
}

// schedule makes up readings of one conversation by windows that overlap. Each is committed some time after it was read, so that one that
// was read early can be committed late. The platform counts versions in seconds, several changes of which can be within one, or not at all.
func schedule(seed uint64) []read {
	dice := rand.New(rand.NewPCG(seed, 1))
	now, changes := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), 0
	versioned := dice.IntN(4) > 0
	lastChange := now
	var all []read
	for range 2 + dice.IntN(6) {
		now = now.Add(time.Duration(1+dice.IntN(700)) * time.Millisecond)
		if dice.IntN(2) == 0 {
			changes++
			lastChange = now
			continue
		}
		r := read{changes: changes, Trace: Trace{State: StateWhole, observed: now.UnixMicro()}}
		if r.CommittedAt = now.Add(time.Duration(dice.IntN(3_000)) * time.Millisecond); versioned {
			r.version = new(lastChange.Unix())
		}
		all = append(all, r)
	}
	return all
}

// TestTheLastReadingCounts: whatever is committed when, readers see the conversation as it was read last. That the time of the commit
// cannot tell is seen in the same schedules: a window that was read early and committed late would hide what another read in between.
func TestTheLastReadingCounts(t *testing.T) {
	hidden := 0
	for seed := range uint64(2000) {
		reads := schedule(seed)
		if len(reads) == 0 {
			continue
		}
		newest := slices.MaxFunc(reads, func(a, b read) int { return a.changes - b.changes }).changes
		if shown := slices.MinFunc(reads, func(a, b read) int { return compareTraces(a.Trace, b.Trace) }); shown.changes != newest {
			t.Errorf("seed %d: readers see the conversation after %d changes, the lake has it after %d", seed, shown.changes, newest)
		}
		byCommit := slices.MinFunc(reads, func(a, b read) int {
			a.observed, b.observed = 0, 0
			return compareTraces(a.Trace, b.Trace)
		})
		if byCommit.changes != newest {
			hidden++
		}
	}
	if hidden == 0 {
		t.Error("no schedule shows that the time of the commit is wrong")
	}
	t.Logf("by the time of the commit, %d of 2000 schedules would hide a newer state", hidden)
}
