package main

import (
	"fmt"
	"math"
	"slices"
)

// Target is one of the targets, compared with the measurement.
type Target struct {
	Name   string `json:"name"`
	Where  string `json:"where"` // scenario and contender
	Wanted string `json:"wanted"`
	Found  string `json:"found"`
	Met    bool   `json:"met"`
}

// The targets.
const (
	usedWanted       = 0.97  // of the budget
	refusedWanted    = 0.001 // of the requests
	settledWanted    = 0.01  // of the requests from a minute after the budget was halved
	throughputWanted = 0.8   // of the bare loop
	cpuWanted        = 1.5   // times the bare loop
	latencyWanted    = 0.95  // of the best possible at this concurrency
	memoryWanted     = 300 << 20
	flatWanted       = 1.2 // times the memory of the smaller account
	eventsWanted     = 3100
	linearWanted     = 0.99
	repeatedWanted   = 0.005
	resumedWanted    = 2   // seconds
	cutWanted        = 1.3 // times the wall time of one window of the same size
	sizeWanted       = 1.1
	scanWanted       = 1.1
)

// shortest is the smallest account on which throughput without a budget is judged.
const shortest = 4000

// manyRequests is the smallest number of necessary requests of which a share may be repeated.
const manyRequests = 10_000

// judge compares the results with the targets that apply to them.
func (r *Report) judge() {
	r.Targets = nil
	for _, m := range r.Results {
		if m.LeftOut != "" || m.Failed != "" {
			continue
		}
		r.budget(m)
		r.free(m)
		r.one(m)
		r.parquet(m)
	}
	r.sizes()
	r.cuts()
}

// hold records one target; wanted and found are for display.
func (r *Report) hold(name string, m Measured, met bool, wanted, found string) {
	r.Targets = append(r.Targets, Target{Name: name, Where: m.Scenario.Name + ", " + m.Contender, Wanted: wanted, Found: found, Met: met})
}

// atLeast and atMost are the two kinds of targets; a missed one shows by how much.
func (r *Report) atLeast(name string, m Measured, wanted, found float64, unit func(float64) string) {
	said := unit(found)
	if found < wanted {
		said += " (" + unit(wanted-found) + " short)"
	}
	r.hold(name, m, found >= wanted, "≥ "+unit(wanted), said)
}

func (r *Report) atMost(name string, m Measured, wanted, found float64, unit func(float64) string) {
	said := unit(found)
	if found > wanted {
		said += " (" + unit(found-wanted) + " over)"
	}
	r.hold(name, m, found <= wanted, "≤ "+unit(wanted), said)
}

func share(v float64) string  { return fmt.Sprintf("%.2f %%", v*100) }
func factor(v float64) string { return fmt.Sprintf("%.2f", v) }
func number(v float64) string { return fmt.Sprintf("%.0f", v) }
func volume(v float64) string { return size(int64(v)) }

// budget judges accounts with a budget on platforms without errors.
func (r *Report) budget(m Measured) {
	s := m.Scenario.Site
	if s.Budget == 0 || m.loop() || m.Scenario.Kill > 0 {
		return
	}
	if s.HalveAt > 0 {
		if int(m.Asking) > int(settling.Seconds()) && m.UsedHalved > 0 {
			r.atMost("429s from 60 s after the budget is halved", m, settledWanted, m.Settled, share)
		}
		return
	}
	r.atLeast("budget used, without the first and last second", m, usedWanted, m.UsedWithin, share)
	r.atMost("429s", m, refusedWanted, float64(m.Throttled)/float64(max(1, m.Requests)), share)
	r.atMost("largest 10 s", m, s.Budget*10+float64(s.burst()), float64(m.Peak10), number)
}

// free judges accounts without a budget, compared with the bare loop in the same scenario.
func (r *Report) free(m Measured) {
	if m.Scenario.Site.Budget > 0 || m.loop() || m.Scenario.Kill > 0 {
		return
	}
	if m.Scenario.Site.LatencyMS > 0 {
		r.atLeast("share of what the concurrency allows", m, latencyWanted, m.Least/m.Seconds, share)
		return
	}
	i := slices.IndexFunc(r.Results, func(o Measured) bool {
		return o.Contender == bareName && o.Scenario.Name == m.Scenario.Name && o.Failed == ""
	})
	// The loop has no S3 server and no separate Temporal server, so only contenders without these are comparable.
	// Short runs consist mostly of start and stop.
	w := m.Scenario.World
	if i < 0 || m.Scenario.Site.Errors > 0 || m.Contender != folderName || w.Giant > 0 || w.Conversations < shortest {
		return
	}
	bare := r.Results[i]
	r.atLeast("throughput, bare loop = 1", m, throughputWanted, bare.Seconds/m.Seconds, factor)
	r.atMost("CPU, bare loop = 1", m, cpuWanted, m.CPU/bare.CPU, factor)
}

