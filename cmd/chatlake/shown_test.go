package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shownAt finds the address of --listen in what a command says.
var shownAt = regexp.MustCompile(`(?:"listen":"|http://)(127\.0\.0\.1:\d+)(?:"|/metrics)`)

// asked is the answer of an endpoint; 0 if there is none.
func asked(url string) (status int, text string) {
	answer, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	all, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(all)
}

// TestWorkerShowsItself checks that a worker becomes ready, and shows how fresh an account is.
func TestWorkerShowsItself(t *testing.T) {
	t.Parallel()
	config := syncing(t, "{every: 2s, lag: 1s, settle: []}", site(t, 20, 0, nil))
	file, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("telemetry: {every: 5s}\n"); err != nil {
		t.Fatal(err)
	}
	file.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	address := make(chan string, 1)
	ended := make(chan string, 1)
	go func() {
		out, log, status := chatlakeUntil(ctx, func(text string) {
			if found := shownAt.FindStringSubmatch(text); found != nil {
				select {
				case address <- found[1]:
				default:
				}
			}
		}, "worker", "--config", config, "--listen", "127.0.0.1:0")
		if status != exitComplete {
			log += "\nexit status is not 0"
		}
		ended <- out + log
	}()
	var at string
	select {
	case at = <-address:
	case text := <-ended:
		t.Fatalf("the worker names no address:\n%s", text)
	}
	wait := func(path string, want ...string) {
		t.Helper()
		for {
			status, text := asked("http://" + at + path)
			missing := ""
			for _, part := range want {
				if !strings.Contains(text, part) {
					missing = part
				}
			}
			if status == http.StatusOK && missing == "" {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("%s answers %d without %q:\n%s", path, status, missing, text)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	wait("/readyz", "lake: ok", "temporal: ok", "worker: ok")
	wait("/healthz", "ok")
	wait("/metrics", `chatlake_account_watermark_timestamp_seconds{account="acme"}`, `chatlake_schedule_last_run_complete{account="acme",kind="sync"} 1`,
		`chatlake_account_gaps{account="acme",stream="created"} 0`, `chatlake_account_request_limit{account="acme"} 0`,
		`chatlake_collection_timestamp_seconds{source="lake"}`, `chatlake_ready{check="worker"} 1`, "temporal_worker_start_total")
	cancel()
	if text := <-ended; strings.Contains(text, "exit status") {
		t.Error(text)
	}
	if status, _ := asked("http://" + at + "/healthz"); status != 0 {
		t.Errorf("after the worker has ended, /healthz answers %d", status)
	}
}

// TestExportShowsItself asks an export for metrics while it runs.
func TestExportShowsItself(t *testing.T) {
	t.Parallel()
	config := write(t, site(t, 100, 5*time.Millisecond, nil), t.TempDir(), t.TempDir())
	var page string
	out, log, status := chatlakeUntil(t.Context(), func(text string) {
		if found := shownAt.FindStringSubmatch(text); found != nil && strings.Contains(text, "in flight") && page == "" {
			_, page = asked("http://" + found[1] + "/metrics")
		}
	}, "export", "--config", config, "--from", "2025-01-01", "--to", "2025-07-01", "--listen", "127.0.0.1:0")
	expect(t, "export", status, exitComplete, out+log, "Metrics: http://127.0.0.1:", "Complete: ")
	for _, part := range []string{`chatlake_account_requests_total{account="acme"}`, `url_template="list conversations"`, "temporal_activity_execution_latency_seconds"} {
		if !strings.Contains(page, part) {
			t.Errorf("no %s in:\n%s", part, page)
		}
	}
}

// TestAddressThatIsTaken checks that nothing is begun if the address cannot be listened on.
func TestAddressThatIsTaken(t *testing.T) {
	config := write(t, site(t, 1, 0, nil), t.TempDir(), t.TempDir())
	out, log, status := chatlake(t, "worker", "--config", config, "--listen", "127.0.0.1:nowhere")
	expect(t, "an address without a port", status, exitFailed, out+log, "127.0.0.1:nowhere", "--listen")
}
