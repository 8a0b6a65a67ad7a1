package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/chatlake/chatlake/providers"
)

// Growing tells an activity that its lease may grow while it runs. Towards the end of an export, what other shards no longer need goes to
// activities in flight, because none are left that could begin with it. Only the workflow knows, so the activity asks it.
//
// A lease only grows: the workflow counts the larger one from the moment when it decides, and the activity uses it from when it hears of
// it. So leases in use never add up to more than the budget, whichever of the two fails.
type Growing struct {
	// Number is that of the activity in its run of the workflow.
	Number int `json:"number"`
	// Every is how often to ask, and After how long it takes until the first answer may be another.
	Every time.Duration `json:"every"`
	After time.Duration `json:"after,omitempty"`
}

// LeaseQuery asks a Shard for the lease of an activity in flight. It takes the number of the activity and returns requests per second, 0 if
// there is no such activity.
const LeaseQuery = "lease"

type growingKey struct{}

// asker asks for the lease of an activity.
type asker struct {
	growing *Growing
	lease   func(ctx context.Context, workflow, run string, number int) (requestsPerSecond float64, err error)
}

// withGrowing returns a context in which the lease of a session grows.
func (a *Activities) withGrowing(ctx context.Context, g *Growing) context.Context {
	if g == nil || g.Every <= 0 || a.LeaseOf == nil {
		return ctx
	}
	return context.WithValue(ctx, growingKey{}, asker{g, a.LeaseOf})
}

// grow asks for a larger lease until the activity ends. An error changes nothing: the activity goes on with the lease that it has.
func grow(ctx context.Context, m *providers.Meter) {
	if a, ok := ctx.Value(growingKey{}).(asker); ok && activity.IsActivity(ctx) {
		go a.growing.keepAsking(ctx, m, a.ask)
	}
}

func (g *Growing) keepAsking(ctx context.Context, m *providers.Meter, ask func(context.Context) (requestsPerSecond float64)) {
	for wait := g.After + g.Every; ; wait = g.Every {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			m.Grow(ask(ctx))
		}
	}
}

// ask returns the lease of the activity now; 0 if that cannot be found out.
func (a asker) ask(ctx context.Context) (requestsPerSecond float64) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	run := activity.GetInfo(ctx).WorkflowExecution
	requestsPerSecond, err := a.lease(ctx, run.ID, run.RunID, a.growing.Number)
	if err != nil {
		return 0
	}
	return requestsPerSecond
}

// askWithin is how long the answer may take. Later it would be about a lease of long ago.
const askWithin = 5 * time.Second
