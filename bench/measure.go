package main

import (
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
)

// Measured is the result of one contender in one scenario.
type Measured struct {
	Scenario  Scenario `json:"scenario"`
	Contender string   `json:"contender"`
	LeftOut   string   `json:"left_out,omitempty"` // why it did not take part
	Failed    string   `json:"failed,omitempty"`   // how it failed

	Seconds float64 `json:"seconds"` // from start to end of the processes
	// Least is the shortest possible time: the necessary requests at the budget, or at full concurrency with the platform's
	// latency. 0 if neither limits it.
	Least     float64 `json:"least_seconds"`
	Asking    float64 `json:"asking_seconds"` // from the first request to the last
	Necessary int64   `json:"necessary"`
	Requests  int64   `json:"requests"`
	Throttled int64   `json:"throttled"`
	Errors    int64   `json:"errors"`
	InFlight  int     `json:"peak_in_flight"`
	Peak1     int64   `json:"peak_1s"`
	Peak10    int64   `json:"peak_10s"`
	// Used is the share of the budget that was used by requests that were not refused, from the first request to the last;
	// UsedWhole is the same from start to end.
	Used      float64 `json:"used,omitempty"`
	UsedWhole float64 `json:"used_whole,omitempty"`
	// UsedWithin is the same without the first and the last second in which there were requests.
	UsedWithin float64 `json:"used_within,omitempty"`
	// Settled is the share of refused requests from a minute after the budget was halved. UsedHalved is the share of the new
	// budget that was used from then on. SettledAfter is how many seconds after the halving the last request was refused.
	Settled      float64 `json:"settled,omitempty"`
	UsedHalved   float64 `json:"used_halved,omitempty"`
	SettledAfter float64 `json:"settled_after,omitempty"`

	CPU float64 `json:"cpu_seconds"`
	// CPUEach is the CPU of each process, if there was more than one.
	CPUEach      []float64 `json:"cpu_seconds_each,omitempty"`
	SimulatorCPU float64   `json:"simulator_cpu_seconds"`
	// Elsewhere is how many processors on average were busy with something else: separate servers, or other programs.
	Elsewhere  float64 `json:"elsewhere_cores"`
	Memory     int64   `json:"memory_bytes"`
	Server     int64   `json:"server_memory_bytes,omitempty"`
	ServerCPU  float64 `json:"server_cpu_seconds,omitempty"` // of the separate Temporal server, without its database
	Events     int64   `json:"events"`                       // -1 if there are none
	Files      int     `json:"files"`
	MedianFile int64   `json:"median_file_bytes"`
	Bytes      int64   `json:"bytes"`
	Repeated   int64   `json:"repeated,omitempty"`

	// Begun and Resumed are the seconds from the start of the process after a kill to its first request, and to its first request for a
	// single conversation. Paused is the longest time that it then sent none, and Again is how many seconds it took.
	Begun   float64 `json:"begun_seconds,omitempty"`
	Resumed float64 `json:"resumed_seconds,omitempty"`
	Paused  float64 `json:"paused_seconds,omitempty"`
	Again   float64 `json:"again_seconds,omitempty"`

	difference
	Parquet *Parquet `json:"parquet,omitempty"`
	Series  []second `json:"series,omitempty"`
}

// settling is how long a contender may take to adapt to a halved budget.
const settling = 60 * time.Second

// seriesKept is the length, in seconds, of the longest run whose series is kept.
const seriesKept = 600

