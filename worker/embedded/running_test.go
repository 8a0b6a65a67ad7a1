package embedded

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// TestChecksKeepNobodyFromStarting: commands that only check whether a server runs lock the folder for a moment. Neither a server
// that starts in this moment nor another such command takes that for use.
func TestChecksKeepNobodyFromStarting(t *testing.T) {
	dir := t.TempDir()
	if err := Alone(dir, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	var checks sync.WaitGroup
	for range 4 {
		checks.Go(func() {
			for ctx.Err() == nil {
				if address, err := Running(dir); err != nil || address != "" {
					t.Errorf("a server runs at %q: %v", address, err)
					return
				}
				time.Sleep(100 * time.Microsecond)
			}
		})
	}
	checks.Wait()
	held, release := context.WithCancel(t.Context())
	checks.Go(func() { // one check after the other, so that the folder is hardly ever unlocked
		for held.Err() == nil {
			if _, err := Running(dir); err != nil {
				time.Sleep(time.Millisecond) // someone is alone with the folder
			}
		}
	})
	for n := range 200 {
		lock, err := acquire(t.Context(), dir)
		if err != nil {
			t.Fatalf("start %d: %v", n, err)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	release()
	checks.Wait()
}

func TestAFolderInUse(t *testing.T) {
	dir := t.TempDir()
	err := Alone(dir, func() error { return Alone(dir, func() error { return nil }) })
	if !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want %v", err, ErrInUse)
	}
}
