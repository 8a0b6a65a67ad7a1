package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/workflows"
)

func TestStatusShowsWaits(t *testing.T) {
	until := noon.Add(time.Minute)
	lake := workflows.Waiting{For: workflows.ForLake, Kind: "Unavailable", Why: "put data/x: ExpiredToken status 400", Since: noon, Until: &until}
	gone := workflows.Waiting{For: workflows.ForTemporal, Why: "it does not answer: connection refused", Since: noon}
	var out bytes.Buffer
	err := writeStatus(&out, []operate.Export{
		{Account: "acme", Name: "a", Status: operate.StatusRunning, StartedAt: noon, Progress: &operate.Snapshot{
			State: workflows.StateRunning, Windows: 2, Stands: true, Waiting: []operate.Wait{{Waiting: lake, Windows: 2}},
		}},
		{Account: "acme", Name: "b", Status: operate.StatusRunning, StartedAt: noon, Waiting: &operate.Wait{Waiting: gone}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2 windows waiting for the lake until 12:01:00 UTC, since 2026-01-01 12:00:00 UTC: put data/x: ExpiredToken status 400",
		"acme b (since 2026-01-01 12:00 UTC): no answer\n  waiting for Temporal, since 2026-01-01 12:00:00 UTC: it does not answer: connection refused",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
