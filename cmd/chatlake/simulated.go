package main

import (
	"net/http"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/simulator/freshchat"
	"github.com/chatlake/chatlake/simulator/giosg"
	"github.com/chatlake/chatlake/simulator/liveperson"
	"github.com/chatlake/chatlake/worker"
)

// world are the flags of a made-up account.
type world struct {
	provider      string
	conversations int
	seed          uint64
	latency       time.Duration
	faultRate     float64
	token         string
	limit         float64 // requests per second above which the platform answers 429, 0 for none
}

func (w *world) flags(flags *pflag.FlagSet) {
	flags.IntVar(&w.conversations, "conversations", 2000, "conversations of a simulated account, made in 2025")
	flags.Uint64Var(&w.seed, "seed", 1, "the same seed makes the same account")
	flags.DurationVar(&w.latency, "latency", 5*time.Millisecond, "how long a simulated platform takes to answer")
	flags.Float64Var(&w.faultRate, "fault-rate", 0, "share of requests that go wrong, from 0 to 1")
}

// The range that simulated conversations are made in.
var (
	worldFrom = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	worldTo   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// platform is one that can be simulated.
type platform struct {
	provider string // as in configurations
	title    string // as its makers write it
	token    string // that an account has unless it is given another
	site     func(*simulator.Corpus, world) http.Handler
	account  func(baseURL string) worker.AccountConfig // without its token
}

var platforms = []platform{
	{
		provider: "chatwoot", title: "Chatwoot", token: chatwoot.AdministratorToken,
		site: func(corpus *simulator.Corpus, w world) http.Handler {
			return chatwoot.New(corpus, chatwoot.Options{
				Latency:  w.latency,
				Tokens:   map[string]chatwoot.Role{w.token: chatwoot.Administrator},
				Throttle: chatwoot.Throttle{PerSecond: w.limit, Burst: int(max(1, w.limit))},
			})
		},
		account: func(string) worker.AccountConfig { return worker.AccountConfig{AccountID: "1"} },
	},
	{
		provider: "freshchat", title: "Freshchat", token: freshchat.Token,
		site: func(corpus *simulator.Corpus, w world) http.Handler {
			return freshchat.New(corpus, freshchat.Options{Latency: w.latency, Token: w.token, Throttle: freshchat.Throttle{PerSecond: w.limit, Burst: int(max(1, w.limit))}})
		},
		account: func(string) worker.AccountConfig {
			return worker.AccountConfig{Options: map[string]string{"reports_per_minute": "0", "reports_per_day": "0"}}
		},
	},
	{
		provider: "giosg", title: "Giosg", token: giosg.ManagerToken,
		site: func(corpus *simulator.Corpus, w world) http.Handler {
			return giosg.New(corpus, giosg.Options{
				Latency: w.latency, Tokens: map[string]giosg.Role{w.token: giosg.Manager}, Encrypted: true,
				Throttle: giosg.Throttle{PerSecond: w.limit, Burst: int(max(1, w.limit))},
			})
		},
		account: func(string) worker.AccountConfig {
			return worker.AccountConfig{AccountID: giosg.Organization, Secrets: map[string]worker.Secret{"private_keys": worker.Literal(giosg.PrivateKey)}}
		},
	},
	{
		provider: "liveperson", title: "LivePerson", token: liveperson.Token,
		site: func(corpus *simulator.Corpus, w world) http.Handler {
			return liveperson.New(corpus, liveperson.Options{Latency: w.latency, Tokens: []string{w.token}, Throttle: int(w.limit)})
		},
		account: func(string) worker.AccountConfig { return worker.AccountConfig{AccountID: liveperson.DefaultAccount} },
	},
}

// platformNames are those that --provider may say.
func platformNames() []string {
	var names []string
	for _, p := range platforms {
		names = append(names, p.provider)
	}
	return names
}

func platformOf(provider string) (platform, error) {
	i := slices.IndexFunc(platforms, func(p platform) bool { return p.provider == provider })
	if i < 0 {
		return platform{}, usage("--provider is %s, not %q", words.List(platformNames()), provider)
	}
	return platforms[i], nil
}

// check says what is wrong with the flags.
func (w world) check() error {
	if w.conversations < 1 {
		return usage("--conversations must be at least 1")
	}
	if w.faultRate < 0 || w.faultRate > 1 {
		return usage("--fault-rate must be from 0 to 1")
	}
	return nil
}

func (w world) corpus() *simulator.Corpus {
	return simulator.NewCorpus(simulator.CorpusConfig{
		Seed: w.seed, Conversations: w.conversations, From: worldFrom, To: worldTo,
	})
}

// site makes an account of a platform.
func (w world) site(p platform, corpus *simulator.Corpus) http.Handler {
	if w.token == "" {
		w.token = p.token
	}
	handler := p.site(corpus, w)
	if w.faultRate > 0 {
		handler = (&simulator.Faults{Seed: w.seed, Probability: w.faultRate}).Wrap(handler)
	}
	return handler
}
