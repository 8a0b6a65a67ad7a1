package worker

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// daily takes a report for each day of a window.
type daily struct{ providers.Reader }

func (daily) Conversations(context.Context, schemas.Window, providers.Cursor) iter.Seq2[providers.Page, error] {
	return nil
}

func (daily) Rations(w schemas.Window) []providers.Ration {
	days := int(w.To.Sub(w.From) / (24 * time.Hour))
	return []providers.Ration{
		{Quota: providers.Quota{Name: "reports", Limits: []providers.Limit{{Uses: 1, Per: time.Minute}}}, Uses: days},
		{Quota: providers.Quota{Name: "a-day", Limits: []providers.Limit{{Uses: 120, Per: 24 * time.Hour}}}, Uses: days},
	}
}

func TestRationsOfAYear(t *testing.T) {
	year := schemas.Window{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	want := []Ration{{"reports", 365, 364 * 60}, {"a-day", 365, 3 * 24 * 3600}}
	if diff := cmp.Diff(want, rationsOf(daily{}, year.Cut("month"))); diff != "" {
		t.Errorf("rations (-want +got):\n%s", diff)
	}
}
