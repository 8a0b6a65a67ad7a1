// Package telemetry shows what a process does: metrics for Prometheus and OTLP, traces for OTLP, and whether the process is healthy.
//
// It serves /metrics, /healthz and /readyz. Values come from three places: a Watch counts the requests to platforms, Temporal's SDK
// counts its own work, and whoever reads the state of lake and server sets the gauges.
//
// Labels are names of accounts, streams, states, operations and hosts, so their number is bounded. Spans also have ids of workflows and
// activities. It must not know rows, documents, the lake or any platform, so no text of a conversation can get into either.
package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options are what a process shows, and where.
type Options struct {
	// Listen is the address, host:port, of the endpoints; empty serves none.
	Listen string
	// OTLP is where metrics and traces are sent; nil sends none.
	OTLP    *OTLP
	Version string // of the program
	// Checks are the names of the checks of /readyz. Each fails until Check is called.
	Checks []string
	Logger *slog.Logger
}

// OTLP is a collector that speaks OTLP over gRPC. Headers come from the environment, OTEL_EXPORTER_OTLP_HEADERS.
type OTLP struct {
	Endpoint string // a URL with the scheme http or https
	Metrics  bool
	// TraceRatio is the share of exports, syncs and other runs of which traces are sent, from 0 (none) to 1.
	TraceRatio float64
	// Every is the time between two sendings of metrics.
	Every time.Duration
}

// Telemetry is what a process shows. All methods work on a nil *Telemetry, which shows nothing.
type Telemetry struct {
	log      *slog.Logger
	registry *prometheus.Registry // nil without Listen
	meters   *sdkmetric.MeterProvider
	traces   *sdktrace.TracerProvider // nil without traces
	tracer   trace.Tracer             // nil without traces
	server   *server                  // nil without Listen
	requests *requests

	mu      sync.Mutex
	samples map[string][]Sample        // by source
	readers map[string]func() []Sample // by source
	checks  map[string]check
}

// Start begins to show. It returns nil if the options ask for nothing. Its errors about Listen name the address.
func Start(ctx context.Context, o Options) (*Telemetry, error) {
	if o.Listen == "" && o.OTLP == nil {
		return nil, nil
	}
	t := &Telemetry{log: o.Logger, samples: map[string][]Sample{}, readers: map[string]func() []Sample{}, checks: map[string]check{}}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	for _, name := range o.Checks {
		t.checks[name] = check{err: errUnchecked}
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { t.log.Warn("telemetry is not delivered", "error", err) }))
	if err := t.start(ctx, o); err != nil {
		t.Stop()
		return nil, err
	}
	return t, nil
}

func (t *Telemetry) start(ctx context.Context, o Options) error {
	about := resource.NewSchemaless(attribute.String("service.name", "chatlake"), attribute.String("service.version", o.Version))
	options := []sdkmetric.Option{sdkmetric.WithResource(about), sdkmetric.WithView(views()...)}
	if o.Listen != "" {
		t.registry = prometheus.NewRegistry()
		t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		reader, err := promexporter.New(promexporter.WithRegisterer(t.registry), promexporter.WithoutScopeInfo())
		if err != nil {
			return fmt.Errorf("serve metrics: %w", err)
		}
		options = append(options, sdkmetric.WithReader(reader))
	}
	if o.OTLP != nil && o.OTLP.Metrics {
		reader, err := o.OTLP.metrics(ctx)
		if err != nil {
			return fmt.Errorf("send metrics by OTLP: %w", err)
		}
		options = append(options, sdkmetric.WithReader(reader))
	}
	t.meters = sdkmetric.NewMeterProvider(options...)
	if o.OTLP != nil && o.OTLP.TraceRatio > 0 {
		exporter, err := o.OTLP.traces(ctx)
		if err != nil {
			return fmt.Errorf("send traces by OTLP: %w", err)
		}
		t.trace(sdktrace.NewBatchSpanProcessor(exporter), o.OTLP.TraceRatio, about)
	}
	meter := t.meters.Meter(scope)
	var err error
	if t.requests, err = newRequests(meter, t.tracer); err != nil {
		return fmt.Errorf("define metrics: %w", err)
	}
	if err := t.defineGauges(meter); err != nil {
		return fmt.Errorf("define metrics: %w", err)
	}
	if o.Listen != "" {
		t.server, err = t.listen(o.Listen)
	}
	return err
}

// scope names this package as the origin of metrics and spans.
const scope = "chatlake"

// defineGauges makes every metric that is set by SetSource or read by ReadSource report the newest samples.
func (t *Telemetry) defineGauges(meter metric.Meter) error {
	gauges := map[*Metric]metric.Float64Observable{}
	var all []metric.Observable
	for _, m := range Metrics {
		if !m.sampled {
			continue
		}
		var gauge metric.Float64Observable
		var err error
		if m.Kind == Counter {
			gauge, err = meter.Float64ObservableCounter(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Means))
		} else {
			gauge, err = meter.Float64ObservableGauge(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Means))
		}
		if err != nil {
			return err
		}
		gauges[m] = gauge
		all = append(all, gauge)
	}
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, samples := range t.samples {
			for _, s := range samples {
				o.ObserveFloat64(gauges[s.Metric], s.Value, metric.WithAttributeSet(s.attributes()))
			}
		}
		for _, read := range t.readers {
			for _, s := range read() {
				o.ObserveFloat64(gauges[s.Metric], s.Value, metric.WithAttributeSet(s.attributes()))
			}
		}
		for name, c := range t.checks {
			s := NewSample(Ready, 1, name)
			if c.wrong(time.Now()) != "" {
				s.Value = 0
			}
			o.ObserveFloat64(gauges[Ready], s.Value, metric.WithAttributeSet(s.attributes()))
		}
		return nil
	}, all...)
	return err
}

// SetSource replaces all samples of a source. Two samples of one source must not have the same metric and labels.
func (t *Telemetry) SetSource(source string, samples []Sample) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.samples[source] = samples
}

// ReadSource lets a function give the samples of a source whenever they are asked for. It must be fast, and must not call t.
func (t *Telemetry) ReadSource(source string, read func() []Sample) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readers[source] = read
}

// stopWithin is how long the end of a process may be delayed to send what is left.
const stopWithin = 5 * time.Second

// Stop sends what is left, and stops the server.
func (t *Telemetry) Stop() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if t.server != nil {
		t.server.stop(ctx)
	}
	for _, stop := range t.providers() {
		if err := stop(ctx); err != nil { // a collector that is away is no reason for the command to fail
			t.log.Warn("the last telemetry is not delivered", "error", err)
		}
	}
}

func (t *Telemetry) providers() (all []func(context.Context) error) {
	if t.meters != nil {
		all = append(all, t.meters.Shutdown)
	}
	if t.traces != nil {
		all = append(all, t.traces.Shutdown)
	}
	return all
}
