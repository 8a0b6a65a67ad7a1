package operate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/workflows"
)

func TestAlarms(t *testing.T) {
	now := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	s := newSnapshot(now, workflows.ExportProgress{
		Deadlines: []time.Time{now.Add(-day), now.Add(day), now.Add(7 * day), now.Add(8 * day)},
		Yields:    &workflows.Waiting{For: workflows.ForSync, Why: "it goes first", Since: now},
	}, nil)
	want := []string{
		"too late: 1 window not committed yet, which the platform has begun to delete since the export began",
		"soon lost: 2 windows not committed yet, which the platform deletes within a week, from 2026-05-21T12:00:00Z on",
		"yields to a sync of the account, since 2026-05-20 12:00:00 UTC: it goes first",
	}
	if diff := cmp.Diff(want, s.Alarms()); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	if s.Stands || s.Waiting != nil {
		t.Errorf("an export that yields goes on: %+v", s)
	}
	if s := newSnapshot(now, workflows.ExportProgress{}, nil); len(s.Alarms()) > 0 {
		t.Errorf("nothing is the matter: %v", s.Alarms())
	}
}
