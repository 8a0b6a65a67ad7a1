package workflows

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/testsuite"

	"github.com/chatlake/chatlake/providers"
)

// asker takes from a quota again and again, at the time that it was told, and notes when it was granted.
type asker struct {
	t       *testing.T
	env     *testsuite.TestWorkflowEnvironment
	limits  []providers.Limit
	left    int
	granted []time.Duration
	began   time.Time
}

func (a *asker) ask() {
	a.env.UpdateWorkflow(TakeUpdate, "", &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { a.t.Errorf("rejected: %v", err) },
		OnComplete: func(result any, err error) {
			out, ok := result.(TakeOutput)
			if err != nil || !ok {
				a.t.Errorf("result %v, error %v", result, err)
				return
			}
			if out.After == 0 {
				a.granted = append(a.granted, a.env.Now().Sub(a.began))
				a.left--
			}
			if a.left > 0 {
				a.env.RegisterDelayedCallback(a.ask, max(out.After, time.Nanosecond))
			}
		},
	}, TakeInput{Limits: a.limits})
}

func TestQuota(t *testing.T) {
	for name, c := range map[string]struct {
		limits []providers.Limit
		uses   int
		want   []time.Duration
	}{
		"one a minute": {[]providers.Limit{{Uses: 1, Per: time.Minute}}, 3, []time.Duration{0, time.Minute, 2 * time.Minute}},
		"three a day, one an hour": {
			[]providers.Limit{{Uses: 1, Per: time.Hour}, {Uses: 3, Per: 24 * time.Hour}}, 5,
			[]time.Duration{0, time.Hour, 2 * time.Hour, 24 * time.Hour, 25 * time.Hour},
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := NewTestEnvironment()
			a := &asker{t: t, env: env, limits: c.limits, left: c.uses, began: env.Now()}
			env.RegisterDelayedCallback(func() { a.began = env.Now(); a.ask() }, 0)
			env.ExecuteWorkflow(Quota, QuotaInput{Policy: NewPolicy()})
			if err := env.GetWorkflowError(); err != nil {
				t.Fatal(err)
			}
			for i := range a.granted {
				a.granted[i] = a.granted[i].Round(time.Second)
			}
			if diff := cmp.Diff(c.want, a.granted); diff != "" {
				t.Errorf("granted at (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuotaContinuesAsNew(t *testing.T) {
	env := NewTestEnvironment()
	a := &asker{t: t, env: env, limits: []providers.Limit{{Uses: 1, Per: time.Second}}, left: 10 * tuned.TakesPerRun}
	env.RegisterDelayedCallback(a.ask, 0)
	env.ExecuteWorkflow(Quota, QuotaInput{Policy: NewPolicy()})
	if env.GetWorkflowError() == nil || len(a.granted) > tuned.TakesPerRun {
		t.Errorf("ended with %v after %d uses", env.GetWorkflowError(), len(a.granted))
	}
}

// TestQuotaLeavesSomeToSyncs: of four uses a day, syncs have three, and everything else has one and no more, also in the next run.
func TestQuotaLeavesSomeToSyncs(t *testing.T) {
	const day = 24 * time.Hour
	env := NewTestEnvironment()
	began := env.Now()
	in := QuotaInput{Uses: []time.Time{began.Add(-20 * time.Hour)}, Rest: []time.Time{began.Add(-20 * time.Hour)}, Policy: NewPolicy()}
	limits, rest := []providers.Limit{{Uses: 4, Per: day}}, []providers.Limit{{Uses: 1, Per: day}}
	for i, use := range []struct {
		at, after time.Duration
		rest      []providers.Limit
	}{
		{0, 4 * time.Hour, rest}, // the last one was 20 hours ago
		{time.Hour, 0, nil},
		{2 * time.Hour, 0, nil},
		{5 * time.Hour, 0, rest},
		{6 * time.Hour, 23 * time.Hour, rest},
		{7 * time.Hour, 0, nil},
		{8 * time.Hour, 17 * time.Hour, nil}, // the first sync's counts for a day
	} {
		env.RegisterDelayedCallback(func() {
			env.UpdateWorkflow(TakeUpdate, "", &testsuite.TestUpdateCallback{
				OnAccept: func() {},
				OnReject: func(err error) { t.Errorf("use %d is rejected: %v", i, err) },
				OnComplete: func(result any, err error) {
					if out, ok := result.(TakeOutput); err != nil || !ok || out.After.Round(time.Second) != use.after {
						t.Errorf("use %d: %v, %v; want %s", i, result, err, use.after)
					}
				},
			}, TakeInput{Limits: limits, Rest: use.rest})
		}, use.at)
	}
	env.ExecuteWorkflow(Quota, in)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
}
