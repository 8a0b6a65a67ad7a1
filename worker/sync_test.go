package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/worker"
)

const oneDay = 24 * time.Hour

func TestSyncSettings(t *testing.T) {
	if c := load(t, minimal); c.Accounts["acme"].Sync != nil {
		t.Errorf("without the section, there are settings: %+v", c.Accounts["acme"].Sync)
	}
	with := func(sync string) activities.SyncSettings {
		t.Helper()
		return *load(t, strings.Replace(minimal, "token: env:TOKEN", "token: env:TOKEN, retention: 13mo, sync: "+sync, 1)).Accounts["acme"].Sync
	}
	want := activities.SyncSettings{
		Every: 15 * time.Minute, Lag: 2 * time.Minute, Settle: []time.Duration{oneDay, 7 * oneDay, 30 * oneDay}, Directory: oneDay,
		History: activities.NewestFirst,
	}
	if diff := cmp.Diff(want, with("{every: 15m}")); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	want = activities.SyncSettings{
		Cron: "*/10 6-20 * * mon-fri", Zone: "Europe/Helsinki", From: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Lag: 90 * time.Second,
		Settle: []time.Duration{36 * time.Hour, 14 * oneDay}, History: activities.ByDeadline,
	}
	got := with(`{cron: "*/10 6-20 * * mon-fri", zone: Europe/Helsinki, from: 2024-01-01, lag: 90s, settle: [1d12h, 2w], directory: 0,
		history: deadline}`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("every key (-want +got):\n%s", diff)
	}
	if got := with("{every: 1h, from: 2024-03-01T12:00:00+02:00, settle: []}"); len(got.Settle) != 0 || !got.From.Equal(time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("no settles, and a time with an offset: %+v", got)
	}
}

func TestSyncInterval(t *testing.T) {
	for _, test := range []struct {
		settings activities.SyncSettings
		want     time.Duration
	}{
		{activities.SyncSettings{Every: 15 * time.Minute}, 15 * time.Minute},
		{activities.SyncSettings{Cron: "*/10 6-20 * * *", Zone: "Europe/Helsinki"}, 10 * time.Minute},
		{activities.SyncSettings{Cron: "0,20 * * * *"}, 20 * time.Minute},
		{activities.SyncSettings{Cron: "@daily"}, oneDay},
		{activities.SyncSettings{}, 0},
		{activities.SyncSettings{Cron: "nonsense"}, 0},
	} {
		if got := worker.SyncInterval(test.settings); got != test.want {
			t.Errorf("%+v: %s, want %s", test.settings, got, test.want)
		}
	}
}
