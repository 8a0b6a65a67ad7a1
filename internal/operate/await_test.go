package operate

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// answers is a run that gives one answer to each question, in order; a nil function never answers.
type answers struct {
	client.WorkflowRun
	asked int
	all   []func(context.Context) error
}

func (a *answers) Get(ctx context.Context, _ any) error {
	answer := a.all[a.asked]
	a.asked++
	if answer == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return answer(ctx)
}

func TestAQuestionThatIsNotAnsweredIsAskedAgain(t *testing.T) {
	broken, failed := errors.New("broken"), &temporal.WorkflowExecutionError{}
	good := func(context.Context) error { return nil }
	late := func(ctx context.Context) error { // the answer comes just as the time is over
		<-ctx.Done()
		return failed
	}
	for name, tt := range map[string]struct {
		all  []func(context.Context) error
		want error
	}{
		"at once": {[]func(context.Context) error{good}, nil}, "the third time": {[]func(context.Context) error{nil, nil, good}, nil},
		"another error":     {[]func(context.Context) error{func(context.Context) error { return broken }}, broken},
		"a run that failed": {[]func(context.Context) error{nil, late}, failed},
	} {
		run := &answers{all: tt.all}
		again, err := true, error(nil)
		for again {
			again, err = awaitFor(t.Context(), 10*time.Millisecond, run, nil)
		}
		if !errors.Is(err, tt.want) || run.asked != len(tt.all) {
			t.Errorf("%s: error %v after %d questions, want %v after %d", name, err, run.asked, tt.want, len(tt.all))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := await(ctx, &answers{all: []func(context.Context) error{nil}}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of one that nobody waits for, want that it is canceled", err)
	}
}
