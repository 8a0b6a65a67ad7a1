package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
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

// Deleting removes folders that are empty, which must not disturb whoever writes into them.
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

func TestOnlyTheOwnerMayReadALake(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such modes")
	}
	root, scratch := filepath.Join(t.TempDir(), "lake"), filepath.Join(t.TempDir(), "scratch")
	l, err := Open(t.Context(), Config{URL: "file:" + root, Scratch: scratch})
	if err != nil {
		t.Fatal(err)
	}
	if err := life(t.Context(), l, spoolBytes+1); err != nil {
		t.Fatal(err)
	}
	mustPut(t, l.store, "_staging/acme/x", "x")
	for _, folder := range []string{root, scratch} {
		n := 0
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			n++
			if info, err := entry.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %v, error %v; want nothing for others", path, info.Mode(), err)
			}
			return nil
		})
		if err != nil || n == 0 {
			t.Errorf("%d files and folders in %s, error %v", n, folder, err)
		}
	}
}
