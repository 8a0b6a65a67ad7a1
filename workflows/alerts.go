package workflows

import (
	"cmp"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
)

// AlertPolicy is everything besides the input that decides the order of the commands of a SendAlerts. A run carries it, as others do a
// [Policy].
type AlertPolicy struct {
	// Every is the time between two looks.
	Every time.Duration `json:"every"`
	// A receiver that does not take an event is tried again after FirstWait, then twice as long each time up to LongestWait.
	FirstWait   time.Duration `json:"first_wait"`
	LongestWait time.Duration `json:"longest_wait"`
	// MostAlerts is how many alerts are known at a time, and MostWaiting how many events wait for a receiver. Both are part of inputs,
	// which a Temporal server limits to 2 MB.
	MostAlerts  int `json:"most_alerts"`
	MostWaiting int `json:"most_waiting"`
	// SentPerLook is how many events a receiver gets between two looks.
	SentPerLook int `json:"sent_per_look"`
	// LooksPerRun is after how many looks a run continues as new, and OffLooks after how many workers in a row without alerts in their
	// configuration it ends.
	LooksPerRun int `json:"looks_per_run"`
	OffLooks    int `json:"off_looks"`
}

// NewAlertPolicy returns the policy of runs that begin now.
func NewAlertPolicy() AlertPolicy {
	return AlertPolicy{
		Every: time.Minute, FirstWait: time.Minute, LongestWait: time.Hour, MostAlerts: 1000, MostWaiting: 200, SentPerLook: 20, LooksPerRun: 200, OffLooks: 30,
	}
}

// AlertsInput starts a SendAlerts.
type AlertsInput struct {
	Policy AlertPolicy  `json:"policy"`
	State  *AlertsState `json:"resume,omitempty"` // only continue-as-new sets it
}

// AlertsProgress answers ProgressQuery on a SendAlerts.
type AlertsProgress struct {
	// Alerts are those that fire, and those that do not fire yet because they have not lasted long enough.
	Alerts    []Alert         `json:"alerts"`
	Receivers []AlertReceiver `json:"receivers"`
	LookedAt  time.Time       `json:"looked_at,omitzero"` // the last look that was answered
	Unread    []string        `json:"unread,omitempty"`   // kinds of alerts of which it found nothing out
}

// AcknowledgeUpdate ends the repetition of alerts. It takes an AcknowledgeInput and returns an AcknowledgeOutput.
const AcknowledgeUpdate = "acknowledge"

// AcknowledgeInput names alerts that fire, by their keys, or all of them.
type AcknowledgeInput struct {
	Alerts []string `json:"alerts,omitempty"`
	All    bool     `json:"all,omitempty"`
}

// AcknowledgeOutput has the keys of the alerts that are acknowledged now, and of those that do not fire.
type AcknowledgeOutput struct {
	Acknowledged []string `json:"acknowledged,omitempty"`
	Unknown      []string `json:"unknown,omitempty"`
}

// AlertsID is the workflow id of the SendAlerts of a task queue.
func AlertsID(taskQueue string) string { return "alerts/" + taskQueue }

// Check returns an error unless a SendAlerts can start with the input.
func (in AlertsInput) Check() error {
	p := in.Policy
	if p.Every <= 0 || p.FirstWait <= 0 || p.LongestWait < p.FirstWait || p.MostAlerts < 1 || p.MostWaiting < 1 || p.SentPerLook < 1 || p.LooksPerRun < 1 || p.OffLooks < 1 {
		return errors.New("policy: expected numbers above 0; see NewAlertPolicy")
	}
	return nil
}

// SendAlerts looks again and again whether there is something that a person should know, and tells every receiver once when that begins and
// once when it ends. What a receiver does not take waits for it. It ends when workers have no alerts in their configuration any more.
func SendAlerts(ctx workflow.Context, in AlertsInput) error {
	if wrong := in.Check(); wrong != nil {
		return temporal.NewNonRetryableApplicationError(oneLine(wrong), InvalidInput, nil)
	}
	a := &alerts{policy: in.Policy}
	if in.State != nil {
		a.state = *in.State
	}
	err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (AlertsProgress, error) { return a.progress(), nil })
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandler(ctx, AcknowledgeUpdate, func(ctx workflow.Context, in AcknowledgeInput) (AcknowledgeOutput, error) {
		return a.acknowledge(workflow.Now(ctx), in), nil
	})
	if err != nil {
		return err
	}
	for looks := 0; ; looks++ {
		if looks >= a.policy.LooksPerRun || isLong(ctx) {
			return workflow.NewContinueAsNewError(ctx, SendAlerts, AlertsInput{Policy: a.policy, State: &a.state})
		}
		if a.look(ctx); a.state.Off >= a.policy.OffLooks {
			return nil
		}
		a.send(ctx)
		if err := workflow.Sleep(ctx, a.policy.Every); err != nil {
			return err
		}
	}
}

type alerts struct {
	policy AlertPolicy
	state  AlertsState
}

// looking is for one look. One that fails is not repeated before the next is due.
func looking(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 2 * time.Minute, RetryPolicy: retries(1)})
}

// sending is for one try to send. The workflow decides when to try again.
func sending(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, RetryPolicy: retries(1)})
}

// look finds out what is wrong now. Without an answer, everything stays as it was.
func (a *alerts) look(ctx workflow.Context) {
	found, err := call(looking(ctx), do.FindAlerts, activities.FindAlertsInput{})
	switch {
	case err != nil:
	case found.Off:
		a.state.Off++
	default:
		a.observe(workflow.Now(ctx), workflow.GetInfo(ctx).FirstRunID, found)
	}
}

// send sends what waits, to all receivers at the same time and to each in order.
func (a *alerts) send(ctx workflow.Context) {
	group := workflow.NewWaitGroup(ctx)
	for i := range a.state.Receivers {
		r := &a.state.Receivers[i]
		group.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer group.Done()
			for n := 0; n < a.policy.SentPerLook && len(r.Waiting) > 0 && !r.Retry.After(workflow.Now(ctx)); n++ {
				a.try(ctx, r)
			}
		})
	}
	group.Wait(ctx)
}

// try sends the first event that waits for a receiver.
func (a *alerts) try(ctx workflow.Context, r *AlertReceiver) {
	in := r.Waiting[0]
	in.Receiver = r.Name
	out, err := call(sending(ctx), do.SendAlert, in)
	if err != nil {
		_, kind := remedyOf(err)
		out = activities.SendAlertOutput{Failure: cmp.Or(kind, "Unknown")} // perhaps it has it; then it knows the id
	}
	now := workflow.Now(ctx)
	if out.Failure == "" {
		r.Waiting = r.Waiting[1:]
		r.Sent++
		r.SentAt, r.Failures, r.Failure, r.Retry = now, 0, "", time.Time{}
		return
	}
	r.Failures++
	wait := max(out.After, doubled(a.policy.FirstWait, a.policy.LongestWait, r.Failures))
	if out.Gone {
		wait = a.policy.LongestWait
	}
	r.Failure, r.Retry = out.Failure, now.Add(min(wait, a.policy.LongestWait))
}
