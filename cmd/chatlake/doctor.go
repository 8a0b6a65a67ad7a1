package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
)

func (a *app) doctorCommand() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Test everything that exports need: folders, lake, accounts, clocks, Temporal, push", Args: cobra.NoArgs,
		Long: "Tests everything that an export needs before one needs it: folders and free space, permissions and settings of the lake's\n" +
			"bucket, each account's credentials and what they can see, clocks, and the Temporal server. For accounts with a section push,\n" +
			"it sends announcements to the public address of the receiver. It makes a few requests to each platform and leaves nothing\n" +
			"behind. Exit status 0 if everything is in order, 3 with warnings, 4 if something must be fixed before an export, 2 if the\n" +
			"configuration cannot be read.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), account) },
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account (default: all in the configuration)")
	return cmd
}

func (a *app) doctor(ctx context.Context, account string) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := accountsIn(c, account)
	if err != nil {
		return err
	}
	parts := inspect.Examine(ctx, c, accounts)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err = show(a, parts, writeExamined)
	if status := diagnosis(parts); err == nil && status != exitComplete {
		return &outcome{status: status}
	}
	return err
}

// diagnosis is the exit status that the worst check stands for.
func diagnosis(parts []inspect.Part) int {
	n := inspect.Levels(parts)
	switch {
	case n[inspect.LevelFailed] > 0:
		return exitBlocked
	case n[inspect.LevelWarning] > 0:
		return exitGaps
	}
	return exitComplete
}

func writeExamined(w io.Writer, parts []inspect.Part) error {
	for _, part := range parts {
		fmt.Fprintln(w, part.Part)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, c := range part.Checks {
			fmt.Fprintf(t, "  %s\t%s\t%s\n", c.Level, c.Name, c.Text)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	n := inspect.Levels(parts)
	verdict := "All is in order."
	switch failed, warnings := n[inspect.LevelFailed], n[inspect.LevelWarning]; {
	case failed > 0 && warnings > 0:
		verdict = fmt.Sprintf("%s failed and must be fixed before an export; %s.", words.Plural(failed, "check"), words.Plural(warnings, "warning"))
	case failed > 0:
		verdict = fmt.Sprintf("%s failed and must be fixed before an export.", words.Plural(failed, "check"))
	case warnings > 0:
		verdict = fmt.Sprintf("%s. Exports work, but look at this before something goes wrong.", words.Plural(warnings, "warning"))
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}
