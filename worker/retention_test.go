package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// retainedBy returns a configuration of one account of a provider, with more keys.
func retainedBy(t *testing.T, keys string) Config {
	t.Helper()
	id := "1"
	if strings.Contains(keys, "giosg") {
		id = "0a1b2c3d-0000-4000-8000-000000000000"
	}
	c, err := Parse("chatlake.yaml", []byte("lake: {url: \"file:./lake\"}\naccounts:\n  acme: {account_id: "+id+", token: env:TOKEN, "+keys+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRetentionOfAccounts: a platform's own figure applies to what it deletes, and the configuration's to everything.
func TestRetentionOfAccounts(t *testing.T) {
	freshchat := "provider: freshchat, base_url: \"https://acme.freshchat.com/v2\""
	for _, test := range []struct {
		keys                      string
		created, reports, changes string
	}{
		{"provider: chatwoot", "unknown", "for ever", "for ever"},
		{"provider: giosg", "unknown", "for ever", "for ever"},
		{"provider: liveperson", "13 months", "13 months", "13 months"},
		{freshchat, "15 months", "15 months", "15 months"},
		{freshchat + ", options: {enumeration: users}", "unknown", "15 months", "for ever"},
		{freshchat + ", options: {enumeration: users}, retention: 2mo10d", "2 months and 10 days", "2 months and 10 days", "2 months and 10 days"},
		{"provider: chatwoot, retention: 90d", "90 days", "90 days", "90 days"},
		{"provider: liveperson, retention: 0", "for ever", "for ever", "for ever"},
		{"provider: liveperson, retention: \"0\"", "for ever", "for ever", "for ever"},
	} {
		c := retainedBy(t, test.keys)
		got := []string{c.RetentionText("acme"), c.Retention("acme", schemas.StreamReports).String(), c.Retention("acme", schemas.StreamChanges).String()}
		if diff := cmp.Diff([]string{test.created, test.reports, test.changes}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.keys, diff)
		}
	}
}

func TestDeadlines(t *testing.T) {
	now := time.Date(2026, 3, 15, 7, 0, 0, 0, time.UTC)
	kept := now.AddDate(0, -13, 0)
	c := Config{Accounts: map[string]AccountConfig{"short": {Provider: "liveperson"}, "long": {Provider: "chatwoot"}}}
	for _, test := range []struct {
		account string
		from    time.Time
		want    *time.Time
	}{
		{"short", kept, nil}, {"short", kept.Add(-time.Second), &kept}, {"long", kept.AddDate(-5, 0, 0), nil},
	} {
		if diff := cmp.Diff(test.want, c.KeptFrom(test.account, test.from, now)); diff != "" {
			t.Errorf("%s from %s (-want +got):\n%s", test.account, test.from, diff)
		}
	}
	w := schemas.Window{From: kept, To: kept.AddDate(0, 1, 0)}
	if at := c.Deadline("short", w); !at.Equal(now) {
		t.Errorf("the deadline of %s is %s, want %s", w, at, now)
	}
	if at := c.Deadline("long", w); !at.IsZero() {
		t.Errorf("a platform that keeps everything deletes %s on %s", w, at)
	}
}
