package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// asProgram is set in the environment of processes that are the program, and not its tests.
const asProgram = "CHATLAKE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	worker.Build = worker.BuildOf(version)
	os.Exit(m.Run())
}

// killed runs a command in a process of its own, and ends it with SIGKILL as soon as a moment has come.
func killed(t *testing.T, comes func() bool, args ...string) {
	t.Helper()
	var out watched
	p := exec.Command(os.Args[0], args...)
	p.Env, p.Stdout, p.Stderr = append(os.Environ(), asProgram+"=1"), &out, &out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	deadline := time.After(2 * time.Minute)
	for !comes() {
		select {
		case <-ended:
			t.Fatalf("the process ended before it was killed:\n%s", out.String())
		case <-deadline:
			_ = p.Process.Kill()
			t.Fatalf("the moment to kill the process never came:\n%s", out.String())
		case <-time.After(time.Millisecond):
		}
	}
	_ = p.Process.Kill()
	<-ended
	if status := p.ProcessState.ExitCode(); status != -1 {
		t.Fatalf("the process ended with status %d before it was killed:\n%s", status, out.String())
	}
}

// deaf is the mapper of an older build: it leaves out the texts of messages.
type deaf struct{ providers.Mapper }

func (d deaf) Thread(docs []schemas.Document) (schemas.Thread, error) {
	thread, err := d.Mapper.Thread(docs)
	for i := range thread.Messages {
		thread.Messages[i].Text = nil
	}
	return thread, err
}

// age gives every window of conversations a second generation, as an older build would have written it. Files that only the first
// generation names are removed, as if it had never been.
func (s *shelf) age(shards []ledger.Record) {
	s.t.Helper()
	c, err := worker.Load(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	mapper, err := c.Mapper("acme")
	if err != nil {
		s.t.Fatal(err)
	}
	l, err := lake.Open(s.t.Context(), ledger.Config{URL: c.Lake.URL}, lake.Config{Writer: "an older build", Scratch: s.t.TempDir()})
	if err != nil {
		s.t.Fatal(err)
	}
	a := &activities.Activities{Lake: l, Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{Mapper: providertest.Maps(deaf{mapper}), Name: "chatwoot"}, nil
	}}
	named := map[string]bool{}
	for _, r := range shards {
		out, err := a.RemapShard(s.t.Context(), activities.RemapShardInput{Shard: r.Shard})
		if err != nil || out.Outcome != activities.Rewritten {
			s.t.Fatalf("%s: %+v, error %v", r.Shard, out, err)
		}
		second, err := l.Latest(s.t.Context(), r.Shard)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, f := range second.Files {
			named[f.Key] = true
		}
	}
	for _, r := range shards {
		for _, f := range r.Files {
			if !named[f.Key] {
				if err := os.Remove(s.file(f.Key)); err != nil {
					s.t.Fatal(err)
				}
			}
		}
	}
}

// windows are the records that count of windows of conversations.
func (s *shelf) windows() []ledger.Record {
	s.t.Helper()
	records, err := s.lake.Current(s.t.Context(), ledger.Filter{Stream: schemas.StreamCreated})
	if err != nil {
		s.t.Fatal(err)
	}
	return records
}

// TestKilledRemapResumes kills a remap twice: between two windows, and when it has written a file that no record names. Once the command
// has been run again, each window has one more generation, and its files are those of the first to the byte.
func TestKilledRemapResumes(t *testing.T) {
	t.Parallel()
	config := write(t, site(t, 60, 0, nil), t.TempDir(), t.TempDir())
	out, log, status := chatlake(t, "export", "--config", config, "--from", "2025-01-01", "--to", "2025-07-01")
	expect(t, "export", status, exitComplete, out+log)
	s := shelfAt(t, config)
	first := s.windows()
	s.age(first)
	setToken(t, config, "") // a remap needs none
	var written []string    // files of the first generation that the remap has written again
	restored := func() bool {
		for _, r := range first {
			for _, f := range r.Files {
				if _, err := os.Stat(s.file(f.Key)); err == nil && f.Table == schemas.Messages.Table && !slices.Contains(written, f.Key) {
					written = append(written, f.Key)
					return true
				}
			}
		}
		return false
	}
	thirds := func() int {
		records, err := filepath.Glob(s.file("_ledger/v1/provider=chatwoot/account=acme/stream=created/*/g0003.json"))
		if err != nil {
			t.Fatal(err)
		}
		return len(records)
	}
	remap := []string{"lake", "remap", "--config", config}
	killed(t, func() bool { return thirds() == 2 }, remap...)
	for restored() { // and what was written until now does not count for the next
	}
	killed(t, restored, remap...)
	done := thirds()
	if done < 2 || done >= len(first) {
		t.Fatalf("%d of %d windows were done after two kills", done, len(first))
	}
	t.Logf("%d of %d windows were done after two kills", done, len(first))

	out, log, status = chatlake(t, remap...)
	expect(t, "remap", status, exitComplete, out+log, "7 windows: 6 rewritten, 1 unchanged, 0 kept.")
	for i, r := range s.windows() {
		if r.Generation != 3 || r.Cause != ledger.CauseRemap {
			t.Errorf("%s: generation %d, cause %q; want each window written again once", r.Shard, r.Generation, r.Cause)
		}
		if diff := cmp.Diff(first[i].Files, r.Files); diff != "" {
			t.Errorf("%s: the files are not those of the first generation (-first +now):\n%s", r.Shard, diff)
		}
	}
	v, status := verify(t, config, "--deep")
	if status != exitComplete || !v.Whole() || len(v.Orphans) > 0 {
		t.Errorf("verify --deep: exit status %d, %+v", status, v)
	}
	out, log, status = chatlake(t, remap...)
	expect(t, "remap again", status, exitComplete, out+log, "7 windows: 0 rewritten, 7 unchanged, 0 kept.")
	if left, err := filepath.Glob(filepath.Join(strings.TrimSuffix(s.file("x"), "x"), "_staging", "*")); err != nil || len(left) > 0 {
		t.Errorf("left in staging: %v, %v", left, err)
	}
}
