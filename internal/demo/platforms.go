package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/simulator/freshchat"
	"github.com/chatlake/chatlake/simulator/giosg"
	"github.com/chatlake/chatlake/simulator/liveperson"
	"github.com/chatlake/chatlake/worker"
)

// A World is a simulated account.
type World struct {
	Conversations int
	Seed          uint64        // the same seed makes the same account
	Latency       time.Duration // of each answer
	FaultRate     float64       // share of requests that go wrong, from 0 to 1
	Token         string        // empty is the platform's own
	Limit         float64       // requests per second above which the platform answers 429, 0 for none
}

// The range that simulated conversations are made in.
var (
	From = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	To   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// A Platform is one that can be simulated.
type Platform struct {
	Provider string // as in configurations
	Title    string // as its makers write it
	Token    string // that an account has unless it is given another
	site     func(*simulator.Corpus, World) http.Handler
	account  func(baseURL string) worker.AccountConfig // without its token
}

// Platforms are all that can be simulated.
var Platforms = []Platform{
	{
		Provider: "chatwoot", Title: "Chatwoot", Token: chatwoot.AdministratorToken,
		site: func(corpus *simulator.Corpus, w World) http.Handler {
			return chatwoot.New(corpus, chatwoot.Options{
				Latency:  w.Latency,
				Tokens:   map[string]chatwoot.Role{w.Token: chatwoot.Administrator},
				Throttle: chatwoot.Throttle{PerSecond: w.Limit, Burst: int(max(1, w.Limit))},
			})
		},
		account: func(string) worker.AccountConfig { return worker.AccountConfig{AccountID: "1"} },
	},
	{
		Provider: "freshchat", Title: "Freshchat", Token: freshchat.Token,
		site: func(corpus *simulator.Corpus, w World) http.Handler {
			return freshchat.New(corpus, freshchat.Options{Latency: w.Latency, Token: w.Token, Throttle: freshchat.Throttle{PerSecond: w.Limit, Burst: int(max(1, w.Limit))}})
		},
		account: func(string) worker.AccountConfig {
			return worker.AccountConfig{Options: map[string]string{"reports_per_minute": "0", "reports_per_day": "0"}}
		},
	},
	{
		Provider: "giosg", Title: "Giosg", Token: giosg.ManagerToken,
		site: func(corpus *simulator.Corpus, w World) http.Handler {
			return giosg.New(corpus, giosg.Options{
				Latency: w.Latency, Tokens: map[string]giosg.Role{w.Token: giosg.Manager}, Encrypted: true,
				Throttle: giosg.Throttle{PerSecond: w.Limit, Burst: int(max(1, w.Limit))},
			})
		},
		account: func(string) worker.AccountConfig {
			return worker.AccountConfig{AccountID: giosg.Organization, Secrets: map[string]worker.Secret{"private_keys": worker.Literal(giosg.PrivateKey)}}
		},
	},
	{
		Provider: "liveperson", Title: "LivePerson", Token: liveperson.Token,
		site: func(corpus *simulator.Corpus, w World) http.Handler {
			return liveperson.New(corpus, liveperson.Options{Latency: w.Latency, Tokens: []string{w.Token}, Throttle: int(w.Limit)})
		},
		account: func(string) worker.AccountConfig { return worker.AccountConfig{AccountID: liveperson.DefaultAccount} },
	},
}

// Account is an account of the platform as configurations have it, but for its token, address and rate.
func (p Platform) Account(baseURL string) worker.AccountConfig { return p.account(baseURL) }

// Site answers as an account of the platform does that has the conversations of a corpus.
func (p Platform) Site(w World, corpus *simulator.Corpus) http.Handler {
	w.Token = cmp.Or(w.Token, p.Token)
	handler := p.site(corpus, w)
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
