package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/platforms"
	"github.com/chatlake/chatlake/worker"
)

// PlatformNames lists the platforms that can be simulated, as their providers are named.
func PlatformNames() string {
	var names []string
	for _, p := range platforms.All {
		names = append(names, p.Provider)
	}
	return words.List(names)
}

// PlatformOf is the platform of a provider. That there is none is a Refusal.
func PlatformOf(provider string) (simulator.Platform, error) {
	i := slices.IndexFunc(platforms.All, func(p simulator.Platform) bool { return p.Provider == provider })
	if i < 0 {
		return simulator.Platform{}, refuse("--provider must be %s, not %q", PlatformNames(), provider)
	}
	return platforms.All[i], nil
}

// A World is a simulated account.
type World struct {
	Conversations int
	Seed          uint64        // the same seed makes the same account
	Latency       time.Duration // of each answer
	FaultRate     float64       // share of requests that fail, from 0 to 1
	Token         string        // empty is the platform's own
	Limit         float64       // requests per second above which the platform answers 429, 0 for none
}

// The range that simulated conversations are made in.
var (
	From = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	To   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// account is the account of a platform as configurations have it, but for its address and rate.
func account(p simulator.Platform) worker.AccountConfig {
	c := worker.AccountConfig{Provider: p.Provider, AccountID: p.Account.ID, Options: p.Account.Options, Token: worker.Literal(p.Account.Token)}
	if len(p.Account.Secrets) > 0 {
		c.Secrets = map[string]worker.Secret{}
	}
	for name, secret := range p.Account.Secrets {
		c.Secrets[name] = worker.Literal(secret)
	}
	return c
}

// Site answers as an account of the platform does that has the conversations of a corpus.
func (w World) Site(p simulator.Platform, corpus *simulator.Corpus) http.Handler {
	return w.faulty(w.site(p, corpus, nil))
}

// site is Site without faults. now is its clock; nil is the system's.
func (w World) site(p simulator.Platform, corpus *simulator.Corpus, now func() time.Time) http.Handler {
	return p.Site(corpus, simulator.Conduct{Token: cmp.Or(w.Token, p.Account.Token), Latency: w.Latency, Limit: w.Limit, Now: now})
}

// faulty lets a share of the requests to a site fail.
func (w World) faulty(handler http.Handler) http.Handler {
	if w.FaultRate > 0 {
		handler = (&simulator.Faults{Seed: w.Seed, Probability: w.FaultRate}).Wrap(handler)
	}
	return handler
}

// Corpus is what accounts of the world have.
func (w World) Corpus() *simulator.Corpus {
	return simulator.NewCorpus(simulator.CorpusConfig{Seed: w.Seed, Conversations: w.Conversations, From: From, To: To})
}

// Stop ends a simulated account. It gives requests in flight a second to end.
func Stop(ctx context.Context, server *simulator.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := server.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop the simulated account: %w", err)
	}
	return nil
}
