package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// reading are the commands that only look at a lake.
var reading = []string{"verify", "verify --deep", "why 1", "lake files", "lake sql", "lake sweep", "lake sweep --remove", "lake vacuum", "lake vacuum --dry-run", "lake rebuild", "lake remap", "lake remap --dry-run"}

// TestReadingCreatesNothing wants commands that read to say that there is no lake, instead of making an empty one and calling it whole.
func TestReadingCreatesNothing(t *testing.T) {
	root := t.TempDir()
	file, other := filepath.Join(root, "file"), filepath.Join(root, "other")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(other, "photos"), 0o700); err != nil {
		t.Fatal(err)
	}
	before := treeOf(t, root)
	for folder, want := range map[string]string{
		filepath.Join(root, "nowhere"):        "does not exist",
		filepath.Join(root, "nowhere", "too"): "does not exist",
		filepath.Join(file, "below"):          "does not exist",
		file:                                  "is a file, not a folder",
		other:                                 "nothing written by chatlake is there",
	} {
		config := write(t, "http://127.0.0.1:1", folder, t.TempDir())
		for _, command := range reading {
			out, log, status := chatlake(t, append(strings.Fields(command), "--config", config)...)
			expect(t, command+" of "+folder, status, exitUsage, out+log, "lake.url: there is no lake", want)
		}
	}
	config := write(t, "http://127.0.0.1:1", filepath.Join(root, "nowhere", "too"), filepath.Join(root, "no", "state"))
	chatlake(t, "doctor", "--config", config)
	if after := treeOf(t, root); before != after {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestReadingAnEmptyPrefix(t *testing.T) {
	server := s3test.Start(t)
	config := write(t, "http://127.0.0.1:1", "unused", t.TempDir())
	rewriteLake(t, config, server)
	for _, command := range reading {
		out, log, status := chatlake(t, append(strings.Fields(command), "--config", config)...)
		expect(t, command, status, exitUsage, out+log, "lake.url: there is no lake at s3://"+server.Bucket+"/chatlake")
	}
}

// treeOf lists all that is below a folder.
func treeOf(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		fmt.Fprintln(&all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
