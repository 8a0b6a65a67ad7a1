package worker

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/chatlake/chatlake/internal/telemetry"
)

// TelemetryConfig is what processes show of themselves.
type TelemetryConfig struct {
	// Every is the time between two looks at the lake and at Temporal for metrics, and between two sendings of metrics.
	Every time.Duration
	OTLP  *OTLPConfig // nil if nothing is sent
}

// OTLPConfig is a collector that speaks OTLP over gRPC.
type OTLPConfig struct {
	Endpoint       string // a URL
	AllowPlaintext bool   // allow plain HTTP to another machine
	Metrics        bool
	TraceRatio     float64 // share of runs of which traces are sent
}

// The time between two looks for metrics: unless the configuration has one, and at least.
const (
	defaultTelemetryEvery = 30 * time.Second
	leastTelemetryEvery   = 5 * time.Second
)

// The checks of /readyz: the lake can be read, Temporal answers, and a worker of this process works.
const (
	CheckLake     = "lake"
	CheckTemporal = "temporal"
	checkWorker   = "worker"
)

// errStopping is the result of checkWorker when a worker ends.
var errStopping = errors.New("the worker is stopping")

// telemetry reads the section telemetry.
func (b branch) telemetry() TelemetryConfig {
	c := TelemetryConfig{Every: cmp.Or(duration(b.text("every")), defaultTelemetryEvery)}
	if o := b.at("otlp"); o.value != nil {
		c.OTLP = &OTLPConfig{Endpoint: o.text("endpoint"), AllowPlaintext: o.boolean("allow_plaintext"), Metrics: true}
		if metrics, ok := o.at("metrics").value.(bool); ok {
			c.OTLP.Metrics = metrics
		}
		c.OTLP.TraceRatio, _ = o.float("trace_ratio")
	}
	return c
}

// checkTelemetry finds what is wrong with the section telemetry.
func (c Config) checkTelemetry() (problems Problems) {
	add := func(key, reason string) { problems = append(problems, c.Problem("telemetry."+key, reason)) }
	if every := c.Telemetry.Every; every != 0 && every < leastTelemetryEvery {
		add("every", fmt.Sprintf("must be at least %s, because each look reads the ledger and asks Temporal", DurationText(leastTelemetryEvery)))
	}
	o := c.Telemetry.OTLP
	if o == nil || o.Endpoint == "" { // the schema says that it is missing
		return problems
	}
	at, err := url.Parse(o.Endpoint)
	if err != nil || at.Host == "" || at.User != nil || at.RawQuery != "" || at.Fragment != "" || at.Scheme != "http" && at.Scheme != "https" {
		add("otlp.endpoint", "expected the address of a collector that speaks OTLP over gRPC, such as http://127.0.0.1:4317 or https://otlp.example.com:4317")
		return problems
	}
	if host, open := plaintextHost(o.Endpoint); open && !o.AllowPlaintext {
		add("otlp.endpoint", plaintextProblem(host, "metrics and traces, with the names of accounts and hosts,", "https", "otlp section"))
	}
	if !o.Metrics && o.TraceRatio == 0 {
		add("otlp", "sends nothing with metrics: false and without trace_ratio; set one of them, or remove this section")
	}
	return problems
}

// TelemetryOptions are the options of a process that shows what it does, with the endpoints on an address; empty serves none.
func (c Config) TelemetryOptions(listen string, logger *slog.Logger) telemetry.Options {
	o := telemetry.Options{Listen: listen, Version: Build, Logger: logger, Checks: []string{CheckLake, CheckTemporal, checkWorker}}
	if t := c.Telemetry.OTLP; t != nil {
		o.OTLP = &telemetry.OTLP{Endpoint: t.Endpoint, Metrics: t.Metrics, TraceRatio: t.TraceRatio, Every: c.Telemetry.Every}
	}
	return o
}
