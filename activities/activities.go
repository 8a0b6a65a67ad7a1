// Package activities is where the export touches the world: one activity a file. Inputs and outputs stand in Temporal
// histories, so they hold keys, counts, digests and conversation ids only, never a word of a conversation.
//
// A struct that has been in a history only grows, and the zero value of a new field means the old behaviour.
//
// It must not know which providers there are, what a column means, or how long anything may take.
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
)

// Activities holds what the activities need of the world. Its methods are the activities; the name of a method is the
// activity's type.
type Activities struct {
	Lake *lake.Lake
	// Account tells how an account is configured. It opens nothing and resolves no secret. Its errors are *providers.Error.
	Account func(ctx context.Context, name string) (Account, error)
	// Join makes an export a user of its account's budget. Nil leaves it the whole of it.
	Join func(ctx context.Context, account string, in BudgetRequest) (BudgetGrant, error)
}

// BudgetRequest is how an export joins the users of its account's budget.
type BudgetRequest struct {
	Workflow          string  `json:"workflow"`            // its id
	RequestsPerSecond float64 `json:"requests_per_second"` // the account's, as configured; 0 is no limit
	SyncShare         float64 `json:"sync_share"`          // the part of it that syncs have while one is at work
	Sync              bool    `json:"sync,omitempty"`
}

// Lease is a providers.Lease as it stands in the inputs and results of activities, where it has had another word for the account's budget
// since before 0.2.0. Either converts to the other.
type Lease struct {
	RequestsPerSecond        float64 `json:"requests_per_second"`
	AccountRequestsPerSecond float64 `json:"account,omitempty"`
}

// BudgetGrant is what an export may use of its account's budget.
type BudgetGrant struct {
	Lease
	// After is how long to wait before using it: so long others may still use what they had before.
	After time.Duration `json:"after,omitempty"`
}

// Account is one account as it is configured.
type Account struct {
	// Reader opens the account to ask its platform, all its secrets resolved. Its errors are *providers.Error.
	Reader func() (providers.Reader, error)
	// Mapper makes its mapper. It resolves no secret but those that mapping itself needs, so a token that is missing or wrong keeps
	// nothing from being sealed. Its errors are *providers.Error.
	Mapper func() (providers.Mapper, error)
	// Name is the provider's name as it stands in keys.
	Name string
	// Spec digests all settings that decide what an export of the account holds.
	Spec string
	// Specs are all digests that stand for the same settings as Spec, which records and histories of other builds may hold. Nil is
	// Spec alone.
	Specs             func() []string
	RequestsPerSecond float64 // the account's budget, 0 is no limit
	SyncShare         float64 // the part of it that syncs have while one is at work
	providers.Costs
	Batch           int    // conversations whose messages the provider fetches with one request
	MetadataBatch   int    // conversations whose metadata it fetches together
	Parallel        int    // requests of one chunk that are under way at once
	Shards          int    // shards in flight
	Chunks          int    // chunks in flight in one shard
	Chunk           int    // conversations of a chunk, 0 lets the lease decide
	Window          string // month, week or day
	OnMismatch      string // block or flag
	AllowUnreadable bool   // an export is complete though texts could not be decrypted
}

// Usage is what an activity asked of the platform.
type Usage struct {
	Requests  int64 `json:"requests"`
	Throttled int64 `json:"throttled"` // of them answered with "too many requests"
}

// Target is the generation of a shard that an activity works for.
type Target struct {
	Shard      ledger.Shard `json:"shard"`
	Generation int          `json:"generation"`
}

// beat is how often a running activity says that it lives.
const beat = 5 * time.Second

// Beat is what a heartbeat carries, for people alone: progress in heartbeats is lost when a worker dies, so none is kept there.
type Beat struct {
	// WaitingUntil is the end of a pause that the activity waits for, by the platform's limits or the account's schedule.
	WaitingUntil *time.Time `json:"waiting_until,omitempty"`
	// For is what the pause is for, as in Wait.
	For string `json:"for,omitempty"`
}

// pulse is what a running activity knows of itself.
type pulse struct {
	mu    sync.Mutex
	meter *providers.Meter
}

type pulseKey struct{}

func (p *pulse) carry(m *providers.Meter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meter = m
}

func (p *pulse) carried() *providers.Meter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.meter
}

func (p *pulse) record(ctx context.Context) {
	if until, what := p.carried().Waiting(); !until.IsZero() {
		activity.RecordHeartbeat(ctx, Beat{WaitingUntil: new(until.UTC()), For: string(what)})
		return
	}
	activity.RecordHeartbeat(ctx)
}

// alive heartbeats until stop is called, which also gives the activity's lease back. It returns a context that ends also when the
// worker is told to stop, so that an attempt gives up at once and is made again elsewhere. What no worker runs, such as a trial
// of the protocol, has nobody to tell. An activity defers stop itself, not a function that calls it: only so does it mute a
// panic.
func alive(ctx context.Context) (_ context.Context, stop func()) {
	p := &pulse{}
	ctx = context.WithValue(ctx, pulseKey{}, p)
	if !activity.IsActivity(ctx) {
		return ctx, func() { p.carried().End() }
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-activity.GetWorkerStopChannel(ctx):
				cancel(errWorkerStops)
				return
			case <-ticker.C:
				p.record(ctx)
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		p.carried().End()
		if panicked := recover(); panicked != nil {
			panic(mute(panicked))
		}
	}
}

// mute is a panic's value without what may be a word of a conversation: the SDK puts it into the log and into the history. What
// the runtime says holds numbers and types only, and where it happened is in the stack.
func mute(panicked any) any {
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

// session ends with the activity, which must have called alive before.
func (a *Activities) session(ctx context.Context, account string, lease Lease) (context.Context, *session, error) {
	settings, err := a.Account(ctx, account)
	if err != nil {
		return ctx, nil, err
	}
	reader, err := settings.Reader()
	if err != nil {
		return ctx, nil, err
	}
	settings.Parallel = max(settings.Parallel, sideBySide(lease.RequestsPerSecond))
	meter := providers.NewMeter(providers.Lease(lease))
	if p, ok := ctx.Value(pulseKey{}).(*pulse); ok {
		p.carry(meter)
	}
	return providers.WithMeter(ctx, meter), &session{Account: settings, reader: reader, meter: meter}, nil
}

// mostSideBySide is how many requests of one chunk are under way at once at most, whatever its lease.
const mostSideBySide = 64

// sideBySide is how many requests must be under way at once to use up a rate where an answer takes a second. It is the lease
// that slows them down, not the number.
func sideBySide(requestsPerSecond float64) int {
	return int(min(mostSideBySide, math.Ceil(requestsPerSecond)))
}

func (s *session) usage() Usage {
	return Usage{Requests: s.meter.Requests(), Throttled: s.meter.Throttled()}
}
