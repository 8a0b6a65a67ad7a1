package workflows_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/chatlake/chatlake/workflows"
)

// histories are recorded from released code, by `go test -tags record -run TestRecord -parallel 8 ./workflows`, and are
// never recorded anew to make a changed workflow pass: they stand for exports that are under way somewhere.
const histories = "testdata/histories/0.1.0"

// corpus reads all recorded histories, by the names of their scenes.
func corpus(t *testing.T) map[string]*history.History {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(histories, "*.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*history.History{}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		in, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		if all[strings.TrimSuffix(filepath.Base(name), ".json.gz")], err = client.HistoryFromJSON(in, client.HistoryJSONOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestReplay(t *testing.T) {
	for name, history := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflow(workflows.Export)
			replayer.RegisterWorkflow(workflows.Shard)
			replayer.RegisterWorkflow(workflows.Quota)
			replayer.RegisterWorkflow(workflows.Budget)
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
