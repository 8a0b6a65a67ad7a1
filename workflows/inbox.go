package workflows

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// InboxInput starts an Inbox. Its workflow id is InboxID(Account).
type InboxInput struct {
	Account string      `json:"account"`
	Policy  *Policy     `json:"policy,omitempty"`
	State   *InboxState `json:"resume,omitempty"` // only continue-as-new sets it
}

// InboxState is what an Inbox carries through continue-as-new.
type InboxState struct {
	Waiting []Announced `json:"waiting,omitempty"`
	Totals  InboxTotals `json:"totals"`
	// Failures is how many Pushes in a row have failed to begin or to end. No Push begins before Retry.
	Failures int       `json:"failures,omitempty"`
	Retry    time.Time `json:"retry,omitzero"`
}

// Announced is a conversation that waits to be fetched.
type Announced struct {
	ID    string    `json:"id"`
	First time.Time `json:"first"` // the first announcement since it was fetched
	Last  time.Time `json:"last"`
	Tries int       `json:"tries,omitempty"` // Pushes of it that have failed
}

// InboxTotals count since the Inbox began.
type InboxTotals struct {
	Named   int64 `json:"named"`             // conversations in signals
	Pushed  int64 `json:"pushed"`            // conversations handed to a Push
	Dropped int64 `json:"dropped,omitempty"` // conversations left to syncs, because too many waited or because Pushes failed
}

// InboxProgress answers ProgressQuery on an Inbox.
type InboxProgress struct {
	Waiting int         `json:"waiting"`
	Pushing int         `json:"pushing,omitempty"`
	Totals  InboxTotals `json:"totals"`
}

// AnnouncedSignal names conversations that something happened to.
const AnnouncedSignal = "announced"

// AnnouncedInput is the input of AnnouncedSignal.
type AnnouncedInput struct {
	Conversations []string `json:"conversations"`
}

// Check returns an error unless the ids can be those of conversations.
func (in AnnouncedInput) Check() error { return checkIDs(in.Conversations) }

// InboxID is the workflow id of the Inbox of an account.
func InboxID(account string) string { return "inbox/" + account }

// Check returns an error unless an Inbox can start with the input.
func (in InboxInput) Check() error {
	errs := []error{checkAccount(in.Account), in.Policy.Check()}
	if in.Policy == nil || in.Policy.Quiet <= 0 || in.Policy.NamedPerShard < 1 || in.Policy.MostAnnounced < 1 || in.Policy.AnnouncementsPerRun < 1 {
		errs = append(errs, errors.New("policy: expected one that says how announcements are handled; see NewPolicy"))
	}
	return errors.Join(errs...)
}

// Inbox collects the conversations of an account that the platform announces, waits until each has been quiet for a while, and has them
// fetched by a Push, one Push at a time. It ends when nothing waits; the next signal starts it again.
func Inbox(ctx workflow.Context, in InboxInput) error {
	if err := refuse(ctx, in.Policy, in.Check()); err != nil {
		return err
	}
	b := &inbox{in: in, policy: *in.Policy}
	if in.State != nil {
		b.state = *in.State
	}
	err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (InboxProgress, error) {
		return InboxProgress{Waiting: len(b.state.Waiting), Pushing: len(b.pushing), Totals: b.state.Totals}, nil
	})
	if err != nil {
		return err
	}
	return b.run(ctx)
}

type inbox struct {
	in      InboxInput
	policy  Policy
	state   InboxState
	signals int         // received by this run
	pushing []Announced // what the Push in flight fetches; nil if there is none
	push    workflow.ChildWorkflowFuture
}

