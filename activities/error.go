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

// Error types that activities return in addition to the names of providers.Kind.
const (
	// StagingLost means that staged objects are missing: the shard must be fetched again.
	StagingLost = "StagingLost"
	// FilesLost means that sealed files disappeared before they were committed: the shard must be sealed again.
	FilesLost = "FilesLost"
	// Superseded means that another record of the shard was committed after the shard was opened: the shard must be opened again.
	Superseded = "Superseded"
	// Interrupted means that the worker was told to stop. Nothing is wrong with the work.
	Interrupted = "Interrupted"
	// Incomplete means that the receipts do not cover the listed conversations. Only a bug in chatlake can cause it.
	Incomplete = "Incomplete"
	// Unavailable is every other error, usually of the lake's storage: try again.
	Unavailable = "Unavailable"
)

var (
	errWorkerStops = errors.New("the worker is stopping")
	errPanicked    = errors.New("its documents crash the decoder: this is a bug in chatlake, please report it")
	errIncomplete  = errors.New("receipts do not cover the listed conversations")
)

// Wait is the detail of an error after which retrying makes no sense for longer than longWait. The workflow then waits with a
// timer that people can see. The activity's own retries cover shorter waits, which add no events to the history.
type Wait struct {
	After time.Duration `json:"after"`
	// For is what to wait for: one of the For constants. It is also set if the activity's retries make the next attempt.
	For string `json:"for,omitempty"`
}

// What a wait is for.
const (
	ForPlatform    = "platform"
	ForSchedule    = "schedule"     // the account's office hours
	ForLake        = "lake"         // the lake's store
	ForStateFolder = "state folder" // the local disk of a worker: files in progress, the embedded server's database
	ForTemporal    = "temporal"
	ForWorker      = "worker"         // an attempt died or did not respond
	ForBudget      = "budget"         // other exports may still use their old share of the account's budget
	ForExport      = "another export" // another export has started the windows that this one needs
	ForSync        = "sync"           // a sync of the account goes first
)

// ErrTemporal is in the chain of every error of Temporal itself, which counts quotas and budgets.
var ErrTemporal = errors.New("no response from Temporal")

const longWait = 15 * time.Minute

// classify converts an error to Temporal's terms: the type is the name of the kind, and After becomes the delay before the next
// attempt, which adds no events to the history.
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
	case errors.Is(err, ledger.ErrSuperseded):
		kind, options.NonRetryable = Superseded, true
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
