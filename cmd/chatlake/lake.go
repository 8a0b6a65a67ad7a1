package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
)

func (a *app) lakeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "lake", Short: "Which files of the lake count, views over them, and state made anew from it"}
	cmd.AddCommand(a.filesCommand(), a.sqlCommand(), a.rebuildCommand(), a.remapCommand(), a.sweepCommand())
	return cmd
}

func (a *app) filesCommand() *cobra.Command {
	var account, table string
	cmd := &cobra.Command{
		Use: "files", Short: "List the files that count, and no others", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if table != "" && !slices.Contains(inspect.Tables(), table) {
				return usage("there is no table %s; there are %s", table, words.List(inspect.Tables()))
			}
			counts, err := a.current(cmd.Context(), account)
			if err != nil {
				return err
			}
			files := counts.Files(table)
			if a.json() {
				return a.printJSON(files)
			}
			for _, f := range files {
				if _, err := fmt.Fprintln(a.out, f.Location); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account")
	cmd.Flags().StringVar(&table, "table", "", "only this table, for example messages")
	return cmd
}

func (a *app) sqlCommand() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "sql", Short: "Print DuckDB views over the files that count", Args: cobra.NoArgs,
		Long: "Prints a script for DuckDB: one view per table over exactly the files that count now. For example:\n" +
			"  chatlake lake sql > lake.sql && duckdb -init lake.sql",
		RunE: func(cmd *cobra.Command, _ []string) error {
			counts, err := a.current(cmd.Context(), account)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.out, counts.Views())
			return err
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account")
	return cmd
}

// current is what counts. It notes what exports found that is gone.
func (a *app) current(ctx context.Context, account string) (*inspect.Current, error) {
	c, err := a.load()
	if err != nil {
		return nil, err
	}
	l, err := inspect.Open(ctx, c, account)
	if err != nil {
		return nil, err
	}
	counts, err := l.Current(ctx)
	if err != nil {
		return nil, err
	}
	gone, err := counts.Missing(ctx)
	if gone > 0 {
		a.note("%s of exports that ended are gone from the ledger and missing here: chatlake verify names them", words.Plural(int64(gone), "record"))
	}
	return counts, err
}
