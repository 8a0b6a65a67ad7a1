package worker

import (
	"errors"
	"os"
	"path/filepath"
)

// MakeFolder creates a folder and its missing parents. remove removes those that it created, if they are empty: checks must leave
// nothing behind.
func MakeFolder(folder string) (remove func(), err error) {
	var missing []string // deepest first
	for at := filepath.Clean(folder); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, os.ErrNotExist) {
			break
		}
		missing = append(missing, at)
	}
	remove = func() {
		for _, at := range missing {
			_ = os.Remove(at) // fails if the folder is not empty
		}
	}
	return remove, os.MkdirAll(folder, 0o700)
}
