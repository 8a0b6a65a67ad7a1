package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/schemas"
)

// No command may take what a list lacks to be absent: over a store that breaks its lists off, each ends with an error, and none
// removes a file.
func TestIncompleteListsEndCommands(t *testing.T) {
	broken := false
	fake := &s3test.Fake{PageKeys: 3, Page: func(p *s3test.ListPage) {
		if broken {
			p.NextContinuationToken = nil
		}
	}}
	config := write(t, "http://127.0.0.1:1", t.TempDir(), t.TempDir())
	rewriteLake(t, config, fake.Start(t))
	s := shelfAt(t, config)
	for i := range 7 {
		s.put(schemas.StreamCreated, month(time.Month(i+1)), content{whole: []string{"1"}})
	}
	before := fake.Keys()
	for _, key := range before {
		fake.SetTime(key, time.Now().AddDate(-1, 0, 0))
	}
	out, _, status := chatlake(t, "verify", "--config", config)
	if status != exitComplete || !strings.Contains(out, "7 windows") {
		t.Fatalf("status %d over a sound store: %s", status, out)
	}
	before = fake.Keys() // with the result of the verify
	broken = true
	for _, command := range [][]string{
		{"verify"}, {"lake", "sweep"}, {"lake", "sweep", "--remove"}, {"lake", "vacuum"}, {"lake", "vacuum", "--dry-run"}, {"lake", "files"}, {"lake", "sql"}, {"lake", "rebuild"},
		{"why", "1", "--account", "acme"},
	} {
		out, errs, status := chatlake(t, append(command, "--config", config)...)
		if status == exitComplete || !strings.Contains(errs, "list is incomplete") {
			t.Errorf("%s: status %d, %q, %q; want an error about the list", strings.Join(command, " "), status, out, errs)
		}
	}
	if after := fake.Keys(); len(after) != len(before) {
		t.Errorf("%d objects, there were %d", len(after), len(before))
	}
	if _, err := os.Stat(config); err != nil {
		t.Error(err)
	}
}

// A record that is gone from the end of the ledger leaves no gap; the manifest of the export knows of it.
func TestVerifyMissesWhatAnExportFound(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	last := s.put(schemas.StreamCreated, month(2), content{whole: []string{"2"}})
	shards := []map[string]any{{"shard": last.Shard.String(), "generation": 1}}
	if _, err := s.lake.PutManifest(t.Context(), "acme", "year", map[string]any{"provider": "chatwoot", "shards": shards}); err != nil {
		t.Fatal(err)
	}
	if out, _, status := chatlake(t, "verify", "--config", s.config); status != exitComplete {
		t.Fatalf("status %d: %s", status, out)
	}
	if err := os.Remove(s.file(keyOf(last.Shard, 1))); err != nil {
		t.Fatal(err)
	}
	out, _, status := chatlake(t, "verify", "--config", s.config)
	if want := "broken: " + last.Shard.String() + ": _exports/acme/year/manifest.json names generation 1 of it, and the ledger has none"; status != exitGaps || !strings.Contains(out, want) {
		t.Errorf("status %d, want %d and %q: %s", status, exitGaps, want, out)
	}
}

// A list may lack a window and not say so; what an export found there is asked for by its key.
func TestWindowsThatAreNotListedEndCommands(t *testing.T) {
	var hidden string
	fake := &s3test.Fake{Unlisted: func(key string) bool {
		return hidden != "" && strings.Contains(key, hidden)
	}}
	config := write(t, "http://127.0.0.1:1", t.TempDir(), t.TempDir())
	rewriteLake(t, config, fake.Start(t))
	s := shelfAt(t, config)
	var shards []map[string]any
	for i := range 3 {
		r := s.put(schemas.StreamCreated, month(time.Month(i+1)), content{whole: []string{"1"}})
		shards = append(shards, map[string]any{"shard": r.Shard.String(), "generation": 1})
	}
	if _, err := s.lake.PutManifest(t.Context(), "acme", "year", map[string]any{"provider": "chatwoot", "shards": shards}); err != nil {
		t.Fatal(err)
	}
	hidden = month(3).String() // the last: there is no gap
	for _, command := range [][]string{{"verify"}, {"lake", "files"}, {"lake", "sql"}, {"lake", "rebuild"}, {"why", "1", "--account", "acme"}} {
		out, errs, status := chatlake(t, append(command, "--config", config)...)
		if status == exitComplete || !strings.Contains(errs, "list is incomplete") {
			t.Errorf("%s: status %d, %q, %q; want an error about the list", strings.Join(command, " "), status, out, errs)
		}
	}
}
