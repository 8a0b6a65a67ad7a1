package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// addressName is the file in which a running server publishes its address.
const addressName = "temporal.address"

// Running returns the address of the server that another process runs on the folder, or "" if there is none.
func Running(dir string) (string, error) {
	name := filepath.Join(dir, lockName)
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	lock := flock.New(name)
	free, err := lock.TryRLock() // any number of processes may check at the same time
	if err != nil {
		return "", fmt.Errorf("check state folder %s: %w", dir, err)
	}
	if free {
		return "", lock.Unlock()
	}
	address, err := os.ReadFile(filepath.Join(dir, addressName))
	if err != nil || len(address) == 0 {
		return "", fmt.Errorf("the chatlake process that uses %s is just starting or stopping; try again", dir)
	}
	return strings.TrimSpace(string(address)), nil
}

// ErrInUse means that another process uses a state folder.
var ErrInUse = errors.New("another chatlake process uses the folder")

// Alone calls do if no server runs on the folder, and keeps others from starting meanwhile. If one runs, it returns ErrInUse.
func Alone(dir string, do func() error) error {
	lock, err := acquire(context.Background(), dir)
	if err != nil {
		return err
	}
	return errors.Join(do(), lock.Unlock())
}

// longestCheck is how long a folder must be locked before it counts as in use. Running locks it too, for less than a millisecond.
const longestCheck = time.Second

// acquire locks a folder. If another process uses it, the error is ErrInUse.
func acquire(ctx context.Context, dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, lockName))
	within, stop := context.WithTimeout(ctx, longestCheck)
	defer stop()
	_, err := lock.TryLockContext(within, 10*time.Millisecond)
	switch {
	case err == nil:
		return lock, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case within.Err() != nil:
		return nil, ErrInUse
	}
	return nil, fmt.Errorf("lock state folder %s: %w", dir, err)
}
