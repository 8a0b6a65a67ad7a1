package faults

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/internal/receive"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/workflows"
)

// announced is what the platform of a month announces, and the receiver and the Inbox that take it.
type announced struct {
	*post
	spool   *receive.Spool
	arrived chan struct{} // something is in the spool
	group   sync.WaitGroup
	stop    context.CancelFunc

	mu                               sync.Mutex
	delivered                        map[simulator.Fate]int
	accepted, refused, pushes, named int
}

// receive opens the receiver of a month and its Inbox, which works until stop is called.
func (m *month) receive(seed uint64) {
	spool, err := receive.OpenSpool(m.t.TempDir(), 1<<20)
	if err != nil {
		m.t.Fatal(err)
	}
	a := &announced{spool: spool, arrived: make(chan struct{}, 1), delivered: map[simulator.Fate]int{}}
	a.post = newPost(m.moving.platform, seed, func(e receive.Event) error {
		err := spool.Keep(e)
		select {
		case a.arrived <- struct{}{}:
		default:
		}
		return err
	})
	ctx, stop := context.WithCancel(m.t.Context())
	a.group.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-a.arrived:
				time.Sleep(time.Second) // the receiver delivers once a second
				m.inbox(ctx)
			}
		}
	})
	a.stop = func() {
		stop()
		a.group.Wait()
		if err := spool.Close(); err != nil {
			m.t.Error(err)
		}
	}
	m.push = a
}

// announce lets the announcements of an event arrive in their time.
func (m *month) announce(e simulator.Event) {
	for _, d := range m.push.courier.Of(m.site.Living.(simulator.Announcer), e) {
		if d.Fate == simulator.Lost {
			m.push.count(d.Fate, 0)
			continue
		}
		m.push.group.Go(func() {
			time.Sleep(time.Until(d.At))
			code := m.push.deliver(d.Announcement)
			m.push.count(d.Fate, code)
			if (code == http.StatusOK) == d.Fate.Wrong() {
				m.t.Errorf("an announcement of %s that is %s is answered with %d", e.Kind, d.Fate, code)
			}
		})
	}
}

func (a *announced) count(f simulator.Fate, code int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.delivered[f]++
	switch code {
	case 0:
	case http.StatusOK:
		a.accepted++
	default:
		a.refused++
	}
}

// inbox runs the Inbox, with everything that it continues as, from the first signal until nothing waits. Once a second it is signalled what is
// in the spool.
func (m *month) inbox(ctx context.Context) {
	in := workflows.InboxInput{Account: "acme", Policy: workflows.NewPolicy()}
	var signals [][]string // that the workflow has not taken
	for again := true; again && ctx.Err() == nil; {
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(silence{})
		env := suite.NewTestWorkflowEnvironment()
		env.SetTestTimeout(10_000 * time.Hour)
		env.SetWorkflowRunTimeout(10_000 * time.Hour)
		env.SetStartTime(time.Now())
		env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute, Interceptors: []interceptor.WorkerInterceptor{&steady{}}})
		ended := make(chan struct{})
		env.RegisterActivityWithOptions(func(context.Context) error { <-ended; return nil }, activity.RegisterOptions{Name: "KeepTime"})
		env.RegisterWorkflow(workflows.Inbox)
		env.RegisterWorkflow(workflows.Push)
		env.OnWorkflow(workflows.Push, mock.Anything, mock.Anything).Return(func(ctx workflow.Context, in workflows.PushInput) (out workflows.SyncOutput, err error) {
			err = workflow.ExecuteActivity(once(ctx), "RunPush", in).Get(ctx, &out)
			return out, err
		})
		env.RegisterActivityWithOptions(m.runPush, activity.RegisterOptions{Name: "RunPush"})
		signal := func(_ context.Context, _ string, ids []string) error {
			signals = append(signals, ids)
			env.SignalWorkflow(workflows.AnnouncedSignal, workflows.AnnouncedInput{Conversations: ids})
			return nil
		}
		var tick func()
		tick = func() {
			if err := m.push.spool.Drain(ctx, receive.Delivery{Deliver: signal, Failed: func(err error) { m.t.Error(err) }}); err != nil && ctx.Err() == nil {
				m.t.Error(err)
			}
			env.RegisterDelayedCallback(tick, time.Second)
		}
		left := signals
		signals = nil
		before := int64(0)
		if in.State != nil {
			before = in.State.Totals.Named
		}
		env.RegisterDelayedCallback(func() {
			for _, ids := range left {
				_ = signal(ctx, "", ids)
			}
			tick()
		}, 0)
		env.ExecuteWorkflow(workflows.Inbox, in)
		close(ended)
		value, err := env.QueryWorkflow(workflows.ProgressQuery)
		var progress workflows.InboxProgress
		if err == nil {
			err = value.Get(&progress)
		}
		if err != nil {
			m.t.Errorf("the progress of the inbox: %v", err)
			return
		}
		// A server does not let a workflow end that has not taken all of its signals.
		for taken := progress.Totals.Named - before; taken > 0 && len(signals) > 0; signals = signals[1:] {
			taken -= int64(len(signals[0]))
		}
		var next *workflow.ContinueAsNewError
		switch err := env.GetWorkflowError(); {
		case errors.As(err, &next):
			in = workflows.InboxInput{}
			if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
				m.t.Error(err)
				return
			}
		case err != nil:
			m.t.Errorf("the inbox ended with %v", err)
			return
		default:
			if progress.Totals.Dropped > 0 {
				m.t.Errorf("the inbox has dropped %d conversations", progress.Totals.Dropped)
			}
			in.State = nil
			again = len(signals) > 0
		}
	}
}

