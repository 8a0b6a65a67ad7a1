package workflows

import (
	"cmp"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// ExportInput starts an Export. Its workflow id is ExportID(Account, Name).
type ExportInput struct {
	Account string    `json:"account"`
	Name    string    `json:"name"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// Window is the size of the windows: month, week or day. Empty takes the configured one.
	Window string `json:"window,omitempty"`
	// Refresh, if not empty, makes a new generation of shards that are committed already.
	Refresh string `json:"refresh,omitempty"`
	// Adopt takes over the committed windows of the range. The platform gets no requests.
	Adopt bool `json:"adopt,omitempty"`
	// Reprocess is which committed windows are copied again; empty is none. Refresh copies all of them.
	Reprocess activities.Reprocess `json:"reprocess,omitempty"`
	// Order is the order of the windows; empty is oldest first.
	Order activities.Order `json:"order,omitempty"`
	// MaxActive, if not 0, is how many shards may be at work at a time. It can only be fewer than the account's.
	MaxActive int `json:"max_active,omitempty"`
	// WholeDays ends the range at midnight UTC, at the last one in the past at the latest. An export that runs every day then copies
	// whole days.
	WholeDays bool `json:"whole_days,omitempty"`
	// Sync gives the export the share of the account's budget that is reserved for syncs. Other exports get the rest.
	Sync bool `json:"sync,omitempty"`
	// Policy decides the order of commands. Nil is the policy of runs that began before 0.2.0.
	Policy *Policy      `json:"policy,omitempty"`
	State  *ExportState `json:"resume,omitempty"` // only continue-as-new sets it
}

// ExportState is what an Export carries through continue-as-new. The plan is not part of it: the range gives it.
type ExportState struct {
	Open            activities.OpenExportOutput `json:"open"`
	To              time.Time                   `json:"to"`   // as clipped
	Next            int                         `json:"next"` // the first shard of the plan that has not started
	Extra           []activities.Planned        `json:"extra,omitempty"`
	Splits          int                         `json:"splits"` // windows beyond the plan, from halved ones
	Failed          []string                    `json:"failed,omitempty"`
	Skipped         []string                    `json:"skipped,omitempty"`
	Totals          Totals                      `json:"totals"`
	Copied          copied                      `json:"copied,omitzero"` // windows of conversations
	providers.Lease                             // this export's part of the budget
	// YieldsSince is set while a sync of the account has its share first.
	YieldsSince *time.Time `json:"yields_since,omitempty"`
	// Away is true while the export has left the account's Budget.
	Away   bool `json:"away,omitempty"`
	Paused bool `json:"paused,omitempty"`
	// Held are the shards that were open when the previous run ended.
	Held []HeldShard `json:"held,omitempty"`
}

// ExportOutput is the result of an Export.
type ExportOutput struct {
	Totals     Totals           `json:"totals"`
	From       time.Time        `json:"from"`
	To         time.Time        `json:"to"` // as clipped
	Visibility string           `json:"visibility"`
	Advice     string           `json:"advice,omitempty"`
	Manifest   string           `json:"manifest"`       // key of the roll-up in the lake
	Gaps       []schemas.Window `json:"gaps,omitempty"` // of the range; the ledger has nothing there
	// Accepted are gaps that a person has accepted; they do not keep the export from being complete.
	Accepted []schemas.Window `json:"accepted,omitempty"`
	// Lost are parts of the range that the platform may have deleted before the lake had them, and that no person has accepted.
	Lost   []activities.Loss `json:"lost,omitempty"`
	Failed []string          `json:"failed,omitempty"`
	// Skipped are the first mostSkipped shards that a person has given up while they were blocked.
	Skipped []string `json:"skipped,omitempty"`
	// Complete is true if every window is committed without dead letters and flags, with full visibility, with nothing lost, and with all
	// texts decrypted unless the account allows unreadable ones.
	Complete bool `json:"complete"`
}

// mostSkipped is how many skipped shards an Export names.
const mostSkipped = 100

// Range is the range that the export is asked to copy.
func (in ExportInput) Range() schemas.Window { return schemas.Window{From: in.From, To: in.To} }

// Range is the range that the export has copied: the requested one, clipped to the start of the export.
func (out ExportOutput) Range() schemas.Window { return schemas.Window{From: out.From, To: out.To} }

// ExportID is the workflow id of an export.
func ExportID(account, name string) string { return "export/" + account + "/" + name }

// Export copies the conversations that were created in a range. It cuts the range into windows and keeps a few shards in flight,
// oldest first. It returns the totals once every window is in the ledger. A blocked shard keeps it open.
func Export(ctx workflow.Context, in ExportInput) (ExportOutput, error) {
	e := &export{in: in, state: ExportState{To: in.To}}
	e.policy = policyOf(in.Policy)
	told := tellState(ctx, e.policy, e.told)
	out, err := e.whole(ctx)
	told.end(ctx, out.Complete, err)
	return out, err
}

// whole is the export from its start to its manifest.
func (e *export) whole(ctx workflow.Context) (ExportOutput, error) {
	in := e.in
	if in.State != nil {
		e.state = *in.State
	} else if err := refuse(ctx, in.Policy, in.Check(workflow.Now(ctx))); err != nil {
		return ExportOutput{}, err
	}
	e.again = func() error {
		in = e.in
		in.State = &e.state
		return workflow.NewContinueAsNewError(ctx, Export, in)
	}
	if err := e.copy(ctx); err != nil {
		return ExportOutput{}, err
	}
	return e.close(ctx)
}

// copy opens the account, unless an earlier run has, and runs the shards of the plan.
func (e *export) copy(ctx workflow.Context) error {
	if err := e.listen(ctx); err != nil {
		return err
	}
	if e.state.Open.Provider == "" {
		if err := e.open(ctx); err != nil {
			return err
		}
	}
	e.plan = e.shards()
	e.restoreHeld(ctx)
	err := e.run(ctx)
	if !workflow.IsContinueAsNewError(err) {
		e.leaveBudget(ctx)
	}
	return err
}

type export struct {
	in       ExportInput
	kind     activities.PlanKind // empty for an Export
	named    []string            // of a Push
	now      time.Time           // the nominal time; zero takes the schedule's, or the start of the run
	again    func() error        // continues as new
	state    ExportState
	plan     []activities.Planned
	children []*child // in flight, in the order of their start
	started  int      // shards of this run
	draining bool     // this run starts no more shards
	full     bool     // too many shards are blocked to start others
	reported bool     // see reports
	closed   bool
	control
	orders []message // of people, to be forwarded to the shards
	set    *float64  // the rate that a person has set, until the Budget is told
}

// child is a shard in flight.
type child struct {
	activities.Planned
	future  workflow.ChildWorkflowFuture // nil until this run has started it
	Told                                 // its lease
	chunks  int                          // fetches that it may have in flight
	blocked *BlockedShard
	last    bool    // it knows that no others are to come
	near    bool    // it knows that this may be soon
	idle    bool    // it sends next to no requests
	needs   float64 // what it still has leased once all of its work is given out
	holding
}

func (e *export) open(ctx workflow.Context) error {
	in := activities.OpenExportInput{Account: e.in.Account, Adopt: e.in.Adopt, Sync: e.in.Sync, Plan: e.kind, Now: e.now, Named: e.named}
	switch {
	case e.kind == "":
		if e.policy.Behaviour >= 1 {
			e.clip(ctx) // before its windows are compared with the ledger
		}
		in.Range = schemas.Window{From: e.in.From, To: e.state.To}
		in.Window, in.Anew, in.Reprocess = e.in.Window, e.in.Refresh != "", e.in.Reprocess
	case e.now.IsZero():
		in.Now = nominal(ctx)
	}
	err := e.retryUntilDone(ctx, func() (err error) {
		e.state.Open, err = call(quick(ctx), do.OpenExport, in)
		return err
	})
	if err != nil {
		return err
	}
	e.state.Lease = providers.Lease{RequestsPerSecond: e.state.Open.RequestsPerSecond, AccountRequestsPerSecond: e.state.Open.RequestsPerSecond}
	e.state.Totals.Requests += e.state.Open.Usage.Requests
	if e.in.Window == "" {
		e.in.Window = e.state.Open.Window
	}
	grant := e.state.Open.Grant
	if grant != nil {
		e.state.Lease = providers.Lease(grant.Lease)
		e.yieldsSince(grant.Yields, workflow.Now(ctx))
	}
	if e.set != nil && e.policy.Behaviour >= 1 {
		e.setRate(*e.set) // a person has said so meanwhile
	}
	if grant != nil && grant.After > 0 {
		shared := Waiting{For: activities.ForBudget, Why: "other exports of the account may still use the share of this one"}
		if grant.Yields {
			shared.Why = "a sync of the account goes first; this export then gets the rest of the budget"
		}
		if err := e.sleep(ctx, grant.After, shared); err != nil {
			e.leaveBudget(ctx)
			return err
		}
	}
	e.clip(ctx)
	return nil
}

// clip keeps the end of the range behind the clock.
func (e *export) clip(ctx workflow.Context) {
	latest := workflow.Now(ctx).UTC().Truncate(time.Second).Add(-e.policy.Lag)
	if e.in.WholeDays {
		latest = latest.Truncate(24 * time.Hour)
	}
	if e.state.To.After(latest) {
		e.state.To = latest
	}
}

func (e *export) run(ctx workflow.Context) error {
	for {
		e.launch(ctx)
		if len(e.children) == 0 && e.unstarted() == 0 {
			return nil
		}
		if e.draining && e.busy() == 0 && (e.unstarted() > 0 || isLong(ctx) && e.reports(ctx, 0)) {
			return e.continueAsNew(ctx)
		}
		children, active := len(e.children), e.active()
		if err := workflow.Await(ctx, func() bool {
			return len(e.children) != children || e.active() != active || len(e.orders) > 0 || e.set != nil || e.mayLaunch()
		}); err != nil {
			return e.cancelled(ctx, err)
		}
		e.forwardOrders(ctx)
		e.updateBudget(ctx)
		if e.policy.LeaseLook > 0 {
			e.launch(ctx) // before others are told of what it takes
		}
		e.balance(ctx)
	}
}

func (e *export) hasWork() bool { return e.unstarted() > 0 && !e.draining }

// active is how many shards in flight are not blocked. A blocked shard gives its place to another.
func (e *export) active() (n int) {
	for _, c := range e.children {
		if c.blocked == nil {
			n++
		}
	}
	return n
}

// stopped reports whether the platform has stopped the account. Then other shards would be refused as well.
func (e *export) stopped() bool {
	return slices.ContainsFunc(e.children, func(c *child) bool { return c.blocked != nil && c.blocked.Kind == string(providers.Stopped) })
}

// mayLaunch reports whether another shard may start now.
func (e *export) mayLaunch() bool { return e.mayBegin() && e.mayLease() }

// mayBegin reports whether another shard may start as soon as a lease is free for it.
func (e *export) mayBegin() bool {
	most := e.places()
	if e.fixed() {
		most = max(most, e.atMost(e.state.Open.MostShards)) // as long as a lease is free for it
	}
	return e.hasWork() && !e.state.Paused && !e.stopped() && !e.full && e.working()-e.listing() < most && e.active() < most+e.policy.IdleShards
}

func (e *export) launch(ctx workflow.Context) {
	if e.started >= e.policy.ShardsPerRun || isLong(ctx) {
		e.draining = true
	}
	e.full = len(e.children)-e.active() >= e.policy.MostBlocked && e.reports(ctx, 0)
	for e.mayLaunch() {
		c := &child{Planned: e.next()}
		e.started++
		e.children = append(e.children, c)
		e.lendFirst(c)
		if e.policy.LeaseLook <= 0 {
			e.balance(ctx)
		}
		if e.policy.Behaviour < 1 {
			c.Lease = e.leaseOf(e.share())
		}
		c.chunks = e.chunks(c)
		workflow.Go(ctx, func(ctx workflow.Context) { e.supervise(ctx, c) })
	}
}

// supervise runs one shard to its end and starts it as often as that takes.
func (e *export) supervise(ctx workflow.Context, c *child) {
	defer func() { e.children = slices.DeleteFunc(e.children, func(other *child) bool { return other == c }) }()
	if c.held && e.awaitHeld(ctx, c) {
		return
	}
	for looks, failures := 0, 0; ctx.Err() == nil; {
		out, err := e.start(ctx, c)
		c.over()
		switch {
		case err == nil:
			e.finish(c, out)
			return
		case temporal.IsWorkflowExecutionAlreadyStartedError(err):
			// An earlier run of this export, or another export, started it. This export adopts what it commits.
			longest := longestUnheard
			if e.reports(ctx, looks) {
				if e.awaitHeld(ctx, c) {
					return
				}
				longest = e.policy.LongestLook
			}
			looks++
			_ = workflow.Sleep(ctx, doubled(e.policy.FirstLook, longest, looks))
		default:
			if failures++; failures >= e.policy.ShardFailures {
				e.state.Failed = append(e.state.Failed, ShardID(c.Shard))
				return
			}
			_ = workflow.Sleep(ctx, e.policy.backoff(failures))
		}
	}
}

func (e *export) start(ctx workflow.Context, c *child) (ShardOutput, error) {
	var out ShardOutput
	open := e.state.Open
	if err := e.lend(ctx, c); err != nil {
		return out, err
	}
	paused := e.state.Paused
	c.last = e.unstarted() == 0 && e.policy.Behaviour >= 3
	near, in := e.near()
	c.near = near
	future := workflow.ExecuteChildWorkflow(shards(ctx, ShardID(c.Shard)), Shard, ShardInput{
		Shard:          c.Shard,
		Cause:          c.Cause,
		Depth:          c.Depth,
		Spec:           open.Spec,
		Refresh:        cmp.Or(c.Refresh, e.in.Refresh), // runs of earlier releases have it in their input only
		Adopt:          e.in.Adopt,
		Named:          c.Named,
		Visibility:     open.Visibility,
		Lease:          c.Lease,
		Last:           c.last,
		Near:           c.near,
		NearIn:         in,
		Uncounted:      e.isSmall(),
		ChunksInFlight: c.chunks,
		ChunkSize:      open.ChunkSize,
		Costs:          open.Costs,
		Flag:           open.OnMismatch == "flag",
		Paused:         paused,
		Policy:         e.in.Policy,
	})
	if err := future.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return out, err
	}
	c.future = future
	e.wake() // its share may have changed while it was being started
	if now := e.state.Paused; now != paused && e.policy.Behaviour >= 1 {
		e.orders = append(e.orders, message{pauseSignal, pauseInput{now}})
	}
	err := future.Get(ctx, &out)
	return out, err
}

// continueAsNew is called when no shard is at work. Open shards outlive this run. The next run finds them in the state, and they
// report to it because it has the same workflow id.
func (e *export) continueAsNew(ctx workflow.Context) error {
	for drainSignals(ctx); len(e.orders) > 0 || e.set != nil; drainSignals(ctx) {
		e.forwardOrders(ctx)
		e.updateBudget(ctx)
	}
	e.saveHeld()
	return e.again()
}
