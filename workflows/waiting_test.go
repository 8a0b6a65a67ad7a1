package workflows_test

import (
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// failed is an error as activities return it.
func failed(kind, party, text string) error {
	return temporal.NewApplicationErrorWithOptions(text, kind, temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{activities.Wait{For: party}}})
}

// TestShardSaysWhatItWaitsFor: whatever step fails, the progress names the party, the reason, since when and until when.
func TestShardSaysWhatItWaitsFor(t *testing.T) {
	for name, test := range map[string]struct {
		step string
		err  error
		want workflows.Waiting
	}{
		"the platform, while opening":     {"OpenShard", failed("Transient", "platform", "status 503"), workflows.Waiting{For: "platform", Kind: "Transient", Why: "status 503"}},
		"the lake, while opening":         {"OpenShard", failed("Unavailable", "lake", "ExpiredToken"), workflows.Waiting{For: "lake", Kind: "Unavailable", Why: "ExpiredToken"}},
		"the lake, while listing":         {"ListPage", failed("Unavailable", "lake", "status 413"), workflows.Waiting{For: "lake", Kind: "Unavailable", Why: "status 413"}},
		"the lake, while fetching":        {"FetchMessages", failed("Unavailable", "lake", "no space"), workflows.Waiting{For: "lake", Kind: "Unavailable", Why: "no space"}},
		"the state folder, while sealing": {"SealShard", failed("Unavailable", "state folder", "no space"), workflows.Waiting{For: "state folder", Kind: "Unavailable", Why: "no space"}},
		"the lake, while verifying":       {"VerifyShard", failed("Unavailable", "lake", "ignores Range"), workflows.Waiting{For: "lake", Kind: "Unavailable", Why: "ignores Range"}},
		"the lake, while committing":      {"CommitShard", failed("Unavailable", "lake", "status 500"), workflows.Waiting{For: "lake", Kind: "Unavailable", Why: "status 500"}},
		"Temporal, for a quota":           {"ListPage", failed("Transient", "temporal", "unavailable"), workflows.Waiting{For: "temporal", Kind: "Transient", Why: "unavailable"}},
		"an earlier release's lake":       {"CommitShard", kindError(activities.Unavailable), workflows.Waiting{For: "lake", Kind: "Unavailable", Why: "as the provider said"}},
		"an earlier release's platform":   {"ListPage", kindError(providers.Throttled), workflows.Waiting{For: "platform", Kind: "Throttled", Why: "as the provider said"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{conversations: 5, pageSize: 5}
			w.fail = func(step string, _, _ int) error {
				if step == test.step && w.calls[step] <= 2 {
					return test.err
				}
				return nil
			}
			env := environment(t, w)
			began := env.Now()
			looks := 0
			look := func() {
				p := shardProgress(t, env)
				if p.State != workflows.StateWaiting || p.Waiting == nil {
					t.Errorf("the shard is %+v, want waiting", p)
					return
				}
				got := *p.Waiting
				if looks++; !got.Since.Equal(began) || got.Until == nil || !got.Until.After(env.Now()) || p.WaitingUntil == nil {
					t.Errorf("look %d: since %s until %v, want since %s, and until later than now", looks, got.Since, got.Until, began)
				}
				got.Since, got.Until = time.Time{}, nil
				if got != test.want {
					t.Errorf("it waits for %+v, want %+v", got, test.want)
				}
			}
			env.RegisterDelayedCallback(look, 30*time.Second)
			env.RegisterDelayedCallback(look, 2*time.Minute)
			in := may()
			in.ChunksInFlight, in.ChunkSize, in.MetadataRequests = 1, 0, 0
			runShard(t, env, in)
			if looks != 2 {
				t.Errorf("it waited at %d looks, want 2", looks)
			}
		})
	}
}

// TestExportSaysWhatItWaitsFor: an export that waits for its part of the budget, or for another export, does not wait for the
// platform.
func TestExportSaysWhatItWaitsFor(t *testing.T) {
	env := exporting(t, activities.OpenExportOutput{Grant: &activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: 5, AccountRequestsPerSecond: 10}, After: time.Minute}},
		func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) { return committed(1), nil })
	new(elsewhere).attach(env, nil, nil)
	env.RegisterDelayedCallback(func() {
		if p := exportProgress(t, env); p.State != workflows.StateWaiting || p.Waiting == nil || p.Waiting.For != "budget" || p.Waiting.Until == nil {
			t.Errorf("the export is %+v, want waiting for its part of the budget", p)
		}
	}, 30*time.Second)
	runExport(t, env, year())

	in := left(t)
	in.State.Held[0].Own, in.State.Held[0].Blocked = false, nil
	env = sharing(activities.OpenExportOutput{}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
		return committed(1), nil
	})
	var o elsewhere
	o.attach(env, nil, nil)
	env.RegisterDelayedCallback(func() {
		if p := exportProgress(t, env); p.State != workflows.StateWaiting || p.Waiting == nil || p.Waiting.For != "another export" || p.Waiting.Since.IsZero() {
			t.Errorf("the export is %+v, want waiting for another", p)
		}
		env.CancelWorkflow()
	}, time.Hour)
	env.ExecuteWorkflow(workflows.Export, in)
}
