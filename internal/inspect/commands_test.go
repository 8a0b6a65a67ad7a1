package inspect

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// TestAgain is what to do about a window of each stream. Exports make no windows of changes and no snapshots, so an export of such a window
// would copy something else.
func TestAgain(t *testing.T) {
	want := map[schemas.Stream]string{
		schemas.StreamCreated:   "chatlake export --account acme --from 2025-02-01 --to 2025-03-01 --window month --refresh",
		schemas.StreamReports:   "chatlake export --account acme --from 2025-02-01 --to 2025-03-01 --window month --refresh",
		schemas.StreamChanges:   "chatlake schedule trigger settle/acme",
		schemas.StreamPushed:    "chatlake schedule trigger settle/acme",
		schemas.StreamDirectory: "chatlake schedule trigger sync/acme",
	}
	at := func(m time.Month) *time.Time {
		at := time.Date(2024, m, 17, 1, 2, 3, 0, time.UTC)
		return &at
	}
	for _, stream := range schemas.Streams() {
		r := ledger.Record{Shard: ledger.Shard{Account: "acme", Stream: stream, Window: month(2)}}
		if got := again(r.Shard); got != want[stream] {
			t.Errorf("%s: %q, want %q", stream, got, want[stream])
		}
		if got := againOf(r); got != want[stream] {
			t.Errorf("%s, with its record: %q, want %q", stream, got, want[stream])
		}
		r.Files = []ledger.File{{MinCreatedAt: at(11), MaxCreatedAt: at(12)}, {}, {MinCreatedAt: at(9), MaxCreatedAt: at(10)}}
		wide := want[stream]
		if stream.IsByChange() {
			wide = "chatlake export --account acme --from 2024-09-01 --to 2025-01-01 --window month --refresh"
		}
		if got := againOf(r); got != wide {
			t.Errorf("%s, with files: %q, want %q", stream, got, wide)
		}
	}
	dead := Trace{Account: "acme", Stream: schemas.StreamChanges, Window: month(2)}
	if got := deadAgain(dead, *at(5)); got != "chatlake export --account acme --from 2024-05-17 --to 2024-05-18 --window month --refresh" {
		t.Errorf("a dead conversation of a known age: %q", got)
	}
}

// TestSurveyOfSyncs: windows of changes are not left over, gaps between them are for a sync, and accepted gaps are none.
func TestSurveyOfSyncs(t *testing.T) {
	record := func(stream schemas.Stream, m time.Month) ledger.Record {
		return ledger.Record{Shard: ledger.Shard{Account: "acme", Stream: stream, Window: month(m)}}
	}
	read := reading{
		current: []ledger.Record{
			record(schemas.StreamCreated, 1), record(schemas.StreamCreated, 3), record(schemas.StreamChanges, 1), record(schemas.StreamChanges, 3),
			record(schemas.StreamPushed, 2), record(schemas.StreamDirectory, 1), record("updated", 1),
		},
		acceptances: []ledger.Acceptance{{Account: "acme", Stream: schemas.StreamCreated, Window: month(2), Reason: "lost"}},
	}
	s := survey(worker.Config{}, read, "acme")
	gap := []Gap{{Account: "acme", Stream: schemas.StreamChanges, Window: month(2)}}
	if s.Windows != 2 || s.Changes != 3 || s.Directories != 1 || !cmp.Equal(s.Gaps, gap) || gap[0].Command() != "chatlake schedule trigger sync/acme" {
		t.Errorf("%+v", s)
	}
	if want := []string{record("updated", 1).Shard.String()}; !cmp.Equal(s.Left, want) {
		t.Errorf("left %v, want only what this build does not know: %v", s.Left, want)
	}
}

// TestGapsOfAbsentConversations: a gap of changes is why a conversation that changed then is not there, and an accepted one is named with its
// reason.
func TestGapsOfAbsentConversations(t *testing.T) {
	record := func(stream schemas.Stream, m time.Month) ledger.Record {
		return ledger.Record{Shard: ledger.Shard{Account: "acme", Stream: stream, Window: month(m)}}
	}
	var read reading
	for _, stream := range []schemas.Stream{schemas.StreamCreated, schemas.StreamChanges, schemas.StreamReports} {
		read.current = append(read.current, record(stream, 1), record(stream, 3))
	}
	read.acceptances = []ledger.Acceptance{{Account: "acme", Stream: schemas.StreamCreated, Window: month(2), Reason: "it was lost"}}
	text := strings.Join(ofGaps(read, ledger.Filter{}), "\n")
	const want = "No committed window of changes of acme covers 2025-02-01 to 2025-03-01. If it changed then, that is why: chatlake schedule trigger sync/acme\n" +
		"No committed window of acme covers 2025-02-01 to 2025-03-01. If it was created then, that is why: the gap was accepted: it was lost"
	if text != want {
		t.Errorf("reasons:\n%s\nwant:\n%s", text, want)
	}
	read.entries = []ledger.Entry{{Shard: read.current[0].Shard}}
	if got := ofTime(read, ledger.Filter{}, month(2).From); len(got) != 1 || !strings.HasSuffix(got[0], ": the gap was accepted: it was lost") {
		t.Errorf("reasons for a time in an accepted gap: %q", got)
	}
}
