// Command leases simulates two ways to stay within the budget of an account on several workers: leases for chunks, as chatlake
// grants them, and leases for processes, as Google's Doorman grants them. docs/decisions/0004-leases-for-chunks.md has the
// results.
//
//	go -C bench run ./leases
//
// It must import nothing of chatlake: it uses constants with the same names and values as in chatlake.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Result is the result of a run, in the order of these columns.
type Result [len(columns)]float64

const (
	used     = iota // percent of what the platform allowed, from the first request to the last
	median          // of the seconds that an activity takes
	longest         // of them
	most            // the highest sum of leases, of the budget
	over            // seconds in which it exceeded the budget
	refused         // answers with 429
	obeyed          // seconds until a smaller budget was obeyed
	idle            // allowed but unused requests in the two minutes after a death or a join
	signals         // per 10,000 conversations
	renewals        // of leases of processes, per 10,000 conversations
	events          // in all histories, per 10,000 conversations
)

var columns = [...]struct{ name, format string }{
	{"used", "%.1f %%"}, {"activity, median s", "%.0f"}, {"longest", "%.0f"}, {"sum of leases", "%.2f"}, {"above, s", "%.0f"}, {"429", "%.0f"},
	{"obeyed after, s", "%.0f"}, {"not used", "%.0f"}, {"signals", "%.0f"}, {"renewals", "%.0f"}, {"events", "%.0f"},
}

// Run simulates a scenario.
func Run(s Scenario, how way, seed uint64) (r Result) {
	w := newWorld(s, how, seed)
	w.play()
	answers := w.platform.answers
	slices.Sort(w.durations)
	tenThousands := float64(len(answers)) / (messageRequests + metadataRequests + 1.0/perListRequest) / 10_000
	r[used] = 100 * float64(len(answers)) / w.allowed()
	r[median], r[longest] = w.durations[len(w.durations)/2], w.durations[len(w.durations)-1]
	r[most], r[over], r[refused] = w.most, w.over, float64(w.platform.refused)
	r[signals], r[renewals] = float64(w.signals)/tenThousands, float64(w.renewals)/tenThousands
	r[events] = float64(w.activities*eventsPerActivity+w.shards*eventsPerShard)/tenThousands + r[signals]*eventsPerSignal + r[renewals]*eventsPerRenewal
	if s.SetHalfAt > 0 {
		for from := s.SetHalfAt; from < s.SetHalfAt+300; from++ {
			if w.asked(from, 5) > 1.05*5*w.budget {
				r[obeyed] = from + 5 - s.SetHalfAt
			}
		}
	}
	if at := max(s.DieAt, s.JoinAt); at > 0 {
		r[idle] = 120*s.Budget - w.asked(at, 120)
	}
	return r
}

// allowed is how many requests the budget allowed.
func (w *world) allowed() float64 {
	answers := w.platform.answers
	first, last := answers[0], answers[len(answers)-1]
	halved := last
	if w.SetHalfAt > 0 {
		halved = w.SetHalfAt
	} else if w.HalveAt > 0 {
		halved = answers[w.HalveAt-1]
	}
	return (halved-first)*w.Budget + (last-halved)*w.Budget/2
}

// asked is how many requests were answered in the given number of seconds.
func (w *world) asked(from, seconds float64) float64 {
	low, _ := slices.BinarySearch(w.platform.answers, from)
	high, _ := slices.BinarySearch(w.platform.answers, from+seconds)
	return float64(high - low)
}

var ways = []way{{"chunks", 0, false}, {"processes, 10 s", 10, false}, {"processes, 10 s and changes", 10, true}, {"processes, 2 s", 2, false}}

// scenarios are the scenarios of the decision. The first ones are those of docs/bench.md, for comparison.
func scenarios() (all []Scenario) {
	for _, budget := range []float64{10, 50, 500} {
		for _, workers := range []int{1, 2} {
			all = append(all, Scenario{
				Name: fmt.Sprintf("bench, %g/s", budget), Budget: budget, Conversations: int(180 * budget / 3.1 / 3), Windows: 3, Workers: workers, Latency: 0.002,
			})
		}
	}
	for _, happens := range []Scenario{
		{Name: "nothing happens"}, {Name: "a worker dies", DieAt: 300.5}, {Name: "a person halves", SetHalfAt: 300.5},
		{Name: "the platform halves", HalveAt: 15_000}, {Name: "an export joins", JoinAt: 300.5},
	} {
		for _, workers := range []int{1, 2, 4} {
			s := happens
			if s.Budget, s.Conversations, s.Windows, s.Workers, s.Latency = 50, 5000, 6, workers, 0.15; s.DieAt == 0 || workers > 1 {
				all = append(all, s)
			}
		}
	}
	return all
}

// seeds is over how many runs a figure is averaged.
const seeds = 5

func mean(s Scenario, how way) (sum Result) {
	for seed := range uint64(seeds) {
		for i, v := range Run(s, how, seed) {
			sum[i] += v / seeds
		}
	}
	return sum
}

func report(out io.Writer, scenarios []Scenario) {
	head := "| scenario | workers | leases for |"
	for _, c := range columns {
		head += " " + c.name + " |"
	}
	fmt.Fprintln(out, head)
	fmt.Fprintln(out, "|---|--:|---|"+strings.Repeat("--:|", len(columns)))
	for _, s := range scenarios {
		for _, how := range ways {
			fmt.Fprintf(out, "| %s | %d | %s |", s.Name, s.Workers, how.name)
			for i, v := range mean(s, how) {
				fmt.Fprintf(out, " "+columns[i].format+" |", v)
			}
			fmt.Fprintln(out)
		}
	}
}

func main() { report(os.Stdout, scenarios()) }
