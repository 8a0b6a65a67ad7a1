package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{URL: "file:" + file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v, want one that names %s", err, file)
	}
}

func TestFolderRefusesKeysThatLeaveIt(t *testing.T) {
	l := openFolder(t)
	for _, key := range []string{"", "/x", "../x", "a/../../x", "a/../x", "a//x", "a/", "./x", ".", "..", ".tmp/x"} {
		if err := l.store.Put(t.Context(), key, strings.NewReader("x"), 1, false); err == nil {
			t.Errorf("put %q: no error", key)
		}
		if _, err := l.store.Get(t.Context(), key, 0, -1); err == nil || errors.Is(err, ErrNotExist) {
			t.Errorf("get %q: %v, want a refusal", key, err)
		}
		if err := l.store.Delete(t.Context(), key); err == nil {
			t.Errorf("delete %q: no error", key)
		}
	}
}

// Delete removes empty folders, which must not disturb concurrent writes into them.
func TestFolderWritesWhereOthersDelete(t *testing.T) {
	l := openFolder(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 50 {
				key := fmt.Sprintf("a/b/c/%d-%d", i, n)
				if err := l.store.Put(context.Background(), key, strings.NewReader("x"), 1, n%2 == 0); err != nil {
					t.Error(err)
				}
				if err := l.store.Delete(context.Background(), key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if entries, err := os.ReadDir(l.root); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, error %v; want files in progress only", entries, err)
	}
}

func TestFolderForgetsWhatKilledProcessesLeft(t *testing.T) {
	root := t.TempDir()
	f, err := newFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	left, fresh := filepath.Join(f.temp, "put-1"), filepath.Join(f.temp, "put-2")
	for name, age := range map[string]time.Duration{left: 2 * abandonedAfter, fresh: 0} {
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	for object := range f.List(t.Context(), "") {
		t.Errorf("a file in progress is listed: %s", object.Key)
	}
	if _, err := newFolder(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("an abandoned file is still there")
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("a file in progress is gone: %v", err)
	}
}

// A part of a lake that was moved to another disk, with a link in its place, is listed, and the link stays.
func TestFolderFollowsLinks(t *testing.T) {
	l := openFolder(t)
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(l.root, "data")); err != nil {
		t.Skip(err)
	}
	want := []string{"_ledger/x", "data-2", "data/a/b", "data/c"}
	for _, key := range want {
		mustPut(t, l.store, key, "x")
	}
	for prefix, want := range map[string][]string{"": want, "data/": want[2:], "data/a": want[2:3]} {
		if diff := cmp.Diff(want, keys(t, l.store, prefix)); diff != "" {
			t.Errorf("list of %q (-want +got):\n%s", prefix, diff)
		}
	}
	for _, key := range want {
		if err := l.store.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	if target, err := os.Readlink(filepath.Join(l.root, "data")); err != nil || target != elsewhere {
		t.Errorf("the link leads to %q, error %v; want %q", target, err, elsewhere)
	}
}

func TestFolderKnowsLinksThatLeadNowhere(t *testing.T) {
	l := openFolder(t)
	mustPut(t, l.store, "a/b", "x")
	if err := os.Symlink(filepath.Join(t.TempDir(), "not-mounted"), filepath.Join(l.root, "data")); err != nil {
		t.Skip(err)
	}
	for prefix, fails := range map[string]bool{"": true, "data/": true, "data/a/b": true, "a/": false, "b/": false} {
		var last error
		for _, err := range l.store.List(t.Context(), prefix) {
			last = err
		}
		if fails != errors.Is(last, ErrIncompleteList) {
			t.Errorf("list of %q: %v, want ErrIncompleteList: %v", prefix, last, fails)
		}
	}
}
