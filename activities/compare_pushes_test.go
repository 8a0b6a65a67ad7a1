package activities

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func minute(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }

// syncOf is a sync of a window that was opened two minutes after its end, and found conversations that changed at some minutes.
func syncOf(from, to int, found map[string]int) ledger.Record {
	r := ledger.Record{
		Shard: ledger.Shard{Stream: schemas.StreamChanges, Window: schemas.Window{From: minute(from), To: minute(to)}},
		Cause: ledger.CauseSync, OpenedAt: new(minute(to + 2)), Push: &ledger.Push{Since: minute(-1000)},
	}
	for id, at := range found {
		r.Found = append(r.Found, ledger.Found{ID: id, At: minute(at)})
	}
	return r
}

// pushOf is a push that began at a minute.
func pushOf(at int, conversations int64, named ...string) ledger.Record {
	return ledger.Record{
		Shard: ledger.Shard{Stream: schemas.StreamPushed, Window: schemas.Window{From: minute(at - 1), To: minute(at)}},
		Cause: ledger.CausePush, Named: named, Counts: ledger.Counts{Conversations: conversations}, CommittedAt: minute(at).Add(20 * time.Second),
	}
}

func TestComparePushes(t *testing.T) {
	const patience = 5 * time.Minute
	may := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		syncs, pushes []ledger.Record
		want          []ledger.PushDay
	}{
		"nothing happens": {syncs: []ledger.Record{syncOf(0, 15, nil)}},
		"nobody announces": {
			syncs: []ledger.Record{syncOf(0, 15, map[string]int{"a": 3, "b": 4})},
			want:  []ledger.PushDay{{Day: may, Missed: 2}},
		},
		"a push of another conversation": {
			syncs: []ledger.Record{syncOf(0, 15, map[string]int{"a": 3})}, pushes: []ledger.Record{pushOf(4, 1, "b")},
			want: []ledger.PushDay{{Day: may, Pushed: 1, Missed: 1}},
		},
		"a push before the change": {
			syncs: []ledger.Record{syncOf(0, 15, map[string]int{"a": 9})}, pushes: []ledger.Record{pushOf(8, 1, "a")},
			want: []ledger.PushDay{{Day: may, Pushed: 1, Missed: 1}},
		},
		"a push that waited while the sync ran": {
			syncs: []ledger.Record{syncOf(0, 15, map[string]int{"a": 9})}, pushes: []ledger.Record{pushOf(20, 0, "a")},
			want: []ledger.PushDay{{Day: may, Late: 1}},
		},
		"a sync that reads again what was pushed": {
			syncs: []ledger.Record{syncOf(0, 15, map[string]int{"a": 9})}, pushes: []ledger.Record{pushOf(10, 1, "a"), pushOf(18, 0, "a")},
			want: []ledger.PushDay{{Day: may, Pushed: 1}},
		},
		"a push long after the sync": {
			syncs: []ledger.Record{syncOf(0, 15, map[string]int{"a": 9})}, pushes: []ledger.Record{pushOf(23, 1, "a")},
			want: []ledger.PushDay{{Day: may, Missed: 1}},
		},
		"an end at midnight": {
			syncs:  []ledger.Record{syncOf(710, 725, map[string]int{"a": 719, "b": 720})},
			pushes: []ledger.Record{pushOf(720, 2), pushOf(721, 3)},
			want:   []ledger.PushDay{{Day: may, Pushed: 2, Missed: 1}, {Day: may.AddDate(0, 0, 1), Pushed: 3, Missed: 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := tt.syncs[0].Shard.Window
			if diff := cmp.Diff(tt.want, comparePushes(tt.syncs, tt.pushes, w, patience)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRipe(t *testing.T) {
	without := syncOf(15, 30, nil)
	without.Push = nil
	merged := syncOf(0, 30, nil)
	merged.Cause = ledger.CauseMerge
	for name, tt := range map[string]struct {
		records []ledger.Record
		now     int
		want    int
	}{
		"all":                     {records: []ledger.Record{syncOf(0, 15, nil), syncOf(15, 30, nil)}, now: 60, want: 2},
		"one that is too new":     {records: []ledger.Record{syncOf(0, 15, nil), syncOf(15, 30, nil)}, now: 41, want: 1},
		"behind a gap":            {records: []ledger.Record{syncOf(0, 15, nil), syncOf(20, 30, nil)}, now: 60, want: 1},
		"behind an old gap":       {records: []ledger.Record{syncOf(0, 15, nil), syncOf(20, 30, nil)}, now: 24*60 + 15, want: 2},
		"without announcements":   {records: []ledger.Record{syncOf(0, 15, nil), without, syncOf(30, 45, nil)}, now: 60, want: 2},
		"with a merged window":    {records: []ledger.Record{syncOf(0, 15, nil), syncOf(15, 30, nil), merged}, now: 60, want: 2},
		"one that is not due yet": {records: []ledger.Record{syncOf(0, 15, nil)}, now: 26, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ripe(tt.records, minute(0), minute(tt.now), 10*time.Minute); len(got) != tt.want {
				t.Errorf("%d are compared, want %d", len(got), tt.want)
			}
		})
	}
}
