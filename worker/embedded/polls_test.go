//go:build !noembedded

package embedded

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"
)

func TestOnlyRequestsThatWaitAreEnded(t *testing.T) {
	for method, ended := range map[string]bool{
		"PollWorkflowTaskQueue": true, "PollActivityTaskQueue": true, "PollWorkflowExecutionUpdate": true, "GetWorkflowExecutionHistory": true,
		"RespondActivityTaskCompleted": false, "StartWorkflowExecution": false, "GetSystemInfo": false,
	} {
		p := newPolls()
		asked, answer := make(chan context.Context), make(chan struct{})
		go func() {
			_, _ = p.intercept(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/temporal.api.workflowservice.v1.WorkflowService/" + method},
				func(ctx context.Context, _ any) (any, error) {
					asked <- ctx
					<-answer
					return nil, nil
				})
		}()
		ctx := <-asked
		if ctx.Err() != nil {
			t.Errorf("%s is ended before the server is to stop", method)
		}
		p.stop()
		select {
		case <-ctx.Done():
			if !ended {
				t.Errorf("%s is ended, although it may change a workflow", method)
			}
		case <-time.After(50 * time.Millisecond):
			if ended {
				t.Errorf("%s is not ended", method)
			}
		}
		close(answer)
	}
}

// TestStoppingWaitsForNothing stops a server whose own workers ask for tasks. One that waited for them would take a second each time.
func TestStoppingWaitsForNothing(t *testing.T) {
	dir := t.TempDir()
	var took time.Duration
	for range 3 { // the machine may be busy
		s, err := Start(t.Context(), Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond) // until its workers ask
		began := time.Now()
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		if took = time.Since(began); took < 900*time.Millisecond {
			return
		}
	}
	t.Errorf("it took %s to stop", took)
}
