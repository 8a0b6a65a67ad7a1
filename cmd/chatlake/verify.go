package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/terminal"
	"github.com/chatlake/chatlake/internal/words"
)

type verifyFlags struct {
	scope
	deep, totals bool
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that the lake has no gaps, and that every file is as it was written", Args: cobra.NoArgs,
		Long: "Opens every file that counts and compares it with the ledger. Reports gaps between windows, conversations that could not be\n" +
			"exported, texts that could not be decrypted and windows that were committed with a flag, each with what to do. Exit status 3\n" +
			"if it reports any of these. With --deep, it reads the whole lake and also finds conversations that are stored twice or are\n" +
			"missing. With --provider-totals, it asks the platform how many conversations each window has now: one or two requests for each\n" +
			"window, within the account's rate. Without a range, it leaves its result, as counts, in the lake for `chatlake status` and metrics.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verify(cmd.Context(), f) },
	}
	f.flags(cmd.Flags(), "start of the range that the lake should cover (default: the oldest window)", "end of that range, exclusive (default: the end of the newest window)")
	cmd.Flags().BoolVar(&f.deep, "deep", false, "read every file completely: compare digests, and find conversations that are stored twice")
	cmd.Flags().BoolVar(&f.totals, "provider-totals", false, "ask the platform how many conversations each window has now; costs requests")
	return cmd
}

func (a *app) verify(ctx context.Context, f verifyFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	within, err := f.window()
	if err != nil {
		return err
	}
	if accounts, unknown := accountsIn(c, f.account); f.totals && unknown == nil { // before hours of reading, not after
		if err := c.Secrets(accounts...); err != nil {
			return err
		}
	}
	l, err := inspect.Open(ctx, c, f.account)
	if err != nil {
		return err
	}
	said := terminal.NewProgress(a.note, sayEvery)
	v, err := l.Verify(ctx, within, inspect.VerifyOptions{Deep: f.deep, Totals: f.totals, Progress: func(p inspect.Progress) { sayProgress(said, p) }})
	if err != nil {
		return err
	}
	if kept := l.KeepVerified(ctx, v); kept != nil {
		a.note("The result is not kept in the lake, so `chatlake status` and metrics show an older one: %v", kept)
	}
	err = show(a, v, writeVerified)
	if err == nil && !v.Whole() {
		return &outcome{status: exitGaps}
	}
	return err
}

// sayEvery is how often a command that takes long says how far it is.
const sayEvery = 5 * time.Second

// sayProgress says how far a look at windows is.
func sayProgress(said *terminal.Progress, p inspect.Progress) {
	windows := words.Plural(int64(p.Windows), "window")
	if p.Account == "" {
		said.Say("%d of %s verified, %s", p.Done, windows, words.Size(p.Bytes))
		return
	}
	said.Say("%d of %s of %s counted, %s", p.Done, windows, p.Account, words.Plural(p.Requests, "request"))
}
