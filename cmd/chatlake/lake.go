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
	cmd := &cobra.Command{Use: "lake", Short: "List and query the files that count; rebuild, remap, sweep or vacuum a lake"}
	cmd.AddCommand(a.filesCommand(), a.sqlCommand(), a.dictionaryCommand(), a.rebuildCommand(), a.remapCommand(), a.sweepCommand(), a.vacuumCommand())
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
	var account, dialect string
	cmd := &cobra.Command{
		Use: "sql", Short: "Print SQL that makes one view per table over the files that count", Args: cobra.NoArgs,
		Long: "Prints SQL that makes one view per table, of the rows that count by the rules of docs/lake.md.\n" +
			"For DuckDB it names the files that count now; print it again to see what is committed later:\n" +
			"  chatlake lake sql > lake.sql && duckdb -init lake.sql\n" +
			"For Trino, Athena and Spark it reads the ledger in every query; run it once, in a schema of its own:\n" +
			"  chatlake lake sql --dialect trino > lake.sql && trino --catalog hive --schema lake -f lake.sql",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(inspect.Dialects(), inspect.Dialect(dialect)) {
				return usage("--dialect must be %s, not %q", words.List(dialectNames()), dialect)
			}
			if account != "" && dialect != string(inspect.DuckDB) {
				return usage("--account is for --dialect %s; views of the others are of all accounts: select those that you want", inspect.DuckDB)
			}
			counts, err := a.current(cmd.Context(), account)
			if err != nil {
				return err
			}
			script, err := counts.Views(inspect.Dialect(dialect))
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.out, script)
			return err
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account")
	cmd.Flags().StringVar(&dialect, "dialect", string(inspect.DuckDB), "engine that the SQL is for: "+words.List(dialectNames()))
	return cmd
}

func (a *app) dictionaryCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "dictionary", Short: "Print what the tables and columns of the lake mean", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			formats := []string{"markdown", "dbt", "json"}
			if !slices.Contains(formats, format) {
				return usage("--format must be %s, not %q", words.List(formats), format)
			}
			text, err := inspect.DictionaryAs(format)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.out, text)
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "markdown", "a page (markdown), sources of dbt (dbt) or json")
	return cmd
}

func dialectNames() []string {
	var names []string
	for _, d := range inspect.Dialects() {
		names = append(names, string(d))
	}
	return names
}

// openLake opens the configured lake for a look at one account, or at all if account is empty.
func (a *app) openLake(ctx context.Context, account string) (*inspect.Lake, error) {
	c, err := a.load()
	if err != nil {
		return nil, err
	}
	return inspect.Open(ctx, c, account)
}

// current is what counts. It notes what exports found that is gone.
func (a *app) current(ctx context.Context, account string) (*inspect.Current, error) {
	l, err := a.openLake(ctx, account)
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
