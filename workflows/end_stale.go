package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// EndStaleInput starts an EndStaleChats.
type EndStaleInput struct {
	Account string `json:"account"`
	// OlderThan is how long nobody must have touched a conversation.
	OlderThan time.Duration `json:"older_than"`
	// Most is how many conversations a run ends, those first that were touched longest ago.
	Most int `json:"most"`
	// Confirm lets the run end conversations; otherwise it only tells which ones it would end.
	Confirm bool `json:"confirm,omitempty"`
	// Policy decides the order of commands.
	Policy *Policy `json:"policy,omitempty"`
}

// EndStaleOutput is the result of an EndStaleChats.
type EndStaleOutput struct {
	EndStaleTotals
	At      time.Time `json:"at"` // the nominal time of the run; ages are reckoned from it
	Confirm bool      `json:"confirm,omitempty"`
	// Stale are those that the run has, or would have, looked at to end them, touched longest ago first.
	Stale []activities.StaleRef `json:"stale,omitempty"`
	// Complete is true if every conversation that the platform was asked to end has ended.
	Complete bool `json:"complete"`
}

// EndStaleTotals are numbers of conversations, and of requests.
type EndStaleTotals struct {
	Open  int `json:"open"`  // that have not ended
	Found int `json:"found"` // of these, untouched for long enough
	activities.EndCounts
	Audits    int   `json:"audits"` // rows that were added to the lake
	Requests  int64 `json:"requests"`
	Throttled int64 `json:"throttled,omitempty"`
}

// EndStaleProgress answers ProgressQuery on an EndStaleChats.
type EndStaleProgress struct {
	State   State          `json:"state"`
	Totals  EndStaleTotals `json:"totals"`
	Waiting *Waiting       `json:"waiting,omitempty"`
	Blocked *BlockedShard  `json:"blocked,omitempty"`
}

// MostStale is the largest EndStaleInput.Most: ids of so many conversations fit into a history.
const MostStale = 1000

// LeastStale is the shortest EndStaleInput.OlderThan.
const LeastStale = time.Hour

// EndStaleID is the workflow id of a run that a person starts. A schedule appends the nominal time to its own.
func EndStaleID(account string) string { return "end-stale/" + account }

// Check returns an error unless an EndStaleChats can do what the input asks for.
func (in EndStaleInput) Check() error {
	errs := []error{checkAccount(in.Account), in.Policy.Check()}
	if in.OlderThan < LeastStale {
		errs = append(errs, fmt.Errorf("older_than %s: expected at least %s", in.OlderThan, LeastStale))
	}
	if in.Most < 1 || in.Most > MostStale {
		errs = append(errs, fmt.Errorf("most %d: expected 1 to %d; run it again for more", in.Most, MostStale))
	}
	return errors.Join(errs...)
}

// EndStaleChats ends conversations that have not ended and that nobody has touched for long. It lists them, looks at each again right
// before it asks the platform to end it, and leaves alone what has changed. Every conversation that the platform was asked to end has an
// audit in the lake, also if the run is cancelled.
func EndStaleChats(ctx workflow.Context, in EndStaleInput) (EndStaleOutput, error) {
	if err := refuse(ctx, in.Policy, in.Check()); err != nil {
		return EndStaleOutput{}, err
	}
	info := workflow.GetInfo(ctx)
	e := &endStale{in: in, out: EndStaleOutput{At: nominal(ctx).UTC(), Confirm: in.Confirm}}
	e.policy, e.self = policyOf(in.Policy), info.WorkflowExecution.ID
	e.run = activities.AuditRun{Workflow: e.self, Run: cmp.Or(info.FirstRunID, info.WorkflowExecution.RunID)}
	if err := e.listen(ctx); err != nil {
		return EndStaleOutput{}, err
	}
	told := tellState(ctx, e.policy, e.told)
	err := e.work(ctx)
	e.leave(ctx)
	if err != nil {
		told.end(ctx, false, err)
		return EndStaleOutput{}, err
	}
	e.out.Complete = e.out.Refused == 0 && e.out.StillOpen == 0
	told.end(ctx, e.out.Complete, nil)
	return e.out, nil
}

