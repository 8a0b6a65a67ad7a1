package worker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "go.temporal.io/sdk/worker"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// TestCounters takes from one quota as two processes, and from one budget, on a real server.
func TestCounters(t *testing.T) {
	c := Config{StateDir: t.TempDir()}.WithDefaults()
	connection, err := Connect(t.Context(), c, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := connection.Stop(); err != nil {
			t.Error(err)
		}
	})
	w := sdk.New(connection.Client, c.TaskQueue(), sdk.Options{})
	Register(w, &activities.Activities{})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	daily := providers.Quota{Name: "reports", Limits: []providers.Limit{{Uses: 2, Per: 24 * time.Hour}}}
	one, other := counters{connection.Client, c.TaskQueue()}, counters{connection.Client, c.TaskQueue()}
	for _, q := range []counters{one, other} {
		if err := q.take("acme", nil)(t.Context(), daily); err != nil {
			t.Fatal(err)
		}
	}
	var refused *providers.Error
	err = one.take("acme", nil)(t.Context(), daily)
	if !errors.As(err, &refused) || refused.Kind != providers.Throttled || refused.After < 23*time.Hour || refused.After > 24*time.Hour {
		t.Errorf("the third use: %v, want Throttled for about a day", err)
	}
	sync := &activities.SyncSettings{Every: 8 * time.Hour}
	hourly := providers.Quota{Name: "shared", Limits: []providers.Limit{{Uses: 4, Per: 24 * time.Hour}}}
	err = errors.Join(one.take("acme", sync)(t.Context(), hourly), other.take("acme", sync)(t.Context(), hourly))
	if !errors.As(err, &refused) || !strings.Contains(refused.Error(), "is used up, but for what syncs need") {
		t.Errorf("the second use of the one that syncs leave: %v, want a refusal that says so", err)
	}
	hourly.Changes = true
	if err := other.take("acme", sync)(t.Context(), hourly); err != nil {
		t.Errorf("a sync: %v", err)
	}
	if err := one.take("beta", nil)(t.Context(), daily); err != nil {
		t.Errorf("another account: %v", err)
	}
	if err := one.take("acme", nil)(t.Context(), providers.Quota{Name: "never", Limits: []providers.Limit{{}}}); !errors.As(err, &refused) || refused.Kind != providers.Malformed {
		t.Errorf("a limit of nothing: %v, want Malformed", err)
	}
	// A budget is shared by the exports that join it. These must exist as workflows, so the quotas take their place.
	users := []string{workflows.QuotaID("acme", "reports"), workflows.QuotaID("beta", "reports")}
	for i, want := range []activities.BudgetGrant{
		{Lease: activities.Lease{RequestsPerSecond: 10, AccountRequestsPerSecond: 10}},
		{Lease: activities.Lease{RequestsPerSecond: 5, AccountRequestsPerSecond: 10}, After: time.Minute},
	} {
		grant, err := one.join(t.Context(), "acme", activities.BudgetRequest{Workflow: users[i], RequestsPerSecond: 10})
		if err != nil || grant != want {
			t.Errorf("the budget grants %+v, %v; want %+v", grant, err, want)
		}
	}
}

// TestBesideSyncs: what a platform allows in a day is shared with syncs, what it allows in a minute is not.
func TestBesideSyncs(t *testing.T) {
	minute, daily := providers.Limit{Uses: 1, Per: time.Minute}, providers.Limit{Uses: 120, Per: 24 * time.Hour}
	for name, test := range map[string]struct {
		sync activities.SyncSettings
		want []providers.Limit
	}{
		"every quarter":     {activities.SyncSettings{Every: 15 * time.Minute}, []providers.Limit{{Uses: 24, Per: 24 * time.Hour}}},
		"every 25 minutes":  {activities.SyncSettings{Every: 25 * time.Minute}, []providers.Limit{{Uses: 62, Per: 24 * time.Hour}}},
		"more than allowed": {activities.SyncSettings{Every: 5 * time.Minute}, []providers.Limit{{Uses: 1, Per: 24 * time.Hour}}},
		"by day":            {activities.SyncSettings{Cron: "*/15 8-19 * * mon-fri", Zone: "Europe/Helsinki"}, []providers.Limit{{Uses: 72, Per: 24 * time.Hour}}},
		"daily":             {activities.SyncSettings{Cron: "@daily"}, nil},
		"never":             {activities.SyncSettings{}, nil},
	} {
		if diff := cmp.Diff(test.want, besideSyncs([]providers.Limit{minute, daily}, test.sync)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