func measure(s Scenario, contender string, necessary int64, out outcome, c counts, d difference) Measured {
	m := Measured{
		Scenario: s, Contender: contender, Seconds: out.wall.Seconds(), Asking: c.Last.Sub(c.First).Seconds(),
		Necessary: necessary, Requests: c.Requests, Throttled: c.Throttled, Errors: c.Failed, InFlight: c.InFlight,
		Peak1: c.Second, Peak10: c.Ten, CPU: out.cpu.Seconds(), SimulatorCPU: c.CPU.Seconds(), Memory: out.memory, Server: out.server, ServerCPU: out.serverCPU.Seconds(),
		Events: out.events, Repeated: c.Repeated, difference: d,
	}
	m.Elsewhere = max(0, (out.others-c.CPU).Seconds()/m.Seconds)
	if len(out.each) > 1 {
		for _, cpu := range out.each {
			m.CPUEach = append(m.CPUEach, cpu.Seconds())
		}
	}
	if len(c.Series) <= seriesKept {
		m.Series = c.Series
	}
	if s.Kill > 0 {
		m.Again, m.Paused = out.again.Seconds(), c.Paused.Seconds()
		m.Begun, m.Resumed = seconds(c.Marked, c.Begun), seconds(c.Marked, c.Resumed)
	}
	m.budget(s.Site, c)
	m.files(out.files)
	if latency := s.Site.latency(); latency > 0 {
		m.Least = max(m.Least, float64(necessary)*latency.Seconds()/parallel)
	}
	return m
}

// seconds is the time between two moments; 0 if one of them has not been.
func seconds(from, to time.Time) float64 {
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return to.Sub(from).Seconds()
}

// budget computes how well the budget was used.
func (m *Measured) budget(site Site, c counts) {
	if site.Budget == 0 {
		return
	}
	good := float64(c.Requests - c.Throttled)
	allowed := func(seconds, of float64) float64 { return max(1, seconds*of) }
	if site.HalveAt == 0 {
		m.Least = float64(m.Necessary) / site.Budget
		m.Used, m.UsedWhole = good/allowed(m.Asking, site.Budget), good/allowed(m.Seconds, site.Budget)
		m.UsedWithin = within(c.Series, site.Budget)
		return
	}
	before := float64(site.HalveAt)
	half := site.Budget / 2
	m.Least = before/site.Budget + (float64(m.Necessary)-before)/half
	m.Used = m.Least / m.Asking * good / float64(m.Necessary)
	m.UsedWhole = m.Least / m.Seconds * good / float64(m.Necessary)
	halved := c.HalvedAt.Sub(c.First).Seconds()
	var requests, refused float64
	from := int(halved + settling.Seconds())
	for i, s := range c.Series {
		if s.Refused > 0 && float64(i) > halved {
			m.SettledAfter = float64(i+1) - halved
		}
		if i >= from {
			requests, refused = requests+float64(s.Requests), refused+float64(s.Refused)
		}
	}
	if requests > 0 {
		m.Settled = refused / requests
		m.UsedHalved = (requests - refused) / allowed(c.Last.Sub(c.First).Seconds()-float64(from), half)
	}
}

// within is the share of a budget that was used from the second second to the last but one.
func within(series []second, budget float64) float64 {
	if len(series) < 3 {
		return 0
	}
	var good uint32
	inner := series[1 : len(series)-1]
	for _, s := range inner {
		good += s.Requests - s.Refused
	}
	return float64(good) / (float64(len(inner)) * budget)
}

func (m *Measured) files(files []ledger.File) {
	sizes := make([]int64, len(files))
	for i, f := range files {
		sizes[i] = f.Bytes
		m.Bytes += f.Bytes
	}
	slices.Sort(sizes)
	if m.Files = len(sizes); m.Files > 0 {
		m.MedianFile = sizes[m.Files/2]
	}
}

// perThousand scales a figure to a thousand conversations.
func (m Measured) perThousand(figure float64) float64 {
	return figure * 1000 / float64(max(1, m.Scenario.World.Conversations))
}

// loop reports whether the contender is one of the loops that chatlake is compared with.
func (m Measured) loop() bool {
	return slices.Contains([]string{bareName, scriptName, benthosName}, m.Contender)
}

// defect reports whether rows are wrong or the contender failed.
func (m Measured) defect() bool {
	return m.Failed != "" || m.Lost > 0 || m.Doubled > 0 || m.Foreign > 0
}
