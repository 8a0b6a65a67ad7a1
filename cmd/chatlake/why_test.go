package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/schemas"
)

// filled is a shelf with three months: one with a gap behind it, of which one conversation is gone and one dead.
func filled(t *testing.T, config string) *shelf {
	s := shelfAt(t, config)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1", "2"}})
	s.put(schemas.StreamCreated, month(2), content{whole: []string{"3"}, gone: []string{"4"}, dead: []string{"5"}, change: func(r *ledger.Record) { r.TotalAfter = new(int64(3)) }})
	s.put(schemas.StreamCreated, month(4), content{whole: []string{"6"}, change: func(r *ledger.Record) { r.Visibility = "partial" }})
	s.put(schemas.StreamReports, month(4), content{whole: []string{"1"}}) // late rows of a conversation of January
	return s
}

func why(t *testing.T, config string, args ...string) (inspect.Whereabouts, int) {
	t.Helper()
	out, log, status := chatlake(t, append([]string{"why", "--config", config, "--output", "json"}, args...)...)
	var w inspect.Whereabouts
	if err := json.Unmarshal([]byte(out), &w); err != nil {
		t.Fatalf("%v in %s%s", err, out, log)
	}
	return w, status
}

// placed are the rows of a trace by table.
func placed(t inspect.Trace) map[string]int64 {
	rows := map[string]int64{}
	for _, p := range t.Places {
		rows[p.Table] += p.Rows
	}
	return rows
}

func TestWhyAConversationIsThere(t *testing.T) {
	server := s3test.Start(t)
	onS3 := write(t, "http://127.0.0.1:1", "unused", t.TempDir())
	rewriteLake(t, onS3, server)
	for name, config := range map[string]string{"folder": newShelf(t).config, "s3": onS3} {
		t.Run(name, func(t *testing.T) {
			filled(t, config)
			w, status := why(t, config, "1")
			if status != exitComplete || w.State != inspect.StateWhole || len(w.Shards) != 2 {
				t.Fatalf("exit status %d, %+v; want it whole, with rows in two windows", status, w)
			}
			first, late := w.Shards[0], w.Shards[1]
			if diff := cmp.Diff(map[string]int64{"conversations": 1, "messages": 2, "documents": 1, "tombstones": 1}, placed(first)); diff != "" || first.Window != month(1) || first.Generation != 1 {
				t.Errorf("%s generation %d, rows (-want +got):\n%s", first.Shard, first.Generation, diff)
			}
			if diff := cmp.Diff([]inspect.Answer{{Kind: "messages", Status: 200, FetchedAt: fetchedAt}}, first.Documents); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			if late.Stream != schemas.StreamReports || placed(late)["ratings"] != 1 || late.State != "" {
				t.Errorf("late rows %+v, want those of the reports", late)
			}
			out, log, status := chatlake(t, "why", "1", "--config", config, "--to", "2025-02-01")
			expect(t, "why", status, exitComplete, out+log, "Conversation 1 is in the lake, whole.",
				"acme, stream created, window 2025-01-01 to 2025-02-01", "messages 0  200     2026-11-20 08:30:00 UTC", "messages       2     0          data/messages/provider=chatwoot/")
			if strings.Contains(out+log, "secret") || strings.Contains(out, "stream reports") {
				t.Errorf("this should not be told:\n%s", out+log)
			}
		})
	}
}

func TestWhyAConversationIsNotThere(t *testing.T) {
	s := filled(t, newShelf(t).config)
	tests := []struct {
		name, id, created string
		state             string
		say               []string
	}{
		{"gone", "4", "", inspect.StateGone, []string{"as a tombstone only", "tombstone: conversation_not_found", "there is nothing to copy"}},
		{"dead", "5", "", inspect.StateDead, []string{
			"it could not be copied", "dead letter: FetchMessages, Timeout, after 4 attempts", "--from 2025-02-01 --to 2025-03-01 --window month --refresh",
		}},
		{"nowhere", "7", "", inspect.StateAbsent, []string{"covers 2025-03-01 to 2025-04-01", "chatlake export --account acme --from 2025-03-01 --to 2025-04-01", "None of the 4 windows"}},
		{"in a gap", "7", "2025-03-05T10:00:00Z", inspect.StateAbsent, []string{"No committed window of acme covers 2025-03-05T10:00:00Z: chatlake export --account acme --from 2025-03-05 --to 2025-03-06"}},
		{"not listed", "7", "2025-02-05", inspect.StateAbsent, []string{"acme/created/20250201T000000Z~20250301T000000Z was committed", "with 3 conversations", "did not list this one. It counted 3 itself.", "If the platform has it now: chatlake export"}},
		{"not seen", "7", "2025-04-05", inspect.StateAbsent, []string{"does not see the whole account"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"why", tt.id, "--config", s.config}
			if tt.created != "" {
				args = append(args, "--created", tt.created)
			}
			out, log, status := chatlake(t, args...)
			expect(t, tt.name, status, exitGaps, out+log, tt.say...)
			w, _ := why(t, s.config, args[1:]...)
			if w.State != tt.state || len(w.Reasons) == 0 {
				t.Errorf("%+v, want state %s and reasons", w, tt.state)
			}
		})
	}
}

