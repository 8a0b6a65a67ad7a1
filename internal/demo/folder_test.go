package demo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// refused expects that a demo leaves a folder alone, and says why.
func refused(t *testing.T, dir string, fresh bool, say string) {
	t.Helper()
	d, err := Open(t.Context(), Options{Dir: dir, Fresh: fresh, Window: "month"})
	if err == nil {
		_ = d.Close(t.Context())
	}
	var refusal *Refusal
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Error(), say) {
		t.Errorf("fresh %v: error %v, want a refusal with %q", fresh, err, say)
	}
}

// TestDemoRefusesFoldersOfOthers opens demos in folders with real work in them: nothing may change there.
func TestDemoRefusesFoldersOfOthers(t *testing.T) {
	of := func(files map[string]string) func(*testing.T) string {
		return func(t *testing.T) string { dir := t.TempDir(); fill(t, dir, files); return dir }
	}
	demosAnd := func(files map[string]string) func(*testing.T) string {
		return func(t *testing.T) string { dir := demosFolder(t); fill(t, dir, files); return dir }
	}
	for name, test := range map[string]struct {
		dir       func(*testing.T) string
		freshOnly bool // a demo that adds to the folder is not refused
		say       string
	}{
		"state and lake of exports": {of(map[string]string{"temporal-1.32.db": "x", "lake/_ledger/v1/x": "x", "demo.json": "{}"}), false, "no demo made it"},
		"a configuration":           {of(map[string]string{ConfigName: "lake: {}\n"}), false, "no demo made it"},
		"a damaged marker":          {of(map[string]string{markerName: "{", "lake/x": ""}), false, "cannot be read as the marker"},
		"a changed configuration":   {demosAnd(map[string]string{ConfigName: "accounts: {acme: {}}\n"}), false, "is not as a demo wrote it"},
		"a committed account":       {demosAnd(map[string]string{"lake/_ledger/v1/provider=giosg/account=acme/stream=created/x/g0001.json": "{}"}), true, "holds the account acme"},
		"an account being copied":   {demosAnd(map[string]string{"lake/_staging/acme/created/x/g0001/x": ""}), true, "holds the account acme"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := test.dir(t)
			before := contents(t, dir)
			refused(t, dir, true, test.say)
			if !test.freshOnly {
				refused(t, dir, false, test.say)
			}
			if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
				t.Errorf("the folder was changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestFreshWaitsForNoOtherProcess(t *testing.T) {
	dir := demosFolder(t)
	before := contents(t, dir)
	err := worker.Alone(dir, func() error {
		refused(t, dir, true, "stop it first")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("the folder was changed (-before +after):\n%s", diff)
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