// one judges any run of chatlake.
func (r *Report) one(m Measured) {
	if m.loop() {
		return
	}
	n := m.Scenario.World.Conversations
	if n >= 10_000 && m.Scenario.Kill == 0 {
		r.atMost("history events for 10 k conversations", m, eventsWanted, float64(m.Events)*10_000/float64(n), number)
	}
	if m.Contender == apartName {
		r.atMost("memory of the worker, separate server", m, memoryWanted, float64(m.Memory), volume)
	}
	if m.Scenario.Kill > 0 {
		// Where the server lives on, it must first notice that the worker is dead.
		if m.Begun > 0 && m.Resumed > 0 && m.Contender != apartName && m.Contender != postgresName {
			r.atMost("seconds to the first request after kill -9", m, resumedWanted, m.Begun, factor)
			r.atMost("seconds to the first conversation after kill -9", m, resumedWanted, m.Resumed, factor)
		}
		if m.Necessary >= manyRequests { // what is in flight at the kill is repeated, however small the account
			r.atMost("requests repeated after kill -9", m, repeatedWanted, float64(m.Repeated)/float64(m.Necessary), share)
		}
		r.atMost("rows lost or doubled after kill -9", m, 0, float64(m.Lost+m.Doubled), number)
	}
}

// parquet judges files compared with those that DuckDB writes.
func (r *Report) parquet(m Measured) {
	if m.Parquet == nil {
		return
	}
	var ours, theirs int64
	for _, t := range m.Parquet.Tables {
		ours, theirs = ours+t.Bytes, theirs+t.Rewritten
	}
	if theirs > 0 && m.Parquet.ScanRewritten > 0 {
		r.atMost("size of all files, DuckDB's zstd = 1", m, sizeWanted, float64(ours)/float64(theirs), factor)
		r.atMost("scan of messages, DuckDB's files = 1", m, scanWanted, m.Parquet.Scan/m.Parquet.ScanRewritten, factor)
	}
}

// sizes judges the same account in several sizes.
func (r *Report) sizes() {
	for _, contender := range []string{folderName, apartName} {
		var series []Measured
		for _, m := range r.Results {
			s := m.Scenario
			s.Name, s.Contenders, s.Parquet, s.World.Conversations = "", nil, false, 0
			if m.Contender == contender && m.Failed == "" && s.same(Scenario{World: World{Months: 1}}) {
				series = append(series, m)
			}
		}
		if len(series) < 2 {
			continue
		}
		slices.SortFunc(series, func(a, b Measured) int { return a.Scenario.World.Conversations - b.Scenario.World.Conversations })
		last := series[len(series)-1]
		if i := slices.IndexFunc(series, func(m Measured) bool { return m.Scenario.World.Conversations >= 10_000 }); i >= 0 && i < len(series)-1 {
			name := fmt.Sprintf("memory, at %s = 1", short(series[i].Scenario.World.Conversations))
			r.atMost(name, last, flatWanted, float64(last.Memory)/float64(series[i].Memory), factor)
		}
		if len(series) > 2 {
			r.atLeast("wall time linear in conversations, R²", last, linearWanted, linearity(series), func(v float64) string { return fmt.Sprintf("%.4f", v) })
		}
	}
}

// cuts judges the same account in several windows and in one.
func (r *Report) cuts() {
	for _, m := range r.Results {
		one := m.Scenario
		if m.Contender != folderName || m.Failed != "" || one.Site != (Site{}) || one.World.Months < 2 {
			continue
		}
		one.World.Months = 1
		i := slices.IndexFunc(r.Results, func(o Measured) bool {
			return o.Contender == m.Contender && o.Failed == "" && o.LeftOut == "" && o.Scenario.same(one)
		})
		if i >= 0 {
			r.atMost("wall time, in one window = 1", m, cutWanted, m.Seconds/r.Results[i].Seconds, factor)
		}
	}
}

func (s Scenario) same(o Scenario) bool {
	return s.World == o.World && s.Site == o.Site && s.Account == o.Account && s.Workers == o.Workers && s.Kill == o.Kill
}

// linearity is R² of wall time over conversations.
func linearity(series []Measured) float64 {
	var sx, sy, sxx, sxy, syy float64
	n := float64(len(series))
	for _, m := range series {
		x, y := float64(m.Scenario.World.Conversations), m.Seconds
		sx, sy, sxx, sxy, syy = sx+x, sy+y, sxx+x*x, sxy+x*y, syy+y*y
	}
	r := (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
	return r * r
}