type endStale struct {
	in     EndStaleInput
	out    EndStaleOutput
	run    activities.AuditRun
	asked  int // audits that are not in the lake yet
	opened bool
	// The run is a user of the account's budget while it is joined. It is none while it is paused or blocked, and if nobody else uses
	// the budget (shares is false).
	shares, joined, leaving bool
	control
}

// listen handles updates from people, leases from the Budget, and the query for progress.
func (e *endStale) listen(ctx workflow.Context) error {
	err := setUpdates(ctx, steering{
		pause:  func() { e.paused = true },
		resume: func() { e.paused = false },
		retry:  func() { e.blocked = nil },
		rate: func(account float64) {
			e.lease = providers.Lease{RequestsPerSecond: account, AccountRequestsPerSecond: account}
			if e.joined {
				workflow.Go(ctx, func(ctx workflow.Context) {
					e.tellBudget(ctx, message{setRateSignal, SetRateInput{RequestsPerSecond: account}})
				})
			}
		},
	})
	if err != nil {
		return err
	}
	onSignal(ctx, leaseSignal, func(_ workflow.Context, in leaseInput) { e.lease = in.Lease })
	workflow.Go(ctx, e.restWhileBlocked)
	return workflow.SetQueryHandler(ctx, ProgressQuery, e.progress)
}

func (e *endStale) work(ctx workflow.Context) error {
	if e.in.Confirm {
		if err := e.resolve(ctx, false); err != nil {
			return err
		}
	}
	if err := e.list(ctx); err != nil || !e.in.Confirm {
		return err
	}
	err := e.end(ctx)
	if ctx.Err() == nil {
		if err == nil {
			err = e.commit(ctx, e.run)
		}
		return err
	}
	detached, cancel := workflow.NewDisconnectedContext(ctx) // what was asked for is written down in any case
	defer cancel()
	e.paused = false
	if failed := e.resolve(detached, true); failed != nil {
		return failed
	}
	return err
}

// open joins the account's budget.
func (e *endStale) open(ctx workflow.Context) error {
	out, err := call(quick(ctx), do.OpenEnding, activities.OpenEndingInput{Account: e.in.Account, Now: e.out.At})
	if err != nil {
		return err
	}
	e.spend(out.Usage)
	e.opened, e.run.Shard = true, out.Shard
	e.lease = providers.Lease{RequestsPerSecond: out.RequestsPerSecond, AccountRequestsPerSecond: out.RequestsPerSecond}
	if out.Grant == nil {
		return nil
	}
	e.shares, e.joined, e.lease = true, true, providers.Lease(out.Grant.Lease)
	if out.Grant.After > 0 {
		return e.sleep(ctx, out.Grant.After, Waiting{For: activities.ForBudget, Why: "other runs of the account may still use the share of this one"})
	}
	return nil
}

// ready waits while the run is paused, and joins the account's budget unless the run uses it already.
func (e *endStale) ready(ctx workflow.Context) error {
	for e.paused {
		e.leave(ctx)
		if err := workflow.Await(ctx, func() bool { return !e.paused }); err != nil {
			return err
		}
	}
	if err := workflow.Await(ctx, func() bool { return !e.leaving }); err != nil || e.opened && (e.joined || !e.shares) {
		return err
	}
	return e.open(ctx)
}

// restWhileBlocked leaves the budget to others while the run waits for a person.
func (e *endStale) restWhileBlocked(ctx workflow.Context) {
	for ctx.Err() == nil {
		_ = workflow.Await(ctx, func() bool { return e.blocked != nil })
		e.leave(ctx)
		_ = workflow.Await(ctx, func() bool { return e.blocked == nil })
	}
}

// resolve writes down what came of changes that were asked for without an end: by earlier runs, or by this one, which was cancelled.
func (e *endStale) resolve(ctx workflow.Context, own bool) error {
	out, err := attempt(ctx, e, func() (activities.ResolveAuditsOutput, error) {
		return call(fetching(ctx, e.policy.ChunkLength), do.ResolveAudits, activities.ResolveAuditsInput{AuditRun: e.run, Own: own, Lease: activities.Lease(e.lease)})
	})
	if err != nil {
		return err
	}
	e.spend(out.Usage)
	for _, shard := range out.Shards {
		of := e.run
		of.Shard = shard
		if err := e.commit(ctx, of); err != nil {
			return err
		}
	}
	return nil
}

