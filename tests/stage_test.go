package tests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// play says how large an export is and how it is divided.
type play struct {
	conversations, shards, chunks, chunk int
}

var (
	short = play{conversations: 60, shards: 2, chunks: 2, chunk: 1}
	// long means enough activities for the shard to continue as new: 800 in one run, and a page of 500 conversations more than
	// were started by then.
	long = play{conversations: 1060, shards: 2, chunks: 4, chunk: 1}
)

// slots is how many fetches are in flight at most. There is one window with conversations, and it gets those of the places that no
// window needs.
func (p play) slots() int64 { return int64(p.shards * p.chunks) }

// january is the only window of the export.
var january = schemas.Window{From: year.From, To: year.From.AddDate(0, 1, 0)}

var exportJanuary = []string{"export", "--account", "acme", "--from", "2025-01-01", "--to", "2025-02-01"}

func (p play) site() *chatwoot.Site {
	return chatwoot.New(simulator.NewCorpus(simulator.CorpusConfig{
		Seed: 5, Conversations: p.conversations, From: january.From, To: january.To,
	}), chatwoot.Options{})
}

// stage is the environment of a cell: a fake site, a lake, processes, and the wire between them.
type stage struct {
	play
	*wire
	site   *chatwoot.Site
	server s3test.Server // zero if the lake is a folder
	folder string        // of the configuration

	t       *testing.T
	mu      sync.Mutex
	victim  *process
	struck  chan struct{} // closed once the death has happened
	pending sync.WaitGroup
}

// newStage sets everything up; address is that of a Temporal server, empty for the embedded one.
func newStage(t *testing.T, p play, onFolder bool, address string) *stage {
	t.Helper()
	s := &stage{play: p, wire: &wire{}, site: p.site(), t: t, struck: make(chan struct{})}
	t.Cleanup(s.pending.Wait)
	lake := "{url: file:lake}"
	if !onFolder {
		s.server = s3test.Start(t)
		front := s.store(t, s.server)
		lake = fmt.Sprintf("{url: s3://%s/chatlake, endpoint: %q, region: %s, path_style: true, access_key: file:access_key, secret_key: file:secret_key}",
			front.Bucket, front.Endpoint, front.Region)
	}
	s.folder = configure(t, s.provider(t, s.site), lake, fmt.Sprintf("{shards: %d, chunks: %d, chunk: %d}", p.shards, p.chunks, p.chunk))
	if onFolder {
		s.wire.folder(t, filepath.Join(s.folder, "lake"))
	}
	for name, content := range map[string]string{"access_key": s.server.AccessKey, "secret_key": s.server.SecretKey} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if address != "" {
		s.configureTemporal(address)
	}
	return s
}

// configureSync adds the section sync to the account. Nothing happens by itself for a day.
func (s *stage) configureSync() {
	name := filepath.Join(s.folder, "chatlake.yaml")
	text := strings.Replace(read(s.t, name), "    rate: {", "    sync: {every: 1d, lag: 1s, settle: [1d, 9000d]}\n    rate: {", 1)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) configureTemporal(address string) {
	file, err := os.OpenFile(filepath.Join(s.folder, "chatlake.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintf(file, "temporal: {address: %q, task_queue: cell}\n", address)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) start(args ...string) *process {
	s.t.Helper()
	return start(s.t, s.folder, args...)
}

// expose starts the process that is going to die.
func (s *stage) expose(args ...string) *process {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.victim = s.start(args...)
	return s.victim
}

// strikes is the action of a trap: it causes the death and announces it.
func (s *stage) strikes(d death) func() {
	return func() {
		close(s.struck) // before the death ends the process
		d.strike(s)
	}
}

// exposed is the process that is going to die, once it exists.
func (s *stage) exposed() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.victim
}

func (s *stage) kill()      { s.exposed().kill() }
func (s *stage) terminate() { s.exposed().terminate() }
func (s *stage) cutSite() {
	s.away(func() { s.cut(true, false) }, func() error { s.cut(false, false); return nil })
}
func (s *stage) cutStore() {
	s.away(func() { s.cut(false, true) }, func() error { s.cut(false, false); return nil })
}
func (s *stage) killStore() {
	s.away(s.server.Kill, func() error { return s.server.Restart(context.Background()) })
}

// away makes something unavailable for the length of an outage.
func (s *stage) away(take func(), bring func() error) {
	take()
	s.pending.Go(func() {
		time.Sleep(outage)
		if err := bring(); err != nil {
			s.t.Errorf("after the outage: %v", err)
		}
	})
}

// comes waits until the death has happened. A process that ends before it has not reached the step.
func (s *stage) comes(p *process) {
	s.t.Helper()
	select {
	case <-s.struck:
	case <-p.exited:
		select {
		case <-s.struck: // it is how the process ended
		default:
			s.t.Fatalf("the step never came; the process ended with status %d:\n%s", p.cmd.ProcessState.ExitCode(), tail(p.out.Bytes()))
		}
	case <-time.After(patience):
		p.kill()
		s.t.Fatalf("the step never came in %s:\n%s", patience, tail(p.out.Bytes()))
	}
}
