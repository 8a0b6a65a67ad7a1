// Package workflows decides what happens and in what order. It has no effects of its own: every effect is an activity.
//
// It must not know texts, people, the names of providers, storage, or any clock but the workflow's.
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

// do names the activities. Its methods are never called.
var do *activities.Activities

// call runs an activity and waits for its result. The compiler checks that the input fits the activity.
func call[In, Out any](ctx workflow.Context, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	var out Out
	err := workflow.ExecuteActivity(ctx, activity, in).Get(ctx, &out)
	return out, err
}

// remedy is what a workflow does about an error.
type remedy int

const (
	wait     remedy = iota // try again after a durable timer
	again                  // try again at once
	split                  // halve the work: one conversation in it may be at fault
	askHuman               // block until a person orders to try again
	relist                 // list the window again
	cutShard               // halve the window
	restart                // start the shard over
	reseal                 // seal again what is staged
	reopen                 // open the shard again: another generation was committed
	giveUp                 // cancelled
)

// remedyOf returns what to do about an activity's error, and the kind of the error.
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
	case activities.Superseded:
		return reopen, kind
	case string(providers.Pending):
		if waitOf(err) > 0 {
			return wait, kind
		}
		return again, kind // the activity's own retries have waited
	case activities.Interrupted:
		return again, kind
	default:
		return wait, kind
	}
}

// waitOf is how long to wait before another try; 0 if the error does not say.
func waitOf(err error) time.Duration {
	var application *temporal.ApplicationError
	var w activities.Wait
	if !errors.As(err, &application) || !application.HasDetails() || application.Details(&w) != nil {
		return 0
	}
	return w.After
}

// detailOf is the text of an error without what Temporal wraps around it.
func detailOf(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return application.Message()
	}
	return err.Error()
}

// isCrash reports whether the worker failed, not the provider.
func isCrash(kind string) bool { return kind == "Timeout" || kind == "Panic" }
