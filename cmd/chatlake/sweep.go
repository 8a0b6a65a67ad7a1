package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/words"
)

func (a *app) sweepCommand() *cobra.Command {
	var account string
	var remove bool
	cmd := &cobra.Command{
		Use: "sweep", Short: "Find leftovers of killed processes, and remove them", Args: cobra.NoArgs,
		Long: "Finds staged objects of committed windows that are older than a day, all other staged objects that are older than 90 days, and\n" +
			"data files that no commit record names, if they are older than a week and nothing is staged for their window. Lists how much it\n" +
			"found, and removes it with --remove. Files that a record names are never touched: before it removes a file, it reads the records\n" +
			"of the file's window again. If the store returns an incomplete list, nothing is removed.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sweep(cmd.Context(), account, remove) },
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account (default: all in the lake)")
	cmd.Flags().BoolVar(&remove, "remove", false, "remove what was found")
	return cmd
}

func (a *app) sweep(ctx context.Context, account string, remove bool) error {
	l, err := a.openLake(ctx, account)
	if err != nil {
		return err
	}
	swept, err := l.Sweep(ctx, remove)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(swept)
	}
	found := fmt.Sprintf("%s and %s, %s", words.Plural(int64(swept.Staged), "staged object"), words.Plural(int64(swept.Files), "data file"), words.Size(swept.Bytes))
	switch {
	case swept.Staged+swept.Files == 0:
		fmt.Fprintln(a.out, "There is nothing to sweep.")
	case remove:
		fmt.Fprintf(a.out, "Removed %s.\n", found)
	default:
		fmt.Fprintf(a.out, "Can be removed: %s. Nothing was removed; run chatlake lake sweep --remove to remove it.\n", found)
	}
	a.kept(swept.Young, "object", "they are too new to be certain leftovers")
	a.kept(swept.Open, "staged object", "their windows are not committed and may be in progress")
	a.kept(swept.Foreign, "object", "they are below data/ and not named like data files")
	return nil
}

// kept says how many things stay and why, if there are any.
func (a *app) kept(n int, thing, because string) {
	if n > 0 {
		fmt.Fprintf(a.out, "Kept, because %s: %s.\n", because, words.Plural(int64(n), thing))
	}
}
