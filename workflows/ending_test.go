package workflows_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/workflows"
)

// TestShardSaysThatItEndsBeforeItsLastChunks delays the fetches in flight once two small chunks are left. The export is told anyway
// that the shard is idle, so that the next one opens and lists meanwhile.
func TestShardSaysThatItEndsBeforeItsLastChunks(t *testing.T) {
	const conversations, smallest = 600, 80
	w := &world{conversations: conversations, pageSize: 200}
	told := make(chan struct{})
	var mu sync.Mutex
	left := 3 * conversations
	w.fail = func(step string, low, high int) error {
		each := map[string]int{"FetchMessages": 1, "FetchMetadata": 2}[step]
		mu.Lock()
		left -= each * (high - low)
		held := each > 0 && left <= 2*smallest && left > 0
		mu.Unlock()
		w.mu.Unlock() // begin holds it
		defer w.mu.Lock()
		if held {
			select {
			case <-told:
			case <-time.After(10 * time.Second):
				return errors.New("nobody was told")
			}
		}
		return nil
	}
	env := environment(t, w)
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.ShardInput) error {
		shard := workflow.ExecuteChildWorkflow(ctx, workflows.Shard, in)
		news := workflow.GetSignalChannel(ctx, "state")
		for first := true; ; {
			var said struct{ State workflows.State }
			ended := false
			workflow.NewSelector(ctx).AddReceive(news, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &said) }).
				AddFuture(shard, func(workflow.Future) { ended = true }).Select(ctx)
			if ended {
				return shard.Get(ctx, nil)
			}
			if said.State == workflows.StateIdle && first {
				first = false
				close(told)
			}
		}
	}, workflow.RegisterOptions{Name: "Parent"})
	in := may()
	in.ChunkSize, in.ChunksInFlight = 0, 2
	env.ExecuteWorkflow("Parent", in)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	r := w.receipts()
	covered(t, r, r.Messages, "FetchMessages")
	covered(t, r, r.Metadata, "FetchMetadata")
	if n := w.calls["FetchMessages"] + w.calls["FetchMetadata"]; left != 0 {
		t.Errorf("%d requests of %d were not asked, in %d fetches", left, 3*conversations, n)
	}
}
