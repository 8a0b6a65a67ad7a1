package inspect

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// TestSkippedWindowsStayGaps: also at the end of a stream, where no other window shows that something is missing, and until a later run has
// copied them. The watermark does not pass them, unless the gap is accepted.
func TestSkippedWindowsStayGaps(t *testing.T) {
	at := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	record := func(stream schemas.Stream, from, to int, committed time.Time) ledger.Record {
		opened := inMay(1, 2).From
		return ledger.Record{Shard: ledger.Shard{Account: "acme", Stream: stream, Window: inMay(from, to)}, CommittedAt: committed, OpenedAt: &opened}
	}
	skip := func(stream schemas.Stream, from, to int, hours int) ledger.Skip {
		return ledger.Skip{Account: "acme", Stream: stream, Window: inMay(from, to), Kind: "Denied", Reason: "r", SkippedAt: at.Add(time.Duration(hours) * time.Hour)}
	}
	before := at.Add(-time.Hour)
	records := []ledger.Record{
		record(schemas.StreamChanges, 1, 10, before), record(schemas.StreamCreated, 1, 10, before), record(schemas.StreamDirectory, 9, 10, before),
	}
	skips := []ledger.Skip{
		skip(schemas.StreamChanges, 10, 11, 0), skip(schemas.StreamChanges, 10, 11, 1), // twice
		skip(schemas.StreamCreated, 1, 10, 0), skip(schemas.StreamCreated, 12, 13, 0), skip(schemas.StreamDirectory, 10, 11, 0),
	}
	gap := func(stream schemas.Stream, from, to int) Gap { return Gap{"acme", stream, inMay(from, to)} }
	of := func(g Gap, hours int, older bool) SkippedWindow {
		return SkippedWindow{Gap: g, Kind: "Denied", Reason: "r", At: at.Add(time.Duration(hours) * time.Hour), Older: older}
	}
	f := freshnessOf("acme", records, nil, skips, time.Time{}, at)
	wantGaps := []Gap{gap(schemas.StreamChanges, 10, 11), gap(schemas.StreamCreated, 12, 13)}
	wantSkipped := []SkippedWindow{
		of(gap(schemas.StreamChanges, 10, 11), 1, false), of(gap(schemas.StreamCreated, 1, 10), 0, true),
		of(gap(schemas.StreamCreated, 12, 13), 0, false), of(gap(schemas.StreamDirectory, 10, 11), 0, false),
	}
	if diff := cmp.Diff(wantGaps, f.Gaps); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantSkipped, f.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if !f.Watermark.Equal(inMay(10, 11).From) {
		t.Errorf("the watermark is %s, want it before the skipped window", f.Watermark)
	}
	if v := (Verified{Skipped: f.Skipped[1:2]}); v.Whole() {
		t.Error("a lake with a skipped window is whole")
	}
	commands := map[schemas.Stream]string{
		schemas.StreamChanges: "chatlake schedule trigger sync/acme", schemas.StreamDirectory: "chatlake schedule trigger sync/acme",
	}
	for _, s := range f.Skipped {
		if want := commands[s.Stream]; want != "" && s.Command() != want {
			t.Errorf("%s: %s", s.Stream, s.Command())
		}
	}
	if got := f.Skipped[1].Command(); got != "chatlake export --account acme --from 2026-05-01 --to 2026-05-10 --window month --refresh" {
		t.Errorf("for an older copy: %s", got)
	}

	// An accepted gap is neither a gap nor skipped, and the watermark passes it.
	accepted := []ledger.Acceptance{{Account: "acme", Stream: schemas.StreamChanges, Window: inMay(10, 11), Reason: "lost", AcceptedAt: at}}
	f = freshnessOf("acme", records, accepted, skips[:2], time.Time{}, at)
	if len(f.Gaps)+len(f.Skipped) != 0 || len(f.Accepted) != 1 || !f.Watermark.Equal(inMay(11, 12).From) {
		t.Errorf("accepted: %+v", f)
	}

	// A later run makes up for all of it.
	after := at.Add(2 * time.Hour)
	later := append(records, record(schemas.StreamChanges, 10, 14, after), record(schemas.StreamCreated, 1, 14, after), record(schemas.StreamDirectory, 13, 14, after))
	f = freshnessOf("acme", later, nil, skips, time.Time{}, at)
	if len(f.Gaps)+len(f.Skipped) != 0 || !f.Watermark.Equal(inMay(14, 15).From) {
		t.Errorf("made up for: %+v", f)
	}

	// Outside of the range asked for, nothing is said.
	found := absencesOf(records, ledger.Filter{Window: inMay(1, 11)}, nil, skips[:4])
	if len(found.skipped) != 2 {
		t.Errorf("in a range: %+v", found.skipped)
	}
}