// list finds the conversations that were touched longest ago. An expired cursor lists them from the beginning.
func (e *endStale) list(ctx workflow.Context) error {
	in := activities.ListStaleInput{Account: e.in.Account, Before: e.out.At.Add(-e.in.OlderThan), Most: e.in.Most}
	for more := true; more; {
		out, err := attempt(ctx, e, func() (activities.ListStaleOutput, error) {
			in.Lease, in.Requests = activities.Lease(e.lease), e.requests()
			out, err := call(fetching(ctx, e.policy.ChunkLength), do.ListStale, in)
			if remedy, _ := remedyOf(err); err != nil && remedy == relist {
				in.Cursor, e.out.Stale, e.out.Open, e.out.Found = "", nil, 0, 0
			}
			return out, err
		})
		if err != nil {
			return err
		}
		e.spend(out.Usage)
		e.out.Open, e.out.Found = e.out.Open+out.Open, e.out.Found+out.Found
		e.out.Stale = activities.Oldest(append(e.out.Stale, out.Stale...), e.in.Most)
		in.Cursor, more = out.Next, out.Next != ""
	}
	return nil
}

// endRequests is about how many requests the end of a conversation takes: a look, and one or two to end it.
const endRequests = 3

// end ends the listed conversations, as many at a time as the lease allows in a chunk.
func (e *endStale) end(ctx workflow.Context) error {
	for left := e.out.Stale; len(left) > 0; {
		n := min(len(left), max(1, e.requests()/endRequests))
		out, err := attempt(ctx, e, func() (activities.EndConversationsOutput, error) {
			return call(fetching(ctx, e.policy.ChunkLength), do.EndConversations, activities.EndConversationsInput{
				AuditRun: e.run, Refs: left[:n], Lease: activities.Lease(e.lease),
			})
		})
		if err != nil {
			return err
		}
		e.spend(out.Usage)
		e.out.EndCounts.Add(out.EndCounts)
		e.asked += out.Asked()
		left = left[n:]
	}
	return nil
}

// commit adds the audits of a month to the lake.
func (e *endStale) commit(ctx workflow.Context, of activities.AuditRun) error {
	in := activities.CommitAuditsInput{AuditRun: of}
	if of == e.run {
		in.Expected = e.asked
	}
	return e.retryUntilDone(ctx, func() error {
		out, err := call(sealing(ctx), do.CommitAudits, in)
		e.out.Audits += out.Rows
		return err
	})
}

// requests is how many requests an activity makes, so that it does not use a lease for much longer than others wait for it.
func (e *endStale) requests() int {
	if e.lease.RequestsPerSecond <= 0 {
		return e.policy.FewestFree
	}
	return max(1, int(e.lease.RequestsPerSecond*e.policy.ChunkLength.Seconds()))
}

func (e *endStale) spend(u activities.Usage) {
	e.out.Requests += u.Requests
	e.out.Throttled += u.Throttled
}

// attempt repeats a step that asks the platform until it succeeds.
func attempt[Out any](ctx workflow.Context, e *endStale, step func() (Out, error)) (out Out, err error) {
	err = e.retryUntilDone(ctx, func() error {
		err := e.ready(ctx)
		if err == nil {
			out, err = step()
		}
		return err
	})
	return out, err
}

// leave gives the run's share of the budget to others.
func (e *endStale) leave(ctx workflow.Context) {
	if !e.joined {
		return
	}
	e.joined, e.leaving = false, true
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	e.tellBudget(detached, message{leaveSignal, leaveInput{e.self}})
	e.leaving = false
}

// tellBudget signals the account's Budget. If there is none, nobody else uses the budget.
func (e *endStale) tellBudget(ctx workflow.Context, m message) {
	if err := workflow.SignalExternalWorkflow(ctx, BudgetID(e.in.Account), "", m.name, m.in).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Info("the account's budget does not run", "account", e.in.Account)
	}
}

func (e *endStale) progress() (EndStaleProgress, error) {
	p := EndStaleProgress{State: StateRunning, Totals: e.out.EndStaleTotals, Waiting: e.waiting, Blocked: e.blocked}
	switch {
	case e.blocked != nil:
		p.State = StateBlocked
	case e.waiting != nil:
		p.State = StateWaiting
	case e.paused:
		p.State = StatePaused
	}
	return p, nil
}
