package telemetry

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.temporal.io/sdk/client"
	temporalotel "go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
)

// metrics returns the reader that sends metrics.
func (o OTLP) metrics(ctx context.Context) (sdkmetric.Reader, error) {
	exporter, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpointURL(o.Endpoint))
	if err != nil {
		return nil, err
	}
	return sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(o.Every)), nil
}

// traces returns what sends traces.
func (o OTLP) traces(ctx context.Context) (sdktrace.SpanExporter, error) {
	return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(o.Endpoint))
}

// trace begins to record spans. Whether a run is recorded is decided when it begins, and holds for all that belongs to it.
func (t *Telemetry) trace(to sdktrace.SpanProcessor, ratio float64, about *resource.Resource) {
	limits := sdktrace.NewSpanLimits()
	limits.EventCountLimit = 0 // events would repeat errors in full
	t.traces = sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))), sdktrace.WithSpanProcessor(wordless{to}),
		sdktrace.WithResource(about), sdktrace.WithRawSpanLimits(limits),
	)
	t.tracer = t.traces.Tracer(scope)
}

// wordless passes spans on without texts: only names, times, ids, and whether there was an error.
type wordless struct{ sdktrace.SpanProcessor }

func (w wordless) OnEnd(span sdktrace.ReadOnlySpan) { w.SpanProcessor.OnEnd(bare{span}) }

type bare struct{ sdktrace.ReadOnlySpan }

func (b bare) Status() sdktrace.Status {
	status := b.ReadOnlySpan.Status()
	status.Description = ""
	return status
}

func (b bare) Events() []sdktrace.Event { return nil }

// Attributes are those that this package and Temporal's interceptor set; others would come from the environment of a caller.
func (b bare) Attributes() (kept []attribute.KeyValue) {
	for _, a := range b.ReadOnlySpan.Attributes() {
		key := string(a.Key)
		if strings.HasPrefix(key, "temporal") || slices.Contains(Duration.Labels, key) {
			kept = append(kept, a)
		}
	}
	return kept
}

// ClientOptions makes a Temporal client, and the workers on it, show what they do.
func (t *Telemetry) ClientOptions(o *client.Options) error {
	if t == nil {
		return nil
	}
	o.MetricsHandler = temporalotel.NewMetricsHandler(temporalotel.MetricsHandlerOptions{
		Meter: t.meters.Meter("temporal-sdk-go"), UseMonotonicCounters: true,
		OnError: func(err error) { t.log.Warn("a metric of Temporal's SDK is left out", "error", err) },
	})
	if t.tracer == nil {
		return nil
	}
	tracing, err := temporalotel.NewTracingInterceptor(temporalotel.TracerOptions{
		Tracer: t.traces.Tracer("temporal-sdk-go"), TextMapPropagator: propagation.TraceContext{}, DisableBaggage: true, DisableQueryTracing: true,
		DisableSignalTracing: true, AllowInvalidParentSpans: true,
	})
	if err != nil {
		return err
	}
	o.Interceptors = append(o.Interceptors, interceptor.ClientInterceptor(tracing))
	return nil
}
