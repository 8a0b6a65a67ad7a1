package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator/giosg"
)

// TestRemap remaps a lake without the account's token, while its platform refuses to answer: this build made the rows, so none changes.
func TestRemap(t *testing.T) {
	t.Parallel()
	var gone atomic.Bool
	config := write(t, site(t, 20, 0, &gone), t.TempDir(), t.TempDir())
	out, log, status := chatlake(t, "export", "--config", config, "--from", "2025-01-01", "--to", "2025-03-01")
	expect(t, "export", status, exitComplete, out+log)
	gone.Store(true)
	setToken(t, config, "")
	out, log, status = chatlake(t, "lake", "remap", "--config", config, "--from", "2025-02-01", "--dry-run")
	expect(t, "remap --dry-run", status, exitComplete, out+log, "acme/created/20250201T000000Z~20250301T000000Z: generation 1 by ", "Nothing was changed.")
	out, log, status = chatlake(t, "lake", "remap", "--config", config)
	expect(t, "remap", status, exitComplete, out+log, "3 windows: 0 rewritten, 3 unchanged, 0 kept.")
	out, log, status = chatlake(t, "lake", "remap", "--config", config, "--output", "json")
	expect(t, "remap as JSON", status, exitComplete, out+log, `"unchanged": 3`)
	out, log, status = chatlake(t, "lake", "remap", "--config", config, "--account", "none")
	expect(t, "remap of another account", status, exitUsage, out+log, "there is no account none")
	out, log, status = chatlake(t, "verify", "--deep", "--config", config)
	expect(t, "verify", status, exitComplete, out+log, "The lake is whole.")
}

// TestRemapWaitsForAPerson takes the keys away that a remap decrypts with. Every command says what the remap waits for, and after a
// person has acted, resume lets it end.
func TestRemapWaitsForAPerson(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys.pem")
	config := filepath.Join(t.TempDir(), "chatlake.yaml")
	text := fmt.Sprintf("state_dir: %s\nlake: {url: 'file:%s'}\naccounts:\n  acme: {provider: giosg, base_url: 'http://127.0.0.1:1', account_id: %s, "+
		"token: 'file:%s', secrets: {private_keys: 'file:%s'}}\n", t.TempDir(), t.TempDir(), giosg.Organization, keys, keys)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := shelfAt(t, config)
	s.provider = "giosg"
	january := s.put(schemas.StreamCreated, month(1), content{})
	denied := []string{"acme remap", "blocked: 0 of 1 window: ", "keys.pem", "waiting: " + january.Shard.String()}

	out, log, status := chatlake(t, "lake", "remap", "--config", config)
	expect(t, "remap", status, exitBlocked, out+log, "Blocked: a person must act.", "keys.pem", "waiting: "+january.Shard.String())
	out, log, status = chatlake(t, "status", "--config", config)
	expect(t, "status without a worker", status, exitComplete, out+log, "acme remap", "begun, but no worker is running")
	out, log, status = chatlake(t, "resume", "--config", config)
	expect(t, "resume without a worker", status, exitUsage, out+log, "remap/acme is not being worked on", "`chatlake lake remap`")

	writeKeys := func() {
		t.Helper()
		if err := os.WriteFile(keys, []byte(giosg.PrivateKey), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	writeKeys() // or no worker would start
	ctx, stop := context.WithCancel(t.Context())
	works, ended := make(chan struct{}), make(chan int, 1)
	var once sync.Once
	go func() {
		_, _, status := chatlakeUntil(ctx, func(log string) {
			if strings.Contains(log, `"working"`) {
				once.Do(func() { close(works) })
			}
		}, "worker", "--config", config)
		ended <- status
	}()
	select {
	case <-works: // another server in the folder would keep it from starting
	case status := <-ended:
		stop()
		t.Fatalf("the worker ended with status %d", status)
	}
	defer func() {
		stop()
		if status := <-ended; status != exitComplete && status != exitInterrupted {
			t.Errorf("the worker ended with status %d", status)
		}
	}()
	until := func(want ...string) {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		for {
			out, log, _ := chatlake(t, "status", "--config", config)
			if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(out, w) }) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("status does not say %q:\n%s%s", want, out, log)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	until(denied...)
	if err := os.Remove(keys); err != nil {
		t.Fatal(err)
	}
	out, log, status = chatlake(t, "status", "--config", config, "--output", "json")
	var all []operate.Remap
	if err := json.Unmarshal([]byte(out), &all); err != nil || status != exitComplete || len(all) != 1 || all[0].Kind != operate.KindRemap || all[0].Progress == nil ||
		all[0].Progress.Blocked.Kind != "Denied" || all[0].Progress.Blocked.Shard != january.Shard.String() {
		t.Errorf("status as JSON: exit status %d, error %v:\n%s%s", status, err, out, log)
	}
	out, log, status = chatlake(t, "rate", "--config", config, "--requests-per-second", "1")
	expect(t, "rate", status, exitUsage, out+log, "nothing is running")
	out, log, status = chatlake(t, "resume", "--config", config, "--remap")
	expect(t, "resume while the keys are missing", status, exitComplete, out+log, "remap/acme: Resumed.")
	until(denied...)
	writeKeys()
	out, log, status = chatlake(t, "resume", "--config", config)
	expect(t, "resume", status, exitComplete, out+log, "remap/acme: Resumed.")
	until("acme remap", "done: 1 of 1 window: 1 rewritten, 0 unchanged, 0 kept") // the shelf leaves out which schema it has
	out, log, status = chatlake(t, "resume", "--config", config, "--remap")
	expect(t, "resume of what has ended", status, exitUsage, out+log, "no remap is running")
}
