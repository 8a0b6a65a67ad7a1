package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
)

// checked is a platform that counts how often its credentials are checked.
type checked struct {
	*chats
	checks int
	fail   error
}

func (c *checked) Probe(context.Context) (providers.Probe, error) {
	c.checks++
	return providers.Probe{Visibility: providers.VisibilityFull}, c.fail
}

// TestChecksOfCredentials: syncs and settles rely on a check of the last hour with the same secrets, and exports and failures do not count.
func TestChecksOfCredentials(t *testing.T) {
	now := epoch.AddDate(0, 2, 0)
	p := &checked{chats: newChats(1)}
	opened, err := ledger.Open(t.Context(), ledger.Config{URL: "file:" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	l := lake.New(ledger.New(opened.Store(), "lake", func() time.Time { return now }), lake.Config{Scratch: t.TempDir(), Writer: "test"})
	settings := activities.SyncSettings{Every: 15 * time.Minute}
	do := &activities.Activities{Lake: l, Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{Reader: providertest.Reads(p), Mapper: providertest.Maps(p), Name: "chatwoot", Spec: "spec", Window: "month", Sync: &settings}, nil
	}}
	denied := &providers.Error{Kind: providers.Denied, Op: "check the token"}
	for i, step := range []struct {
		what   string
		kind   activities.PlanKind
		after  time.Duration
		secret bool // a secret has changed
		fail   error
		checks int
	}{
		{"the first sync, with wrong credentials", activities.PlanSync, 0, false, denied, 1},
		{"again, with the right ones", activities.PlanSync, 0, false, nil, 1},
		{"the next sync", activities.PlanSync, 15 * time.Minute, false, denied, 0},
		{"an export", "", 0, false, nil, 1},
		{"59 minutes later", activities.PlanSync, 59 * time.Minute, false, nil, 0},
		{"an hour later", activities.PlanSync, time.Minute, false, nil, 1},
		{"after a secret has changed", activities.PlanSync, 0, true, nil, 1},
		{"after the clock was set back", activities.PlanSync, -time.Minute, false, nil, 1},
	} {
		now = now.Add(step.after)
		if step.secret {
			p = &checked{chats: p.chats}
		}
		p.checks, p.fail = 0, step.fail
		out, err := do.OpenExport(t.Context(), activities.OpenExportInput{Account: "acme", Plan: step.kind, Now: now})
		if failed := step.fail != nil && step.checks > 0; p.checks != step.checks || (err != nil) != failed || !failed && out.Visibility != "full" {
			t.Errorf("%d, %s: %d checks, visibility %q, %v; want %d", i, step.what, p.checks, out.Visibility, err, step.checks)
		}
	}
}
