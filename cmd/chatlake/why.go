package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
)

type whyFlags struct {
	scope
	created string
}

func (a *app) whyCommand() *cobra.Command {
	var f whyFlags
	cmd := &cobra.Command{
		Use:   "why <conversation id>",
		Short: "Say where a conversation is in the lake, or why it is not",
		Long: "Searches the committed windows for a conversation, by the platform's own id. Prints its window, when it was fetched and with\n" +
			"which responses, and the files and row groups of its rows. If it is missing, says why as far as that is known; --created helps a\n" +
			"lot. Prints ids, counts and times only, never a text. Exit status 0 if all of it is in the lake, 3 if not.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.why(cmd.Context(), args[0], f) },
	}
	f.flags(cmd.Flags(), "search only windows that end after this time", "search only windows that start before this time")
	cmd.Flags().StringVar(&f.created, "created", "", "when the conversation was created, to say why it is missing")
	return cmd
}

func (a *app) why(ctx context.Context, id string, f whyFlags) error {
	if id = strings.TrimSpace(id); id == "" {
		return usage("the conversation's id is missing: chatlake why <conversation id>")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	within, err := f.window()
	if err != nil {
		return err
	}
	var created time.Time
	if f.created != "" {
		if created, err = moment(f.created); err != nil {
			return usage("--created: %v", err)
		}
	}
	l, err := inspect.Open(ctx, c, f.account)
	if err != nil {
		return err
	}
	found, err := l.Why(ctx, id, within, created, func(ctx context.Context) []string { return operate.UnderWay(ctx, c, f.account, created) })
	if err != nil {
		return err
	}
	err = show(a, found, writeWhereabouts)
	if err == nil && found.State != inspect.StateWhole {
		return &outcome{status: exitGaps}
	}
	return err
}
