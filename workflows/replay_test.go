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

// histories has a folder of recorded histories for each release, named after it, and one for the version in development.
//
// Those of a release stand for runs that are under way somewhere. They are frozen: TestReleasedHistoriesAreFrozen compares them with
// their checksums, and a changed workflow that cannot replay them is wrong, however new the history would have been.
//
// Those in development may be recorded again, as long as no release has them:
//
//	rm workflows/testdata/histories/next/shard-*           # or some of them
//	go test -tags record -run TestRecord -parallel 8 -timeout 30m ./workflows
//
// A release freezes them under its name:
//
//	go test ./workflows -run TestFreeze -freeze 0.2.0
const (
	histories     = "testdata/histories"
	inDevelopment = "next"
)

// versions are the folders of histories.
func versions(t *testing.T) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(histories)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			all = append(all, entry.Name())
		}
	}
	return all
}

// corpus reads the histories of a version, by the names of their scenes.
func corpus(t *testing.T, version string) map[string]*history.History {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(histories, version, "*.json.gz"))
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
	if len(all) == 0 {
		t.Fatalf("there are no histories of %s", version)
	}
	return all
}

func TestReplay(t *testing.T) {
	for _, version := range versions(t) {
		for name, history := range corpus(t, version) {
			t.Run(version+"/"+name, func(t *testing.T) {
				if err := replay(history); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// replay returns an error unless the workflows give the commands that stand in a history.
func replay(h *history.History) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflow(workflows.Export)
	replayer.RegisterWorkflow(workflows.Shard)
	replayer.RegisterWorkflow(workflows.Sync)
	replayer.RegisterWorkflow(workflows.Push)
	replayer.RegisterWorkflow(workflows.Inbox)
	replayer.RegisterWorkflow(workflows.Settle)
	replayer.RegisterWorkflow(workflows.Quota)
	replayer.RegisterWorkflow(workflows.Budget)
	replayer.RegisterWorkflow(workflows.Remap)
	replayer.RegisterWorkflow(workflows.Maintain)
	replayer.RegisterWorkflow(workflows.EndStaleChats)
	replayer.RegisterWorkflow(workflows.SendAlerts)
	return replayer.ReplayWorkflowHistory(silent{}, h)
}

// silent keeps the SDK's log out of the test's output.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
