package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// watched is a test of a SendAlerts: what each look finds, by the minute, and what receivers get.
type watched struct {
	env   *testsuite.TestWorkflowEnvironment
	began time.Time
	find  func(minute int) (activities.FindAlertsOutput, error)
	// takes says whether a receiver takes an event; nil takes all.
	takes func(minute int, in activities.SendAlertInput) activities.SendAlertOutput
	mu    sync.Mutex // receivers are told at the same time
	sent  []string   // what was taken: minute, receiver, event, alert
	tries []string   // the ids of all tries
	in    workflows.AlertsInput
}

func newWatched(t *testing.T, find func(minute int) activities.FindAlertsOutput) *watched {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	w := &watched{env: suite.NewTestWorkflowEnvironment(), in: workflows.AlertsInput{Policy: workflows.NewAlertPolicy()}}
	w.find = func(minute int) (activities.FindAlertsOutput, error) { return find(minute), nil }
	w.env.SetTestTimeout(time.Minute)
	w.env.RegisterWorkflow(workflows.SendAlerts)
	w.env.RegisterActivityWithOptions(func(context.Context, activities.FindAlertsInput) (activities.FindAlertsOutput, error) {
		return w.find(w.minute())
	}, activity.RegisterOptions{Name: "FindAlerts"})
	w.env.RegisterActivityWithOptions(func(_ context.Context, in activities.SendAlertInput) (out activities.SendAlertOutput, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.tries = append(w.tries, in.Receiver+" "+in.ID)
		if w.takes != nil {
			out = w.takes(w.minute(), in)
		}
		if out.Failure == "panic" {
			return out, errors.New("the worker broke")
		}
		if out.Failure == "" {
			w.sent = append(w.sent, fmt.Sprintf("%d %s %s %s", w.minute(), in.Receiver, in.Event, workflows.Alert{AlertState: in.AlertState}.Key()))
		}
		return out, nil
	}, activity.RegisterOptions{Name: "SendAlert"})
	w.began = w.env.Now()
	return w
}

func (w *watched) minute() int { return int(w.env.Now().Sub(w.began) / time.Minute) }

// run runs for some minutes of the test's clock.
func (w *watched) run(minutes int) {
	w.env.RegisterDelayedCallback(w.env.CancelWorkflow, time.Duration(minutes)*time.Minute+30*time.Second)
	w.env.ExecuteWorkflow(workflows.SendAlerts, w.in)
}

func (w *watched) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

