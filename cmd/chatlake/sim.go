package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/platforms"
)

func (a *app) simCommand() *cobra.Command {
	var w world
	var listen string
	cmd := &cobra.Command{
		Use: "sim", Short: "Serve a simulated account", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := demo.PlatformOf(w.provider)
			if err == nil {
				err = w.check()
			}
			if err != nil {
				return err
			}
			return a.sim(cmd.Context(), listen, p, w.World)
		},
	}
	w.flags(cmd.Flags())
	cmd.Flags().StringVar(&w.provider, "provider", platforms.All[0].Provider, "platform: "+demo.PlatformNames())
	cmd.Flags().StringVar(&w.Token, "token", "", "access token of the account (default: the one that is printed)")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:3000", "address to serve on")
	cmd.Flags().Float64Var(&w.Limit, "limit", 0, "requests per second above which the platform answers 429; 0 means no limit")
	return cmd
}

// sim serves until ctx ends.
func (a *app) sim(ctx context.Context, listen string, p simulator.Platform, w demo.World) error {
	server, err := simulator.Serve(listen, w.Site(p, w.Corpus()))
	if err != nil {
		return err
	}
	account, token := p.Account.ID, cmp.Or(w.Token, p.Account.Token)
	if a.json() {
		err = a.printJSON(map[string]any{"base_url": server.URL, "account_id": account, "token": token})
	} else {
		_, err = fmt.Fprintf(a.out, "A simulated %s answers at %s: account %s, token %s. Ctrl-C ends it.\n", p.Title, server.URL, account, token)
	}
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, demo.Stop(ctx, server))
}
