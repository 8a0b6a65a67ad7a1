package faults

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stretchr/testify/mock"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// killer ends attempts at activities as the death of their worker does. It is safe for concurrent use.
type killer struct {
	mu   sync.Mutex
	dice *rand.Rand
	one  int // in how many attempts dies; 0 means none
	hit  int
}

// fate says whether an attempt dies, and if so after how long, or else when it is complete and nobody learns of it.
func (k *killer) fate() (dies bool, after time.Duration) {
	if k == nil {
		return false, 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.one == 0 || k.dice.IntN(k.one) > 0 {
		return false, 0
	}
	k.hit++
	if k.dice.IntN(2) == 0 {
		return true, -1
	}
	return true, time.Duration(k.dice.IntN(1500)) * time.Millisecond
}

// kill makes an attempt that may die, and reports whether it did.
func (k *killer) kill(ctx context.Context, attempt func(context.Context)) (died bool) {
	dies, after := k.fate()
	if !dies {
		attempt(ctx)
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if after >= 0 {
		defer time.AfterFunc(after, cancel).Stop()
	}
	attempt(ctx)
	return true
}

// errDied is what Temporal records of an attempt whose worker is gone.
func errDied() error { return temporal.NewTimeoutError(enums.TIMEOUT_TYPE_HEARTBEAT, nil) }

// ran is how a run of a workflow ended.
type ran[Out any] struct {
	out    Out
	err    error
	errors []string // of all attempts at its activities
}

// runWorkflow runs a workflow from its start to its end, with everything that it continues as. The bubble's clock is the workflow's.
func runWorkflow[In, Out any](m *month, nominal time.Time, run func(workflow.Context, In) (Out, error), in In) (r ran[Out]) {
	for {
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(silence{})
		env := suite.NewTestWorkflowEnvironment()
		env.SetTestTimeout(10_000 * time.Hour)
		env.SetWorkflowRunTimeout(10_000 * time.Hour)
		began := time.Now()
		env.SetStartTime(began)
		env.SetWorkerOptions(worker.Options{
			DeadlockDetectionTimeout: time.Minute, Interceptors: []interceptor.WorkerInterceptor{&patient{}},
		})
		if !nominal.IsZero() {
			at := temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime").ValueSet(nominal)
			if err := env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(at)); err != nil {
				return ran[Out]{err: err}
			}
		}
		env.RegisterWorkflow(run)
		env.RegisterWorkflow(workflows.Shard)
		s := &stage{do: m.do, env: env, mock: began, over: make(chan struct{}), killer: m.killer}
		env.RegisterActivity(s)
		env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(errors.New("not found")).Maybe()
		env.ExecuteWorkflow(run, in)
		if late := env.Now().Sub(began) - time.Since(began); late > 0 {
			time.Sleep(late)
		}
		r.errors = append(r.errors, s.errors...)
		if r.err = env.GetWorkflowError(); r.err == nil {
			r.err = env.GetWorkflowResult(&r.out)
		}
		var again *workflow.ContinueAsNewError
		if !errors.As(r.err, &again) {
			break
		}
		if r.err = converter.GetDefaultDataConverter().FromPayloads(again.Input, &in); r.err != nil {
			return r
		}
	}
	return r
}

// patient lets activities live without heartbeats: the test environment loses those of activities of children, and attempts die here
// when the killer says so.
type patient struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
	interceptor.WorkflowOutboundInterceptorBase
}

func (*patient) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	p := &patient{}
	p.WorkflowInboundInterceptorBase.Next = next
	return p
}

func (p *patient) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	p.WorkflowOutboundInterceptorBase.Next = outbound
	return p.WorkflowInboundInterceptorBase.Next.Init(p)
}

func (p *patient) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	return p.WorkflowOutboundInterceptorBase.Next.ExecuteActivity(workflow.WithHeartbeatTimeout(ctx, 0), name, args...)
}

func (s *stage) OpenExport(ctx context.Context, in activities.OpenExportInput) (activities.OpenExportOutput, error) {
	return perform(s, ctx, s.do.OpenExport, in)
}
func (s *stage) ListNamed(ctx context.Context, in activities.ListNamedInput) (activities.ListPageOutput, error) {
	return perform(s, ctx, s.do.ListNamed, in)
}
func (s *stage) ListUnlisted(ctx context.Context, in activities.ListUnlistedInput) (activities.ListUnlistedOutput, error) {
	return perform(s, ctx, s.do.ListUnlisted, in)
}
func (s *stage) StartMaintain(ctx context.Context, in activities.StartMaintainInput) (activities.StartMaintainOutput, error) {
	return perform(s, ctx, s.do.StartMaintain, in)
}
func (s *stage) PlanMaintain(ctx context.Context, in activities.PlanMaintainInput) (activities.PlanMaintainOutput, error) {
	return perform(s, ctx, s.do.PlanMaintain, in)
}
func (s *stage) MergeShards(ctx context.Context, in activities.MergeShardsInput) (activities.MergeShardsOutput, error) {
	return perform(s, ctx, s.do.MergeShards, in)
}
func (s *stage) AbsorbShards(ctx context.Context, in activities.AbsorbShardsInput) (activities.AbsorbShardsOutput, error) {
	return perform(s, ctx, s.do.AbsorbShards, in)
}
func (s *stage) CloseExport(ctx context.Context, in activities.CloseExportInput) (activities.CloseExportOutput, error) {
	return perform(s, ctx, s.do.CloseExport, in)
}
