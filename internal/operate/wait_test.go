package operate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

func TestWaitsNameTheParty(t *testing.T) {
	until := noon.Add(time.Minute)
	for party, want := range map[string]string{
		workflows.ForPlatform:    "the platform",
		workflows.ForSchedule:    "the account's schedule",
		workflows.ForLake:        "the lake",
		workflows.ForStateFolder: "the state folder",
		workflows.ForTemporal:    "Temporal",
		workflows.ForWorker:      "a worker",
		workflows.ForBudget:      "a share of the account's budget",
		workflows.ForExport:      "another export",
		"something later":        "something later",
	} {
		w := Wait{workflows.Waiting{For: party, Why: "status 507", Since: noon, Until: &until}, 1}
		if got := w.String(); got != "1 window waiting for "+want+" until 12:01:00 UTC, since 2026-01-01 12:00:00 UTC: status 507" {
			t.Errorf("%s: %s", party, got)
		}
	}
}

// TestSilenceIsShown: an export that gives no answer for some seconds says whether Temporal is gone or no worker answers.
func TestSilenceIsShown(t *testing.T) {
	well := func() error { return nil }
	gone := func() error { return errors.New("connection refused") }
	refused := errors.New("connection refused")
	late := fmt.Errorf("ask export/acme/x for its progress: %w", context.DeadlineExceeded)
	for _, test := range []struct {
		name    string
		err     error
		healthy func() error
		party   string
	}{
		{"Temporal is gone", refused, gone, workflows.ForTemporal},
		{"Temporal is gone, and the question took too long", late, gone, workflows.ForTemporal},
		{"no worker", late, well, workflows.ForWorker},
		{"Temporal cannot answer", errors.New("database or disk is full"), well, workflows.ForTemporal},
	} {
		var h hush
		if w := h.heard(test.err, noon, test.healthy); w != nil {
			t.Errorf("%s: after no time: %+v", test.name, w)
		}
		w := h.heard(test.err, noon.Add(6*time.Second), test.healthy)
		if w == nil || w.For != test.party || !w.Since.Equal(noon) || w.Why == "" {
			t.Errorf("%s: %+v, want a wait for %s since noon", test.name, w, test.party)
		}
		if w := h.heard(nil, noon.Add(7*time.Second), test.healthy); w != nil || !h.since.IsZero() {
			t.Errorf("%s: after an answer: %+v", test.name, w)
		}
	}
}

// TestFullStateFolderIsShown: the embedded server goes on answering while it can write nothing.
func TestFullStateFolderIsShown(t *testing.T) {
	full := errors.New("no space left on device")
	f := &roomWatch{folder: "state", try: func(string) error { return full }}
	w := f.look(noon)
	if w == nil || w.For != workflows.ForStateFolder || !strings.Contains(w.Why, "state cannot be written: no space left on device") {
		t.Fatalf("%+v, want a wait for room", w)
	}
	if w := f.look(noon.Add(time.Minute)); w == nil || !w.Since.Equal(noon) {
		t.Errorf("%+v, want one since noon", w)
	}
	full = nil
	if w := f.look(noon.Add(time.Minute + time.Second)); w == nil {
		t.Error("it looked again at once")
	}
	if w := f.look(noon.Add(2 * time.Minute)); w != nil {
		t.Errorf("%+v, and there is room", w)
	}
	dir := t.TempDir()
	if err := tryRoom(dir); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("it left %v: %v", left, err)
	}
	if tryRoom(filepath.Join(dir, "missing")) == nil {
		t.Error("a folder that is not there has room")
	}
	if w := newRoomWatch(worker.Config{StateDir: filepath.Join(dir, "missing"), Temporal: &worker.TemporalConfig{}}).look(noon); w != nil {
		t.Errorf("%+v, and the server is elsewhere", w)
	}
}
