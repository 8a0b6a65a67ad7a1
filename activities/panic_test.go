package activities

import (
	"context"
	"strings"
	"testing"

	"go.temporal.io/sdk/testsuite"
)

// TestPanicsAreMuted checks that the value of a panic does not get into the error in the history.
func TestPanicsAreMuted(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	for name, c := range map[string]struct {
		defect func()
		want   string
	}{
		"a text":         {func() { panic("Hi, I was charged twice") }, "a panic with a value of type string"},
		"of the runtime": {func() { var list []int; _ = list[len(name(t))] }, "index out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			env := suite.NewTestActivityEnvironment()
			step := func(ctx context.Context) error {
				_, stop := keepAlive(ctx)
				defer stop()
				c.defect()
				return nil
			}
			env.RegisterActivity(step)
			_, err := env.ExecuteActivity(step)
			if err == nil || strings.Contains(err.Error(), "charged") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func name(t *testing.T) string { return t.Name() }
