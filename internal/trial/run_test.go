package trial

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// run is one run of a workflow, from its start to its end.
type run struct {
	w       *world
	name    string
	env     *testsuite.TestWorkflowEnvironment
	do      *activities.Activities
	kind    kind
	refresh string
	started time.Time

	before     *run     // the run that continued as this one; its shards may live on
	after      *run     // the run that this one continued as
	mail       []letter // signals to this export that have not arrived
	alive      map[string]bool
	pausing    int  // activities that timed out and have not been retried yet
	over       bool // the workflow has ended
	terminated bool // the server has forgotten it: nothing is cleaned up
	cancelled  bool
	err        error
	next       any // the input of the next run after continue-as-new
	shard      workflows.ShardOutput
	export     workflows.ExportOutput
	kept       workflows.SyncOutput
	upkept     workflows.MaintainOutput
}

// kind is a kind of workflow.
type kind string

const (
	shards  kind = "shard"
	exports kind = "export"
	syncs   kind = "sync"
	settles kind = "settle"
	upkeeps kind = "maintain"
)

// kinds are the workflows of each kind.
var kinds = map[kind]any{shards: workflows.Shard, exports: workflows.Export, syncs: workflows.Sync, settles: workflows.Settle, upkeeps: workflows.Maintain}

// letter is a signal.
type letter struct {
	signal string
	in     any
}

