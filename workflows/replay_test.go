package workflows_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/chatlake/chatlake/workflows"
)

// histories are recorded from released code, by `go test -tags record -run TestRecord ./workflows`, and are never
// recorded anew to make a changed workflow pass: they stand for exports that are under way somewhere.
const histories = "testdata/histories"

func TestReplay(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(histories, "*.json.gz"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%d recorded histories, error %v; want at least 10", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			file, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			in, err := gzip.NewReader(file)
			if err != nil {
				t.Fatal(err)
			}
			history, err := client.HistoryFromJSON(in, client.HistoryJSONOptions{})
			if err != nil {
				t.Fatal(err)
			}
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflow(workflows.Export)
			replayer.RegisterWorkflow(workflows.Shard)
			if err := replayer.ReplayWorkflowHistory(silent{}, history); err != nil {
				t.Error(err)
			}
		})
	}
}

// silent keeps the SDK's log out of the test's output.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
