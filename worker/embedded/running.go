package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	free, err := lock.TryLock()
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
	lock := flock.New(filepath.Join(dir, lockName))
	locked, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock state folder %s: %w", dir, err)
	}
	if !locked {
		return ErrInUse
	}
	return errors.Join(do(), lock.Unlock())
}
