package worker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/worker"
)

const ghosts = `lake: {url: "file:./lake"}
accounts:
  acme: {provider: giosg, account_id: 7f9e9580-095b-42c7-838c-c04e667b26f7, token: env:TOKEN, end_stale: SECTION}
`

func TestEndStaleSettings(t *testing.T) {
	for section, want := range map[string]worker.EndStaleConfig{
		"{older_than: 7d}": {Every: oneDay, OlderThan: 7 * oneDay, Most: worker.DefaultMostStale},
		"{every: 6h, older_than: 2d, most: 20, confirm: true}": {Every: 6 * time.Hour, OlderThan: 2 * oneDay, Most: 20, Confirm: true},
	} {
		if got := load(t, strings.Replace(ghosts, "SECTION", section, 1)).Accounts["acme"].EndStale; got == nil || *got != want {
			t.Errorf("%s: %+v, want %+v", section, got, want)
		}
	}
	if got := load(t, minimal).Accounts["acme"].EndStale; got != nil {
		t.Errorf("without the section: %+v", got)
	}
}

// TestEndStaleSettingsAreChecked also for platforms that have nothing to end.
func TestEndStaleSettingsAreChecked(t *testing.T) {
	for section, key := range map[string]string{
		"{}":                           "end_stale.older_than",
		"{older_than: 5m}":             "end_stale.older_than",
		"{older_than: 7d, every: 1m}":  "end_stale.every",
		"{older_than: 7d, most: 0}":    "end_stale.most",
		"{older_than: 7d, most: 1001}": "end_stale.most",
		"{older_than: 7d, yes: true}":  "end_stale.yes",
	} {
		_, err := worker.Parse("chatlake.yaml", []byte(strings.Replace(ghosts, "SECTION", section, 1)))
		var problems worker.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Key != "accounts.acme."+key || problems[0].Line != 3 {
			t.Errorf("%s: %v, want a problem with %s", section, err, key)
		}
	}
	_, err := worker.Parse("chatlake.yaml", []byte(strings.Replace(minimal, "token: env:TOKEN", "token: env:TOKEN, end_stale: {older_than: 7d}", 1)))
	var problems worker.Problems
	if !errors.As(err, &problems) || problems[0].Key != "accounts.acme.end_stale" || !strings.Contains(problems[0].Reason, "giosg") {
		t.Errorf("chatwoot: %v", err)
	}
	for provider, able := range map[string]bool{"giosg": true, "chatwoot": false, "freshchat": false, "liveperson": false} {
		c := worker.Config{Accounts: map[string]worker.AccountConfig{"acme": {Provider: provider}}}
		if err := c.CanEndStale("acme"); (err == nil) != able {
			t.Errorf("%s: %v", provider, err)
		}
	}
}
