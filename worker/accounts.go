package worker

import (
	"context"
	"sync"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// requestsPerChunk is how many concurrent requests one chunk may make.
const requestsPerChunk = 8

// accounts opens each provider once per account and secret, so that all activities of a process share the account's
// budget and connections.
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

// connect resolves the account's secrets on every call, so that the next activity uses a changed secret. An error in the
// configuration is Denied, because a person must act.
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
