package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
)

// The error types that activities return besides the providers.Kind names.
const (
	// StagingLost says that staged objects are gone: the shard has to be fetched again.
	StagingLost = "StagingLost"
	// FilesLost says that sealed files are gone before they were committed: the shard has to be sealed again.
	FilesLost = "FilesLost"
	// Interrupted says that the worker was told to stop; nothing is wrong with the work.
	Interrupted = "Interrupted"
	// Incomplete says that the receipts do not cover what was listed, which only a defect of chatlake can cause.
	Incomplete = "Incomplete"
	// Unavailable is anything else, the lake's storage for the most part: try again.
	Unavailable = "Unavailable"
)

var (
	errWorkerStops = errors.New("the worker stops")
	errPanicked    = errors.New("its documents break the decoder: a defect of chatlake, please report it")
	errIncomplete  = errors.New("receipts do not cover what was listed")
)

// Wait is the detail of an error after which it takes longer than longWait until another try is of use: then the workflow waits,
// on a timer that people see. An activity's own retries wait for what is shorter, which costs no events in the history.
type Wait struct {
	After time.Duration `json:"after"`
}

const longWait = 15 * time.Minute

// classify puts an error into Temporal's terms: the type is the kind's name, and After becomes the delay of the next
// attempt, which costs no events in the history.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(context.Cause(ctx), errWorkerStops) {
		return temporal.NewApplicationErrorWithOptions(errWorkerStops.Error(), Interrupted, temporal.ApplicationErrorOptions{})
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	kind, options := Unavailable, temporal.ApplicationErrorOptions{}
	var provider *providers.Error
	switch {
	case errors.As(err, &provider):
		kind = string(provider.Kind)
		options.NextRetryDelay = provider.After
		switch provider.Kind {
		case providers.Transient, providers.Throttled, providers.Pending:
			if provider.After > longWait {
				options.NonRetryable, options.NextRetryDelay, options.Details = true, 0, []any{Wait{provider.After}}
			}
		default:
			options.NonRetryable = true
		}
	case errors.Is(err, lake.ErrStagingLost):
		kind, options.NonRetryable = StagingLost, true
	case errors.Is(err, lake.ErrFilesLost):
		kind, options.NonRetryable = FilesLost, true
	case errors.Is(err, errIncomplete):
		kind, options.NonRetryable = Incomplete, true
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), kind, options)
}