func (b *inbox) run(ctx workflow.Context) error {
	announced := workflow.GetSignalChannel(ctx, AnnouncedSignal)
	for {
		for b.take(ctx, announced) {
		}
		switch {
		case (b.signals >= b.policy.AnnouncementsPerRun || isLong(ctx)) && b.begun():
			next := b.in
			next.State = &b.state // a Push in flight goes on by itself
			return workflow.NewContinueAsNewError(ctx, Inbox, next)
		case len(b.state.Waiting) == 0 && b.push == nil:
			return nil
		}
		now := workflow.Now(ctx)
		begin, waits := b.next()
		if waits && b.push == nil && !begin.After(now) {
			b.start(ctx, now)
			continue
		}
		timing, stop := workflow.WithCancel(ctx)
		selector := workflow.NewSelector(ctx)
		selector.AddReceive(announced, func(workflow.ReceiveChannel, bool) {})
		selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
		if waits && b.push == nil {
			selector.AddFuture(workflow.NewTimer(timing, begin.Sub(now)), func(workflow.Future) {})
		}
		if b.push != nil {
			selector.AddFuture(b.push, func(f workflow.Future) {
				var out SyncOutput
				err := f.Get(ctx, &out)
				if err == nil && len(out.Failed) > 0 {
					err = errPushFailed
				}
				b.ended(ctx, err)
			})
		}
		selector.Select(ctx)
		stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// errPushFailed is the error of a Push whose shard has failed.
var errPushFailed = errors.New("the shard has failed")

// begun reports whether the Push in flight, if there is one, outlives this run.
func (b *inbox) begun() bool { return b.push == nil || b.push.GetChildWorkflowExecution().IsReady() }

// take takes one signal that has arrived, and reports whether there was one.
func (b *inbox) take(ctx workflow.Context, announced workflow.ReceiveChannel) bool {
	var in AnnouncedInput
	if !announced.ReceiveAsync(&in) {
		return false
	}
	b.signals++
	if wrong := in.Check(); wrong != nil {
		workflow.GetLogger(ctx).Warn("a signal with a wrong input was ignored", "signal", AnnouncedSignal, "reason", oneLine(wrong))
		return true
	}
	now := workflow.Now(ctx)
	for _, id := range in.Conversations {
		b.state.Totals.Named++
		b.add(Announced{ID: id, First: now, Last: now})
	}
	return true
}

// add adds a conversation to those that wait, once. If too many wait, it is left to syncs.
func (b *inbox) add(a Announced) {
	at := slices.IndexFunc(b.state.Waiting, func(w Announced) bool { return w.ID == a.ID })
	switch {
	case at >= 0:
		w := &b.state.Waiting[at]
		if a.First.Before(w.First) {
			w.First = a.First
		}
		if a.Last.After(w.Last) {
			w.Last = a.Last
		}
		w.Tries = max(w.Tries, a.Tries)
	case len(b.state.Waiting) >= b.policy.MostAnnounced:
		b.state.Totals.Dropped++
	default:
		b.state.Waiting = append(b.state.Waiting, a)
	}
}

// due is when a conversation is to be fetched: when nothing has been said about it for a while, or at the latest some time after the
// first announcement.
func (b *inbox) due(a Announced) time.Time {
	quiet, latest := a.Last.Add(b.policy.Quiet), a.First.Add(max(b.policy.Quiet, b.policy.LongestQuiet))
	if latest.Before(quiet) {
		return latest
	}
	return quiet
}

// next is when the next Push is to begin, or false if nothing waits.
func (b *inbox) next() (at time.Time, waits bool) {
	for i, a := range b.state.Waiting {
		if due := b.due(a); i == 0 || due.Before(at) {
			at = due
		}
	}
	if b.state.Retry.After(at) {
		at = b.state.Retry
	}
	return at, len(b.state.Waiting) > 0
}

// start starts a Push of the conversations that are due, those that have waited longest first.
func (b *inbox) start(ctx workflow.Context, now time.Time) {
	waiting := slices.Clone(b.state.Waiting)
	slices.SortStableFunc(waiting, func(x, y Announced) int { return cmp.Or(b.due(x).Compare(b.due(y)), cmp.Compare(x.ID, y.ID)) })
	n := 0
	for n < len(waiting) && n < b.policy.NamedPerShard && !b.due(waiting[n]).After(now) {
		n++
	}
	b.pushing, b.state.Waiting = waiting[:n:n], waiting[n:]
	in := PushInput{Account: b.in.Account, Now: now, Policy: b.in.Policy}
	for _, a := range b.pushing {
		in.Conversations = append(in.Conversations, a.ID)
	}
	b.push = workflow.ExecuteChildWorkflow(shards(ctx, PushID(b.in.Account)), Push, in)
}

// ended takes the result of the Push in flight. After a failure, its conversations wait again; what has failed too often is left to syncs.
func (b *inbox) ended(ctx workflow.Context, err error) {
	pushed := b.pushing
	b.push, b.pushing = nil, nil
	if err == nil {
		b.state.Totals.Pushed += int64(len(pushed))
		b.state.Failures, b.state.Retry = 0, time.Time{}
		return
	}
	b.state.Failures++
	// The Push of an earlier run of this inbox may still be under way; that is no failure of what waits.
	under := temporal.IsWorkflowExecutionAlreadyStartedError(err)
	for _, a := range pushed {
		if !under {
			a.Tries++
		}
		if a.Tries >= b.policy.ShardFailures {
			b.state.Totals.Dropped++
			continue
		}
		b.add(a)
	}
	wait := b.policy.backoff(b.state.Failures)
	if under {
		wait = doubled(b.policy.FirstLook, b.policy.FirstWait, b.state.Failures)
	}
	b.state.Retry = workflow.Now(ctx).Add(wait)
}
