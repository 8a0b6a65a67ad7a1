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
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// lastVerify is what the lake of a shelf says of the last verify of acme.
func lastVerify(t *testing.T, s *shelf) *inspect.LastVerify {
	t.Helper()
	c, err := worker.Load(s.config)
	if err != nil {
		t.Fatal(err)
	}
	all, err := inspect.FreshnessOf(t.Context(), c, []string{"acme"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return all[0].Verified
}

func TestVerifyKeepsItsResult(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1", "2"}})
	verify(t, s.config, "--from", "2025-01-01", "--to", "2025-02-01")
	if got := lastVerify(t, s); got != nil {
		t.Errorf("a verify of a range is kept: %+v", got)
	}
	began := time.Now().Truncate(time.Millisecond)
	verify(t, s.config, "--deep")
	got := lastVerify(t, s)
	if got == nil || !got.Whole || !got.Deep || got.Totals || got.Accounts != "all" || got.Windows != 1 || got.At.Before(began) {
		t.Fatalf("after a verify of a whole lake: %+v", got)
	}
	s.put(schemas.StreamCreated, month(3), content{whole: []string{"3"}}) // leaves a gap
	if _, status := verify(t, s.config, "--account", "acme"); status != exitGaps {
		t.Fatalf("exit status %d", status)
	}
	if got := lastVerify(t, s); got == nil || got.Whole || got.Problems != 1 || got.Accounts != "acme" || got.Deep {
		t.Errorf("after a verify with a gap: %+v", got)
	}
}

// TestVerifyWithoutPermissionToWrite has something in the way of the result.
func TestVerifyWithoutPermissionToWrite(t *testing.T) {
	s := newShelf(t)
	s.put(schemas.StreamCreated, month(1), content{whole: []string{"1"}})
	c, err := worker.Load(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(strings.TrimPrefix(c.Lake.URL, "file:"), "_verified"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, log, status := chatlake(t, "verify", "--config", s.config, "--output", "json")
	var v inspect.Verified
	if err := json.Unmarshal([]byte(out), &v); err != nil || status != exitComplete || v.Windows != 1 {
		t.Errorf("exit status %d, %v, %s", status, err, out)
	}
	if !strings.Contains(log, "not kept in the lake") {
		t.Errorf("nobody is told that the result is not kept: %s", log)
	}
}

func TestVerifiedTexts(t *testing.T) {
	v := inspect.LastVerify{At: *at(20, 12, 0), Accounts: "acme", Whole: true}
	var got []string
	for _, change := range []func(){
		func() {}, func() { v.Deep = true }, func() { v.Totals = true }, func() { v.Deep, v.Whole, v.Problems = false, false, 2 },
		func() { v.Accounts = "all" }, func() { v.Problems = 0 },
	} {
		change()
		got = append(got, verified(v))
	}
	want := []string{
		"2026-05-20 12:00:00 UTC: whole",
		"2026-05-20 12:00:00 UTC, deep: whole",
		"2026-05-20 12:00:00 UTC, deep and with the platform's counts: whole",
		"2026-05-20 12:00:00 UTC, with the platform's counts: 2 problems; `chatlake verify` lists them",
		"2026-05-20 12:00:00 UTC, with the platform's counts: 2 problems in the whole lake; `chatlake verify` lists them",
		"2026-05-20 12:00:00 UTC, with the platform's counts: not everything could be checked; `chatlake verify` says why",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
