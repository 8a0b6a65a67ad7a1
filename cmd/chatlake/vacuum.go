package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
)

func (a *app) vacuumCommand() *cobra.Command {
	var account, grace string
	var dry bool
	cmd := &cobra.Command{
		Use: "vacuum", Short: "Remove the files of generations that were replaced", Args: cobra.NoArgs,
		Long: "Removes the data files that only superseded generations name, if the generation after each of these was committed longer ago\n" +
			"than the grace period. Queries that began before a file was replaced can read it until then. Files that count, files of the last\n" +
			"two days, files of windows with staged objects, and all records stay. In a bucket that keeps versions, the versions of a file go\n" +
			"with it. If a record is missing or cannot be read, or if the store returns an incomplete list, nothing is removed.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := worker.ParseDuration(grace)
			if err != nil {
				return usage("--grace: %v", err)
			}
			return a.vacuum(cmd.Context(), account, d, !dry)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account (default: all in the lake)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "count what would be removed, and change nothing")
	cmd.Flags().StringVar(&grace, "grace", "7d", "how long files stay after they were replaced, for example 36h or 7d")
	return cmd
}

func (a *app) vacuum(ctx context.Context, account string, grace time.Duration, remove bool) error {
	l, err := a.openLake(ctx, account)
	if err != nil {
		return err
	}
	v, err := l.Vacuum(ctx, grace, remove)
	if err != nil {
		if remove && v.Files > 0 {
			a.note("%s were removed before the error", words.Plural(int64(v.Files), "data file"))
		}
		return err
	}
	if a.json() {
		return a.printJSON(v)
	}
	found := fmt.Sprintf("%s, %s", words.Plural(int64(v.Files), "data file"), words.Size(v.Bytes))
	switch {
	case v.Files == 0:
		fmt.Fprintln(a.out, "There is nothing to remove.")
	case remove:
		fmt.Fprintf(a.out, "Removed %s.\n", found)
	default:
		fmt.Fprintf(a.out, "Would remove %s. Nothing was removed.\n", found)
	}
	if v.Versions > 0 {
		fmt.Fprintf(a.out, "Removed with them: %s of the bucket.\n", words.Plural(int64(v.Versions), "older version"))
	}
	a.kept(v.Recent, "data file", fmt.Sprintf("they were replaced within %s or written in the last two days", worker.DurationText(grace)))
	a.kept(v.Open, "data file", "their windows have staged objects and may be in progress")
	if v.VersionsUnknown != "" {
		a.note("older versions of removed files may remain: %s", v.VersionsUnknown)
	}
	return nil
}
