package telemetry

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatlake/chatlake/providers"
)

// requests measures the requests to platforms.
type requests struct {
	tracer          trace.Tracer // nil without traces
	duration        metric.Float64Histogram
	sent, throttled metric.Int64Counter
	ceiling, halted metric.Float64Gauge
	operations      operations
}

// views give durations the limits that the semantic conventions advise, and more for slow reports. Those of Temporal's SDK get fewer: there
// are many, and the default limits are meant for milliseconds.
func views() []sdkmetric.View {
	coarse := []float64{0.005, 0.05, 0.25, 1, 5, 30, 120, 600}
	limits := []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
	histogram := func(boundaries []float64) sdkmetric.Stream {
		return sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: boundaries, NoMinMax: true}}
	}
	return []sdkmetric.View{
		sdkmetric.NewView(sdkmetric.Instrument{Name: Duration.Name}, histogram(limits)),
		sdkmetric.NewView(sdkmetric.Instrument{Name: "temporal_*", Kind: sdkmetric.InstrumentKindHistogram, Unit: "s"}, histogram(coarse)),
	}
}

func newRequests(meter metric.Meter, tracer trace.Tracer) (r *requests, err error) {
	r = &requests{tracer: tracer}
	counter := func(m *Metric) (c metric.Int64Counter) {
		if err == nil {
			c, err = meter.Int64Counter(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Means))
		}
		return c
	}
	gauge := func(m *Metric) (g metric.Float64Gauge) {
		if err == nil {
			g, err = meter.Float64Gauge(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Means))
		}
		return g
	}
	r.sent, r.throttled, r.ceiling, r.halted = counter(Requests), counter(Throttled), gauge(Ceiling), gauge(Stopped)
	if err == nil {
		r.duration, err = meter.Float64Histogram(Duration.Name, metric.WithUnit(Duration.Unit), metric.WithDescription(Duration.Means))
	}
	return r, err
}

// Watch returns what the requests of an account are told to, or nil.
func (t *Telemetry) Watch(account string) providers.Watch {
	if t == nil {
		return nil
	}
	r, name := t.requests, metric.WithAttributeSet(attribute.NewSet(attribute.String("account", account)))
	return func(ctx context.Context, a providers.Attempt) (context.Context, func(providers.Outcome)) {
		operation := r.operations.of(a.Op)
		known := [8]attribute.KeyValue{
			attribute.String("chatlake.account", account), attribute.String("http.request.method", a.Method), attribute.String("server.address", a.Host),
			attribute.String("url.template", operation),
		}
		attributes := known[:4]
		if a.Port != 0 {
			attributes = append(attributes, attribute.Int("server.port", a.Port))
		}
		var span trace.Span
		if r.tracer != nil && trace.SpanContextFromContext(ctx).IsSampled() {
			ctx, span = r.tracer.Start(ctx, a.Method+" "+operation, trace.WithSpanKind(trace.SpanKindClient))
		}
		began := time.Now()
		return ctx, func(o providers.Outcome) {
			took := time.Since(began)
			if o.Status != 0 {
				attributes = append(attributes, attribute.Int("http.response.status_code", o.Status))
			}
			failure := o.Failure
			if failure == "" && o.Status >= 400 {
				failure = strconv.Itoa(o.Status)
			}
			if failure != "" {
				attributes = append(attributes, attribute.String("error.type", failure))
			}
			if span != nil {
				span.SetAttributes(attributes...)
				if failure != "" {
					span.SetStatus(codes.Error, "")
				}
				span.End()
			}
			r.count(ctx, name, o)
			r.duration.Record(ctx, took.Seconds(), metric.WithAttributeSet(attribute.NewSet(attributes...)))
		}
	}
}

func (r *requests) count(ctx context.Context, account metric.MeasurementOption, o providers.Outcome) {
	r.sent.Add(ctx, 1, account)
	if o.Status == 429 {
		r.throttled.Add(ctx, 1, account)
	}
	if o.Tolerated > 0 {
		r.ceiling.Record(ctx, o.Tolerated, account)
	}
	stopped := 0.0
	if o.Stopped {
		stopped = 1
	}
	r.halted.Record(ctx, stopped, account)
}

// operations are the names of operations, by what requests say they do. An operation is named without ids.
type operations struct {
	mu    sync.Mutex
	known map[string]struct{}
}

const (
	// mostOperations bounds the number of names, whatever providers write.
	mostOperations = 200
	// otherOperation is the name of all others.
	otherOperation = "other"
)

func (o *operations) of(op string) string {
	name := operation(op)
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.known[name]; ok {
		return name
	}
	if len(o.known) >= mostOperations {
		return otherOperation
	}
	if o.known == nil {
		o.known = map[string]struct{}{}
	}
	o.known[name] = struct{}{}
	return name
}

// named are words that an id follows.
var named = map[string]bool{"conversation": true, "chat": true, "user": true, "agent": true, "contact": true, "visitor": true, "room": true, "report": true, "file": true}

// operation replaces ids in what a request does: each word that is not made of lower-case letters, and each that follows the name of a
// thing.
func operation(op string) string {
	var words []string
	before := ""
	for word := range strings.FieldsSeq(op) {
		if named[before] && !plain[word] || !isWord(word) {
			word = "{id}"
		}
		words = append(words, word)
		before = word
	}
	return strings.Join(words, " ")
}

// plain are words after the name of a thing that are no ids.
var plain = map[string]bool{"of": true, "by": true, "for": true, "list": true, "events": true, "details": true, "messages": true}

func isWord(text string) bool {
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_,") == ""
}
