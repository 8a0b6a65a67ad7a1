package telemetry

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// Kind is how the values of a metric are to be read.
type Kind string

// The kinds of metrics.
const (
	Gauge     Kind = "gauge"     // a state
	Counter   Kind = "counter"   // counts up since the process began
	Histogram Kind = "histogram" // how many values lie where
)

// Metric is the definition of a metric. docs/metrics.md is generated from the definitions.
type Metric struct {
	Name   string // in OpenTelemetry
	Kind   Kind
	Unit   string // as in UCUM; a word in braces is what is counted
	Labels []string
	Means  string // a sentence for people
	Do     string // what to do about which values; empty if nothing is to be done

	sampled bool // its values are Samples
}

// Prometheus is the name of the metric as Prometheus scrapes it.
func (m *Metric) Prometheus() string {
	name := strings.ReplaceAll(m.Name, ".", "_")
	switch m.Unit {
	case "s":
		name += "_seconds"
	case "By":
		name += "_bytes"
	}
	if m.Kind == Counter {
		name += "_total"
	}
	return name
}

// Sample is a value of a gauge, or of a counter that somebody else counts. Labels are in the order of the metric's labels.
type Sample struct {
	Metric *Metric
	Value  float64
	Labels []string
}

// NewSample returns a value of a gauge.
func NewSample(m *Metric, value float64, labels ...string) Sample { return Sample{m, value, labels} }

func (s Sample) attributes() attribute.Set {
	all := make([]attribute.KeyValue, len(s.Labels))
	for i, label := range s.Labels {
		all[i] = attribute.String(s.Metric.Labels[i], label)
	}
	return attribute.NewSet(all...)
}

// GaugeOf returns the definition of a gauge. The value is the same for every process that reads the same lake and server.
func gaugeOf(name, unit string, labels []string, means, do string) *Metric {
	return &Metric{Name: "chatlake." + name, Kind: Gauge, Unit: unit, Labels: labels, Means: means, Do: do, sampled: true}
}

// countOf returns the definition of a counter whose values somebody else counts.
func countOf(name, unit string, labels []string, means, do string) *Metric {
	return &Metric{Name: "chatlake." + name, Kind: Counter, Unit: unit, Labels: labels, Means: means, Do: do, sampled: true}
}

// The labels that several metrics have.
var (
	byAccount       = []string{"account"}
	byAccountStream = []string{"account", "stream"}
	byAccountKind   = []string{"account", "kind"}
)
