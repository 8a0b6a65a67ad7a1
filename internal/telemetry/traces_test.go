package telemetry

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/chatlake/chatlake/providers"
)

// TestSpansHaveNoTexts records spans with texts wherever a span can have one.
func TestSpansHaveNoTexts(t *testing.T) {
	sent := tracetest.NewInMemoryExporter()
	shown := start(t)
	shown.trace(sdktrace.NewSimpleSpanProcessor(sent), 1, nil)
	shown.requests.tracer = shown.tracer
	ctx, span := shown.tracer.Start(t.Context(), "RunActivity:FetchMessages", trace.WithAttributes(attribute.String("temporalWorkflowID", "shard/acme")))
	_, ended := shown.Watch("acme")(ctx, providers.Attempt{Op: "conversation 4711", Method: "GET", Host: "acme.example"})
	ended(providers.Outcome{Status: 502, Failure: ""})
	span.SetAttributes(attribute.String("body", "canary"))
	span.AddEvent("canary")
	span.RecordError(errors.New("canary"))
	span.SetStatus(codes.Error, "canary")
	span.End()
	spans := sent.GetSpans()
	if len(spans) != 2 {
		t.Fatalf("%d spans, want 2", len(spans))
	}
	request, activity := spans[0], spans[1]
	if request.Name != "GET conversation {id}" || request.Parent.SpanID() != activity.SpanContext.SpanID() || request.Status.Code != codes.Error {
		t.Errorf("the span of the request is %+v", request)
	}
	if !slices.Contains(activity.Attributes, attribute.String("temporalWorkflowID", "shard/acme")) || activity.Status.Code != codes.Error {
		t.Errorf("the span of the activity is %+v", activity)
	}
	if text := fmt.Sprintf("%+v", spans); strings.Contains(text, "canary") || strings.Contains(text, "4711") {
		t.Errorf("a text is in %s", text)
	}
}

// TestUnsampledRequestsHaveNoSpans checks that a request outside a sampled run begins no trace of its own.
func TestUnsampledRequestsHaveNoSpans(t *testing.T) {
	sent := tracetest.NewInMemoryExporter()
	shown := start(t)
	shown.trace(sdktrace.NewSimpleSpanProcessor(sent), 1, nil)
	shown.requests.tracer = shown.tracer
	_, ended := shown.Watch("acme")(t.Context(), providers.Attempt{Op: "list", Method: "GET"})
	ended(providers.Outcome{Status: 200})
	if spans := sent.GetSpans(); len(spans) != 0 {
		t.Errorf("spans %v", spans)
	}
}
