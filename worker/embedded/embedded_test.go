//go:build !noembedded

package embedded_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/worker/embedded"
)

const (
	queue     = "test"
	childDir  = "CHATLAKE_TEST_EMBEDDED_DIR"
	childDone = "working"
)

// twice runs one activity before and one after a signal. If the process is killed before the server knows that an activity is
// done, the activity is soon scheduled again.
func twice(ctx workflow.Context) (int, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 5 * time.Second})
	total := 0
	for range 2 {
		var n int
		if err := workflow.ExecuteActivity(ctx, "Work").Get(ctx, &n); err != nil {
			return 0, err
		}
		total += n
		if total == 1 {
			workflow.GetSignalChannel(ctx, "go on").Receive(ctx, nil)
		}
	}
	return total, nil
}

// serve starts a server and a worker on dir; the activity writes a file.
func serve(dir string) (*embedded.Server, client.Client, func(), error) {
	server, err := embedded.Start(context.Background(), embedded.Config{Dir: dir, UI: true})
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := client.Dial(client.Options{HostPort: server.Address(), Namespace: embedded.Namespace, Logger: silent{}})
	if err != nil {
		return nil, nil, nil, err
	}
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(twice, workflow.RegisterOptions{Name: "Twice"})
	w.RegisterActivityWithOptions(func() (int, error) {
		return 1, os.WriteFile(filepath.Join(dir, childDone), nil, 0o644)
	}, activity.RegisterOptions{Name: "Work"})
	if err := w.Start(); err != nil {
		return nil, nil, nil, err
	}
	return server, c, func() {
		w.Stop()
		c.Close()
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}, nil
}

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	_, c, _, err := serve(dir)
	if err == nil {
		_, err = c.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: "twice", TaskQueue: queue}, "Twice")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {} // until killed
}

func TestWorkflowsSurviveAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- child.Wait() }()
	waitFor(t, exited, filepath.Join(dir, childDone))
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-exited
	if logs, err := filepath.Glob(filepath.Join(dir, "*.db-wal")); err != nil || len(logs) != 1 {
		t.Errorf("write-ahead logs %v (%v), want the database's", logs, err)
	}

	server, c, stop, err := serve(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.SignalWorkflow(ctx, "twice", "", "go on", nil); err != nil {
		t.Fatal(err)
	}
	var total int
	if err := c.GetWorkflow(ctx, "twice", "").Get(ctx, &total); err != nil || total != 2 {
		t.Errorf("total %d, error %v; want 2", total, err)
	}

	t.Run("the folder is locked", func(t *testing.T) {
		_, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "in use") {
			t.Errorf("a second server: error %v, want one that names the folder in use", err)
		}
	})
	t.Run("others find it", func(t *testing.T) {
		address, err := embedded.Running(dir)
		if err != nil || address != server.Address() {
			t.Errorf("running at %q, error %v; want %q", address, err, server.Address())
		}
		for name, folder := range map[string]string{"an empty folder": t.TempDir(), "no folder": filepath.Join(dir, "nowhere")} {
			if address, err := embedded.Running(folder); err != nil || address != "" {
				t.Errorf("%s: running at %q, error %v; want none", name, address, err)
			}
		}
	})
	t.Run("the UI answers", func(t *testing.T) {
		answer, err := http.Get(server.UIURL() + "/api/v1/namespaces/" + embedded.Namespace + "/workflows")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("status %d, want 200", answer.StatusCode)
		}
	})
}

// waitFor waits for a file that another process writes.
func waitFor(t *testing.T, exited <-chan error, name string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if _, err := os.Stat(name); err == nil {
			return
		}
		select {
		case err := <-exited:
			t.Fatalf("the process ended by itself: %v", err)
		case <-deadline:
			t.Fatal("nothing happened within a minute")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// silent keeps the SDK's log out of the test's output.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
