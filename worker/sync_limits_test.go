package worker

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// TestSyncKeepsTheLimitsOfThePlatform: an interval or a lag that is too short is refused with the least one.
func TestSyncKeepsTheLimitsOfThePlatform(t *testing.T) {
	d := providers.Definition{Name: "freshchat", LeastInterval: time.Hour, LeastLag: 10 * time.Minute}
	settings := func(change func(*activities.SyncSettings)) activities.SyncSettings {
		s := activities.SyncSettings{Every: time.Hour, Lag: 10 * time.Minute, History: activities.NewestFirst}
		change(&s)
		return s
	}
	for name, test := range map[string]struct {
		settings activities.SyncSettings
		want     []string
	}{
		"the least": {settings(func(*activities.SyncSettings) {}), nil},
		"every": {settings(func(s *activities.SyncSettings) { s.Every = 15 * time.Minute }), []string{
			"accounts.acme.sync.every: is too short: freshchat allows at most one sync every 1h; set 1h or more"}},
		"cron": {settings(func(s *activities.SyncSettings) { s.Every, s.Cron = 0, "0,50 * * * *" }), []string{
			"accounts.acme.sync.cron: names times that are 10m apart; freshchat allows at most one sync every 1h"}},
		"lag": {settings(func(s *activities.SyncSettings) { s.Lag = 90 * time.Second }), []string{
			"accounts.acme.sync.lag: is too short: freshchat may list a change 10m late; set 10m or more"}},
		"an order that is none": {settings(func(s *activities.SyncSettings) { s.History = "sideways" }), []string{
			"accounts.acme.sync.history: must be newest, oldest or deadline"}},
	} {
		var got []string
		for _, p := range (Config{}).checkSync("acme", d, test.settings, time.Now()) {
			got = append(got, p.Error())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
