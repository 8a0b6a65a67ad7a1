package tests

import (
	"bufio"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

func newReader(text string) *bufio.Reader { return bufio.NewReader(strings.NewReader(text)) }

// always are labels that Prometheus adds to all series.
var always = []string{"instance", "job"}

// metrics are the names that chatlake serves, with their labels, as docs/metrics.md has them. A test of the program generates that page.
func metrics(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	word := regexp.MustCompile("`([^`]+)`")
	for _, part := range strings.Split(string(text), "\n### `")[1:] {
		name, rest, _ := strings.Cut(part, "`")
		labels := []string{}
		for _, line := range strings.Split(rest, "\n") {
			if kind, by, found := strings.Cut(line, ", by "); found && slices.Contains([]string{"Gauge", "Counter", "Histogram"}, kind) {
				for _, label := range word.FindAllStringSubmatch(strings.Split(by, ". ")[0], -1) {
					labels = append(labels, label[1])
				}
			}
		}
		if strings.Contains(rest, "\nHistogram") {
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				all[name+suffix] = append(slices.Clone(labels), "le")
			}
			continue
		}
		all[name] = labels
	}
	// Of Prometheus' client for Go.
	all["process_cpu_seconds_total"], all["process_resident_memory_bytes"] = nil, nil
	return all
}

// complaints are what is wrong with a query: text that is no PromQL, metrics that nobody serves, and labels that they have not.
func complaints(query string, known map[string][]string) (all []string) {
	parsed, err := metricsql.Parse(strings.ReplaceAll(query, "$__rate_interval", "5m"))
	if err != nil {
		return []string{err.Error()}
	}
	var names []string
	have := slices.Clone(always)
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		if m, ok := e.(*metricsql.MetricExpr); ok {
			for _, filters := range m.LabelFilterss {
				for _, f := range filters {
					if f.Label == "__name__" {
						names, have = append(names, f.Value), append(have, known[f.Value]...)
						if _, ok := known[f.Value]; !ok {
							all = append(all, "nobody serves "+f.Value)
						}
					}
				}
			}
		}
	})
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		var labels []string
		switch e := e.(type) {
		case *metricsql.MetricExpr:
			for _, filters := range e.LabelFilterss {
				for _, f := range filters {
					if f.Label != "__name__" {
						labels = append(labels, f.Label)
					}
				}
			}
		case *metricsql.AggrFuncExpr:
			labels = e.Modifier.Args
		}
		for _, label := range labels {
			if !slices.Contains(have, label) {
				all = append(all, strings.Join(names, ", ")+" has no label "+label)
			}
		}
	})
	if len(names) == 0 {
		all = append(all, "it asks for no metric")
	}
	return all
}

// TestDashboards loads each dashboard with Grafana's own types, which refuse fields that do not exist, and looks at every query.
func TestDashboards(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	known, asked := metrics(t), map[string]bool{}
	for _, file := range []string{"now.json", "throughput.json"} {
		text, err := os.ReadFile("../grafana/" + file)
		if err != nil {
			t.Fatal(err)
		}
		//lint:ignore SA1019 the second schema is for Grafana's API; files that are provisioned have the first
		var d dashboard.Dashboard
		var wrong cog.BuildErrors // an empty list comes as an error as well
		if err := d.UnmarshalJSONStrict(text); err != nil && (!errors.As(err, &wrong) || len(wrong) > 0) {
			t.Fatalf("%s: %v", file, err)
		}
		if err := json.Unmarshal(text, &d); err != nil { // the strict way leaves out the panels
			t.Fatal(err)
		}
		titles := map[string]bool{}
		for _, p := range d.Panels {
			panel := p.Panel
			if panel == nil || panel.Title == nil || titles[*panel.Title] || len(panel.Targets) == 0 {
				t.Errorf("%s: a panel has no title of its own, or no query", file)
				continue
			}
			titles[*panel.Title] = true
			for _, target := range panel.Targets {
				query, ok := target.(*prometheus.Dataquery)
				if !ok {
					t.Errorf("%s: %s: a query is a %T", file, *panel.Title, target)
					continue
				}
				for _, complaint := range complaints(query.Expr, known) {
					t.Errorf("%s: %s: %s: %s", file, *panel.Title, query.Expr, complaint)
				}
				for name := range known {
					asked[name] = asked[name] || strings.Contains(query.Expr, name)
				}
			}
		}
		for i, a := range d.Panels {
			for _, b := range d.Panels[i+1:] {
				if x, y := a.Panel.GridPos, b.Panel.GridPos; x.X < y.X+y.W && y.X < x.X+x.W && x.Y < y.Y+y.H && y.Y < x.Y+x.H {
					t.Errorf("%s: %s covers %s", file, *a.Panel.Title, *b.Panel.Title)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if strings.HasPrefix(name, "chatlake_account_") && !asked[name] {
			t.Logf("no dashboard shows %s", name)
		}
	}
}

func TestQueriesThatAreWrong(t *testing.T) {
	known := metrics(t)
	for query, want := range map[string]string{
		"max by (account) (chatlake_account_watermark_seconds)":            "nobody serves",
		"max by (provider) (chatlake_account_watermark_timestamp_seconds)": "no label provider",
		`chatlake_run_blocked{why="x"}`:                                    "no label why",
		"max by (account (chatlake_run_blocked)":                           "",
		"vector(0)":                                                        "no metric",
		"sum by (le) (rate(http_client_request_duration_seconds[5m]))":     "nobody serves",
	} {
		if found := complaints(query, known); len(found) == 0 || !strings.Contains(strings.Join(found, "\n"), want) {
			t.Errorf("%s: %v, want %q", query, found, want)
		}
	}
	if found := complaints("max by (account, kind) (chatlake_run_blocked)", known); len(found) > 0 {
		t.Errorf("a right query: %v", found)
	}
}
