package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"

	collectmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collecttraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/chatlake/chatlake/internal/gauges"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/worker"
)

// collector is an OTLP collector that keeps what it gets.
type collector struct {
	collecttraces.UnimplementedTraceServiceServer
	mu      sync.Mutex
	spans   map[string]*tracepb.Span // by id
	metrics map[string]int           // how often each came
	text    bytes.Buffer
}

func (c *collector) Export(_ context.Context, in *collecttraces.ExportTraceServiceRequest) (*collecttraces.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.WriteString(prototext.Format(in))
	for _, resource := range in.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				c.spans[string(span.SpanId)] = span
			}
		}
	}
	return &collecttraces.ExportTraceServiceResponse{}, nil
}

// metricsOf is the part of a collector that takes metrics.
type metricsOf struct {
	collectmetrics.UnimplementedMetricsServiceServer
	*collector
}

func (m metricsOf) Export(_ context.Context, in *collectmetrics.ExportMetricsServiceRequest) (*collectmetrics.ExportMetricsServiceResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text.WriteString(prototext.Format(in))
	for _, resource := range in.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, one := range scope.Metrics {
				m.metrics[one.Name]++
			}
		}
	}
	return &collectmetrics.ExportMetricsServiceResponse{}, nil
}

// startCollector starts a collector, and returns its address.
func startCollector(t testing.TB) (*collector, string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{spans: map[string]*tracepb.Span{}, metrics: map[string]int{}}
	server := grpc.NewServer()
	collecttraces.RegisterTraceServiceServer(server, c)
	collectmetrics.RegisterMetricsServiceServer(server, metricsOf{collector: c})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c, "http://" + listener.Addr().String()
}

// show makes the aviary show everything that it can: metrics, and traces of all runs.
func (r *aviary) show(t *testing.T) {
	var endpoint string
	r.collector, endpoint = startCollector(t)
	r.config.Telemetry.OTLP = &worker.OTLPConfig{Endpoint: endpoint, Metrics: true, TraceRatio: 1}
	var err error
	if r.shown, err = telemetry.Start(t.Context(), r.config.TelemetryOptions("127.0.0.1:0", slog.New(slog.NewTextHandler(r.said, nil)))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.shown.Stop)
}

// gauge sets the gauges until the returned function is called.
func (r *aviary) gauge(temporal *worker.Temporal) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		gauges.Run(ctx, r.config, operate.On(r.config, temporal).AtWork(), r.shown, slog.New(slog.NewTextHandler(r.said, nil)))
	})
	return func() {
		cancel()
		group.Wait()
	}
}

// scrape is what the endpoints answer.
func (r *aviary) scrape(t *testing.T) (all []byte) {
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		answer, err := http.Get("http://" + r.shown.Address() + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if path != "/metrics" && answer.StatusCode != http.StatusOK {
			t.Errorf("%s answers %d: %s", path, answer.StatusCode, text)
		}
		all = append(all, text...)
	}
	return all
}

// template finds the names of operations in what is scraped.
var template = regexp.MustCompile(`url_template="([^"]*)"`)

// searchTelemetry searches what was scraped and what was sent, and checks that it is not empty. The names of operations of all platforms
// must be few, and without digits, which would be ids.
func (r *aviary) searchTelemetry(t *testing.T, scraped []byte) {
	look(t, "what was scraped", scraped)
	c := r.collector
	c.mu.Lock()
	defer c.mu.Unlock()
	look(t, "what was sent by OTLP", c.text.Bytes())
	for name := range platforms {
		if !bytes.Contains(scraped, fmt.Appendf(nil, "chatlake_account_requests_total{account=%q}", name)) {
			t.Errorf("no request of %s was counted", name)
		}
		if !bytes.Contains(scraped, fmt.Appendf(nil, "chatlake_account_gaps{account=%q", name)) {
			t.Errorf("no gauge of %s was set", name)
		}
	}
	for _, want := range []string{"temporal_activity_execution_latency", `error_type="`, "chatlake_collection_timestamp_seconds", "lake: ok", "temporal: ok", "worker: ok"} {
		if !bytes.Contains(scraped, []byte(want)) {
			t.Errorf("%s is not in what was scraped", want)
		}
	}
	var operations []string
	for _, found := range template.FindAllSubmatch(scraped, -1) {
		operations = append(operations, string(found[1]))
	}
	slices.Sort(operations)
	operations = slices.Compact(operations)
	t.Logf("operations %q", operations)
	for _, name := range operations {
		if regexp.MustCompile(`[0-9]`).MatchString(name) {
			t.Errorf("the operation %q contains an id", name)
		}
	}
	if len(operations) == 0 || len(operations) > 100 {
		t.Errorf("%d operations", len(operations))
	}
	if c.metrics["http.client.request.duration"] == 0 {
		t.Errorf("metrics sent: %v", c.metrics)
	}
	r.searchSpans(t)
}

// searchSpans checks that a request belongs to an activity, that to a shard, and that to an export.
func (r *aviary) searchSpans(t *testing.T) {
	chains := map[string]int{}
	for _, span := range r.collector.spans {
		if span.Kind != tracepb.Span_SPAN_KIND_CLIENT || !regexp.MustCompile(`^(GET|POST) `).MatchString(span.Name) {
			continue
		}
		chain := ""
		for at := span; at != nil; at = r.collector.spans[string(at.ParentSpanId)] {
			if at != span {
				chain += " < " + at.Name
			}
		}
		chains[chain]++
	}
	t.Logf("requests by what they belong to: %v", chains)
	if chains[" < RunActivity:ListPage < StartActivity:ListPage < RunWorkflow:Shard < StartChildWorkflow:Shard < RunWorkflow:Export < StartWorkflow:Export"] == 0 {
		t.Error("no request of a list is traced to its export")
	}
}
