package demo

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/worker"
)

// fill writes files, by their paths below a folder.
func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// contents are the files below a folder, but for the one that locks it.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "temporal.lock" {
			return err
		}
		text, err := os.ReadFile(name)
		name, _ = filepath.Rel(dir, name)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

const (
	demosConfig = "lake: {}\n"
	demosMarker = `{"ports": {"chatwoot": 4711}, "accounts": ["chatwoot-60-1"], "configs": ["DIGEST"]}`
	demosFile   = "lake/data/messages/provider=chatwoot/account=chatwoot-60-1/stream=created/month=2025-01/x.parquet"
)

// demosFolder is one that a demo left.
func demosFolder(t *testing.T) string {
	dir := t.TempDir()
	fill(t, dir, map[string]string{
		markerName: strings.Replace(demosMarker, "DIGEST", digest([]byte(demosConfig)), 1), ConfigName: demosConfig, demosFile: "", "scratch/x": "",
		viewsName: "", "temporal-1.32.db": "", "temporal-1.32.db-wal": "", "mine.txt": "of a person",
	})
	return dir
}

func TestFreshRemovesWhatDemosMade(t *testing.T) {
	dir := demosFolder(t)
	if err := Remove(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	left := contents(t, dir)
	if len(left) != 2 || left["mine.txt"] == "" || strings.Contains(left[markerName], "4711") {
		t.Errorf("left over: %v; want a marker without ports, and what is not the demo's", left)
	}
}

// TestDemoHasAQueueOfItsOwn compares the queues of a demo, of its configuration file and of other configurations.
func TestDemoHasAQueueOfItsOwn(t *testing.T) {
	m, err := claim(filepath.Join(t.TempDir(), "demo"))
	if err != nil {
		t.Fatal(err)
	}
	d := &Demo{Options: Options{Dir: m.dir, Window: "month"}, marker: m}
	c, _ := d.Config()
	c.Accounts["chatwoot-60-1"] = worker.AccountConfig{Provider: "chatwoot", AccountID: "1", BaseURL: "http://127.0.0.1:1", Token: worker.Literal("x")}
	name, err := d.WriteConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	written, err := worker.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if c.TaskQueue() != queue || written.TaskQueue() != queue || (worker.Config{}).TaskQueue() == queue {
		t.Errorf("queues: %q of the demo, %q of its file, %q of others; want the first two alike and the last another", c.TaskQueue(), written.TaskQueue(), worker.Config{}.TaskQueue())
	}
	if _, err := d.WriteConfig(c); err != nil {
		t.Errorf("a second demo: %v", err)
	}
}
