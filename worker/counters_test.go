package worker

import (
	"errors"
	"testing"
	"time"

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
		if err := q.take("acme")(t.Context(), daily); err != nil {
			t.Fatal(err)
		}
	}
	var refused *providers.Error
	err = one.take("acme")(t.Context(), daily)
	if !errors.As(err, &refused) || refused.Kind != providers.Throttled || refused.After < 23*time.Hour || refused.After > 24*time.Hour {
		t.Errorf("the third use: %v, want Throttled for about a day", err)
	}
	if err := one.take("beta")(t.Context(), daily); err != nil {
		t.Errorf("another account: %v", err)
	}
	if err := one.take("acme")(t.Context(), providers.Quota{Name: "never", Limits: []providers.Limit{{}}}); !errors.As(err, &refused) || refused.Kind != providers.Malformed {
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
