package inspect

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// inMay is a window of days of May 2026.
func inMay(from, to int) schemas.Window {
	return schemas.Window{From: time.Date(2026, 5, from, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 5, to, 0, 0, 0, 0, time.UTC)}
}

func TestFreshness(t *testing.T) {
	now := inMay(20, 21).From.Add(time.Hour)
	record := func(stream schemas.Stream, w schemas.Window) ledger.Record {
		opened := inMay(18, 19).From
		return ledger.Record{Shard: ledger.Shard{Account: "acme", Stream: stream, Window: w}, OpenedAt: &opened, CommittedAt: opened.Add(time.Minute)}
	}
	records := []ledger.Record{
		record(schemas.StreamCreated, inMay(5, 8)), record(schemas.StreamCreated, inMay(9, 12)), record(schemas.StreamCreated, inMay(13, 15)),
		record(schemas.StreamChanges, inMay(18, 19)), record(schemas.StreamChanges, inMay(19, 20)),
		record(schemas.StreamDirectory, inMay(18, 19)),
	}
	reason := ledger.Acceptance{Account: "acme", Stream: schemas.StreamCreated, Window: inMay(8, 9), Reason: "outage", AcceptedAt: now}
	f := freshnessOf("acme", records, []ledger.Acceptance{reason}, nil, inMay(1, 2).From, now)
	watermark, lag, directory := inMay(20, 21).From, 3600.0, inMay(18, 19).From.Add(time.Minute)
	want := Freshness{
		Account: "acme", At: now, Watermark: &watermark, LagSeconds: &lag, Directory: &directory,
		Copied: &schemas.Window{From: inMay(5, 6).From, To: inMay(15, 16).From}, ToGo: &schemas.Window{From: inMay(1, 2).From, To: inMay(5, 6).From},
		Gaps:     []Gap{{"acme", schemas.StreamCreated, inMay(12, 13)}},
		Accepted: []AcceptedGap{{Gap: Gap{"acme", schemas.StreamCreated, inMay(8, 9)}, Reason: "outage", At: now}},
		Skipped:  []SkippedWindow{},
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("freshness (-want +got):\n%s", diff)
	}
	if d, ok := f.Lag(); !ok || d != time.Hour {
		t.Errorf("lag %s, %v", d, ok)
	}

	// A gap in the changes holds the watermark, until it is accepted.
	records[3] = record(schemas.StreamChanges, inMay(17, 18))
	records[4] = record(schemas.StreamChanges, inMay(19, 20))
	if f = freshnessOf("acme", records, nil, nil, time.Time{}, now); !f.Watermark.Equal(inMay(18, 19).From) || f.ToGo != nil || len(f.Gaps) != 3 {
		t.Errorf("with a gap: %+v", f)
	}
	reason.Stream, reason.Window = schemas.StreamChanges, inMay(18, 19)
	if f = freshnessOf("acme", records, []ledger.Acceptance{reason}, nil, time.Time{}, now); !f.Watermark.Equal(inMay(20, 21).From) {
		t.Errorf("with an accepted gap: %+v", f)
	}
	// An export alone gives no watermark.
	if f = freshnessOf("acme", records[:3], nil, nil, time.Time{}, now); f.Watermark != nil || f.LagSeconds != nil {
		t.Errorf("without a sync: %+v", f)
	}
	if f = freshnessOf("acme", nil, nil, nil, inMay(1, 2).From, now); f.Copied != nil || f.ToGo == nil || !f.ToGo.To.Equal(now) || len(f.Gaps) != 0 {
		t.Errorf("an empty lake: %+v", f)
	}
}

func TestAcceptedPartsOfGaps(t *testing.T) {
	gaps := []Gap{{"acme", schemas.StreamCreated, inMay(1, 10)}, {"beta", schemas.StreamCreated, inMay(1, 10)}, {"acme", schemas.StreamChanges, inMay(1, 10)}}
	open, ok := accepted(gaps, []ledger.Acceptance{
		{Account: "acme", Stream: schemas.StreamCreated, Window: inMay(3, 5), Reason: "a"},
		{Account: "acme", Stream: schemas.StreamCreated, Window: inMay(8, 20), Reason: "b"},
		{Account: "acme", Stream: schemas.StreamChanges, Window: inMay(1, 10), Reason: "c"},
	})
	wantOpen := []Gap{
		{"acme", schemas.StreamCreated, inMay(1, 3)}, {"acme", schemas.StreamCreated, inMay(5, 8)}, {"beta", schemas.StreamCreated, inMay(1, 10)},
	}
	wantOK := []AcceptedGap{
		{Gap: Gap{"acme", schemas.StreamCreated, inMay(3, 5)}, Reason: "a"}, {Gap: Gap{"acme", schemas.StreamCreated, inMay(8, 10)}, Reason: "b"},
		{Gap: Gap{"acme", schemas.StreamChanges, inMay(1, 10)}, Reason: "c"},
	}
	if diff := cmp.Diff(wantOpen, open); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantOK, ok); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
}

func TestAnnounced(t *testing.T) {
	first, second := inMay(19, 20).From, inMay(20, 21).From
	sync := func(w schemas.Window, push *ledger.Push) ledger.Record {
		return ledger.Record{Shard: ledger.Shard{Account: "acme", Stream: schemas.StreamChanges, Window: w}, Push: push}
	}
	if a := AnnouncedOf([]ledger.Record{sync(inMay(18, 19), nil)}); a != nil {
		t.Errorf("without announcements: %+v", a)
	}
	absorbed := sync(inMay(19, 20), &ledger.Push{Since: first, Until: second, Days: []ledger.PushDay{{Day: first, Pushed: 5, Missed: 2}}})
	absorbed.AbsorbedBy = "another"
	got := AnnouncedOf([]ledger.Record{
		sync(inMay(18, 19), &ledger.Push{Since: first, Until: first, Days: []ledger.PushDay{{Day: first.AddDate(0, 0, -40), Missed: 7}}}),
		absorbed,
		sync(inMay(19, 21), nil), // merged
		sync(inMay(20, 21), &ledger.Push{Since: first, Until: second.Add(time.Hour), Days: []ledger.PushDay{{Day: first, Late: 1}, {Day: second, Pushed: 3}}}),
	})
	want := &Announced{
		Since: first, Until: second.Add(time.Hour), Pushed: 8, Late: 1, Missed: 9,
		Days: []AnnouncedDay{{Day: first, Pushed: 5, Late: 1, Missed: 2}, {Day: second, Pushed: 3}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
}
