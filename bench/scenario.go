package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

// Scenario is one point on the axes.
type Scenario struct {
	Name  string `json:"name"`
	World World  `json:"world"`
	Site  Site   `json:"site"`
	// Account says how the export and the account are configured.
	Account Account `json:"account"`
	// Contenders are the names of the contenders.
	Contenders []string `json:"contenders"`
	// Workers is how many chatlake processes share the account; 0 means one.
	Workers int `json:"workers,omitempty"`
	// Kill, if not 0, is the share of the necessary requests after which chatlake is killed and restarted.
	Kill float64 `json:"kill,omitempty"`
	// Limit is how many seconds a contender gets; 0 means six hours.
	Limit int `json:"limit_seconds,omitempty"`
	// Parquet asks for the comparison with DuckDB's own rewrite of the same rows.
	Parquet bool `json:"parquet,omitempty"`
}

// World says which account is simulated.
type World struct {
	Conversations int `json:"conversations"`
	// Months is in how many months its conversations were created, from January on; 0 means twelve.
	Months int `json:"months,omitempty"`
	// Days, if not 0, is in how many days they were created, instead of Months.
	Days int `json:"days,omitempty"`
	// Giant, if not 0, is the number of messages of one conversation.
	Giant int `json:"giant,omitempty"`
}

// seed gives the same world in every run.
const seed = 5

func (w World) window() schemas.Window {
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	if w.Days > 0 {
		return schemas.Window{From: from, To: from.AddDate(0, 0, w.Days)}
	}
	return schemas.Window{From: from, To: from.AddDate(0, cmp.Or(w.Months, 12), 0)}
}

// span is in which time the conversations were created.
func (w World) span() string {
	if w.Days > 0 {
		return fmt.Sprintf("%d days", w.Days)
	}
	return fmt.Sprintf("%d months", cmp.Or(w.Months, 12))
}

func (w World) corpus() *simulator.Corpus {
	window := w.window()
	return simulator.NewCorpus(simulator.CorpusConfig{
		Seed: seed, Conversations: w.Conversations, From: window.From, To: window.To, GiantMessages: w.Giant,
	})
}

// Site says how the simulated platform answers.
type Site struct {
	LatencyMS int  `json:"latency_ms,omitempty"`
	Uneven    bool `json:"uneven,omitempty"` // LatencyMS is only the mean
	// Budget is the allowed number of requests per second, which is also what the contenders are configured for; 0 means no
	// limit. Bursts of one second's worth are allowed.
	Budget  float64 `json:"budget,omitempty"`
	Headers bool    `json:"headers,omitempty"` // whether answers say what is left
	// Errors is the share of requests answered with 500.
	Errors float64 `json:"errors,omitempty"`
	// HalveAt, if not 0, is the number of requests after which the platform halves the budget, without notice.
	HalveAt int64 `json:"halve_at,omitempty"`
	// Repeats makes the site remember requests, to count those repeated after a mark.
	Repeats bool `json:"repeats,omitempty"`
}

func (s Scenario) limit() time.Duration {
	return time.Duration(cmp.Or(s.Limit, 6*60*60)) * time.Second
}

func (s Site) latency() time.Duration { return time.Duration(s.LatencyMS) * time.Millisecond }

func (s Site) burst() int { return int(max(1, s.Budget)) }

// requestsEach is roughly how many requests a conversation costs, including its share of lists and of the directory.
const requestsEach = 3.1

// lasting is how many conversations use up a budget for the given number of seconds.
func lasting(seconds, budget float64) int { return int(math.Ceil(seconds * budget / requestsEach)) }

// everyone is the default set of contenders; slow contenders run only where they show a difference.
var (
	everyone = []string{bareName, folderName, s3Name}
	alone    = []string{folderName}
)

// quickLimit limits each contender of the quick set, in seconds, whatever goes wrong.
const quickLimit = 150

// quick shows every kind of scenario in a few minutes.
func quick() []Scenario {
	all := []Scenario{
		{Name: "free-4k", World: World{Conversations: 4000}, Contenders: everyone, Parquet: true},
		{Name: "latency50-2k", World: World{Conversations: 2000}, Site: Site{LatencyMS: 50}, Contenders: []string{bareName, folderName}},
		{Name: "budget50-short", World: World{Conversations: lasting(30, 50)}, Site: Site{Budget: 50}, Contenders: []string{bareName, folderName}},
		{Name: "budget500-headers-short", World: World{Conversations: lasting(20, 500)}, Site: Site{Budget: 500, Headers: true}, Contenders: alone},
		{Name: "budget50-two-short", World: World{Conversations: lasting(30, 50)}, Site: Site{Budget: 50}, Contenders: alone, Workers: 2},
		{
			Name: "halved50-short", World: World{Conversations: lasting(15, 50) + lasting(75, 25)}, Site: Site{Budget: 50, HalveAt: 15 * 50},
			Contenders: alone,
		},
		{Name: "errors-2k", World: World{Conversations: 2000}, Site: Site{Errors: 0.01}, Contenders: []string{bareName, folderName}},
		{Name: "giant-500", World: World{Conversations: 500, Giant: 5000}, Contenders: []string{bareName, folderName}},
		{Name: "kill-4k", World: World{Conversations: 4000}, Site: Site{Repeats: true}, Contenders: alone, Kill: 0.5},
		{Name: "small-14x43", World: shapes[1].world(1), Site: Site{Budget: 50}, Account: lean, Contenders: []string{bareName, scriptName, folderName}},
		{Name: "small-60x10", World: shapes[2].world(1), Site: Site{Budget: 50}, Account: lean.in(shapes[2].size), Contenders: alone},
	}
	for i := range all {
		all[i].Limit = quickLimit
	}
	return all
}