// start starts a run, perhaps as the next run after another one, and returns at once.
func (w *world) start(name string, does kind, refresh string, before *run, begin func(env *testsuite.TestWorkflowEnvironment)) *run {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(silence{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(100 * time.Hour)
	env.SetWorkflowRunTimeout(0) // or runs that wait for a person would time out: time flies while nothing happens
	env.SetStartTime(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	if w.plan.kept {
		env.SetStartTime(w.clock())
	}
	r := &run{w: w, name: name, kind: does, env: env, refresh: refresh, before: before, alive: map[string]bool{}, do: w.activities(), started: time.Now()}
	env.SetWorkerOptions(withPost(r))
	if before != nil {
		w.mu.Lock()
		before.after, r.mail, before.mail = r, before.mail, nil
		w.mu.Unlock()
	}
	for _, workflow := range kinds {
		env.RegisterWorkflow(workflow)
	}
	env.RegisterActivity(&stage{r})
	env.SetOnChildWorkflowCompletedListener(func(info *workflow.Info, _ converter.EncodedValue, err error) {
		w.note("%s: %s ends: %v", name, info.WorkflowExecution.ID, err)
	})
	w.note("%s starts", name)
	w.mu.Lock()
	w.runs = append(w.runs, r)
	w.mu.Unlock()
	go func() {
		begin(env)
		r.end()
	}()
	return r
}

// end reads the result of the workflow.
func (r *run) end() {
	err := r.env.GetWorkflowError()
	var anew *workflow.ContinueAsNewError
	var next any
	switch {
	case errors.As(err, &anew):
		next, err = r.kind.input(anew)
	case err == nil && r.kind == exports:
		err = r.env.GetWorkflowResult(&r.export)
	case err == nil && r.kind == upkeeps:
		err = r.env.GetWorkflowResult(&r.upkept)
	case err == nil && r.kind != shards:
		err = r.env.GetWorkflowResult(&r.kept)
	case err == nil:
		err = r.env.GetWorkflowResult(&r.shard)
	}
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.over, r.err, r.next = true, err, next
	r.w.trace = append(r.w.trace, fmt.Sprintf("%5d %s ends: %v", r.w.steps, r.name, err))
}

// input is the input of the next run.
func (k kind) input(anew *workflow.ContinueAsNewError) (any, error) {
	switch k {
	case exports:
		return input[workflows.ExportInput](anew)
	case shards:
		return input[workflows.ShardInput](anew)
	case upkeeps:
		return input[workflows.MaintainInput](anew)
	}
	return input[workflows.SyncInput](anew)
}

func input[In any](anew *workflow.ContinueAsNewError) (in In, err error) {
	err = converter.GetDefaultDataConverter().FromPayloads(anew.Input, &in)
	return in, err
}

// cancel is what a person does.
func (r *run) cancel() {
	r.w.note("%s is cancelled", r.name)
	r.w.mu.Lock()
	r.cancelled = true
	r.w.mu.Unlock()
	r.env.CancelWorkflow()
}

// terminate ends a run as a lost server does: no activity of it runs any more. Its code must end as well, so every activity that it
// still starts succeeds at once.
func (r *run) terminate() {
	r.w.note("%s is terminated", r.name)
	r.terminated = true
}

func (r *run) live(id string, alive bool) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.alive[id] = alive
}

// holder is the earlier run in which a shard lives on; nil if there is none.
func (r *run) holder(shard string) *run {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for earlier := r.before; earlier != nil; earlier = earlier.before {
		if earlier.alive[shard] && !earlier.over {
			return earlier
		}
	}
	return nil
}

// send delivers a signal to a shard that an earlier run of the export has started, or to the open run of the export.
func (r *run) send(id string, l letter) error {
	if strings.HasPrefix(id, "shard/") {
		if holder := r.holder(id); holder != nil {
			return holder.env.SignalWorkflowByID(id, l.signal, l.in)
		}
		return serviceerror.NewNotFound(id)
	}
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	last := r
	for last.after != nil {
		last = last.after
	}
	if last.terminated || last.over && last.next == nil {
		return serviceerror.NewNotFound(id)
	}
	last.mail = append(last.mail, l)
	return nil
}

// deliver delivers the signals to exports. An export that has just continued as new gets them in its next run.
func (w *world) deliver() {
	for _, r := range w.runs {
		if r.over || r.env.IsWorkflowCompleted() {
			continue
		}
		w.mu.Lock()
		mail := r.mail
		r.mail = nil
		w.mu.Unlock()
		for _, l := range mail {
			r.env.SignalWorkflow(l.signal, l.in)
			synctest.Wait()
		}
	}
}

// leaves returns the input of the next run if a run has continued as new while shards of it live on.
func (r *run) leaves() (next any, ok bool) {
	var anew *workflow.ContinueAsNewError
	if r.over || r.kind == shards || !r.env.IsWorkflowCompleted() || !errors.As(r.env.GetWorkflowError(), &anew) {
		return nil, false
	}
	in, err := r.kind.input(anew)
	if err != nil {
		r.w.fail("%s continues with what cannot be read: %v", r.name, err)
	}
	return in, err == nil
}

// people do what paused and blocked shards wait for. They give orders to exports only, which reach the shards of earlier runs.
func (w *world) people() {
	for _, r := range w.runs {
		switch {
		case r.over:
		case r.terminated:
			r.wind()
			fallthrough
		case !r.env.IsWorkflowCompleted():
			r.order(workflows.ResumeUpdate)
			r.order(workflows.RetryBlockedUpdate)
		}
	}
}

// wind frees the shards of a terminated run. A server would have forgotten them, but their code must end.
func (r *run) wind() {
	r.w.mu.Lock()
	var shards []string
	for _, id := range slices.Sorted(maps.Keys(r.alive)) {
		if strings.HasPrefix(id, "shard/") && r.alive[id] {
			shards = append(shards, id)
		}
	}
	r.w.mu.Unlock()
	for _, id := range shards {
		if r.env.IsWorkflowCompleted() {
			_ = r.env.UpdateWorkflowByID(id, workflows.RetryBlockedUpdate, fmt.Sprint(id, r.w.steps), heard{})
			_ = r.env.UpdateWorkflowByID(id, workflows.ResumeUpdate, fmt.Sprint(id, "resume", r.w.steps), heard{})
			synctest.Wait()
		}
	}
}

// order is an update.
func (r *run) order(update string, args ...any) {
	r.w.note("%s: %s", r.name, update)
	defer synctest.Wait() // the test environment takes one update at a time
	if !r.env.IsWorkflowCompleted() {
		r.env.UpdateWorkflow(update, "", heard{}, args...)
	}
}

// stage is between a workflow and its activities. It makes as many attempts at each as the plan wants.
type stage struct{ r *run }

func (s *stage) OpenExport(ctx context.Context, in activities.OpenExportInput) (activities.OpenExportOutput, error) {
	return perform(s.r, ctx, s.r.do.OpenExport, in)
}
func (s *stage) OpenShard(ctx context.Context, in activities.OpenShardInput) (activities.OpenShardOutput, error) {
	return perform(s.r, ctx, s.r.do.OpenShard, in)
}
func (s *stage) ListPage(ctx context.Context, in activities.ListPageInput) (activities.ListPageOutput, error) {
	return perform(s.r, ctx, s.r.do.ListPage, in)
}
func (s *stage) ListUnlisted(ctx context.Context, in activities.ListUnlistedInput) (activities.ListUnlistedOutput, error) {
	return perform(s.r, ctx, s.r.do.ListUnlisted, in)
}
func (s *stage) StartMaintain(ctx context.Context, in activities.StartMaintainInput) (activities.StartMaintainOutput, error) {
	return perform(s.r, ctx, s.r.do.StartMaintain, in)
}
func (s *stage) PlanMaintain(ctx context.Context, in activities.PlanMaintainInput) (activities.PlanMaintainOutput, error) {
	return perform(s.r, ctx, s.r.do.PlanMaintain, in)
}
func (s *stage) MergeShards(ctx context.Context, in activities.MergeShardsInput) (activities.MergeShardsOutput, error) {
	return perform(s.r, ctx, s.r.do.MergeShards, in)
}
func (s *stage) AbsorbShards(ctx context.Context, in activities.AbsorbShardsInput) (activities.AbsorbShardsOutput, error) {
	return perform(s.r, ctx, s.r.do.AbsorbShards, in)
}
func (s *stage) FetchMessages(ctx context.Context, in activities.FetchInput) (activities.FetchOutput, error) {
	return perform(s.r, ctx, s.r.do.FetchMessages, in)
}
func (s *stage) FetchMetadata(ctx context.Context, in activities.FetchInput) (activities.FetchOutput, error) {
	return perform(s.r, ctx, s.r.do.FetchMetadata, in)
}
func (s *stage) SaveReceipts(ctx context.Context, in activities.SaveReceiptsInput) (activities.SaveReceiptsOutput, error) {
	return perform(s.r, ctx, s.r.do.SaveReceipts, in)
}
func (s *stage) SealShard(ctx context.Context, in activities.SealShardInput) (activities.SealShardOutput, error) {
	return perform(s.r, ctx, s.r.do.SealShard, in)
}
func (s *stage) VerifyShard(ctx context.Context, in activities.VerifyShardInput) (activities.VerifyShardOutput, error) {
	return perform(s.r, ctx, s.r.do.VerifyShard, in)
}
func (s *stage) CommitShard(ctx context.Context, in activities.CommitShardInput) (activities.CommitShardOutput, error) {
	return perform(s.r, ctx, s.r.do.CommitShard, in)
}
func (s *stage) FinishShard(ctx context.Context, in activities.FinishShardInput) (activities.FinishShardOutput, error) {
	return perform(s.r, ctx, s.r.do.FinishShard, in)
}
func (s *stage) Cleanup(ctx context.Context, in activities.CleanupInput) (activities.CleanupOutput, error) {
	return perform(s.r, ctx, s.r.do.Cleanup, in)
}
func (s *stage) CloseExport(ctx context.Context, in activities.CloseExportInput) (activities.CloseExportOutput, error) {
	return perform(s.r, ctx, s.r.do.CloseExport, in)
}

// result is how an attempt ended.
type result[Out any] struct {
	out    Out
	err    error
	panics any
}

// mostAttempts bounds the attempts at an activity whose process lives. Failures is how often an activity fails before its workflow
// gets the error.
const (
	mostAttempts = 3
	failures     = 4
)

// perform makes one to three attempts at an activity, or more if processes die, and returns the result that counts. It retries as
// Temporal does. The test environment would wait between retries on timers that never fire for a cancelled run.
func perform[In, Out any](r *run, ctx context.Context, activityOf func(context.Context, In) (Out, error), in In) (Out, error) {
	var none Out
	info := activity.GetInfo(ctx)
	r.resume(info.Attempt)
	name := fmt.Sprintf("%s %s/%s.%d %s", r.name, info.WorkflowExecution.ID, info.ActivityID, info.Attempt, info.ActivityType.Name)
	for n, given, failed := 1, 1, 0; ; n++ {
		if r.terminated {
			return none, nil
		}
		a, res, over := attemptOnce(r, fmt.Sprintf("%s#%d", name, n), activityOf, in, given < mostAttempts)
		var application *temporal.ApplicationError
		switch {
		case !over:
			given++
			if r.w.hash("timeout "+a.name) < r.w.plan.timeouts && r.pause(info.Attempt) {
				return none, temporal.NewTimeoutError(enums.TIMEOUT_TYPE_HEARTBEAT, nil)
			}
		case r.w.isDead(a): // its process is gone: Temporal retries the activity
		case given < mostAttempts && r.w.hash("lost "+a.name) < r.w.plan.lost:
			given++ // its result came too late
		case res.panics != nil:
			if failed++; failed == failures {
				return none, temporal.NewNonRetryableApplicationError("panic", "PanicError", nil)
			}
		case errors.As(res.err, &application):
			if failed++; application.NonRetryable() || failed == failures {
				return none, temporal.NewNonRetryableApplicationError(application.Message(), application.Type(), nil)
			}
		case res.err != nil:
			return none, temporal.NewNonRetryableApplicationError(res.err.Error(), "Unknown", nil)
		default:
			return res.out, nil
		}
	}
}

// attemptOnce starts an attempt and waits until it is over or given up. An attempt that is given up lives on; its context may be
// cancelled.
func attemptOnce[In, Out any](r *run, name string, activityOf func(context.Context, In) (Out, error), in In, mayGiveUp bool) (*attempt, result[Out], bool) {
	a := r.w.begin(r, name)
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), attemptKey{}, a))
	done := make(chan result[Out], 1)
	go func() {
		defer cancel()
		res := carryOut(ctx, activityOf, in)
		r.w.over(a)
		done <- res
	}()
	res, over := wait(r.w, a, done, mayGiveUp)
	if !over && r.w.hash("told "+a.name) < 0.5 {
		cancel()
	}
	return a, res, over
}

