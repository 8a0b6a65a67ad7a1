package worker

import (
	"context"
	"sync"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// requestsPerChunk is how many concurrent requests one chunk may make.
const requestsPerChunk = 8

// accounts opens each account once per secret, so that all activities of a process share the account's budget and
// connections.
type accounts struct {
	config   Config
	counters counters
	watch    func(account string) providers.Watch
	mu       sync.Mutex
	opened   map[string]opened
}

type opened struct {
	secrets string
	reader  providers.Reader
}

func newAccounts(c Config, q counters, watch func(string) providers.Watch) *accounts {
	return &accounts{config: c, counters: q, watch: watch, opened: map[string]opened{}}
}

// account returns the configuration of an account and opens nothing. An error in the configuration has the kind Denied, because a
// person must act.
func (a *accounts) account(_ context.Context, name string) (activities.Account, error) {
	d, known, err := a.config.known(name)
	if err != nil {
		return activities.Account{}, err
	}
	export, prices := a.config.Export, d.Prices(known.Options)
	return activities.Account{
		Reader:            func() (providers.Reader, error) { return a.reader(name) },
		Mapper:            func() (providers.Mapper, error) { return a.config.Mapper(name) },
		Name:              d.Name,
		Spec:              a.config.Spec(name),
		Specs:             func() []string { return a.config.Specs(name) },
		RequestsPerSecond: a.config.Accounts[name].RequestsPerSecond,
		SyncShare:         a.config.Accounts[name].SyncShare,
		Costs:             prices.Costs,
		Changed:           prices.Changed,
		Batch:             d.Batch,
		MetadataBatch:     d.MetadataBatch,
		Parallel:          requestsPerChunk,
		Shards:            export.shards(),
		MostShards:        export.mostShards(),
		ChunksInFlight:    export.ChunksInFlight,
		ChunkSize:         export.ChunkSize,
		Window:            export.Window,
		OnMismatch:        export.OnMismatch,
		AllowUnreadable:   a.config.Accounts[name].AllowUnreadable,
		Sync:              a.config.Accounts[name].Sync,
		Retention:         a.config.retentions(name),
		Blind:             d.Blind,
		Keeper:            d.Keeper,
		Push:              a.config.pushSettings(name, d),
	}, nil
}

// pushSettings are nil unless announcements about the account are received.
func (c Config) pushSettings(name string, d providers.Definition) *activities.PushSettings {
	if c.Accounts[name].Push == nil || d.Push == nil {
		return nil
	}
	return activities.NewPushSettings(d.Push.EndsOnly)
}

// reader resolves the account's secrets on every call, so that the next activity uses a changed secret.
func (a *accounts) reader(name string) (providers.Reader, error) {
	secrets, err := a.config.Accounts[name].fingerprint()
	a.mu.Lock()
	defer a.mu.Unlock()
	if o, ok := a.opened[name]; ok && err == nil && o.secrets == secrets {
		return o.reader, nil
	}
	_, reader, err := a.config.open(name, a.counters.take(name, a.config.Accounts[name].Sync), a.watch(name))
	if err == nil {
		a.opened[name] = opened{secrets, reader}
	}
	return reader, err
}
