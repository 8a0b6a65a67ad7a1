package page

import (
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/schemas"
)

// TestGapsThatAreBeingCopied: a gap that a run under way copies is none; one that it does not reach, or that only a sync closes, is.
func TestGapsThatAreBeingCopied(t *testing.T) {
	months := func(from, to time.Month) schemas.Window {
		return schemas.Window{From: time.Date(2025, from, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, to, 1, 0, 0, 0, 0, time.UTC)}
	}
	gaps := []inspect.Gap{
		{Account: "acme", Stream: schemas.StreamCreated, Window: months(2, 3)}, {Account: "acme", Stream: schemas.StreamCreated, Window: months(6, 8)},
		{Account: "acme", Stream: schemas.StreamChanges, Window: months(2, 3)},
	}
	copies := func(kind operate.Kind, w schemas.Window) run {
		return run{Kind: kind, Progress: &operate.Snapshot{Range: w}}
	}
	for _, test := range []struct {
		name string
		runs []run
		want int
	}{
		{"no run", nil, 3},
		{"a history that copies one", []run{copies(operate.KindHistory, months(1, 7))}, 2},
		{"an export and a history that copy both", []run{copies(operate.KindHistory, months(1, 7)), copies(operate.KindExport, months(7, 9))}, 1},
		{"a sync", []run{copies(operate.KindSync, months(1, 12))}, 3},
		{"a run that does not answer", []run{{Kind: operate.KindHistory}}, 3},
	} {
		if n := openGaps(gaps, test.runs); n != test.want {
			t.Errorf("%s: %d gaps, want %d", test.name, n, test.want)
		}
	}
}
