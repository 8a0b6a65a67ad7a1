//go:build noembedded

package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/chatlake/chatlake/worker/embedded"
)

func TestStartSaysThatThereIsNoServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
	if server != nil || !errors.Is(err, embedded.ErrNotIncluded) {
		t.Errorf("Start returned %v and %v, want ErrNotIncluded", server, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a state folder was made for no server: %v", err)
	}
}
