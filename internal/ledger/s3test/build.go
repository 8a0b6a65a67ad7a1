package s3test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"github.com/gofrs/flock"
)

const module = "github.com/versity/versitygw"

var pinned = regexp.MustCompile(`(?m)^(?:require)?\s+` + regexp.QuoteMeta(module) + ` (v\S+)`)

// build returns the path of the server's binary. It builds it once per user, for all tests.
func build(ctx context.Context) (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("this package does not know where its source is")
	}
	tools := filepath.Join(filepath.Dir(here), "..", "..", "..", "tools")
	mod, err := os.ReadFile(filepath.Join(tools, "go.mod"))
	if err != nil {
		return "", err
	}
	version := pinned.FindSubmatch(mod)
	if version == nil {
		return "", fmt.Errorf("%s is not in the go.mod of the tools module", module)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "chatlake-tests")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	program := filepath.Join(cache, "versitygw-"+string(version[1]))
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	lock := flock.New(filepath.Join(cache, "build.lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", fmt.Errorf("wait for another build: %w", err)
	}
	err = compile(ctx, tools, program)
	return program, errors.Join(err, lock.Close())
}

// compile builds the binary unless it exists. It appears whole, by rename.
func compile(ctx context.Context, tools, program string) error {
	if _, err := os.Stat(program); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(program), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, filepath.Base(program))
	cmd := exec.CommandContext(ctx, "go", "build", "-C", tools, "-o", made, module+"/cmd/versitygw")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", module, err, said)
	}
	return os.Rename(made, program)
}
