//go:build unix

package lake

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/schemas"
)

var ledgerRecords = flag.Int("ledger-records", 600, "records of the ledger in TestCostsOfALongLedger; a sync every 15 minutes leaves 70,000 a year")

var ledgerStore = flag.String("ledger-store", "", "folder or server: where TestCostsOfALongLedger measures; empty means both")

// requests counts the requests to a store that is not asked over HTTP.
type requests struct {
	ledger.Store
	n *atomic.Int64
}

func (s requests) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	s.n.Add(1)
	return s.Store.Get(ctx, key, offset, length)
}

func (s requests) List(ctx context.Context, prefix string) iter.Seq2[ledger.Object, error] {
	s.n.Add(1)
	return s.Store.List(ctx, prefix)
}

// TestCostsOfALongLedger measures what a look at all current records and the plan of a sync ask of the store, in a folder and on a server,
// without checkpoints and with them. docs/sync.md has the figures.
func TestCostsOfALongLedger(t *testing.T) {
	server := s3test.Start(t)
	var n atomic.Int64
	front := s3test.Proxy(t, server, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		n.Add(1)
		next.ServeHTTP(w, r)
	})
	folder := t.TempDir()
	opened := map[string]func(fewest int) *ledger.Ledger{
		"folder": func(fewest int) *ledger.Ledger {
			l, err := ledger.Open(t.Context(), ledger.Config{URL: "file:" + folder})
			if err != nil {
				t.Fatal(err)
			}
			return ledger.New(requests{l.Store(), &n}, "lake", nil).CheckpointFrom(fewest)
		},
		"server": func(fewest int) *ledger.Ledger {
			l, err := ledger.Open(t.Context(), on(front))
			if err != nil {
				t.Fatal(err)
			}
			return l.CheckpointFrom(fewest)
		},
	}
	const never, usual = 1 << 30, 100
	for where, root := range map[string]string{"folder": folder, "server": server.Dir} {
		if *ledgerStore != "" && where != *ledgerStore {
			continue
		}
		open := opened[where]
		writeYear(t, root, *ledgerRecords)
		measure := func(what string, do func() error) int64 {
			t.Helper()
			n.Store(0)
			began, cpu := time.Now(), cpuTime(t)
			if err := do(); err != nil {
				t.Fatalf("%s, %s: %v", where, what, err)
			}
			t.Logf("%s, %d records, %s: %d requests, %.1f s, %.1f s of processor time", where, *ledgerRecords, what, n.Load(), time.Since(began).Seconds(), (cpuTime(t) - cpu).Seconds())
			return n.Load()
		}
		look := func(l *ledger.Ledger) func() error {
			return func() error { _, err := l.Current(t.Context(), ledger.Filter{Account: "acme"}); return err }
		}
		sync := func(l *Lake) func() error {
			return func() error {
				if _, err := l.Newest(t.Context(), ledger.Filter{Provider: "chatwoot", Account: "acme"}); err != nil {
					return err
				}
				l.indexes.asked = map[ledger.Generation]time.Time{} // as a minute later
				_, err := l.Known(t.Context(), may("acme"), 1)
				return err
			}
		}
		measure("current records without checkpoints", look(open(never)))
		measure("first sync of a process without checkpoints", sync(New(open(never), Config{Scratch: t.TempDir()})))
		measure("writing checkpoints", func() error {
			l := open(usual)
			newest, err := l.Newest(t.Context(), ledger.Filter{Account: "acme"})
			if err == nil {
				_, err = l.Checkpoint(t.Context(), ledger.Filter{Account: "acme"}, newest)
			}
			return err
		})
		lists, months := int64(*ledgerRecords/1000+3), int64(12)
		if got, most := measure("current records", look(open(usual))), lists+months+1+2*openWindows; got > most {
			t.Errorf("%s: %d requests for the current records, want at most %d", where, got, most)
		}
		l := New(open(usual), Config{Scratch: t.TempDir()})
		if got, most := measure("first sync of a process", sync(l)), 2*lists+2*3+months+openWindows; got > most {
			t.Errorf("%s: %d requests for the first sync, want at most %d", where, got, most)
		}
		if got, most := measure("next sync", sync(l)), 2*lists+3; got > most {
			t.Errorf("%s: %d requests for the next sync, want at most %d", where, got, most)
		}
	}
}

// openWindows is how many windows are not absorbed, and about how many in each month are too few for a checkpoint of their own.
const openWindows = 96 + 12

// writeYear writes records of windows of a quarter of an hour as the files that a store has: a first generation with a file, and one that was
// absorbed, except for the last day.
func writeYear(t *testing.T, root string, records int) {
	t.Helper()
	opened := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	windows := records / 2
	for i := range windows {
		from := opened.Add(time.Duration(i) * 15 * time.Minute)
		shard := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamChanges, Window: schemas.Window{From: from, To: from.Add(15 * time.Minute)}}
		first := ledger.Record{
			FormatVersion: 1, Shard: shard, Generation: 1, SpecDigest: digits(i, 1), Digest: digits(i, 2), OpenedAt: &from, CommittedAt: from, RunID: digits(i, 3)[:36],
			WorkflowID: "shard/" + shard.String(), Counts: ledger.Counts{Listed: 2, Conversations: 2}, Writer: "test", SchemaVersion: 2,
			Files: []ledger.File{{Table: "conversations", Key: "data/" + digits(i, 4), Bytes: 1, SHA256: digits(i, 5), Rows: 2}},
		}
		writeRecord(t, root, first)
		if i >= windows-96 {
			continue
		}
		second := first
		second.Generation, second.Digest, second.Rewrites, second.AbsorbedBy, second.Files = 2, digits(i, 6), first.Digest, digits(i/3000, 7), []ledger.File{}
		writeRecord(t, root, second)
	}
}

// cpuTime is the processor time of this process.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func digits(i, kind int) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprint(i, "/", kind))))
}

func writeRecord(t *testing.T, root string, r ledger.Record) {
	t.Helper()
	key := fmt.Sprintf("_ledger/v1/provider=%s/account=%s/stream=%s/%s/g%04d.json", r.Shard.Provider, r.Shard.Account, r.Shard.Stream, r.Shard.Window, r.Generation)
	name := filepath.Join(root, filepath.FromSlash(key))
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(name), 0o700)
	}
	if err == nil {
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
