package operate

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// idle is a server on which nothing runs. It keeps the input of the workflow that is started.
type idle struct {
	client.Client
	in any
}

func (idle) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return nil, serviceerror.NewNotFound("nothing runs")
}

func (i *idle) ExecuteWorkflow(_ context.Context, _ client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	i.in = args[0]
	return nil, nil
}

// TestStartedExportsCarryThePolicy: an export without one counts as one that began before 0.2.0.
func TestStartedExportsCarryThePolicy(t *testing.T) {
	server := &idle{}
	s := &Session{temporal: &worker.Temporal{Client: server}}
	s.tagging.Do(func() {}) // the namespace has the search attributes
	if _, err := s.Start(t.Context(), workflows.ExportInput{Account: "acme", Name: "year"}); err != nil {
		t.Fatal(err)
	}
	want := workflows.ExportInput{Account: "acme", Name: "year", Policy: workflows.NewPolicy()}
	if diff := cmp.Diff(want, server.in); diff != "" {
		t.Errorf("the export begins with another input (-want +got):\n%s", diff)
	}
}