func (w *watched) progress(t *testing.T) (p workflows.AlertsProgress) {
	t.Helper()
	value, err := w.env.QueryWorkflow(workflows.ProgressQuery)
	if err != nil {
		t.Fatal(err)
	}
	if err := value.Get(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

func wrong(kind, account string, lasting time.Duration) activities.AlertState {
	return activities.AlertState{AlertName: activities.AlertName{Kind: kind, Account: account}, For: lasting}
}

func found(receivers []string, alerts ...activities.AlertState) activities.FindAlertsOutput {
	return activities.FindAlertsOutput{Receivers: receivers, Alerts: alerts}
}

var ops = []string{"ops"}

func TestAlertsAreSentOncePerChange(t *testing.T) {
	w := newWatched(t, func(minute int) activities.FindAlertsOutput {
		var all []activities.AlertState
		if minute >= 2 && minute < 20 {
			all = append(all, wrong("stale", "acme", 10*time.Minute))
		}
		if minute == 5 { // too short to be told
			all = append(all, wrong("stale", "beta", 10*time.Minute))
		}
		if minute >= 7 {
			all = append(all, wrong("verify-failed", "acme", 0))
		}
		return found([]string{"ops", "team"}, all...)
	})
	w.run(30)
	slices.Sort(w.sent)
	w.expect(t, "12 ops fired stale/acme", "12 team fired stale/acme", "20 ops resolved stale/acme", "20 team resolved stale/acme",
		"7 ops fired verify-failed/acme", "7 team fired verify-failed/acme")
}

// TestAlertsWaitForReceiversThatFail has one receiver that fails for an hour, with ever longer waits, and another that does not notice.
func TestAlertsWaitForReceiversThatFail(t *testing.T) {
	w := newWatched(t, func(minute int) activities.FindAlertsOutput {
		if minute < 40 {
			return found([]string{"ops", "team"}, wrong("stale", "acme", 0))
		}
		return found([]string{"ops", "team"})
	})
	w.takes = func(minute int, in activities.SendAlertInput) (out activities.SendAlertOutput) {
		if in.Receiver == "ops" && minute < 60 {
			out.Failure = "it answers 503"
			if minute%2 == 1 {
				out.Failure = "panic" // the activity itself fails: it may have been sent
			}
		}
		return out
	}
	var during workflows.AlertsProgress
	w.env.RegisterDelayedCallback(func() { during = w.progress(t) }, 50*time.Minute)
	w.run(90)
	w.expect(t, "0 team fired stale/acme", "40 team resolved stale/acme", "63 ops fired stale/acme", "63 ops resolved stale/acme")
	ids := map[string]bool{}
	n := 0
	for _, try := range w.tries {
		if strings.HasPrefix(try, "ops ") {
			ids[try] = true
			n++
		}
	}
	if len(ids) != 2 || n != 8 { // after 0, 1, 3, 7, 15, 31 and 63 minutes, and then the second
		t.Errorf("%d tries with %d ids, want 8 with two, one for each change: %v", n, len(ids), w.tries)
	}
	if r := during.Receivers[0]; r.Name != "ops" || len(r.Waiting) != 2 || r.Failures != 6 || r.Failure == "" || r.Retry.IsZero() {
		t.Errorf("while it failed, the receiver was %+v", r)
	}
	if r := w.progress(t).Receivers[0]; r.Failures != 0 || r.Sent != 2 || len(r.Waiting) != 0 {
		t.Errorf("after that, it is %+v", r)
	}
}

func TestReceiversSayWhenToTryAgain(t *testing.T) {
	w := newWatched(t, func(int) activities.FindAlertsOutput {
		return found([]string{"busy", "gone"}, wrong("stale", "acme", 0))
	})
	w.takes = func(minute int, in activities.SendAlertInput) activities.SendAlertOutput {
		switch {
		case in.Receiver == "gone":
			return activities.SendAlertOutput{Failure: "410", Gone: true}
		case minute < 20:
			return activities.SendAlertOutput{Failure: "429", After: 20 * time.Minute}
		}
		return activities.SendAlertOutput{}
	}
	w.run(130)
	w.expect(t, "20 busy fired stale/acme")
	if n := len(w.tries); n != 2+3 { // gone: once an hour
		t.Errorf("%d tries: %v", n, w.tries)
	}
}

func TestAlertsAreRepeatedUntilAcknowledged(t *testing.T) {
	w := newWatched(t, func(minute int) activities.FindAlertsOutput {
		out := found(ops, wrong("stale", "acme", 0), wrong("stale", "beta", 0))
		if minute >= 60 && minute < 65 {
			out.Alerts = out.Alerts[1:]
		}
		out.Repeat = 20 * time.Minute
		return out
	})
	var out workflows.AcknowledgeOutput
	acknowledge := func(in workflows.AcknowledgeInput) {
		w.env.UpdateWorkflow(workflows.AcknowledgeUpdate, "", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { t.Error(err) },
			OnComplete: func(got any, err error) {
				if err != nil {
					t.Error(err)
				}
				out, _ = got.(workflows.AcknowledgeOutput)
			},
		}, in)
	}
	w.env.RegisterDelayedCallback(func() {
		acknowledge(workflows.AcknowledgeInput{Alerts: []string{"stale/acme", "stale/other"}})
	}, 25*time.Minute)
	w.run(70)
	if diff := cmp.Diff(workflows.AcknowledgeOutput{Acknowledged: []string{"stale/acme"}, Unknown: []string{"stale/other"}}, out); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	w.expect(t, "0 ops fired stale/acme", "0 ops fired stale/beta", "20 ops repeated stale/acme", "20 ops repeated stale/beta",
		"40 ops repeated stale/beta", "60 ops repeated stale/beta", "60 ops resolved stale/acme", "65 ops fired stale/acme")
}

func TestNumbersThatGrowAreAlerts(t *testing.T) {
	w := newWatched(t, func(minute int) activities.FindAlertsOutput {
		out := found(ops)
		gaps, missed, pushed := int64(7), int64(0), int64(0)
		if minute >= 10 {
			gaps = 9
		}
		if minute >= 20 && minute < 30 {
			missed, pushed = 5, 3 // pushes arrive as well
		}
		if minute >= 200 {
			missed = 9
		}
		out.Counts = []activities.AlertCount{
			{AlertName: activities.AlertName{Kind: "gaps-grew", Account: "acme", About: "created"}, Value: gaps, Within: time.Hour},
			{AlertName: activities.AlertName{Kind: "push-silent", Account: "acme"}, Value: missed, Unless: &pushed, Within: 30 * time.Minute},
		}
		return out
	})
	w.run(150)
	w.expect(t, "10 ops fired gaps-grew/acme/created", "70 ops resolved gaps-grew/acme/created")
	later := newWatched(t, func(minute int) activities.FindAlertsOutput { out, _ := w.find(minute + 150); return out })
	later.run(100)
	later.expect(t, "50 ops fired push-silent/acme", "80 ops resolved push-silent/acme")
}

// TestAlertsStayWhileASourceIsUnread: what cannot be read is no news.
func TestAlertsStayWhileASourceIsUnread(t *testing.T) {
	w := newWatched(t, func(int) activities.FindAlertsOutput { return activities.FindAlertsOutput{} })
	w.find = func(minute int) (activities.FindAlertsOutput, error) {
		switch {
		case minute < 5 || minute >= 30:
			return found(ops, wrong("stale", "acme", 0), wrong("blocked", "acme", 0)), nil
		case minute < 10:
			return activities.FindAlertsOutput{}, errors.New("no answer")
		}
		out := found(ops, wrong("unreadable", "", 0))
		out.Unread = []string{"stale"}
		return out, nil
	}
	w.run(40)
	w.expect(t, "0 ops fired blocked/acme", "0 ops fired stale/acme", "10 ops fired unreadable", "10 ops resolved blocked/acme",
		"30 ops fired blocked/acme", "30 ops resolved unreadable")
}

func TestANewReceiverGetsWhatFires(t *testing.T) {
	w := newWatched(t, func(minute int) activities.FindAlertsOutput {
		if minute < 5 {
			return found(ops, wrong("stale", "acme", 0))
		}
		return found([]string{"team"}, wrong("stale", "acme", 0))
	})
	w.run(10)
	w.expect(t, "0 ops fired stale/acme", "5 team fired stale/acme")
	if got := w.progress(t).Receivers; len(got) != 1 {
		t.Errorf("receivers %+v", got)
	}
}

func TestAlertsThatNobodyTakesAreBounded(t *testing.T) {
	w := newWatched(t, func(minute int) activities.FindAlertsOutput {
		if minute%2 == 0 {
			return found(ops, wrong("stale", "acme", 0))
		}
		return found(ops)
	})
	w.in.Policy.MostWaiting = 3
	w.takes = func(int, activities.SendAlertInput) activities.SendAlertOutput {
		return activities.SendAlertOutput{Failure: "no"}
	}
	w.run(9)
	if r := w.progress(t).Receivers[0]; len(r.Waiting) != 3 || r.Dropped != 7 {
		t.Errorf("%d wait, %d were dropped; want 3 and 7", len(r.Waiting), r.Dropped)
	}
}

// TestAlertsContinue: a run that is long continues as new with everything that it knows, and one without alerts in the configuration ends.
func TestAlertsContinue(t *testing.T) {
	w := newWatched(t, func(int) activities.FindAlertsOutput { return found(ops, wrong("stale", "acme", 0)) })
	w.in.Policy.LooksPerRun = 3
	w.takes = func(int, activities.SendAlertInput) activities.SendAlertOutput {
		return activities.SendAlertOutput{Failure: "no"}
	}
	w.env.ExecuteWorkflow(workflows.SendAlerts, w.in)
	var next *workflow.ContinueAsNewError
	if err := w.env.GetWorkflowError(); !errors.As(err, &next) {
		t.Fatalf("it ended with %v", err)
	}
	var in workflows.AlertsInput
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
		t.Fatal(err)
	}
	if len(in.State.Alerts) != 1 || !in.State.Alerts[0].Firing || len(in.State.Receivers[0].Waiting) != 1 {
		t.Fatalf("it carries %+v", in.State)
	}
	on := newWatched(t, func(minute int) activities.FindAlertsOutput {
		if minute < 3 {
			return found(ops, wrong("stale", "acme", 0))
		}
		return activities.FindAlertsOutput{Off: true}
	})
	on.in = in
	on.in.Policy.LooksPerRun, on.in.Policy.OffLooks = 100, 5
	on.env.ExecuteWorkflow(workflows.SendAlerts, on.in)
	if err := on.env.GetWorkflowError(); err != nil {
		t.Errorf("without alerts in the configuration, it ended with %v", err)
	}
	if on.minute() != 7 || len(on.sent) != 1 || !strings.HasSuffix(on.tries[0], in.State.Receivers[0].Waiting[0].ID) {
		t.Errorf("it ended after %d minutes and sent %v with %v", on.minute(), on.sent, on.tries)
	}
}

func TestSendAlertsRefusesAWrongPolicy(t *testing.T) {
	w := newWatched(t, nil)
	w.env.ExecuteWorkflow(workflows.SendAlerts, workflows.AlertsInput{})
	refused(t, w.env, "policy")
}
