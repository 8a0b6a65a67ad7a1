package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/redact"
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
	// For says what is waited for: one of the For constants. It is set also where the next attempt is made by the activity's retries.
	For string `json:"for,omitempty"`
}

// What a wait is for.
const (
	ForPlatform    = "platform"
	ForSchedule    = "schedule"     // the account's own office hours
	ForLake        = "lake"         // its store
	ForStateFolder = "state folder" // of the machine of a worker: files in progress, the embedded server's database
	ForTemporal    = "temporal"
	ForWorker      = "worker"         // an attempt died or was never heard of again
	ForBudget      = "budget"         // other exports may still use the account's budget as before
	ForExport      = "another export" // it started the windows that this one waits for
)

// ErrTemporal is in the chain of errors of Temporal itself, which counts quotas and budgets.
var ErrTemporal = errors.New("no answer from Temporal")

const longWait = 15 * time.Minute

// classify puts an error into Temporal's terms: the type is the kind's name, and After becomes the delay of the next
// attempt, which costs no events in the history.
func (a *Activities) classify(ctx context.Context, err error) error {
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
	w := Wait{For: ForLake}
	var provider *providers.Error
	switch {
	case errors.As(err, &provider):
		kind, w.For = string(provider.Kind), ForPlatform
		if provider.Awaits != "" {
			w.For = string(provider.Awaits)
		}
		options.NextRetryDelay = provider.After
		switch provider.Kind {
		case providers.Transient, providers.Throttled, providers.Pending:
			if provider.After > longWait {
				options.NonRetryable, options.NextRetryDelay, w.After = true, 0, provider.After
			}
		default:
			options.NonRetryable = true
		}
	case errors.Is(err, lake.ErrStagingLost):
		kind, options.NonRetryable = StagingLost, true
	case errors.Is(err, ledger.ErrFilesLost):
		kind, options.NonRetryable = FilesLost, true
	case errors.Is(err, errIncomplete):
		kind, options.NonRetryable = Incomplete, true
	}
	switch {
	case errors.Is(err, ErrTemporal):
		w.For = ForTemporal
	case a.Lake != nil && a.Lake.IsScratch(err):
		w.For = ForStateFolder
	}
	options.Details = []any{w}
	return temporal.NewApplicationErrorWithOptions(redact.Mask(err.Error()), kind, options)
}
