package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chatlake/chatlake/worker"
)

// TestWorkerDrains stops a worker in the middle of requests that its platform does not answer, and holds it to the time that it says.
func TestWorkerDrains(t *testing.T) {
	t.Parallel()
	asked, held := make(chan struct{}, 1000), make(chan struct{})
	platform := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}))
	defer platform.Close()
	defer close(held)
	config := syncing(t, "{every: 15m, from: 2025-01-01}", platform.URL)
	var out watched
	p := exec.Command(os.Args[0], "worker", "--log-format", "text", "--listen", "127.0.0.1:0", "--config", config)
	p.Env, p.Stdout, p.Stderr = append(os.Environ(), asProgram+"=1"), &out, &out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	select {
	case <-asked: // the first run begins at once
	case err := <-ended:
		t.Fatalf("the worker ended with %v before it was asked to:\n%s", err, out.String())
	case <-time.After(2 * time.Minute):
		_ = p.Process.Kill()
		t.Fatalf("nothing was asked:\n%s", out.String())
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(worker.StopWithin):
		_ = p.Process.Kill()
		<-ended
		t.Errorf("it did not end within %s", worker.StopWithin)
	}
	text := out.String()
	stopping, stopped := strings.Index(text, `within=20s`), strings.Index(text, `msg="stopped; other workers continue`)
	if p.ProcessState.ExitCode() != exitComplete || stopping < 0 || stopped < stopping {
		t.Errorf("exit status %d; it should say how long it takes to stop, and that it has stopped:\n%s", p.ProcessState.ExitCode(), text)
	}
}
