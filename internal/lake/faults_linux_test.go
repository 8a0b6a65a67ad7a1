package lake

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/chatlake/chatlake/internal/ledger"
)

// fullDisk passes the lake's folder to a process whose file size is limited.
const fullDisk = "CHATLAKE_TEST_FULL_DISK"

// TestFullDisk runs the life of an export on a disk without space, first for files in progress and then for the lake's files. A
// file size limit stands in for the disk: it fails the same writes, and needs no mount and no other user. The limit applies to a
// whole process, so the test runs in a child process.
func TestFullDisk(t *testing.T) {
	if root := os.Getenv(fullDisk); root != "" {
		signal.Ignore(syscall.SIGXFSZ)
		const limit = 64 << 10
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			t.Fatal(err)
		}
		l := local(t, root)
		if err := life(t.Context(), l, parts); err == nil || !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "file too large") {
			t.Errorf("staging more than fits ended with %v, want one that says that it is too large", err)
		}
		large := strings.Repeat("x", 2*limit)
		if err := put(t, l.Store(), "data/large", large, false); !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "write data/large") {
			t.Errorf("a write of more than fits ended with %v", err)
		}
		if err := put(t, l.Store(), "data/large", large, true); !errors.Is(err, syscall.EFBIG) {
			t.Errorf("a conditional write of more than fits ended with %v", err)
		}
		return
	}
	root := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
	child.Env = append(os.Environ(), fullDisk+"="+root)
	if said, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s was left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	l := local(t, root)
	if err := life(t.Context(), l, parts); err != nil {
		t.Fatalf("the next attempt ended with %v", err)
	}
	whole(t, l)
}

func local(t *testing.T, root string) *Lake {
	t.Helper()
	l, err := Open(t.Context(), ledger.Config{URL: "file:" + root}, Config{Scratch: t.TempDir(), Writer: "faults"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestReadOnlyFolder runs as a user who may not write there, whoever runs the test.
func TestReadOnlyFolder(t *testing.T) {
	root := t.TempDir()
	l := local(t, root)
	if err := life(t.Context(), l, 0); err != nil {
		t.Fatal(err)
	}
	folders := []string{root, filepath.Join(root, ".tmp"), filepath.Join(root, "data"), filepath.Join(root, "_ledger")}
	mode := func(m os.FileMode) {
		for _, folder := range folders {
			if err := os.Chmod(folder, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil { // keep the parent folder accessible
		t.Fatal(err)
	}
	mode(0o555)
	defer mode(0o755)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked, so the thread ends with its user
		if os.Geteuid() == 0 {
			const nobody = 65534
			if err := syscall.Setfsuid(nobody); err != nil {
				t.Errorf("stand for nobody: %v", err)
				return
			}
		}
		for _, conditional := range []bool{false, true} {
			err := put(t, l.Store(), "data/new", "x", conditional)
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "write data/new") || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("a write (conditional: %t) ended with %v, want permission denied", conditional, err)
			}
		}
		if err := l.Probe(t.Context()); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "write to the lake") {
			t.Errorf("the probe ended with %v, want permission denied", err)
		}
		if _, err := ledger.Open(t.Context(), ledger.Config{URL: "file:" + filepath.Join(root, "below")}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a lake below was opened with %v, want permission denied", err)
		}
	}()
	<-done
	mode(0o755)
	whole(t, l)
}
