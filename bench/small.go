package main

import "fmt"

// shape is how the conversations of an account lie in the windows of an export.
type shape struct {
	windows, each int
	months, days  int
	size          string
}

// shapes have 600 conversations each. A window of a day has a quarter of the conversations at weekends.
var shapes = []shape{
	{windows: 1, each: 600, months: 1, size: "month"},
	{windows: 14, each: 43, months: 14, size: "month"},
	{windows: 60, each: 10, days: 60, size: "day"},
	{windows: 120, each: 5, days: 120, size: "day"},
}

// world is the account with so many times the conversations, in as many windows.
func (s shape) world(times int) World {
	return World{Conversations: 600 * times, Months: s.months, Days: s.days}
}

func (s shape) name(times int) string { return fmt.Sprintf("%dx%d", s.windows, s.each*times) }

// Faster budgets need more conversations, or the run would be too short: at 500 requests a second, 600 conversations take little more
// than one second.
const timesFast = 10

// peers are chatlake and what people use instead, or write themselves.
var peers = []string{bareName, scriptName, benthosName, folderName}

// small is small accounts and small windows, which spend much of their time between two windows, and restarts. The export is lean, so
// that each conversation needs one request.
func small() []Scenario {
	var all []Scenario
	add := func(s Scenario) { all = append(all, s) }
	for _, shape := range shapes {
		account := lean.in(shape.size)
		for _, budget := range []float64{10, 50, 500} {
			times := 1
			if budget == 500 {
				times = timesFast
			}
			for _, workers := range []int{1, 2} {
				s := Scenario{World: shape.world(times), Site: Site{Budget: budget}, Account: account, Contenders: alone, Workers: workers}
				s.Name = fmt.Sprintf("%s-budget%g", shape.name(times), budget)
				if workers == 2 {
					s.Name += "-two"
				}
				add(s)
			}
		}
		for _, times := range []int{1, timesFast} {
			add(Scenario{Name: shape.name(times) + "-free", World: shape.world(times), Account: account, Contenders: peers})
		}
	}
	// The restarts are at a place where nothing waits for a budget, and at one where all do.
	return append(all,
		Scenario{Name: "restart-4k", World: World{Conversations: 4000}, Site: Site{LatencyMS: 20, Repeats: true}, Account: lean, Contenders: alone, Kill: 0.5},
		Scenario{Name: "restart-14x43", World: shapes[1].world(1), Site: Site{Budget: 50, Repeats: true}, Account: lean, Contenders: alone, Kill: 0.5},
		Scenario{Name: "restart-1x600", World: shapes[0].world(1), Site: Site{Budget: 50, Repeats: true}, Account: lean, Contenders: alone, Kill: 0.5},
		Scenario{Name: "lean-5k", World: World{Conversations: 5000}, Account: lean, Contenders: peers},
		Scenario{Name: "lean-5k-latency20", World: World{Conversations: 5000}, Site: Site{LatencyMS: 20}, Account: lean, Contenders: peers},
		Scenario{Name: "lean-5k-errors", World: World{Conversations: 5000}, Site: Site{Errors: 0.01}, Account: lean, Contenders: peers},
		Scenario{Name: "lean-100k", World: World{Conversations: 100_000}, Account: lean, Contenders: peers},
		Scenario{Name: "details-auto-5k", World: World{Conversations: 5000}, Account: Account{Details: "auto"}, Contenders: []string{bareName, folderName}},
		Scenario{Name: "details-true-5k", World: World{Conversations: 5000}, Account: Account{Details: "true"}, Contenders: []string{bareName, folderName}},
	)
}
