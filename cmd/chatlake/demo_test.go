package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/worker/embedded"
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
	markerName  = "chatlake-demo.json"
	demosConfig = "lake: {}\n"
	demosMarker = `{"ports": {"chatwoot": 4711}, "accounts": ["chatwoot-60-1"], "configs": ["DIGEST"]}`
	demosFile   = "lake/data/messages/provider=chatwoot/account=chatwoot-60-1/stream=created/month=2025-01/x.parquet"
)

// demosFolder is one that a demo left.
func demosFolder(t *testing.T) string {
	dir := t.TempDir()
	fill(t, dir, map[string]string{
		markerName: strings.Replace(demosMarker, "DIGEST", fmt.Sprintf("%x", sha256.Sum256([]byte(demosConfig))), 1), demo.ConfigName: demosConfig, demosFile: "", "scratch/x": "",
		"lake.sql": "", "temporal-1.32.db": "", "temporal-1.32.db-wal": "", "mine.txt": "of a person",
	})
	return dir
}

// TestDemoRefusesFoldersOfOthers runs the command on folders with real work in them: nothing may change there.
func TestDemoRefusesFoldersOfOthers(t *testing.T) {
	of := func(files map[string]string) func(*testing.T) string {
		return func(t *testing.T) string { dir := t.TempDir(); fill(t, dir, files); return dir }
	}
	demosAnd := func(files map[string]string) func(*testing.T) string {
		return func(t *testing.T) string { dir := demosFolder(t); fill(t, dir, files); return dir }
	}
	anyDemo, fresh := []string{"--ui=false"}, []string{"--ui=false", "--fresh"}
	for name, test := range map[string]struct {
		dir  func(*testing.T) string
		args [][]string // each must be refused
		say  string
	}{
		"state and lake of exports": {of(map[string]string{"temporal-1.32.db": "x", "lake/_ledger/v1/x": "x", "demo.json": "{}"}), [][]string{anyDemo, fresh}, "no demo made it"},
		"a configuration":           {of(map[string]string{demo.ConfigName: "lake: {}\n"}), [][]string{anyDemo, fresh}, "no demo made it"},
		"a damaged marker":          {of(map[string]string{markerName: "{", "lake/x": ""}), [][]string{anyDemo, fresh}, "cannot be read as the marker"},
		"a changed configuration":   {demosAnd(map[string]string{demo.ConfigName: "accounts: {acme: {}}\n"}), [][]string{anyDemo, fresh}, "is not as a demo wrote it"},
		"a committed account":       {demosAnd(map[string]string{"lake/_ledger/v1/provider=giosg/account=acme/stream=created/x/g0001.json": "{}"}), [][]string{fresh}, "holds the account acme"},
		"an account being copied":   {demosAnd(map[string]string{"lake/_staging/acme/created/x/g0001/x": ""}), [][]string{fresh}, "holds the account acme"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := test.dir(t)
			before := contents(t, dir)
			for _, args := range test.args {
				out, log, status := chatlake(t, append([]string{"demo", "--dir", dir}, args...)...)
				expect(t, "demo", status, exitUsage, out+log, test.say)
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
	err := embedded.Alone(dir, func() error {
		out, log, status := chatlake(t, "demo", "--dir", dir, "--ui=false", "--fresh")
		expect(t, "demo", status, exitUsage, out+log, "stop it first")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("the folder was changed (-before +after):\n%s", diff)
	}
}
