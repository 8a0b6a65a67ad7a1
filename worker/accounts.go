package worker

import (
	"context"
	"sync"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// requestsPerChunk is how many requests of one chunk are under way at once.
const requestsPerChunk = 8

// accounts opens providers, once for each account and secret, so that all activities of a process share an account's
// budget and its connections.
type accounts struct {
	config   Config
	counters counters
	mu       sync.Mutex
	opened   map[string]opened
}

type opened struct {
	secrets    string
	definition providers.Definition
	provider   providers.Provider
}

func newAccounts(c Config, q counters) *accounts {
	return &accounts{config: c, counters: q, opened: map[string]opened{}}
}

// connect resolves an account anew each time, so that a secret that was changed is used by the next activity. What is
// wrong with the configuration is Denied: a person must act.
func (a *accounts) connect(_ context.Context, name string) (activities.Connection, error) {
	definition, provider, err := a.open(name)
	if err != nil {
		return activities.Connection{}, err
	}
	export := a.config.Export
	return activities.Connection{
		Provider:          provider,
		Name:              definition.Name,
		Spec:              a.config.Spec(name),
		Specs:             func() []string { return a.config.Specs(name) },
		RequestsPerSecond: a.config.Accounts[name].RequestsPerSecond,
		SyncShare:         a.config.Accounts[name].SyncShare,
		MessageRequests:   definition.MessageRequests,
		MetadataRequests:  definition.MetadataRequests,
		ListRequests:      definition.ListRequests,
		Batch:             definition.Batch,
		MetadataBatch:     definition.MetadataBatch,
		Parallel:          requestsPerChunk,
		Shards:            export.Shards,
		Chunks:            export.Chunks,
		Chunk:             export.Chunk,
		Window:            export.Window,
		OnMismatch:        export.OnMismatch,
		AllowUnreadable:   a.config.Accounts[name].AllowUnreadable,
	}, nil
}

func (a *accounts) open(name string) (providers.Definition, providers.Provider, error) {
	secrets, err := a.config.Accounts[name].fingerprint()
	a.mu.Lock()
	defer a.mu.Unlock()
	if o, ok := a.opened[name]; ok && err == nil && o.secrets == secrets {
		return o.definition, o.provider, nil
	}
	definition, provider, err := a.config.open(name, a.counters.take(name))
	if err == nil {
		a.opened[name] = opened{secrets, definition, provider}
	}
	return definition, provider, err
}
