package inspect

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// duckDB is a script of one view per table over exactly the files that count. Only where windows overlap, as after a change of their size,
// do views apply the rule of conversations that several shards have. The script names the columns and their types, so that DuckDB opens no
// file before a view is queried.
func duckDB(c worker.LakeConfig, records []current) string {
	e := engines[DuckDB]
	var b strings.Builder
	b.WriteString(e.header)
	if strings.HasPrefix(c.URL, "s3://") {
		b.WriteString(s3Access(c))
	}
	records = newestDirectory(records)
	if slices.ContainsFunc(records, pathsOnly) {
		b.WriteString(partition)
	}
	put := func(statement string) { b.WriteString("\n" + statement + ";\n") }
	overlap := overlapping(records)
	if overlap {
		put(duckFiles(records))
		for _, shape := range schemas.Shapes() {
			if hasShards[shape.Table] {
				put(e.duckEvery(shape, records))
			}
		}
		put(e.versions())
	}
	for _, shape := range schemas.Shapes() {
		query := e.readParquet(shape, records, false)
		switch {
		case overlap && hasShards[shape.Table]:
			query = e.counting(shape)
		case shape.Table == "ratings" && slices.ContainsFunc(records, rates):
			query = e.listed(shape, query)
		}
		b.WriteString("\n" + create + shape.Table + " AS\n" + query + ";\n" + e.comments(shape))
	}
	return b.String()
}

// duckFiles is the view lake_files: the shard of each file that has rows of conversations, and when that was committed.
func duckFiles(records []current) string {
	var rows []string
	for _, r := range records {
		for i, f := range r.Files {
			if hasShards[f.Table] {
				rows = append(rows, fmt.Sprintf("\n  (%s, %s, %s)", quote(r.locations[i]), quote(r.Shard.String()),
					quote(r.CommittedAt.UTC().Format("2006-01-02T15:04:05.000"))))
			}
		}
	}
	if len(rows) == 0 {
		rows = []string{"\n  (NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR)"}
	}
	return create + "lake_files AS\nFROM (VALUES" + strings.Join(rows, ",") + "\n) AS files(filename, shard, committed_at)"
}

// duckEvery is the view of all rows of the files of a table that count.
func (e engine) duckEvery(shape schemas.Shape, records []current) string {
	view := create + "every_" + shape.Table + " AS\n"
	if len(filesOf(records, shape.Table)) == 0 {
		return view + e.noRows(withShard(shape.Columns))
	}
	return view + "SELECT " + wrap(e.names("", withShard(shape.Columns))) + "\nFROM (\n" + e.readParquet(shape, records, true) + "\n) AS rows\nJOIN lake_files USING (filename)"
}

// comments are statements that say what a view and its columns mean.
func (e engine) comments(shape schemas.Shape) string {
	var b strings.Builder
	fmt.Fprintf(&b, "COMMENT ON VIEW %s IS %s;\n", shape.Table, quote("One row is "+shape.Meaning()+"."))
	for _, c := range shape.Columns {
		fmt.Fprintf(&b, "COMMENT ON COLUMN %s.%s IS %s;\n", shape.Table, e.name(c.Name), quote(shape.MeaningOf(c.Name)))
	}
	return b.String()
}

// rates reports whether a record is of a directory with ratings.
func rates(r current) bool {
	return r.Shard.Stream == schemas.StreamDirectory && slices.ContainsFunc(r.Files, func(f ledger.File) bool { return f.Table == "ratings" })
}

// partition is a macro for the partition columns of files of schema version 1, which has them in paths only. DuckDB's own
// hive_partitioning takes every name=value in a path for a column, also those of folders above the lake: over account=eu/lake it would
// give all rows the account eu.
const partition = `
CREATE OR REPLACE MACRO _partition(filename, number) AS regexp_extract(filename,
  'provider=([^/\\]*)[/\\]account=([^/\\]*)[/\\]stream=([^/\\]*)[/\\]month=([^/\\]*)[/\\][^/\\]*$', number);
`

// pathsOnly reports whether the partition columns of the files of a record are in their paths only.
func pathsOnly(r current) bool { return r.SchemaVersion < 2 }

// readParquet selects all columns of the files of a table, and the file of each row where withName says so.
func (e engine) readParquet(shape schemas.Shape, records []current, withName bool) string {
	var parts []string
	for _, fromPaths := range []bool{true, false} {
		of := slices.DeleteFunc(slices.Clone(records), func(r current) bool { return pathsOnly(r) != fromPaths })
		if files := filesOf(of, shape.Table); len(files) > 0 {
			parts = append(parts, e.readFiles(shape, files, withName, fromPaths))
		}
	}
	if len(parts) == 0 {
		return e.noRows(shape.Columns)
	}
	return strings.Join(parts, "\nUNION ALL\n")
}

// readFiles selects all columns of some files. A column that a file lacks is null, except the partition columns and the text of a body
// if fromPaths says that the files are of schema version 1.
func (e engine) readFiles(shape schemas.Shape, files []string, withName, fromPaths bool) string {
	var columns, types []string
	partitions := 0
	for _, c := range shape.Columns {
		if fromPaths && schemas.IsPartition(c.Name) {
			partitions++
			columns = append(columns, fmt.Sprintf("_partition(filename, %d) AS %s", partitions, e.name(c.Name)))
			continue
		}
		columns = append(columns, cmp.Or(e.bodyColumn(shape, c, "", fromPaths), e.name(c.Name)))
		types = append(types, fmt.Sprintf("%s: {name: %[1]s, type: %s, default_value: NULL}", quote(c.Name), quote(e.typeOf(c, nil))))
	}
	if withName {
		columns = append(columns, "filename")
	}
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = "\n    " + quote(literal(f))
	}
	return "SELECT " + wrap(columns) + "\nFROM read_parquet([" + strings.Join(quoted, ",") + "\n  ], filename = true, hive_partitioning = false, schema = MAP {\n    " +
		strings.Join(types, ",\n    ") + "})"
}

