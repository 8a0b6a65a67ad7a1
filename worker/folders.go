package worker

import (
	"errors"
	"os"
	"path/filepath"
)

// MakeFolder makes a folder with those above it. remove removes the ones that were not there before and are empty, for looks that
// leave nothing behind.
func MakeFolder(folder string) (remove func(), err error) {
	var missing []string // the deepest first
	for at := filepath.Clean(folder); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, os.ErrNotExist) {
			break
		}
		missing = append(missing, at)
	}
	remove = func() {
		for _, at := range missing {
			_ = os.Remove(at) // fails where something is in it
		}
	}
	return remove, os.MkdirAll(folder, 0o700)
}
