package main

import (
	"context"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/page"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/worker"
)

// uiAddress is where the page is served unless the flags say otherwise.
const uiAddress = "127.0.0.1:8234"

func (a *app) uiCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use: "ui", Short: "Serve the page that shows accounts, exports and gaps, until stopped", Args: cobra.NoArgs,
		Long: "Serves the page beside any lake. It shows what status, gap list and why print, and pauses, resumes and cancels what runs. It starts\n" +
			"no worker and no server: where none runs, it says so and shows the lake. Workers and exports serve the same page with --listen.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.ui(cmd.Context(), listen) },
	}
	cmd.Flags().StringVar(&listen, "listen", uiAddress, "address to serve the page on; on others than loopback ones, see docs/page.md")
	return cmd
}

func (a *app) ui(ctx context.Context, listen string) error {
	if _, _, err := net.SplitHostPort(listen); err != nil {
		return usage("--listen: expected an address and a port, such as %s, not %q", uiAddress, listen)
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	served, err := page.Listen(listen, page.New(page.Options{Config: c, Logger: a.logger(slog.LevelInfo)}))
	if err != nil {
		return err
	}
	defer served.Stop()
	a.note("Page: %s", served.URL())
	if !served.IsLocal() && c.UI.IdentityHeader == "" {
		a.note("Other machines can look, but give no orders: docs/page.md says how a proxy names users.")
	}
	<-ctx.Done()
	return nil
}

// freeAddress is a free port of this machine.
const freeAddress = "127.0.0.1:0"

// showPage serves the page of a process that works: on the address that telemetry listens on, or else on its own; empty is none. It returns
// where that is.
func showPage(c worker.Config, s *operate.Session, t *telemetry.Telemetry, own string, log *slog.Logger) (url string, stop func(), err error) {
	p := page.New(page.Options{Config: c, Session: s.AtWork(), TemporalUI: s.UIURL(), Logger: log})
	switch {
	case t.Address() != "":
		t.Handle("/", p)
		ctx, cancel := context.WithCancel(context.Background())
		go p.Watch(ctx)
		return "http://" + t.Address() + "/", cancel, nil
	case own == "":
		return "", func() {}, nil
	}
	served, err := page.Listen(own, p)
	if err != nil {
		return "", nil, err
	}
	return served.URL(), served.Stop, nil
}

// ownAddress is where a process serves its page that was asked for one.
func ownAddress(asked bool) string {
	if asked {
		return freeAddress
	}
	return ""
}
