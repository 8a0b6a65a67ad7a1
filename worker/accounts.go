package worker

import (
	"context"
	"sync"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// requestsPerChunk is how many requests of one chunk are under way at once.
const requestsPerChunk = 4

// accounts opens providers, once for each account and secret, so that all activities of a process share an account's
// budget and its connections.
type accounts struct {
	config Config
	mu     sync.Mutex
	opened map[string]opened
}

type opened struct {
	token      string
	definition providers.Definition
	provider   providers.Provider
}

func newAccounts(c Config) *accounts { return &accounts{config: c, opened: map[string]opened{}} }

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
		RequestsPerSecond: a.config.Accounts[name].RequestsPerSecond,
		MessageRequests:   definition.MessageRequests,
		MetadataRequests:  definition.MetadataRequests,
		Parallel:          requestsPerChunk,
		Shards:            export.Shards,
		Chunks:            export.Chunks,
		Chunk:             export.Chunk,
		Window:            export.Window,
		OnMismatch:        export.OnMismatch,
	}, nil
}

func (a *accounts) open(name string) (providers.Definition, providers.Provider, error) {
	token, err := a.config.Accounts[name].Token.Resolve()
	a.mu.Lock()
	defer a.mu.Unlock()
	if o, ok := a.opened[name]; ok && err == nil && o.token == token {
		return o.definition, o.provider, nil
	}
	definition, provider, err := a.config.Open(name)
	if err == nil {
		a.opened[name] = opened{token, definition, provider}
	}
	return definition, provider, err
}
