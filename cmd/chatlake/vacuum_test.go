package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// TestVacuumCommand replaces a window, removes the files of the generation before, and finds the lake whole.
func TestVacuumCommand(t *testing.T) {
	s := newShelf(t)
	first := s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1", "2"}, change: func(r *ledger.Record) { r.SpecDigest = "another" }})
	long := time.Now().AddDate(0, 0, -3)
	err := filepath.WalkDir(s.lake.Location("data"), func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			err = os.Chtimes(path, long, long)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		out, said, status := chatlake(t, append([]string{"lake", "vacuum", "--config", s.config}, args...)...)
		if status != exitComplete {
			t.Fatalf("%v: status %d: %s", args, status, said)
		}
		return out
	}
	if out := run(); !strings.Contains(out, "There is nothing to remove.\nKept, because they were replaced within 7d or written in the last two days: ") {
		t.Errorf("within the grace period: %s", out)
	}
	if out := run("--grace", "0s", "--dry-run"); !strings.Contains(out, "Would remove ") || !strings.Contains(out, "Nothing was removed.") {
		t.Errorf("dry run: %s", out)
	}
	var got inspect.Vacuumed
	if err := json.Unmarshal([]byte(run("--grace", "0s", "--output", "json")), &got); err != nil || !got.Removed || got.Files != len(first.Files) {
		t.Errorf("%+v, %v; want the %d files of the first generation removed", got, err, len(first.Files))
	}
	if diff := cmp.Diff("There is nothing to remove.\n", run("--grace", "0s")); diff != "" {
		t.Errorf("again (-want +got):\n%s", diff)
	}
	if out, said, status := chatlake(t, "verify", "--deep", "--config", s.config); status != exitComplete {
		t.Errorf("verify after a vacuum: status %d\n%s%s", status, out, said)
	}
	if _, said, status := chatlake(t, "lake", "vacuum", "--config", s.config, "--grace", "soon"); status != exitUsage || !strings.Contains(said, "--grace") {
		t.Errorf("a wrong grace period: status %d: %s", status, said)
	}
}
