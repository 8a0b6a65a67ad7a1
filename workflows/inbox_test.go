package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// mail is a test of an Inbox: signals that come after some time, and the Pushes that it starts.
type mail struct {
	env    *testsuite.TestWorkflowEnvironment
	began  time.Time
	pushes []string // when, and of which conversations
	// takes is how long each Push takes, and fails which of them fail.
	takes time.Duration
	fails func(n int) error
}

func newMail(t *testing.T) *mail {
	t.Helper()
	m := &mail{env: environment(t, &world{}), fails: func(int) error { return nil }}
	m.env.RegisterWorkflow(workflows.Inbox)
	m.env.RegisterWorkflow(workflows.Push)
	m.env.OnWorkflow(workflows.Push, mock.Anything, mock.Anything).Return(func(ctx workflow.Context, in workflows.PushInput) (workflows.SyncOutput, error) {
		if err := in.Check(); err != nil {
			t.Errorf("a Push begins with %v", err)
		}
		m.pushes = append(m.pushes, fmt.Sprintf("%s %s", in.Now.Sub(m.began), strings.Join(in.Conversations, ",")))
		n := len(m.pushes)
		if err := workflow.Sleep(ctx, m.takes); err != nil {
			return workflows.SyncOutput{}, err
		}
		return workflows.SyncOutput{Complete: true}, m.fails(n)
	})
	m.began = m.env.Now()
	return m
}

// at announces conversations after a time.
func (m *mail) at(after time.Duration, ids ...string) {
	m.env.RegisterDelayedCallback(func() {
		m.env.SignalWorkflow(workflows.AnnouncedSignal, workflows.AnnouncedInput{Conversations: ids})
	}, after)
}

func (m *mail) run(in workflows.InboxInput) error {
	m.env.ExecuteWorkflow(workflows.Inbox, in)
	return m.env.GetWorkflowError()
}

func inboxOf(change func(*workflows.Policy)) workflows.InboxInput {
	policy := workflows.NewPolicy()
	if change != nil {
		change(policy)
	}
	return workflows.InboxInput{Account: "acme", Policy: policy}
}

func TestInboxWaitsUntilItIsQuiet(t *testing.T) {
	m := newMail(t)
	m.at(0, "1", "2")
	m.at(4*time.Second, "2")
	m.at(8*time.Second, "2")
	m.at(12*time.Second, "3")
	if err := m.run(inboxOf(nil)); err != nil {
		t.Fatal(err)
	}
	want := []string{"10s 1", "18s 2", "22s 3"}
	if diff := cmp.Diff(want, m.pushes); diff != "" {
		t.Error(diff)
	}
}

// TestInboxFetchesABusyConversationRarely announces one conversation over and over. A receiver sends one signal a second at most, however
// many announcements it gets. A burst of less than a minute costs one fetch, and a stream that never pauses one a minute.
func TestInboxFetchesABusyConversationRarely(t *testing.T) {
	for _, test := range []struct {
		lasts, every time.Duration
		want         []string
	}{
		{time.Second, time.Second, []string{"10s 1"}},
		{20 * time.Second, time.Second, []string{"29s 1"}},
		{time.Minute, time.Second, []string{"1m0s 1"}},
		{70 * time.Second, time.Second, []string{"1m0s 1", "1m19s 1"}},
		{3 * time.Minute, time.Second, []string{"1m0s 1", "2m0s 1", "3m0s 1"}},
	} {
		m := newMail(t)
		for after := time.Duration(0); after < test.lasts; after += test.every {
			m.at(after, "1", "1")
		}
		if err := m.run(inboxOf(nil)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, m.pushes); diff != "" {
			t.Errorf("a signal every %s for %s:\n%s", test.every, test.lasts, diff)
		}
	}
}

func TestInboxHasOnePushAtATime(t *testing.T) {
	m := newMail(t)
	m.takes = 30 * time.Second
	m.at(0, "1")
	m.at(12*time.Second, "2")
	m.at(15*time.Second, "1") // while it is fetched: it is fetched again
	m.at(39*time.Second, "3")
	if err := m.run(inboxOf(nil)); err != nil {
		t.Fatal(err)
	}
	want := []string{"10s 1", "40s 2,1", "1m10s 3"}
	if diff := cmp.Diff(want, m.pushes); diff != "" {
		t.Error(diff)
	}
}

func TestInboxTriesAgain(t *testing.T) {
	for failures, want := range map[int][]string{
		1: {"10s 1", "1m10s 1"},
		9: {"10s 1", "1m10s 1", "3m10s 1"}, // then it is left to syncs
	} {
		m := newMail(t)
		m.fails = func(n int) error {
			if n <= failures {
				return errors.New("the worker has a defect")
			}
			return nil
		}
		m.at(0, "1")
		if err := m.run(inboxOf(nil)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, m.pushes); diff != "" {
			t.Error(diff)
		}
	}
}

