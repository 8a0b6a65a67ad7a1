//go:build !noembedded

package embedded_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/worker/embedded"
)

const naps = 6

// napping waits often, and for a short time.
func napping(ctx workflow.Context) error {
	for range naps {
		if err := workflow.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// TestShortTimersAreShort runs short timers one after the other. With the server's default, most would take a second.
func TestShortTimersAreShort(t *testing.T) {
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	c, err := client.Dial(client.Options{HostPort: server.Address(), Namespace: embedded.Namespace, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := worker.New(c, "naps", worker.Options{})
	w.RegisterWorkflow(napping)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	var took time.Duration
	for range 3 { // the machine may be busy
		began := time.Now()
		run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "naps"}, napping)
		if err == nil {
			err = run.Get(t.Context(), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		if took = time.Since(began); took < naps*time.Second/3 {
			return
		}
	}
	t.Errorf("%d timers of 10 ms took %s", naps, took)
}