// pause reports whether an attempt may time out. The test environment then waits before the next one, which it must not do once the
// run is cancelled.
func (r *run) pause(attempt int32) bool {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	if r.cancelled {
		return false
	}
	if attempt < failures {
		r.pausing++
	}
	return true
}

func (r *run) resume(attempt int32) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	if attempt > 1 {
		r.pausing--
	}
}

// carryOut calls the activity.
func carryOut[In, Out any](ctx context.Context, activityOf func(context.Context, In) (Out, error), in In) (res result[Out]) {
	defer func() { res.panics = recover() }()
	res.out, res.err = activityOf(ctx, in)
	return res
}

// wait waits until an attempt ends or, if it may be, is given up.
func wait[Out any](w *world, a *attempt, done chan result[Out], mayGiveUp bool) (res result[Out], over bool) {
	if !mayGiveUp || w.hash("slow "+a.name) >= w.plan.zombies {
		return <-done, true
	}
	t := &turn{by: a, what: "is given up", giveUp: true, proceed: make(chan verdict)}
	w.mu.Lock()
	w.parked = append(w.parked, t)
	w.mu.Unlock()
	select {
	case res = <-done:
		w.mu.Lock()
		w.parked = slices.DeleteFunc(w.parked, func(other *turn) bool { return other == t })
		w.mu.Unlock()
		return res, true
	case <-t.proceed:
		return res, false
	}
}

func (w *world) begin(r *run, name string) *attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := &attempt{name: name, run: r}
	w.attempts[name] = a
	return a
}

func (w *world) over(a *attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.attempts, a.name)
}

func (w *world) isDead(a *attempt) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return a.dead
}

// heard ignores the outcome of an update.
type heard struct{}

func (heard) Accept()             {}
func (heard) Reject(error)        {}
func (heard) Complete(any, error) {}

// silence is a logger that drops everything.
type silence struct{}

func (silence) Debug(string, ...any) {}
func (silence) Info(string, ...any)  {}
func (silence) Warn(string, ...any)  {}
func (silence) Error(string, ...any) {}
