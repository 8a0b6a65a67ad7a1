package worker

import (
	"testing"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/worker/embedded"
	"github.com/chatlake/chatlake/workflows"
)

// TestAttributesOfADatabaseMadeBefore: a namespace without the search attributes gets them, and runs can have them at once.
func TestAttributesOfADatabaseMadeBefore(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server twice")
	}
	ctx := t.Context()
	c := Config{StateDir: t.TempDir()}
	server, err := embedded.Start(ctx, embedded.Config{Dir: c.StateDir})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	temporal, err := Connect(ctx, c, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := temporal.Stop(); err != nil {
			t.Error(err)
		}
	}()
	list := func() int {
		have, err := temporal.Client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: embedded.Namespace})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range attributeNames() {
			if have.CustomAttributes[name] == enums.INDEXED_VALUE_TYPE_KEYWORD {
				n++
			}
		}
		return n
	}
	if n := list(); n != 0 {
		t.Fatalf("the database of an earlier release has %d of the attributes already", n)
	}
	for range 2 {
		if err := temporal.CreateAttributes(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := list(); n != 3 {
		t.Errorf("%d attributes, want 3", n)
	}
	err = WithAttributes(ctx, func() error {
		_, err := temporal.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: "x", TaskQueue: "x", TypedSearchAttributes: workflows.Attributes("acme", "export"),
		}, "Export")
		return err
	})
	if err != nil {
		t.Errorf("start with the attributes: %v", err)
	}
}
