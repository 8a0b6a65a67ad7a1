package inspect

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFoldersThatOthersMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such modes")
	}
	for name, test := range map[string]struct {
		root, folder, file os.FileMode
		warns              string
	}{
		"as they are made":          {0o700, 0o700, 0o600, ""},
		"in a folder of others":     {0o755, 0o700, 0o600, ""},
		"a folder for all":          {0o755, 0o755, 0o600, "data"},
		"a file for all":            {0o755, 0o700, 0o644, "temporal.db"},
		"for all, but not the root": {0o700, 0o755, 0o644, ""},
		"for the group":             {0o750, 0o750, 0o640, ""},
	} {
		root := t.TempDir()
		folder, file := filepath.Join(root, "data"), filepath.Join(root, "temporal.db")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{file, filepath.Join(root, "notes.txt")} {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(root, "notes.txt"), 0o644); err != nil {
			t.Fatal(err)
		}
		for path, mode := range map[string]os.FileMode{root: test.root, folder: test.folder, file: test.file} {
			if err := os.Chmod(path, mode); err != nil { // past the umask
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
			t.Fatal(err)
		}
		var want []string
		if test.warns != "" {
			want = []string{filepath.Join(root, test.warns)}
		}
		if diff := cmp.Diff(want, readableByOthers(root)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		c := examineFolder("lake", root)
		if enough := c.Level == LevelOK || strings.Contains(c.Text, "every user"); enough && (c.Level == LevelWarning) != (want != nil) {
			t.Errorf("%s: %s: %s", name, c.Level, c.Text)
		}
	}
}