func TestInboxIsBounded(t *testing.T) {
	m := newMail(t)
	m.at(0, "1", "2", "3", "4", "5", "6", "7")
	m.env.RegisterDelayedCallback(func() {
		value, err := m.env.QueryWorkflow(workflows.ProgressQuery)
		var p workflows.InboxProgress
		if err == nil {
			err = value.Get(&p)
		}
		if err != nil || p.Waiting != 5 || p.Totals.Dropped != 2 || p.Totals.Named != 7 {
			t.Errorf("%+v, %v", p, err)
		}
	}, time.Second)
	err := m.run(inboxOf(func(p *workflows.Policy) { p.MostAnnounced, p.NamedPerShard = 5, 2 }))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"10s 1,2", "10s 3,4", "10s 5"}
	if diff := cmp.Diff(want, m.pushes); diff != "" {
		t.Error(diff)
	}
}

// TestInboxContinuesAsNew ends a run with what waits, and not with what a Push has in hand.
func TestInboxContinuesAsNew(t *testing.T) {
	m := newMail(t)
	m.takes = time.Hour
	m.at(0, "1")
	m.at(20*time.Second, "2")
	m.at(25*time.Second, "3", "2")
	err := m.run(inboxOf(func(p *workflows.Policy) { p.AnnouncementsPerRun = 3 }))
	var next *workflow.ContinueAsNewError
	if !errors.As(err, &next) {
		t.Fatalf("%v, want a new run", err)
	}
	var in workflows.InboxInput
	if err := convert(next, &in); err != nil {
		t.Fatal(err)
	}
	var waiting []string
	for _, a := range in.State.Waiting {
		waiting = append(waiting, a.ID)
	}
	if !slices.Equal(waiting, []string{"2", "3"}) || in.State.Totals.Named != 4 {
		t.Errorf("the next run begins with %+v", in.State)
	}
	m = newMail(t)
	if err := m.run(in); err != nil || len(m.pushes) != 1 || !strings.HasSuffix(m.pushes[0], " 2,3") {
		t.Errorf("the next run pushed %v, %v", m.pushes, err)
	}
}

func TestInboxRefusesWrongInput(t *testing.T) {
	m := newMail(t)
	_ = m.run(workflows.InboxInput{Account: "Acme!", Policy: workflows.NewPolicy()})
	refused(t, m.env, "account", "Acme!")
	m = newMail(t)
	_ = m.run(workflows.InboxInput{Account: "acme"})
	if m.env.GetWorkflowError() == nil {
		t.Error("an inbox without a policy begins")
	}
	m = newMail(t)
	m.at(0, "2")
	m.at(time.Second, "1", strings.Repeat("x", 200)) // the signal is ignored
	if err := m.run(inboxOf(nil)); err != nil || !slices.Equal(m.pushes, []string{"10s 2"}) {
		t.Errorf("pushed %v, %v", m.pushes, err)
	}
}

func TestPush(t *testing.T) {
	at := time.Date(2026, 6, 1, 1, 2, 0, 0, time.UTC)
	planned := activities.Planned{
		Shard: ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamPushed, Window: schemas.Window{From: at.Add(-time.Minute), To: at}},
		Cause: ledger.CausePush, Named: []string{"1", "2"},
	}
	var opened activities.OpenExportInput
	w := &world{conversations: 2, pageSize: 5}
	env := environment(t, w)
	var a *activities.Activities
	env.OnActivity(a.OpenExport, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.OpenExportInput) (activities.OpenExportOutput, error) {
		opened = in
		return activities.OpenExportOutput{Provider: "chatwoot", Spec: "spec", Shards: 2, ChunksInFlight: 1, Visibility: "unknown", Plan: []activities.Planned{planned}}, nil
	})
	env.RegisterWorkflow(workflows.Push)
	env.ExecuteWorkflow(workflows.Push, workflows.PushInput{Account: "acme", Conversations: []string{"1", "2"}, Now: at, Policy: workflows.NewPolicy()})
	var out workflows.SyncOutput
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	if opened.Plan != activities.PlanPush || !opened.Now.Equal(at) || !opened.Sync || !slices.Equal(opened.Named, []string{"1", "2"}) {
		t.Errorf("opened with %+v", opened)
	}
	if !out.Complete || out.Planned != 1 || w.calls["ListNamed"] != 1 || w.calls["ListPage"] != 0 {
		t.Errorf("%+v with %v, want one shard that lists nothing but what is named", out, w.calls)
	}
	env = environment(t, &world{})
	env.RegisterWorkflow(workflows.Push)
	env.ExecuteWorkflow(workflows.Push, workflows.PushInput{Account: "acme", Policy: workflows.NewPolicy()})
	refused(t, env, "conversations", "now")
}
