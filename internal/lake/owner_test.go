package lake

import (
	"io/fs"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/chatlake/chatlake/internal/ledger"
)

func TestOnlyTheOwnerMayReadALake(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such modes")
	}
	root, scratch := filepath.Join(t.TempDir(), "lake"), filepath.Join(t.TempDir(), "scratch")
	l, err := Open(t.Context(), ledger.Config{URL: "file:" + root}, Config{Scratch: scratch})
	if err != nil {
		t.Fatal(err)
	}
	if err := life(t.Context(), l, spoolBytes+1); err != nil {
		t.Fatal(err)
	}
	mustPut(t, l.Store(), "_staging/acme/x", "x")
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
