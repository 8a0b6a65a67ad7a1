package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/chatlake/chatlake/workflows"
)

// options are the flags.
type options struct {
	scenarios, contenders string
	out, markdown         string
	list, keep            bool
	add, compact          bool
	axes                  axes
}

// axes span additional scenarios: if any is given, these run instead of the named ones.
type axes struct {
	conversations, latency, budget, errors, workers, kill string
	headers, halve, parquet, lean                         bool
	months, days, giant                                   int
	window                                                string
}

func readOptions(args []string, log io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&o.scenarios, "scenarios", "quick", "quick, small, full, none, or names of scenarios, separated by commas")
	flags.StringVar(&o.contenders, "contenders", "", "run only these contenders of each scenario; with axes: the contenders that take part (default bare,folder)")
	flags.StringVar(&o.out, "out", "", "file for the results as JSON (default results/<scenarios>.json in the folder of this program's source)")
	flags.BoolVar(&o.add, "add", false, "keep the results of other scenarios and contenders that are in the results file")
	flags.BoolVar(&o.compact, "compact", false, "leave the figures of every second out of the results file")
	flags.StringVar(&o.markdown, "markdown", "", "file for the tables as Markdown: they replace the text between the markers, or the whole file if it has no markers")
	flags.BoolVar(&o.list, "list", false, "list the scenarios and run nothing")
	flags.BoolVar(&o.keep, "keep", false, "keep the folders of the runs, including lakes, and print where they are")
	a := &o.axes
	flags.StringVar(&a.conversations, "conversations", "", "axis: numbers of conversations, for example 1000,10000 (default what a minute of the budget allows, or 5000 without a budget)")
	flags.StringVar(&a.latency, "latency", "", "axis: milliseconds that the platform takes to answer, for example 0,5,50,200")
	flags.StringVar(&a.budget, "budget", "", "axis: allowed requests per second, for example 0,10,50,500; 0 means no limit")
	flags.StringVar(&a.errors, "errors", "", "axis: shares of requests answered with 500, for example 0,0.01")
	flags.StringVar(&a.workers, "workers", "", "axis: numbers of chatlake processes on the account, for example 1,2")
	flags.StringVar(&a.kill, "kill", "", "axis: kill and restart chatlake after these shares of the necessary requests, for example 0.5")
	flags.BoolVar(&a.headers, "headers", false, "with axes: answers say how much of the budget is left")
	flags.BoolVar(&a.halve, "halve", false, "with axes: halve the budget in the middle of the run")
	flags.BoolVar(&a.parquet, "parquet", false, "with axes: compare the Parquet files with those that DuckDB writes of the same rows")
	flags.IntVar(&a.months, "months", 12, "with axes: number of months in which the conversations were created")
	flags.IntVar(&a.days, "days", 0, "with axes: number of days in which they were created, instead of -months")
	flags.StringVar(&a.window, "window", "month", "with axes: size of the export's windows: month, week or day")
	flags.BoolVar(&a.lean, "lean", false, "with axes: copy conversations and messages without details and participants")
	flags.IntVar(&a.giant, "giant", 0, "with axes: number of messages of one giant conversation")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%s: unexpected argument; there are only flags, see -help", flags.Arg(0))
	}
	return o, nil
}

// chosen are the scenarios that the flags select.
func (o options) chosen() ([]Scenario, error) {
	all, err := o.axes.scenarios()
	if err == nil && all == nil {
		all, err = choose(o.scenarios)
	}
	if err != nil || o.contenders == "" {
		return all, err
	}
	only := strings.Split(o.contenders, ",")
	for _, name := range only {
		if !slices.Contains([]string{bareName, scriptName, benthosName, folderName, s3Name, apartName, postgresName}, name) {
			return nil, fmt.Errorf("unknown contender %s", name)
		}
	}
	for i := range all {
		if o.axes.given() {
			all[i].Contenders = only
			continue
		}
		all[i].Contenders = slices.DeleteFunc(slices.Clone(all[i].Contenders), func(name string) bool { return !slices.Contains(only, name) })
	}
	return all, nil
}

func (a axes) given() bool {
	return a.conversations+a.latency+a.budget+a.errors+a.workers+a.kill != ""
}

// scenarios are all points on the given axes.
func (a axes) scenarios() ([]Scenario, error) {
	if !a.given() {
		return nil, nil
	}
	if !slices.Contains(workflows.Windows, a.window) {
		return nil, fmt.Errorf("-window: %q is none of %s", a.window, strings.Join(workflows.Windows, ", "))
	}
	first := Scenario{World: World{Months: a.months, Days: a.days, Giant: a.giant}, Site: Site{Headers: a.headers}, Parquet: a.parquet, Contenders: []string{bareName, folderName}}
	if a.lean {
		first.Account = lean
	}
	first.Account.Window = a.window
	all := []Scenario{first}
	for _, axis := range []struct {
		name, values string
		set          func(*Scenario, float64)
	}{
		{"budget", a.budget, func(s *Scenario, v float64) { s.Site.Budget = v }},
		{"conversations", a.conversations, func(s *Scenario, v float64) { s.World.Conversations = int(v) }},
		{"latency", a.latency, func(s *Scenario, v float64) { s.Site.LatencyMS = int(v) }},
		{"errors", a.errors, func(s *Scenario, v float64) { s.Site.Errors = v }},
		{"workers", a.workers, func(s *Scenario, v float64) { s.Workers = int(v) }},
		{"kill", a.kill, func(s *Scenario, v float64) { s.Kill, s.Site.Repeats = v, v > 0 }},
	} {
		if axis.values == "" {
			continue
		}
		var next []Scenario
		for text := range strings.SplitSeq(axis.values, ",") {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || v < 0 {
				return nil, fmt.Errorf("-%s: %q is not a number from 0 up", axis.name, text)
			}
			for _, s := range all {
				axis.set(&s, v)
				next = append(next, s)
			}
		}
		all = next
	}
	for i := range all {
		all[i].complete(a.halve)
	}
	return all, nil
}

// complete fills in what the axes do not determine.
func (s *Scenario) complete(halve bool) {
	free := 5000
	if s.Site.Budget > 0 {
		free = lasting(60, s.Site.Budget)
	}
	s.World.Conversations = cmp.Or(s.World.Conversations, free)
	if halve && s.Site.Budget > 0 {
		s.Site.HalveAt = int64(float64(s.World.Conversations) * requestsEach / 2)
	}
	if s.Workers > 1 || s.Kill > 0 {
		s.Contenders = []string{folderName}
	}
	s.Name = s.axes() + "-" + short(s.World.Conversations)
}

func writeList(out io.Writer, all []Scenario) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "scenario\tconversations\tcreated in\twindows\taxes\tcontenders\tin")
	sets := map[string]string{}
	for _, set := range []struct {
		name string
		of   []Scenario
	}{{"quick", quick()}, {"small", small()}} {
		for _, s := range set.of {
			sets[s.Name] = set.name
		}
	}
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.World.Conversations, s.World.span(), s.Account.window(), s.axes(),
			strings.Join(s.Contenders, " "), cmp.Or(sets[s.Name], "full"))
	}
	return w.Flush()
}