// once is for activities of tests, which last as long as they like.
func once(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10_000 * time.Hour, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
}

// steady keeps the clock of an Inbox in step with the bubble's: the test environment does not move it by itself while an activity runs.
type steady struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
}

func (*steady) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	s := &steady{}
	s.WorkflowInboundInterceptorBase.Next = next
	return s
}

func (s *steady) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if workflow.GetInfo(ctx).WorkflowType.Name == "Inbox" {
		workflow.ExecuteActivity(once(ctx), "KeepTime")
	}
	return s.WorkflowInboundInterceptorBase.ExecuteWorkflow(ctx, in)
}

// runPush is a Push from its start to its end.
func (m *month) runPush(_ context.Context, in workflows.PushInput) (workflows.SyncOutput, error) {
	r := runWorkflow(m, time.Time{}, workflows.Push, in)
	m.push.mu.Lock()
	m.push.pushes++
	m.push.named += len(in.Conversations)
	m.push.mu.Unlock()
	m.ended("push", r)
	m.look("after the push of " + in.Now.UTC().Format(time.RFC3339))
	return r.out, r.err
}

// arrival is an event, and how long it took until the lake had what the platform showed after it.
type arrival struct {
	at   time.Time
	took time.Duration // 0 if it is not there
}

// arrive notes what a record has.
func (m *month) arrive(all map[string]version, committed time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, v := range all {
		for _, a := range m.arrivals[id] {
			if took := committed.Sub(a.at); v.observed >= a.at.UnixMicro() && (a.took == 0 || took < a.took) {
				a.took = took
			}
		}
	}
}

// freshness says how soon events were in the lake.
func (m *month) freshness() {
	var took []time.Duration
	events, soon := 0, 0
	for _, all := range m.arrivals {
		for _, a := range all {
			if events++; a.took == 0 {
				continue
			}
			if took = append(took, a.took); a.took <= time.Minute {
				soon++
			}
		}
	}
	slices.Sort(took)
	m.t.Logf("of %d events, %d were in the lake within a minute; median %s, 90th percentile %s", events, soon, took[len(took)/2].Round(time.Second), took[len(took)*9/10].Round(time.Second))
	if m.push == nil {
		return
	}
	p := m.push
	m.t.Logf("announcements: %v; %d accepted, %d refused; %d pushes of %d conversations", p.delivered, p.accepted, p.refused, p.pushes, p.named)
	if p.pushes == 0 || p.refused == 0 || p.delivered[simulator.Lost] == 0 || soon*4 < events {
		m.t.Error("push has not made the lake fresher")
	}
}
