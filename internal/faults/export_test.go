package faults

import (
	"context"
	"errors"
	"sync"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// horizon is how long an export may run before it counts as waiting.
const horizon = 4 * time.Hour

// look is how often the test queries the progress, and settle is how long an export that is ended from outside may still wait
// for retries.
const (
	look   = 10 * time.Minute
	settle = 5 * time.Minute
)

// outcome is how an export ended, or its state at the horizon.
type outcome struct {
	err     error
	out     workflows.ShardOutput
	ended   bool                     // on its own
	blocked *workflows.BlockedShard  // when it was blocked for the first time
	asked   int64                    // requests until then, or in total
	stood   *workflows.ShardProgress // at the horizon
	took    time.Duration
	errors  []string // of all attempts
}

// run exports the window until it ends or reaches the horizon. If it blocks, run repairs the fault and resumes the export, as the
// message tells a person to do.
func (w *world) run() outcome {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(silence{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(1000 * time.Hour)
	env.SetWorkflowRunTimeout(1000 * time.Hour)
	env.SetStartTime(time.Now())
	env.RegisterWorkflow(workflows.Shard)
	s := &stage{do: w.do, env: env, mock: time.Now(), over: make(chan struct{})}
	env.RegisterActivity(s)
	o := outcome{}
	end := func() {
		close(s.over)
		env.RegisterDelayedCallback(env.CancelWorkflow, settle)
	}
	var watch func()
	watch = func() {
		p, err := progressOf(env)
		late := max(time.Since(w.began), env.Now().Sub(w.began)) - horizon // the bubble's clock stands still while the workflow waits
		switch {
		case err != nil:
			w.t.Errorf("ask for progress: %v", err)
			end()
		case p.Blocked != nil && o.blocked == nil:
			o.blocked, o.asked, o.took = p.Blocked, w.requests.Load(), time.Since(w.began)
			w.repaired.Store(true)
			env.UpdateWorkflowNoRejection(workflows.RetryBlockedUpdate, "", w.t)
			env.RegisterDelayedCallback(watch, look)
		case p.Blocked != nil:
			w.t.Errorf("it is blocked once more after the fault was repaired, by %s: %s", p.Blocked.Kind, p.Blocked.Detail)
			end()
		case late >= 0 && p.WaitingUntil != nil, late >= time.Hour:
			o.stood = &p
			end()
		case late >= 0:
			env.RegisterDelayedCallback(watch, look/10)
		default:
			env.RegisterDelayedCallback(watch, look)
		}
	}
	env.RegisterDelayedCallback(watch, look)
	env.ExecuteWorkflow(workflows.Shard, w.shard())
	if o.blocked == nil {
		o.asked, o.took = w.requests.Load(), time.Since(w.began)
	}
	o.ended = o.blocked == nil && o.stood == nil
	if o.err = env.GetWorkflowError(); o.err == nil {
		o.err = env.GetWorkflowResult(&o.out)
	}
	o.errors = s.errors
	return o
}

// stage schedules activities as Temporal's server does, because the SDK's test environment does so only in part: with the
// delay that an error requests, and within the timeout of an attempt. It keeps the bubble's clock in step with the
// workflow's, which the test environment moves while no activity runs.
type stage struct {
	do  *activities.Activities
	env *testsuite.TestWorkflowEnvironment

	mu       sync.Mutex
	inFlight int
	mock     time.Time // the workflow's time when the last activity ended
	ready    time.Time // the bubble's time at which the next may begin
	errors   []string
	over     chan struct{} // closed when the test has seen enough: all attempts end
	killer   *killer       // nil if no worker dies
}

func progressOf(env *testsuite.TestWorkflowEnvironment) (p workflows.ShardProgress, err error) {
	value, err := env.QueryWorkflow(workflows.ProgressQuery)
	if err != nil {
		return p, err
	}
	return p, value.Get(&p)
}

// enough ends attempts that the test no longer needs. It blocks the shard, which then does nothing.
func enough() error {
	return temporal.NewApplicationErrorWithOptions("the matrix has seen enough", string(providers.Denied), temporal.ApplicationErrorOptions{NonRetryable: true})
}

func (s *stage) OpenShard(ctx context.Context, in activities.OpenShardInput) (activities.OpenShardOutput, error) {
	return perform(s, ctx, s.do.OpenShard, in)
}
func (s *stage) ListPage(ctx context.Context, in activities.ListPageInput) (activities.ListPageOutput, error) {
	return perform(s, ctx, s.do.ListPage, in)
}
func (s *stage) FetchMessages(ctx context.Context, in activities.FetchInput) (activities.FetchOutput, error) {
	return perform(s, ctx, s.do.FetchMessages, in)
}
func (s *stage) FetchMetadata(ctx context.Context, in activities.FetchInput) (activities.FetchOutput, error) {
	return perform(s, ctx, s.do.FetchMetadata, in)
}
func (s *stage) SaveReceipts(ctx context.Context, in activities.SaveReceiptsInput) (activities.SaveReceiptsOutput, error) {
	return perform(s, ctx, s.do.SaveReceipts, in)
}
func (s *stage) SealShard(ctx context.Context, in activities.SealShardInput) (activities.SealShardOutput, error) {
	return perform(s, ctx, s.do.SealShard, in)
}
func (s *stage) VerifyShard(ctx context.Context, in activities.VerifyShardInput) (activities.VerifyShardOutput, error) {
	return perform(s, ctx, s.do.VerifyShard, in)
}
func (s *stage) CommitShard(ctx context.Context, in activities.CommitShardInput) (activities.CommitShardOutput, error) {
	return perform(s, ctx, s.do.CommitShard, in)
}
func (s *stage) FinishShard(ctx context.Context, in activities.FinishShardInput) (activities.FinishShardOutput, error) {
	return perform(s, ctx, s.do.FinishShard, in)
}
func (s *stage) Cleanup(ctx context.Context, in activities.CleanupInput) (activities.CleanupOutput, error) {
	return perform(s, ctx, s.do.Cleanup, in)
}

// enter waits until the bubble's clock has caught up with the workflow's.
func (s *stage) enter() {
	s.mu.Lock()
	if s.inFlight == 0 {
		s.ready = time.Now().Add(s.env.Now().Sub(s.mock))
	}
	s.inFlight++
	ready := s.ready
	s.mu.Unlock()
	time.Sleep(time.Until(ready))
}

func (s *stage) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight--; s.inFlight == 0 {
		s.mock = s.env.Now()
	}
}

func (s *stage) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors = append(s.errors, err.Error())
}

// perform makes one attempt. The test environment makes further ones by the activity's retry policy, but ignores the delay
// that an error requests. So perform waits for that delay before it returns the error.
func perform[In, Out any](s *stage, ctx context.Context, do func(context.Context, In) (Out, error), in In) (Out, error) {
	stop := beat(ctx)
	defer stop()
	s.enter()
	defer s.leave()
	var out Out
	var err error
	died := s.killer.kill(ctx, func(ctx context.Context) {
		out, err = within(ctx, s.over, activity.GetInfo(ctx).StartToCloseTimeout, do, in)
	})
	if died {
		var none Out
		return none, errDied()
	}
	if err == nil {
		return out, nil
	}
	select {
	case <-s.over:
		return out, enough()
	default:
		s.note(err)
	}
	var application *temporal.ApplicationError
	if errors.As(err, &application) && !application.NonRetryable() {
		select {
		case <-time.After(application.NextRetryDelay()):
		case <-s.over:
			return out, enough()
		case <-ctx.Done():
		}
	}
	return out, err
}

// beat sends heartbeats, also while an attempt waits for its time.
func beat(ctx context.Context) (stop func()) {
	ended := make(chan struct{})
	go func() {
		for {
			activity.RecordHeartbeat(ctx)
			select {
			case <-time.After(5 * time.Second):
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended) }
}

// within makes one attempt, within its timeout.
func within[In, Out any](ctx context.Context, over <-chan struct{}, limit time.Duration, do func(context.Context, In) (Out, error), in In) (Out, error) {
	attempt, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	go func() {
		select {
		case <-over:
			cancel()
		case <-attempt.Done():
		}
	}()
	out, err := do(attempt, in)
	if err != nil && attempt.Err() != nil && ctx.Err() == nil {
		err = temporal.NewTimeoutError(enums.TIMEOUT_TYPE_START_TO_CLOSE, nil)
	}
	return out, err
}

// silence is a logger that drops everything: the tests do not check logs of workflows.
type silence struct{}

func (silence) Debug(string, ...any) {}
func (silence) Info(string, ...any)  {}
func (silence) Warn(string, ...any)  {}
func (silence) Error(string, ...any) {}
