package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/providers"
)

func start(t *testing.T, checks ...string) *Telemetry {
	t.Helper()
	shown, err := Start(t.Context(), Options{Listen: "127.0.0.1:0", Version: "test", Checks: checks})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shown.Stop)
	return shown
}

func get(t *testing.T, shown *Telemetry, path string) (status int, body string) {
	t.Helper()
	answer, err := http.Get("http://" + shown.Address() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// TestEveryMetricIsScraped checks that each definition appears under the name and with the labels that the documentation says, and that no
// other metric of chatlake does.
func TestEveryMetricIsScraped(t *testing.T) {
	shown := start(t, "lake")
	var samples []Sample
	for _, m := range Metrics {
		if m.sampled && m != Ready {
			samples = append(samples, NewSample(m, 1, make([]string, len(m.Labels))...))
		}
	}
	shown.SetSource("test", samples)
	_, ended := shown.Watch("acme")(t.Context(), providers.Attempt{Op: "list conversations", Method: "GET", Host: "acme.example", Port: 8443})
	ended(providers.Outcome{Status: 429, Tolerated: 2})
	_, page := get(t, shown, "/metrics")
	known := map[string]bool{}
	for _, m := range Metrics {
		name := m.Prometheus()
		known[name] = true
		line := name
		if m.Kind == Histogram {
			line += "_count"
		}
		after := "{"
		if len(m.Labels) == 0 {
			after = " "
		}
		i := strings.Index(page, "\n"+line+after)
		if i < 0 {
			t.Errorf("no %s in\n%s", line, page)
			continue
		}
		line, _, _ = strings.Cut(page[i+1:], "\n")
		for _, label := range m.Labels {
			if label := strings.ReplaceAll(label, ".", "_") + "="; !strings.Contains(line, "{"+label) && !strings.Contains(line, ","+label) {
				t.Errorf("no label %s in %s", label, line)
			}
		}
		if got, want := strings.Count(line, `="`), len(m.Labels); got != want {
			t.Errorf("%d labels, want %d: %s", got, want, line)
		}
	}
	for line := range strings.Lines(page) {
		name, ok := strings.CutPrefix(line, "# TYPE ")
		name, _, _ = strings.Cut(name, " ")
		if ok && !known[name] && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") && name != "target_info" {
			t.Errorf("%s has no definition", name)
		}
	}
}

// TestTemporalDurationsAreInSeconds checks that durations of Temporal's SDK fall into limits that are meant for seconds.
func TestTemporalDurationsAreInSeconds(t *testing.T) {
	shown := start(t)
	var o client.Options
	if err := shown.ClientOptions(&o); err != nil {
		t.Fatal(err)
	}
	o.MetricsHandler.Timer("temporal_request_latency").Record(20 * time.Millisecond)
	_, page := get(t, shown, "/metrics")
	for _, want := range []string{`temporal_request_latency_seconds_bucket{le="0.005"} 0`, `temporal_request_latency_seconds_bucket{le="0.05"} 1`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}

// TestSourcesReplaceTheirSamples checks that a state that is over disappears.
func TestSourcesReplaceTheirSamples(t *testing.T) {
	shown := start(t)
	shown.SetSource("temporal", []Sample{NewSample(Blocked, 2, "acme", "export", "Denied")})
	if _, page := get(t, shown, "/metrics"); !strings.Contains(page, `chatlake_run_blocked{account="acme",kind="export",reason="Denied"} 2`) {
		t.Errorf("the sample is missing in\n%s", page)
	}
	shown.SetSource("temporal", nil)
	if _, page := get(t, shown, "/metrics"); strings.Contains(page, "chatlake_run_blocked") {
		t.Errorf("the sample is still in\n%s", page)
	}
}

func TestReadiness(t *testing.T) {
	shown := start(t, "lake", "worker")
	expect := func(want int, lines ...string) {
		t.Helper()
		status, body := get(t, shown, "/readyz")
		if status != want || body != strings.Join(lines, "\n")+"\n" {
			t.Errorf("status %d: %q; want %d: %q", status, body, want, lines)
		}
	}
	expect(503, "lake: not checked yet", "worker: not checked yet")
	shown.Check("worker", nil, 0)
	shown.Check("lake", nil, time.Minute)
	expect(200, "lake: ok", "worker: ok")
	shown.Check("lake", errors.New("open s3://user:secret@bucket:\nno answer"), time.Minute)
	expect(503, "lake: open s3://[redacted]@bucket: no answer", "worker: ok")
	shown.Check("lake", nil, time.Nanosecond)
	time.Sleep(time.Millisecond)
	if status, body := get(t, shown, "/readyz"); status != 503 || !strings.HasPrefix(body, "lake: not checked since ") {
		t.Errorf("status %d: %s", status, body)
	}
	if status, body := get(t, shown, "/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("status %d: %s", status, body)
	}
}

func TestOperationsHaveNoIDs(t *testing.T) {
	for op, want := range map[string]string{
		"list conversations":                                "list conversations",
		"messages of conversation 4711":                     "messages of conversation {id}",
		"conversation abcdef":                               "conversation {id}",
		"look at chat 7f9e9580-095b-42c7-838c-c04e667b26f7": "look at chat {id}",
		"conversations of user jane@example.com":            "conversations of user {id}",
		"details of conversation q/../w":                    "details of conversation {id}",
		"find the host of msgHist":                          "find the host of msgHist",
	} {
		if got := operation(op); got != want {
			t.Errorf("%q is called %q, want %q", op, got, want)
		}
	}
	var o operations
	words := []string{"ab", "ba", "cd", "dc", "ef", "fe", "gh", "hg", "ij", "ji", "kl", "lk", "mn", "nm", "op", "po"}
	names := map[string]bool{}
	for _, a := range words {
		for _, b := range words {
			names[o.of(a+" "+b)] = true
		}
	}
	if len(names) != mostOperations+1 || !names[otherOperation] || o.of("ab ab") != "ab ab" {
		t.Errorf("%d names of operations, want %d", len(names), mostOperations+1)
	}
}

// TestNothingIsShownUnasked checks that a process that is asked for nothing does nothing.
func TestNothingIsShownUnasked(t *testing.T) {
	shown, err := Start(t.Context(), Options{Checks: []string{"lake"}})
	if shown != nil || err != nil {
		t.Fatalf("%v, error %v", shown, err)
	}
	if shown.Watch("acme") != nil || shown.Address() != "" {
		t.Error("something is watched")
	}
	shown.SetSource("lake", nil)
	shown.Check("lake", nil, 0)
	shown.Handle("/", http.NotFoundHandler())
	shown.Stop()
}

func TestAddressInUse(t *testing.T) {
	shown := start(t)
	again, err := Start(t.Context(), Options{Listen: shown.Address()})
	if err == nil || !strings.Contains(err.Error(), shown.Address()) || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("%v, error %v; want one that names the address and the flag", again, err)
	}
}

func TestDefinitions(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range Metrics {
		if seen[m.Name] || !strings.HasSuffix(m.Means, ".") || m.Do != "" && !strings.HasSuffix(m.Do, ".") {
			t.Errorf("%s is defined twice, or its texts are no sentences", m.Name)
		}
		seen[m.Name] = true
		for _, label := range m.Labels {
			if slices.Contains([]string{"workflow_id", "run_id", "conversation"}, label) {
				t.Errorf("%s has the label %s, which has no bounds", m.Name, label)
			}
		}
	}
}

// BenchmarkWatch measures what showing a request costs.
func BenchmarkWatch(b *testing.B) {
	shown, err := Start(b.Context(), Options{Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer shown.Stop()
	watch := shown.Watch("acme")
	b.ReportAllocs()
	for i := range b.N {
		_, ended := watch(context.Background(), providers.Attempt{Op: fmt.Sprint("messages of conversation ", i), Method: "GET", Host: "acme.example"})
		ended(providers.Outcome{Status: 200})
	}
}
