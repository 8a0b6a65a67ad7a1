package main

import (
	"math"
	"testing"
)

// TestAsMeasured compares simulated leases for chunks, as chatlake grants them, with the measurements of chatlake in docs/bench.md: the
// share of the budget from the first request to the last, and the events of all histories. The simulation leaves out the events of
// Export, directory and budget.
func TestAsMeasured(t *testing.T) {
	measured := []struct{ used, events float64 }{{99.7, 696}, {99.6, 702}, {98.0, 768}, {96.8, 768}, {95.6, 1692}, {95.9, 1686}}
	for i, s := range scenarios()[:len(measured)] {
		r, want := mean(s, ways[0]), measured[i]
		if math.Abs(r[used]-want.used) > 2 {
			t.Errorf("%s, %d workers: %.1f %% of the budget are used, measured were %.1f %%", s.Name, s.Workers, r[used], want.used)
		}
		tenThousands := 180 * s.Budget / 3.1 / 10_000
		if got := r[events] * tenThousands; got > want.events || got < 0.75*want.events {
			t.Errorf("%s, %d workers: %.0f events, measured were %.0f", s.Name, s.Workers, got, want.events)
		}
	}
}

// TestDecision checks the figures on which the decision is based.
func TestDecision(t *testing.T) {
	for _, s := range scenarios() {
		if s.Workers != 2 || s.HalveAt > 0 || s.JoinAt > 0 {
			continue
		}
		chunks := Run(s, ways[0], 0)
		for _, how := range ways[1:] {
			processes := Run(s, how, 0)
			if s.DieAt == 0 && processes[used] >= chunks[used] {
				t.Errorf("%s: two workers use %.1f %% with leases for %s, %.1f %% with leases for chunks", s.Name, processes[used], how.name, chunks[used])
			}
			if processes[signals] >= chunks[signals] || processes[events] <= chunks[events] {
				t.Errorf("%s: leases for %s need %.0f signals and %.0f events, those for chunks %.0f and %.0f", s.Name, how.name,
					processes[signals], processes[events], chunks[signals], chunks[events])
			}
			if s.SetHalfAt == 0 && processes[most] > 1.000001 {
				t.Errorf("%s: leases for %s add up to %.2f of the budget", s.Name, how.name, processes[most])
			}
		}
	}
}

func TestASeedIsARun(t *testing.T) {
	s := scenarios()[3]
	for _, how := range ways {
		if first, second := Run(s, how, 1), Run(s, how, 1); first != second {
			t.Errorf("leases for %s: %v, and then %v", how.name, first, second)
		}
		if Run(s, how, 1) == Run(s, how, 2) {
			t.Errorf("leases for %s: the seed makes no difference", how.name)
		}
	}
}
