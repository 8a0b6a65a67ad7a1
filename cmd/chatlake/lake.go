package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

func (a *app) lakeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "lake", Short: "Which files of the lake count, views over them, and state made anew from it"}
	cmd.AddCommand(a.filesCommand(), a.sqlCommand(), a.rebuildCommand(), a.sweepCommand())
	return cmd
}

// located is a file and where a reader finds it.
type located struct {
	Location string `json:"location"`
	Shard    string `json:"shard"`
	ledger.File
}

func (a *app) filesCommand() *cobra.Command {
	var account, table string
	cmd := &cobra.Command{
		Use: "files", Short: "List the files that count, and no others", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if table != "" && !slices.Contains(tables(), table) {
				return usage("there is no table %s; there are %s", table, words.List(tables()))
			}
			_, records, err := a.current(cmd.Context(), account)
			if err != nil {
				return err
			}
			return a.files(cmd.Context(), records, table)
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account")
	cmd.Flags().StringVar(&table, "table", "", "only this table, for example messages")
	return cmd
}

func (a *app) files(_ context.Context, records []current, table string) error {
	files := []located{}
	for _, r := range records {
		for i, f := range r.Files {
			if table == "" || f.Table == table {
				files = append(files, located{r.locations[i], r.Shard.String(), f})
			}
		}
	}
	if a.json() {
		return a.printJSON(files)
	}
	for _, f := range files {
		if _, err := fmt.Fprintln(a.out, f.Location); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) sqlCommand() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "sql", Short: "Print DuckDB views over the files that count", Args: cobra.NoArgs,
		Long: "Prints a script for DuckDB: one view per table over exactly the files that count now. For example:\n" +
			"  chatlake lake sql > lake.sql && duckdb -init lake.sql",
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, records, err := a.current(cmd.Context(), account)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.out, duckDB(at, records))
			return err
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account")
	return cmd
}

// current is a commit record that counts, and where its files are found, in their order.
type current struct {
	ledger.Record
	locations []string
}

// current reads the ledger. The configuration of the lake that it returns says where the lake is reached, whatever that comes from.
func (a *app) current(ctx context.Context, account string) (worker.LakeConfig, []current, error) {
	c, err := a.load()
	if err != nil {
		return c.Lake, nil, err
	}
	l, err := openLake(ctx, c, account)
	if err != nil {
		return c.Lake, nil, err
	}
	c.Lake.Endpoint, c.Lake.Region = l.Server()
	records, err := currentOf(ctx, l, account)
	if err != nil {
		return c.Lake, nil, err
	}
	return c.Lake, records, a.missing(ctx, l, account, records)
}

// missing compares what counts with what exports found when they ended. It is an error when the ledger was not listed whole.
func (a *app) missing(ctx context.Context, l *lake.Lake, account string, records []current) error {
	var entries []ledger.Entry
	for _, r := range records {
		entries = append(entries, ledger.Entry{Shard: r.Shard, Generation: r.Generation})
	}
	gone, _, err := l.Forgotten(ctx, account, entries)
	if len(gone) > 0 {
		a.note("%s of exports that ended are gone from the ledger and missing here: chatlake verify names them", words.Plural(int64(len(gone)), "record"))
	}
	return err
}

func currentOf(ctx context.Context, l *lake.Lake, account string) ([]current, error) {
	records, err := l.Current(ctx, ledger.Filter{Account: account})
	if err != nil {
		return nil, err
	}
	var all []current
	for _, r := range records {
		one := current{Record: r}
		for _, f := range r.Files {
			one.locations = append(one.locations, l.Location(f.Key))
		}
		all = append(all, one)
	}
	return all, nil
}

// tables are the names of all tables, in the order of the schema.
func tables() []string {
	var names []string
	for _, shape := range schemas.Shapes() {
		names = append(names, shape.Table)
	}
	return names
}
