package workflows_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// endStale runs an EndStaleChats to its end.
func endStale(t *testing.T, w *world, in workflows.EndStaleInput, act func(*testsuite.TestWorkflowEnvironment)) (out workflows.EndStaleOutput, err error) {
	t.Helper()
	env := workflows.NewTestEnvironment()
	for name, f := range map[string]any{
		"OpenEnding": w.OpenEnding, "ListStale": w.ListStale, "EndConversations": w.EndConversations, "ResolveAudits": w.ResolveAudits, "CommitAudits": w.CommitAudits,
	} {
		env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	if act != nil {
		act(env)
	}
	env.ExecuteWorkflow(workflows.EndStaleChats, in)
	if err = env.GetWorkflowError(); err == nil {
		err = env.GetWorkflowResult(&out)
	}
	return out, err
}

func namesOf(refs []activities.StaleRef) (ids []string) {
	for _, ref := range refs {
		ids = append(ids, ref.ID)
	}
	return ids
}

// TestEndStaleEndsThoseTouchedLongestAgo of the whole list, as many as it may, and commits an audit of each.
func TestEndStaleEndsThoseTouchedLongestAgo(t *testing.T) {
	w := &world{}
	out, err := endStale(t, w, ghosts(), nil)
	if err != nil {
		t.Fatal(err)
	}
	oldest := []string{"chat5", "chat4", "chat3", "chat2", "chat1"}
	if !slices.Equal(namesOf(out.Stale), oldest) || !slices.Equal(w.ended, oldest) {
		t.Errorf("listed %v, ended %v, want %v", namesOf(out.Stale), w.ended, oldest)
	}
	want := workflows.EndStaleTotals{Open: 12, Found: 6, EndCounts: activities.EndCounts{Ended: 5}, Audits: 5, Requests: 2 + 3*6 + 3*4}
	if diff := cmp.Diff(want, out.EndStaleTotals); diff != "" || !out.Complete || !out.Confirm {
		t.Errorf("complete %t (-want +got):\n%s", out.Complete, diff)
	}
	if w.calls["EndConversations"] != 3 || len(w.audits) != 1 || w.audits[0].Expected != 5 || w.audits[0].Run == "" {
		t.Errorf("calls %v, audits %+v", w.calls, w.audits)
	}
	if refused, err := endStale(t, &world{refusals: 1}, ghosts(), nil); err != nil || refused.Complete {
		t.Errorf("a run with refusals: %+v, %v", refused, err)
	}
}

// TestEndStaleOnlyTells without a confirmation.
func TestEndStaleOnlyTells(t *testing.T) {
	w := &world{}
	in := ghosts()
	in.Confirm = false
	out, err := endStale(t, w, in, nil)
	if err != nil || len(out.Stale) != 5 || out.Found != 6 || !out.Complete || out.Ended != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if w.calls["EndConversations"]+w.calls["ResolveAudits"]+w.calls["CommitAudits"] > 0 {
		t.Errorf("calls %v", w.calls)
	}
}

// TestEndStaleListsFromTheBeginning when a cursor has expired, and counts nothing twice.
func TestEndStaleListsFromTheBeginning(t *testing.T) {
	w := stumbling("ListStale", 2, 2, kindError(providers.CursorExpired))
	out, err := endStale(t, w, ghosts(), nil)
	if err != nil || out.Open != 12 || out.Found != 6 || len(w.ended) != 5 || w.calls["ListStale"] != 5 {
		t.Errorf("%+v, %v, ended %v, calls %v", out, err, w.ended, w.calls)
	}
}

// TestEndStaleCommitsWhatEarlierRunsDid before it does anything itself.
func TestEndStaleCommitsWhatEarlierRunsDid(t *testing.T) {
	w := &world{lostAudits: []ledger.Shard{committedShard(1), committedShard(2)}}
	if _, err := endStale(t, w, ghosts(), nil); err != nil {
		t.Fatal(err)
	}
	if len(w.audits) != 3 || w.audits[0].Shard != committedShard(1) || w.audits[0].Expected != 0 || w.audits[2].Shard.Stream != "audits" {
		t.Errorf("audits %+v", w.audits)
	}
}

// TestEndStaleSharesTheBudget: it leaves it while it waits for a person and when it ends, and joins it again.
func TestEndStaleSharesTheBudget(t *testing.T) {
	w := stumbling("EndConversations", 2, 2, kindError(providers.Denied))
	w.grant = &activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: 0.05, AccountRequestsPerSecond: 0.1}, After: time.Minute}
	left := 0
	out, err := endStale(t, w, ghosts(), func(env *testsuite.TestWorkflowEnvironment) {
		env.OnSignalExternalWorkflow("default-test-namespace", workflows.BudgetID("acme"), "", "leave", mock.Anything).Return(func(string, string, string, string, any) error {
			left++
			return nil
		})
		env.RegisterDelayedCallback(func() {
			if left != 1 {
				t.Errorf("left the budget %d times while it was blocked", left)
			}
			env.UpdateWorkflow(workflows.RetryBlockedUpdate, "retry", &testsuite.TestUpdateCallback{
				OnAccept: func() {}, OnReject: func(err error) { t.Error(err) }, OnComplete: func(any, error) {},
			})
		}, time.Hour)
	})
	if err != nil || out.Ended != 5 {
		t.Fatalf("%+v, %v", out, err)
	}
	if w.calls["OpenEnding"] != 2 || left != 2 || w.mostLeased > 0.05 {
		t.Errorf("joined %d times, left %d times, leased %v", w.calls["OpenEnding"], left, w.mostLeased)
	}
}

// TestCancelledEndStaleWritesDownWhatItDid whatever it was doing.
func TestCancelledEndStaleWritesDownWhatItDid(t *testing.T) {
	w := stumbling("EndConversations", 2, 2, kindError(providers.Denied))
	_, err := endStale(t, w, ghosts(), func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour) // while it is blocked
	})
	if !temporal.IsCanceledError(errors.Unwrap(err)) && !strings.Contains(err.Error(), "canceled") {
		t.Fatalf("error %v", err)
	}
	if len(w.audits) != 1 || w.audits[0].Expected != 2 || w.calls["ResolveAudits of its own"] != 1 {
		t.Errorf("audits %+v, calls %v", w.audits, w.calls)
	}
}

func TestEndStaleRefuses(t *testing.T) {
	for _, wrong := range []func(*workflows.EndStaleInput){
		func(in *workflows.EndStaleInput) { in.Account = "No account" },
		func(in *workflows.EndStaleInput) { in.OlderThan = time.Minute },
		func(in *workflows.EndStaleInput) { in.Most = 0 },
		func(in *workflows.EndStaleInput) { in.Most = workflows.MostStale + 1 },
	} {
		in := ghosts()
		wrong(&in)
		w := &world{}
		if _, err := endStale(t, w, in, nil); err == nil || len(w.calls) > 0 {
			t.Errorf("%+v: error %v, calls %v", in, err, w.calls)
		}
	}
}