// wrap joins columns, several in a line.
func wrap(columns []string) string {
	var b strings.Builder
	line := 0
	for i, c := range columns {
		if i > 0 {
			b.WriteString(",")
			if line += len(c) + 2; line > 110 {
				b.WriteString("\n  ")
				line = 0
			} else {
				b.WriteString(" ")
			}
		}
		b.WriteString(c)
	}
	return b.String()
}

// literal is a path that DuckDB does not take for a pattern.
func literal(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

// split tells the shards of conversations from those of reports and of the directory. A stream that this build does not know has
// conversations.
func split(records []current) (versions, others []current) {
	for _, r := range records {
		if r.Shard.Stream == schemas.StreamReports || r.Shard.Stream == schemas.StreamDirectory {
			others = append(others, r)
		} else {
			versions = append(versions, r)
		}
	}
	return versions, others
}

func filesOf(records []current, table string) []string {
	var files []string
	for _, r := range records {
		for i, f := range r.Files {
			if f.Table == table {
				files = append(files, r.locations[i])
			}
		}
	}
	return files
}

// newestDirectory leaves out all snapshots of an account's directory but the last.
func newestDirectory(records []current) []current {
	newest := map[string]time.Time{}
	for _, r := range records {
		if at := r.Shard.Window.From; r.Shard.Stream == schemas.StreamDirectory && at.After(newest[account(r.Record)]) {
			newest[account(r.Record)] = at
		}
	}
	return slices.DeleteFunc(slices.Clone(records), func(r current) bool {
		return r.Shard.Stream == schemas.StreamDirectory && !r.Shard.Window.From.Equal(newest[account(r.Record)])
	})
}

func account(r ledger.Record) string { return r.Shard.Provider + "/" + r.Shard.Account }

// overlapping says whether two shards of one account may have the same rows: windows that have time in common, those of reports apart from
// the others, and all windows whose conversations may have been created at any time.
func overlapping(records []current) bool {
	records = slices.DeleteFunc(slices.Clone(records), func(r current) bool { return r.Shard.Stream.IsOwn() })
	versions, reports := split(records)
	if slices.ContainsFunc(versions, func(r current) bool { return !r.Shard.Stream.IsByCreation() && len(r.Files) > 0 }) {
		return true
	}
	return overlapIn(versions) || overlapIn(reports)
}

func overlapIn(records []current) bool {
	records = slices.DeleteFunc(slices.Clone(records), func(r current) bool { return r.Shard.Stream == schemas.StreamDirectory || r.AbsorbedBy != "" })
	slices.SortFunc(records, func(a, b current) int {
		return cmp.Or(cmp.Compare(account(a.Record), account(b.Record)), a.Shard.Window.From.Compare(b.Shard.Window.From))
	})
	var end time.Time
	for i, r := range records {
		if i == 0 || account(r.Record) != account(records[i-1].Record) {
			end = time.Time{}
		}
		if r.Shard.Window.From.Before(end) {
			return true
		}
		if r.Shard.Window.To.After(end) {
			end = r.Shard.Window.To
		}
	}
	return false
}

// s3Access lets DuckDB read a bucket: with the lake's own credentials where the configuration names environment variables, else with
// those that the environment of DuckDB has. The script holds no credential.
func s3Access(c worker.LakeConfig) string {
	var note string
	options, keys := []string{"TYPE s3"}, fromEnvironment(c)
	switch {
	case keys != nil:
		options = append(options, keys...)
		note = "-- getenv is a function of the duckdb program. In a library, define it first: CREATE MACRO getenv(name) AS 'the value'.\n"
	case !c.AccessKey.IsZero():
		note = fmt.Sprintf("-- The lake's credentials are in %s and %s: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to them.\n", c.AccessKey, c.SecretKey)
		fallthrough
	default:
		options = append(options, "PROVIDER credential_chain")
		note += "INSTALL aws; LOAD aws;\n"
	}
	if c.Region != "" {
		options = append(options, "REGION "+quote(c.Region))
	}
	if u, err := url.Parse(c.Endpoint); err == nil && u.Host != "" {
		options = append(options, "ENDPOINT "+quote(u.Host+strings.TrimSuffix(u.EscapedPath(), "/")))
		if u.Scheme == "http" {
			options = append(options, "USE_SSL false")
		}
	}
	if c.PathStyle {
		options = append(options, "URL_STYLE 'path'")
	}
	return "INSTALL httpfs; LOAD httpfs;\n" + note + "CREATE OR REPLACE SECRET chatlake (" + strings.Join(options, ", ") + ");\n"
}

// fromEnvironment are the options of a secret whose parts are in environment variables; nil where they are not.
func fromEnvironment(c worker.LakeConfig) []string {
	var options []string
	for _, part := range []struct {
		option string
		secret worker.Secret
	}{{"KEY_ID", c.AccessKey}, {"SECRET", c.SecretKey}, {"SESSION_TOKEN", c.SessionToken}} {
		name, ok := strings.CutPrefix(part.secret.String(), "env:")
		if !ok && (part.option != "SESSION_TOKEN" || !part.secret.IsZero()) {
			return nil
		}
		if ok {
			options = append(options, part.option+" getenv("+quote(name)+")")
		}
	}
	return options
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
