// Package activities connects workflows to the outside world; each activity has its own file. Inputs and outputs are stored in
// Temporal histories, so they contain keys, counts, digests and conversation ids only, never the text of a conversation.
//
// A struct that appears in histories only gains fields, and the zero value of a new field means the old behaviour.
//
// It must not know which providers exist, what a column means, or how long anything may take.
package activities

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Activities has the dependencies of the activities. Its methods are the activities; an activity's type is the name of its
// method.
type Activities struct {
	Lake *lake.Lake
	// Account returns the configuration of an account. It opens nothing and resolves no secret. Its errors are *providers.Error.
	Account func(ctx context.Context, name string) (Account, error)
	// Join adds an export to the users of its account's budget. If it is nil, the export has the whole budget.
	Join func(ctx context.Context, account string, in BudgetRequest) (BudgetGrant, error)
	// LeaseOf asks a run of a Shard for the lease of one of its activities in flight, by LeaseQuery. If it is nil, leases do not grow.
	LeaseOf func(ctx context.Context, workflow, run string, number int) (requestsPerSecond float64, err error)
	// Maintain starts a maintenance of an account, unless one is under way, and reports whether it did. If it is nil, only schedules start
	// them.
	Maintain func(ctx context.Context, account string) (bool, error)
	// Alerting is nil if the worker has no alerts in its configuration.
	Alerting Alerting

	checks sync.Map // of providers.Reader: its last check
	opened sync.Map // of ledger.Generation: its ledger.Record, as far as plans need it
}

// BudgetRequest asks for a share of an account's budget.
type BudgetRequest struct {
	Workflow          string  `json:"workflow"`            // id of the export's workflow
	RequestsPerSecond float64 `json:"requests_per_second"` // of the account, as configured; 0 means no limit
	SyncShare         float64 `json:"sync_share"`          // the share for syncs while one is running
	Sync              bool    `json:"sync,omitempty"`
}

// Lease is a providers.Lease in the inputs and results of activities. Its JSON has used another name for the account's budget
// since before 0.2.0. The two types convert to each other.
type Lease struct {
	RequestsPerSecond        float64 `json:"requests_per_second"`
	AccountRequestsPerSecond float64 `json:"account,omitempty"`
}

// BudgetGrant is an export's share of its account's budget.
type BudgetGrant struct {
	Lease
	// After is how long to wait before using the share, because others may still use it until then.
	After time.Duration `json:"after,omitempty"`
	// Yields is true if the share is smaller because a sync is at work.
	Yields bool `json:"yields,omitempty"`
}

// Account is the configuration of one account.
type Account struct {
	// Reader opens the account to read from its platform, with all secrets resolved. Its errors are *providers.Error.
	Reader func() (providers.Reader, error)
	// Mapper returns the account's mapper. It resolves only secrets that mapping needs, so a missing or wrong token does not stop
	// a seal. Its errors are *providers.Error.
	Mapper func() (providers.Mapper, error)
	// Name is the provider's name, as in keys.
	Name string
	// Spec is the digest of all settings that determine the content of an export.
	Spec string
	// Specs returns all digests that stand for the same settings as Spec, including those in records and histories of other
	// builds. If it is nil, only Spec does.
	Specs             func() []string
	RequestsPerSecond float64 // the account's budget; 0 means no limit
	SyncShare         float64 // the share for syncs while one is running
	// Costs are of conversations in windows of creation, Changed of those in windows of changes.
	providers.Costs
	Changed         providers.Costs
	Batch           int    // conversations whose messages the provider fetches with one request
	MetadataBatch   int    // conversations whose metadata the provider fetches together
	Parallel        int    // concurrent requests of one chunk
	Shards          int    // concurrent shards
	MostShards      int    // of them, if fewer do not use the rate up; 0 means no more than Shards
	ChunksInFlight  int    // concurrent chunks of one shard
	ChunkSize       int    // conversations in a chunk; 0 means that the lease decides
	Window          string // month, week or day
	OnMismatch      string // block or flag
	AllowUnreadable bool   // an export with texts that could not be decrypted still counts as complete
	// Sync is how the account's copy is kept up to date; nil if it is not.
	Sync *SyncSettings
	// Retention is how long the platform keeps what windows of a stream are read from. A stream that is missing is kept for ever, or it
	// is not known.
	Retention map[schemas.Stream]schemas.Retention
	// Blind is providers.Definition.Blind.
	Blind []string
	// Keeper is providers.Definition.Keeper.
	Keeper providers.Keeper
	// Push is how announcements are compared with what syncs find; nil if none are received.
	Push *PushSettings
}

