// Package workflows is what happens and in what order. It touches nothing itself: every effect is an activity.
//
// It must not know texts, people, providers by name, storage, or any clock other than the workflow's.
package workflows

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// do names the activities; it is never called.
var do *activities.Activities

// call runs an activity and waits for its result. That the input fits the activity is checked by the compiler.
func call[In, Out any](ctx workflow.Context, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	var out Out
	err := workflow.ExecuteActivity(ctx, activity, in).Get(ctx, &out)
	return out, err
}

// remedy is what a workflow does about an error.
type remedy int

const (
	wait     remedy = iota // a durable timer, then the same again
	again                  // the same again at once
	split                  // the work in two halves: one conversation in it may be at fault
	askHuman               // blocked until a person says retry
	relist                 // list the window again
	cutShard               // the window in two halves
	restart                // the shard from the beginning
	reseal                 // the shard from what is staged
	giveUp                 // cancelled
)

// remedyOf says what to do about an activity's error, and what kind of error it is.
func remedyOf(err error) (remedy, string) {
	var application *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	var panicked *temporal.PanicError
	switch {
	case err == nil:
		return again, ""
	case temporal.IsCanceledError(err):
		return giveUp, "Canceled"
	case errors.As(err, &timeout):
		return split, "Timeout"
	case errors.As(err, &panicked):
		return split, "Panic"
	case !errors.As(err, &application):
		return wait, "Unknown"
	}
	kind := application.Type()
	switch kind {
	case string(providers.Denied), string(providers.Stopped), string(providers.NotFound), string(providers.Failed), activities.Incomplete:
		return askHuman, kind
	case string(providers.Malformed):
		return split, kind
	case string(providers.CursorExpired):
		return relist, kind
	case string(providers.WindowTooDense):
		return cutShard, kind
	case activities.StagingLost:
		return restart, kind
	case activities.FilesLost:
		return reseal, kind
	case string(providers.Pending):
		if waitOf(err) > 0 {
			return wait, kind
		}
		return again, kind // it was waited for by the activity's own retries
	case activities.Interrupted:
		return again, kind
	default:
		return wait, kind
	}
}

// waitOf is how long it is until another try is of use, 0 where the error does not say.
func waitOf(err error) time.Duration {
	var application *temporal.ApplicationError
	var w activities.Wait
	if !errors.As(err, &application) || !application.HasDetails() || application.Details(&w) != nil {
		return 0
	}
	return w.After
}

// detailOf is the error's own text, without the wrapping that Temporal adds.
func detailOf(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return application.Message()
	}
	return err.Error()
}

// isCrash reports whether the worker failed, not the provider.
func isCrash(kind string) bool { return kind == "Timeout" || kind == "Panic" }
