package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// A Located is a file and where a reader finds it.
type Located struct {
	Location string `json:"location"`
	Shard    string `json:"shard"`
	ledger.File
}

// Current is what counts: exactly these files are read, and no others.
type Current struct {
	at      worker.LakeConfig // says where the lake is reached, whatever that comes from
	lake    *Lake
	records []current
}

// current is a commit record that counts, and where its files are found, in their order.
type current struct {
	ledger.Record
	locations []string
}

// Current applies the reader rule. A record that cannot be read is an error.
func (l *Lake) Current(ctx context.Context) (*Current, error) {
	records, err := l.lake.Current(ctx, ledger.Filter{Account: l.account})
	if err != nil {
		return nil, err
	}
	c := &Current{at: l.config.Lake, lake: l}
	c.at.Endpoint, c.at.Region = l.lake.Server()
	for _, r := range records {
		one := current{Record: r}
		for _, f := range r.Files {
			one.locations = append(one.locations, l.lake.Location(f.Key))
		}
		c.records = append(c.records, one)
	}
	return c, nil
}

// Missing is how many records that exports found when they ended are gone from what counts. It is an error when the ledger was not listed
// whole.
func (c *Current) Missing(ctx context.Context) (int, error) {
	var entries []ledger.Entry
	for _, r := range c.records {
		entries = append(entries, ledger.Entry{Shard: r.Shard, Generation: r.Generation})
	}
	gone, _, err := c.lake.lake.Forgotten(ctx, c.lake.account, entries)
	return len(gone), err
}

// of is what counts of some accounts.
func (c *Current) of(accounts []string) *Current {
	some := *c
	some.records = slices.DeleteFunc(slices.Clone(c.records), func(r current) bool { return !slices.Contains(accounts, r.Shard.Account) })
	return &some
}

// Files are the files that count of a table, or of all where none is named.
func (c *Current) Files(table string) []Located {
	files := []Located{}
	for _, r := range c.records {
		for i, f := range r.Files {
			if table == "" || f.Table == table {
				files = append(files, Located{r.locations[i], r.Shard.String(), f})
			}
		}
	}
	return files
}

// Views is a script that makes one view per table over exactly the files that count. That of DuckDB is of the records of Of; those of the
// others are of the whole lake.
func (c *Current) Views(d Dialect) (string, error) {
	if d == DuckDB {
		return duckDB(c.at, c.records), nil
	}
	e, ok := engines[d]
	if !ok {
		return "", fmt.Errorf("no dialect is named %s", d)
	}
	root, err := e.rootFor(strings.TrimSuffix(strings.TrimSuffix(c.lake.lake.Location("data"), "data"), "/"))
	if err != nil {
		return "", err
	}
	e.empty = e.empty || strings.HasPrefix(root, "file:") // a prefix of a bucket can be read before there is anything below it
	return e.script(root, func(table string) bool { return len(filesOf(c.records, table)) > 0 }, slices.ContainsFunc(c.records, pathsOnly)), nil
}

// Views is the script for DuckDB of what counts of some accounts of a configuration.
func Views(ctx context.Context, c worker.Config, accounts []string) (string, error) {
	l, err := Open(ctx, c, "")
	if err != nil {
		return "", err
	}
	counts, err := l.Current(ctx)
	if err != nil {
		return "", err
	}
	return counts.of(accounts).Views(DuckDB)
}

// Tables are the names of all tables, in the order of the schema.
func Tables() []string {
	var names []string
	for _, shape := range schemas.Shapes() {
		names = append(names, shape.Table)
	}
	return names
}
