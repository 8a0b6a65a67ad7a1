package lake

import (
	"os"
	"path/filepath"
	"testing"
)

// A scratch file is readable by its owner only, and disappears when it is closed.
func TestScratchFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state", "scratch")
	f, err := NewScratchFile(folder)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := f.WriteAt([]byte("words"), 3); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}