func TestWhyNamesTheVersionThatCounts(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}, version: new(int64(7))})
	s.put("updated", schemas.Window{From: month(1).From, To: month(1).From.AddDate(0, 0, 1)}, content{whole: []string{"1"}, version: new(int64(5))})
	again := content{whole: []string{"1"}, version: new(int64(7)), spec: "other"} // the next generation takes the place of the first
	s.put(schemas.StreamCreated, month(1), again)
	s.put("updated", schemas.Window{From: month(1).To, To: month(1).To.AddDate(0, 0, 1)}, content{dead: []string{"1"}})
	w, status := why(t, s.config, "1")
	var got []string
	for _, tr := range w.Shards {
		got = append(got, fmt.Sprint(tr.Stream, " ", tr.Generation, " ", tr.State))
	}
	if diff := cmp.Diff([]string{"created 2 whole", "updated 1 whole", "updated 1 dead"}, got); diff != "" || status != exitComplete {
		t.Errorf("exit status %d, versions (-want +got):\n%s", status, diff)
	}
}

// TestWhyNamesTheVersionThatWasReadLast: of two windows with the same version the one that was read last counts, although it was
// committed first, as a window is that is remapped.
func TestWhyNamesTheVersionThatWasReadLast(t *testing.T) {
	s := newShelf(t)
	s.put("updated", schemas.Window{From: month(1).From, To: month(1).From.AddDate(0, 0, 1)}, content{whole: []string{"1"}, version: new(int64(7))})
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}, version: new(int64(7)), early: true})
	w, _ := why(t, s.config, "1")
	if len(w.Shards) != 2 || w.Shards[0].Stream != "updated" {
		t.Errorf("%+v", w.Shards)
	}
}

func TestWhyGoesOnPastDamage(t *testing.T) {
	s := newShelf(t)
	january := s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	february := s.put(schemas.StreamCreated, month(2), content{whole: []string{"2"}})
	s.put(schemas.StreamCreated, month(3), content{whole: []string{"3"}})
	s.damage(fileOf(t, january, "conversations").Key, "PAR1")
	s.damage(fileOf(t, january, "messages").Key, "x") // which nobody needs to look into
	s.damage(keyOf(february.Shard, 1), "{")
	w, status := why(t, s.config, "3")
	if status != exitComplete || w.State != inspect.StateWhole || len(w.Damaged) != 2 {
		t.Errorf("exit status %d, %+v; want it found, and two files named", status, w)
	}
	out, log, status := chatlake(t, "why", "2", "--config", s.config)
	expect(t, "why", status, exitGaps, out+log, "2 files could not be read, so it may be there all the same", "Not searched:", "g0001.json: commit record")
}

// TestWhyAsksTemporal: while a worker runs, what waits for a person is told; no server is started to find out.
func TestWhyAsksTemporal(t *testing.T) {
	t.Parallel()
	var refuse atomic.Bool
	refuse.Store(true)
	state := t.TempDir()
	config := write(t, site(t, 20, 0, &refuse), t.TempDir(), state)
	out, log, status := chatlake(t, "export", "--config", config, "--from", "2025-01-01", "--to", "2025-03-01")
	expect(t, "export", status, exitBlocked, out+log)
	ask := []string{"why", "nothing", "--config", config, "--account", "acme", "--created", "2025-01-05"}
	out, log, status = chatlake(t, ask...)
	expect(t, "why without a worker", status, exitGaps, out+log, "No committed window of acme covers 2025-01-05")
	if strings.Contains(out, "person") {
		t.Errorf("a server was started to find out:\n%s", out)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan string, 1)
	go func() {
		out, log, status := chatlakeUntil(ctx, nil, "worker", "--config", config)
		ended <- fmt.Sprintf("exit status %d, %s%s", status, out, log)
	}()
	const want = "acme/created/20250101T000000Z~20250201T000000Z waits for a person: "
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(out, want) && time.Now().Before(deadline) {
		out, log, _ = chatlake(t, ask...)
	}
	stop()
	worker := <-ended
	if !strings.Contains(out, want) || !strings.Contains(out, "status 401") || strings.Contains(out, "20250201T000000Z~") {
		t.Errorf("why does not tell of the window that is blocked, or tells of others:\n%s%s\nthe worker: %s", out, log, worker)
	}
}
