package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
)

func (a *app) sweepCommand() *cobra.Command {
	var account string
	var remove bool
	cmd := &cobra.Command{
		Use: "sweep", Short: "Remove what killed processes left, which nobody reads", Args: cobra.NoArgs,
		Long: "Looks for staged objects of windows that are committed (older than a day), for any others (older than three months),\n" +
			"and for data files that no record of the ledger names (older than a week, and only where nothing is staged for their\n" +
			"window). Says what it found; with --remove it removes it. What a record names is never touched: before a file is removed, the\n" +
			"records of its window are read once more. A list that the store breaks off ends the command.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sweep(cmd.Context(), account, remove) },
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account (default all in the lake)")
	cmd.Flags().BoolVar(&remove, "remove", false, "remove what was found")
	return cmd
}

func (a *app) sweep(ctx context.Context, account string, remove bool) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	l, err := inspect.Open(ctx, c, account)
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
		fmt.Fprintln(a.out, "Nothing is to be swept.")
	case remove:
		fmt.Fprintf(a.out, "Removed %s.\n", found)
	default:
		fmt.Fprintf(a.out, "To be removed: %s. Nothing was removed yet: chatlake lake sweep --remove\n", found)
	}
	if swept.Young > 0 {
		fmt.Fprintf(a.out, "Too young to be sure that nobody needs them: %s.\n", words.Plural(int64(swept.Young), "object"))
	}
	if swept.Open > 0 {
		fmt.Fprintf(a.out, "Of windows that are not committed, on which an export may be at work: %s.\n", words.Plural(int64(swept.Open), "staged object"))
	}
	if swept.Foreign > 0 {
		fmt.Fprintf(a.out, "Kept, because their names are not those of data files: %s below data/.\n", words.Plural(int64(swept.Foreign), "object"))
	}
	return nil
}
