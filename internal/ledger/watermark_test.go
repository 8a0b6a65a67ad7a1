package ledger

import (
	"testing"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// hours is a window of whole hours of one day.
func hours(from, to int) schemas.Window {
	return schemas.Window{From: hour(from), To: hour(to)}
}

func hour(n int) time.Time { return time.Date(2026, 5, 31, n, 0, 0, 0, time.UTC) }

func TestWatermarkIsTheEndOfTheGaplessCover(t *testing.T) {
	for name, test := range map[string]struct {
		windows  []schemas.Window
		accepted []schemas.Window
		from     time.Time
		want     time.Time
	}{
		"nothing":                          {},
		"nothing but a beginning":          {from: hour(3), want: hour(3)},
		"adjacent windows in any order":    {windows: []schemas.Window{hours(2, 3), hours(1, 2), hours(3, 4)}, want: hour(4)},
		"a gap":                            {windows: []schemas.Window{hours(1, 2), hours(3, 4)}, want: hour(2)},
		"an accepted gap":                  {windows: []schemas.Window{hours(1, 2), hours(3, 4)}, accepted: []schemas.Window{hours(2, 3)}, want: hour(4)},
		"a gap that is accepted in part":   {windows: []schemas.Window{hours(1, 2), hours(4, 5)}, accepted: []schemas.Window{hours(2, 3)}, want: hour(3)},
		"a gap before the first window":    {windows: []schemas.Window{hours(4, 5)}, from: hour(3), want: hour(3)},
		"windows before the beginning":     {windows: []schemas.Window{hours(1, 2), hours(2, 5)}, from: hour(3), want: hour(5)},
		"a gap before the beginning":       {windows: []schemas.Window{hours(1, 2), hours(3, 5)}, from: hour(4), want: hour(2)},
		"a short window inside a long one": {windows: []schemas.Window{hours(1, 6), hours(2, 3), hours(6, 7)}, want: hour(7)},
		"overlapping windows":              {windows: []schemas.Window{hours(1, 4), hours(3, 6)}, want: hour(6)},
		"into the next month":              {windows: []schemas.Window{hours(22, 24), hours(24, 30)}, want: hour(30)},
	} {
		var records []Record
		for _, w := range test.windows {
			records = append(records, Record{Shard: Shard{Account: "acme", Stream: schemas.StreamChanges, Window: w}})
		}
		if got := Watermark(records, test.from, test.accepted...); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		// Windows of other streams are no changes.
		for _, stream := range []schemas.Stream{schemas.StreamCreated, schemas.StreamReports, schemas.StreamDirectory} {
			records = append(records, Record{Shard: Shard{Account: "acme", Stream: stream, Window: hours(0, 40)}})
		}
		if got := Watermark(records, test.from, test.accepted...); !got.Equal(test.want) {
			t.Errorf("%s, with windows of other streams: %v, want %v", name, got, test.want)
		}
	}
}

// TestAbsorbedWindowsStillCover: a shard without files says that its window was asked for.
func TestAbsorbedWindowsStillCover(t *testing.T) {
	records := []Record{
		{Shard: Shard{Stream: schemas.StreamChanges, Window: hours(1, 2)}, Generation: 2, AbsorbedBy: "digest"},
		{Shard: Shard{Stream: schemas.StreamChanges, Window: hours(2, 3)}},
	}
	if got := Watermark(records, time.Time{}); !got.Equal(hour(3)) {
		t.Errorf("%v, want %v", got, hour(3))
	}
}

func TestOpenedSince(t *testing.T) {
	opened := func(stream schemas.Stream, at time.Time) Record {
		return Record{Shard: Shard{Stream: stream}, OpenedAt: &at, CommittedAt: hour(20)}
	}
	if got := OpenedSince([]Record{opened(schemas.StreamChanges, hour(1))}); !got.IsZero() {
		t.Errorf("without a window of creation: %v", got)
	}
	records := []Record{opened(schemas.StreamCreated, hour(5)), opened(schemas.StreamCreated, hour(3)), opened(schemas.StreamReports, hour(1))}
	if got := OpenedSince(records); !got.Equal(hour(3)) {
		t.Errorf("%v, want %v", got, hour(3))
	}
	// A record that does not say when it was opened may have been open for long.
	records = append(records, Record{Shard: Shard{Stream: schemas.StreamCreated}, CommittedAt: hour(20)})
	if got := OpenedSince(records); !got.Equal(hour(20).AddDate(0, 0, -7)) {
		t.Errorf("%v, want a week before %v", got, hour(20))
	}
}
