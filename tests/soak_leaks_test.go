package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a round may leave behind, because a killed process cannot clean up.
const (
	uploadsPerDeath = 3  // concurrent multipart uploads of one seal
	tempsPerKill    = 16 // files in progress in a folder
	moreFiles       = 8  // open files of a worker that has worked, compared with one that has not
	moreThreads     = 24
	moreMemory      = 256 << 20
)

// judgeLake looks for leftovers in the lake.
func (e *era) judgeLake(t *testing.T) {
	t.Helper()
	if left := e.staging(); len(left) > 0 {
		t.Errorf("%d staged objects of committed shards are left: %q", len(left), left)
	}
	p := start(t, e.folder, "verify", "--deep", "--output", "json")
	for tries := 1; p.status(t) != 0 && tries < 5; tries++ { // the store still answers "slow down"
		p = start(t, e.folder, "verify", "--deep", "--output", "json")
	}
	p.succeed(t)
	if !strings.Contains(p.out.String(), `"orphans": []`) {
		t.Errorf("files that nobody reads:\n%s", tail(p.out.Bytes()))
	}
	if !e.onFolder {
		uploads, err := e.server.Uploads()
		if bound := uploadsPerDeath * (e.kills + e.outages); err != nil || uploads > bound {
			t.Errorf("%d uploads in parts are left after %d kills and %d outages, error %v", uploads, e.kills, e.outages, err)
		}
	}
	for folder, bound := range map[string]int{
		filepath.Join(e.folder, "state", "scratch"): e.kills,
		filepath.Join(e.root, ".tmp"):               tempsPerKill * e.kills,
	} {
		if entries, _ := os.ReadDir(folder); len(entries) > bound { // a missing folder counts as empty
			t.Errorf("%d files in progress are left in %s after %d kills", len(entries), filepath.Base(folder), e.kills)
		}
	}
}

// judgeWorker checks the process that survives all rounds. Between rounds it has no work.
func (e *era) judgeWorker(t *testing.T) held {
	t.Helper()
	select {
	case <-e.worker.exited:
		t.Fatalf("the worker ended with status %d:\n%s", e.worker.cmd.ProcessState.ExitCode(), tail(e.worker.out.Bytes()))
	default:
	}
	for _, front := range e.fronts {
		front.CloseClientConnections()
	}
	bound := held{e.before.files + moreFiles, 0, e.before.threads + moreThreads, e.before.memory + moreMemory}
	now := e.worker.holdsAtRest(t, func(h held) bool {
		return h.files <= bound.files && h.deleted == 0 && h.threads <= bound.threads && h.memory <= bound.memory
	})
	return now
}

// held is the system resources that a process holds.
type held struct {
	files   int // open, without deleted ones
	deleted int // open files without a name: scratch files of running work
	threads int
	memory  int // resident bytes
}

func (h held) String() string {
	return fmt.Sprintf("%d files, %d threads, %d MB", h.files+h.deleted, h.threads, h.memory>>20)
}

// holdsAtRest waits until a process holds as little as it should, according to the system. It works only on Linux.
func (p *process) holdsAtRest(t *testing.T, enough func(held) bool) held {
	t.Helper()
	if runtime.GOOS != "linux" {
		return held{}
	}
	deadline := time.Now().Add(2 * time.Minute) // longer than idle connections are kept
	for {
		h, err := p.holds()
		if err != nil {
			t.Fatal(err)
		}
		if enough(h) {
			return h
		}
		if time.Now().After(deadline) {
			t.Errorf("the worker holds %s, %d of the files deleted, long after the round", h, h.deleted)
			return h
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (p *process) holds() (h held, err error) {
	folder := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	open, err := os.ReadDir(filepath.Join(folder, "fd"))
	if err != nil {
		return h, err
	}
	for _, entry := range open {
		if to, err := os.Readlink(filepath.Join(folder, "fd", entry.Name())); err == nil && strings.HasSuffix(to, " (deleted)") {
			h.deleted++
		} else if err == nil {
			h.files++
		}
	}
	status, err := os.ReadFile(filepath.Join(folder, "status"))
	for line := range strings.Lines(string(status)) {
		words := strings.Fields(line)
		switch {
		case len(words) < 2:
		case words[0] == "Threads:":
			h.threads, _ = strconv.Atoi(words[1])
		case words[0] == "VmRSS:":
			h.memory, _ = strconv.Atoi(words[1])
			h.memory <<= 10
		}
	}
	return h, err
}
