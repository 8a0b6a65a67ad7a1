package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// world are the flags of a made-up account.
type world struct {
	conversations int
	seed          uint64
	latency       time.Duration
	faultRate     float64
	token         string
}

func (w *world) flags(flags *pflag.FlagSet) {
	flags.IntVar(&w.conversations, "conversations", 2000, "conversations of the simulated account, made in 2025")
	flags.Uint64Var(&w.seed, "seed", 1, "the same seed makes the same account")
	flags.DurationVar(&w.latency, "latency", 5*time.Millisecond, "how long the simulated platform takes to answer")
	flags.Float64Var(&w.faultRate, "fault-rate", 0, "share of requests that go wrong, from 0 to 1")
}

// The range that simulated conversations are made in.
var (
	worldFrom = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	worldTo   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// site makes the account.
func (w world) site(throttle chatwoot.Throttle) (http.Handler, error) {
	if w.conversations < 1 {
		return nil, usage("--conversations must be at least 1")
	}
	if w.faultRate < 0 || w.faultRate > 1 {
		return nil, usage("--fault-rate must be from 0 to 1")
	}
	corpus := simulator.NewCorpus(simulator.CorpusConfig{
		Seed: w.seed, Conversations: w.conversations, From: worldFrom, To: worldTo,
	})
	options := chatwoot.Options{Latency: w.latency, Throttle: throttle}
	if w.token != "" {
		options.Tokens = map[string]chatwoot.Role{w.token: chatwoot.Administrator}
	}
	var handler http.Handler = chatwoot.New(corpus, options)
	if w.faultRate > 0 {
		handler = (&simulator.Faults{Seed: w.seed, Probability: w.faultRate}).Wrap(handler)
	}
	return handler, nil
}

func (a *app) simCommand() *cobra.Command {
	var w world
	var listen string
	var perSecond float64
	cmd := &cobra.Command{
		Use: "sim", Short: "Serve a simulated Chatwoot account", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			site, err := w.site(chatwoot.Throttle{PerSecond: perSecond, Burst: int(max(1, perSecond))})
			if err != nil {
				return err
			}
			return a.sim(cmd.Context(), listen, w.token, site)
		},
	}
	w.flags(cmd.Flags())
	cmd.Flags().StringVar(&w.token, "token", chatwoot.AdministratorToken, "access token of the account's administrator")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:3000", "address to serve on")
	cmd.Flags().Float64Var(&perSecond, "limit", 0, "requests per second above which the platform answers 429; 0 is no limit")
	return cmd
}

// sim serves until ctx ends.
func (a *app) sim(ctx context.Context, listen, token string, site http.Handler) error {
	server, err := simulator.Serve(listen, site)
	if err != nil {
		return err
	}
	if a.json() {
		err = a.printJSON(map[string]any{"base_url": server.URL, "account_id": 1, "token": token})
	} else {
		_, err = fmt.Fprintf(a.out, "A simulated Chatwoot answers at %s: account 1, token %s. Ctrl-C ends it.\n", server.URL, token)
	}
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, closeSite(ctx, server))
}

// closeSite gives requests in flight a second to end.
func closeSite(ctx context.Context, server *simulator.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := server.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop the simulated account: %w", err)
	}
	return nil
}