// full is everything that the targets cover. It takes hours.
func full() []Scenario {
	all := []Scenario{
		{Name: "free-10k", World: World{Conversations: 10_000}, Contenders: append(slices.Clone(everyone), apartName, postgresName)},
		{Name: "free-100k", World: World{Conversations: 100_000}, Contenders: []string{bareName, folderName}},
		{Name: "free-10k-two", World: World{Conversations: 10_000}, Contenders: alone, Workers: 2},
	}
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		s := Scenario{Name: "month-" + short(n), World: World{Conversations: n, Months: 1}, Contenders: []string{bareName, folderName, apartName}}
		s.Parquet = n >= 100_000
		if n == 1_000_000 {
			s.Contenders = []string{folderName, apartName}
		}
		all = append(all, s)
	}
	for _, point := range []struct{ ms, conversations int }{{5, 10_000}, {50, 20_000}, {200, 5_000}} {
		all = append(all, Scenario{
			Name:  fmt.Sprintf("latency%d-%s", point.ms, short(point.conversations)),
			World: World{Conversations: point.conversations}, Site: Site{LatencyMS: point.ms}, Contenders: everyone,
		})
	}
	all = append(all, Scenario{
		Name: "latency50-20k-uneven", World: World{Conversations: 20_000}, Site: Site{LatencyMS: 50, Uneven: true}, Contenders: []string{bareName, folderName},
	})
	for _, budget := range []float64{10, 50, 500} {
		for _, headers := range []bool{false, true} {
			for _, workers := range []int{1, 2} {
				s := Scenario{Site: Site{Budget: budget, Headers: headers}, Contenders: alone, Workers: workers}
				s.World = World{Conversations: lasting(180, budget), Months: 3}
				s.Name = s.axes()
				if !headers && workers == 1 {
					s.Contenders = []string{bareName, folderName, s3Name}
				}
				all = append(all, s)
			}
		}
	}
	for _, workers := range []int{1, 2} {
		s := Scenario{
			Name: "halved50", World: World{Conversations: lasting(40, 50) + lasting(140, 25), Months: 3},
			Site: Site{Budget: 50, HalveAt: 40 * 50}, Contenders: alone, Workers: workers,
		}
		if workers == 2 {
			s.Name += "-two"
		}
		all = append(all, s)
	}
	// What is repeated depends on the moment of the kill, so there are three.
	for _, moment := range []struct {
		name  string
		share float64
	}{{"kill-20k", 0.5}, {"kill-20k-early", 0.3}, {"kill-20k-late", 0.7}} {
		all = append(all, Scenario{
			Name: moment.name, World: World{Conversations: 20_000}, Site: Site{Repeats: true}, Contenders: []string{folderName, s3Name}, Kill: moment.share,
		})
	}
	return append(all,
		Scenario{Name: "errors-10k", World: World{Conversations: 10_000}, Site: Site{Errors: 0.01}, Contenders: []string{bareName, folderName}},
		Scenario{Name: "giant-2k", World: World{Conversations: 2000, Giant: 5000}, Contenders: []string{bareName, folderName}},
	)
}

// named is every scenario that has a name.
func named() []Scenario { return slices.Concat(quick(), small(), full()) }

// choose returns the scenarios that -scenarios names.
func choose(text string) ([]Scenario, error) {
	switch text {
	case "quick":
		return quick(), nil
	case "small":
		return small(), nil
	case "full":
		return append(full(), small()...), nil
	case "none":
		return nil, nil
	}
	var chosen []Scenario
	all := named()
	for name := range strings.SplitSeq(text, ",") {
		i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown scenario %s; -list shows all", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// axes describes a scenario's position on the axes.
func (s Scenario) axes() string {
	var said []string
	add := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	if s.Site.Budget > 0 {
		add("budget%g", s.Site.Budget)
	}
	if s.Site.Headers {
		add("headers")
	}
	if s.Site.LatencyMS > 0 {
		add("latency%d", s.Site.LatencyMS)
	}
	if s.Site.Uneven {
		add("uneven")
	}
	if s.Site.Errors > 0 {
		add("errors%g", s.Site.Errors)
	}
	if s.Site.HalveAt > 0 {
		add("halved")
	}
	if s.World.Giant > 0 {
		add("giant%d", s.World.Giant)
	}
	if s.Kill > 0 {
		add("kill%g", s.Kill)
	}
	if s.Workers > 1 {
		add("two")
	}
	switch {
	case s.Account.in("") == lean:
		add("lean")
	case s.Account.Details != "":
		add("details-%s", s.Account.Details)
	}
	if s.Account.Window == "week" || s.Account.Window == "day" {
		add("%ss", s.Account.Window)
	}
	if len(said) == 0 {
		add("free")
	}
	return strings.Join(said, "-")
}

// short is a number in the form used in names: 10k, 1m.
func short(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%dm", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}