// Usage is what an activity requested from the platform.
type Usage struct {
	Requests  int64 `json:"requests"`
	Throttled int64 `json:"throttled"` // of these, answered with "too many requests"
}

// Target is the shard and generation that an activity works on.
type Target struct {
	Shard      ledger.Shard `json:"shard"`
	Generation int          `json:"generation"`
}

// HeartbeatInterval is the time between two heartbeats of a running activity. A worker must not hold them back for longer: left to
// itself, the SDK sends them after eight tenths of the timeout, when a busy machine may be too late.
const HeartbeatInterval = 3 * time.Second

// Heartbeat is the detail of a heartbeat, for people only. It is lost when a worker dies, so it contains no progress to resume
// from.
type Heartbeat struct {
	// WaitingUntil is the end of the current pause, caused by the platform's limits or the account's schedule.
	WaitingUntil *time.Time `json:"waiting_until,omitempty"`
	// For is the reason for the pause, as in Wait.
	For string `json:"for,omitempty"`
}

// heartbeat is the state that a running activity reports.
type heartbeat struct {
	mu    sync.Mutex
	meter *providers.Meter
}

type heartbeatKey struct{}

func (h *heartbeat) setMeter(m *providers.Meter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.meter = m
}

func (h *heartbeat) currentMeter() *providers.Meter {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.meter
}

func (h *heartbeat) send(ctx context.Context) {
	if until, what := h.currentMeter().Waiting(); !until.IsZero() {
		activity.RecordHeartbeat(ctx, Heartbeat{WaitingUntil: new(until.UTC()), For: string(what)})
		return
	}
	activity.RecordHeartbeat(ctx)
}

// keepAlive sends heartbeats until stop is called; stop also ends the activity's lease. It returns a context that is cancelled
// when the worker is told to stop, so that the attempt fails at once and is retried elsewhere. Outside of a worker, as in a trial
// of the protocol, there are no heartbeats. An activity must defer stop directly, not from a helper: otherwise stop cannot
// recover a panic to redact it.
func keepAlive(ctx context.Context) (_ context.Context, stop func()) {
	h := &heartbeat{}
	ctx = context.WithValue(ctx, heartbeatKey{}, h)
	if !activity.IsActivity(ctx) {
		return ctx, func() { h.currentMeter().End() }
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		ticker := time.NewTicker(HeartbeatInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-activity.GetWorkerStopChannel(ctx):
				cancel(errWorkerStops)
				return
			case <-ticker.C:
				h.send(ctx)
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		h.currentMeter().End()
		if panicked := recover(); panicked != nil {
			panic(redactPanic(panicked))
		}
	}
}

// redactPanic returns the value of a panic without text that may come from a conversation, because the SDK writes it to the log
// and the history. The runtime's own errors contain only numbers and types. The stack shows where the panic happened.
func redactPanic(panicked any) any {
	if _, ok := panicked.(runtime.Error); ok {
		return panicked
	}
	return fmt.Sprintf("a panic with a value of type %T", panicked)
}

// session is an activity attempt that asks a platform.
type session struct {
	Account
	reader providers.Reader
	meter  *providers.Meter
}

// session opens an account. It ends with the activity, which must have called keepAlive before.
func (a *Activities) session(ctx context.Context, account string, lease Lease) (context.Context, *session, error) {
	settings, err := a.Account(ctx, account)
	if err != nil {
		return ctx, nil, err
	}
	reader, err := settings.Reader()
	if err != nil {
		return ctx, nil, err
	}
	settings.Parallel = max(settings.Parallel, parallelFor(lease.RequestsPerSecond))
	meter := providers.NewMeter(providers.Lease(lease))
	if h, ok := ctx.Value(heartbeatKey{}).(*heartbeat); ok {
		h.setMeter(meter)
	}
	grow(ctx, meter)
	return providers.WithMeter(ctx, meter), &session{Account: settings, reader: reader, meter: meter}, nil
}

// maxParallel is the maximum number of concurrent requests of one chunk, whatever its lease.
const maxParallel = 64

// parallelFor returns how many concurrent requests use up a rate if a response takes a second. The lease limits the rate; this
// number only has to be high enough.
func parallelFor(requestsPerSecond float64) int {
	return int(min(maxParallel, math.Ceil(requestsPerSecond)))
}

func (s *session) usage() Usage {
	return Usage{Requests: s.meter.Requests(), Throttled: s.meter.Throttled()}
}
