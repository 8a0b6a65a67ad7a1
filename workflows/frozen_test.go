package workflows_test

import (
	"bufio"
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var freeze = flag.String("freeze", "", "freeze the histories of the version in development as those of this release")

// sumsFile has the checksums of the histories of all releases, as sha256sum writes and checks them.
const sumsFile = "SHA256SUMS"

// TestReleasedHistoriesAreFrozen: a history of a release is evidence of what its workers did. Recording it again from other code would
// hide that runs of that release break.
func TestReleasedHistoriesAreFrozen(t *testing.T) {
	for _, wrong := range thawed(t, histories) {
		t.Error(wrong)
	}
}

// TestFreeze copies the histories of the version in development into a folder for a release, with the flag -freeze.
func TestFreeze(t *testing.T) {
	if *freeze == "" {
		t.Skip("-freeze names no release")
	}
	to := filepath.Join(histories, *freeze)
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatalf("a release is frozen once: %v", err)
	}
	if err := os.CopyFS(to, os.DirFS(filepath.Join(histories, inDevelopment))); err != nil {
		t.Fatal(err)
	}
	writeSums(t, histories)
}

// TestThawedHistoriesAreFound changes, adds and removes histories of a release.
func TestThawedHistoriesAreFound(t *testing.T) {
	write := func(names ...string) func(string) error {
		return func(root string) error {
			for _, name := range names {
				if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(root, name), []byte(filepath.Base(root)), 0o600); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for name, test := range map[string]struct {
		change func(root string) error
		word   string
	}{
		"nothing":                      {func(string) error { return nil }, ""},
		"the version in development":   {write("next/shard.json.gz"), ""},
		"a history changed":            {func(root string) error { return os.WriteFile(filepath.Join(root, "0.1.0/a"), []byte("else"), 0o600) }, "0.1.0/a has changed"},
		"a history removed":            {func(root string) error { return os.Remove(filepath.Join(root, "0.1.0/a")) }, "0.1.0/a is missing"},
		"a history added":              {write("0.1.0/b"), "0.1.0/b was added"},
		"a release removed":            {func(root string) error { return os.RemoveAll(filepath.Join(root, "0.1.0")) }, "0.1.0/a is missing"},
		"a release without checksums":  {write("0.2.0/a"), "0.2.0/a was added"},
		"the checksums of all removed": {func(root string) error { return os.Remove(filepath.Join(root, sumsFile)) }, "no such file"},
	} {
		root := t.TempDir()
		if err := write("0.1.0/a", "next/shard.json.gz")(root); err != nil {
			t.Fatal(err)
		}
		writeSums(t, root)
		if err := test.change(root); err != nil {
			t.Fatal(err)
		}
		wrong := strings.Join(thawed(t, root), "; ")
		if !strings.Contains(wrong, test.word) || (wrong == "") != (test.word == "") {
			t.Errorf("%s: found %q, want %q", name, wrong, test.word)
		}
	}
}

// thawed is what differs between the histories of releases and their checksums.
func thawed(t *testing.T, root string) (wrong []string) {
	t.Helper()
	file, err := os.Open(filepath.Join(root, sumsFile))
	if err != nil {
		return []string{err.Error()}
	}
	defer func() { _ = file.Close() }()
	want, got := map[string]string{}, sums(t, root)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		want[name] = sum
		switch {
		case got[name] == "":
			wrong = append(wrong, name+" is missing")
		case got[name] != sum:
			wrong = append(wrong, name+" has changed")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if want[name] == "" {
			wrong = append(wrong, name+" was added")
		}
	}
	return wrong
}

func writeSums(t *testing.T, root string) {
	t.Helper()
	var text strings.Builder
	all := sums(t, root)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s  %s\n", all[name], name)
	}
	if err := os.WriteFile(filepath.Join(root, sumsFile), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sums are the checksums of the histories of all releases, by version and name.
func sums(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name == inDevelopment:
			return fs.SkipDir
		case entry.IsDir() || name == sumsFile:
			return nil
		}
		b, err := os.ReadFile(filepath.Join(root, name))
		all[name] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
