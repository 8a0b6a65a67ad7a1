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

// duckDB is a script of one view per table over exactly the files that count. Where windows overlap, as after a change of
// their size, the rows of each conversation are those of its newest version. It names the columns and their types, so that DuckDB opens
// no file before a view is queried.
func duckDB(c worker.LakeConfig, records []current) string {
	var b strings.Builder
	b.WriteString("-- The lake as of now: these files count, and no others. `chatlake lake sql` writes this script anew.\n" +
		"-- DuckDB 1.5 or newer. The views stay in the database; times are shown in the time zone of the session.\n" +
		"SET TimeZone = 'UTC';\n")
	if strings.HasPrefix(c.URL, "s3://") {
		b.WriteString(s3Access(c))
	}
	records = newestDirectory(records)
	if slices.ContainsFunc(records, pathsOnly) {
		b.WriteString(partition)
	}
	overlap := overlapping(records)
	if overlap {
		writeVersions(&b, records)
	}
	for _, shape := range schemas.Shapes() {
		fmt.Fprintf(&b, "\nCREATE OR REPLACE VIEW %s AS\n%s;\n", shape.Table, view(shape, records, overlap))
		b.WriteString(comments(shape))
	}
	return b.String()
}

// comments are statements that say what a view and its columns mean.
func comments(shape schemas.Shape) string {
	var b strings.Builder
	fmt.Fprintf(&b, "COMMENT ON VIEW %s IS %s;\n", shape.Table, quote("One row is "+shape.Meaning()+"."))
	for _, c := range shape.Columns {
		fmt.Fprintf(&b, "COMMENT ON COLUMN %s.%s IS %s;\n", shape.Table, identifier(c.Name), quote(shape.MeaningOf(c.Name)))
	}
	return b.String()
}

// view is the query of a table.
func view(shape schemas.Shape, records []current, overlap bool) string {
	query := readParquet(shape, records, false)
	if overlap && slices.Contains(perConversation, shape.Table) {
		query = newest(shape, records)
	}
	if shape.Table == "ratings" && slices.ContainsFunc(records, rates) {
		query = directoryRatings(query)
	}
	return query
}

// rates reports whether a record is of a directory with ratings.
func rates(r current) bool {
	return r.Shard.Stream == schemas.StreamDirectory && slices.ContainsFunc(r.Files, func(f ledger.File) bool { return f.Table == "ratings" })
}

// directoryRatings takes of a rating that a conversation and the directory both have the directory's row, which knows the
// agent who was rated and when.
func directoryRatings(query string) string {
	const directory = "stream = '" + string(schemas.StreamDirectory) + "'"
	return "SELECT * FROM (\n" + query + "\n)\nQUALIFY " + directory + " OR NOT bool_or(" + directory +
		") OVER (PARTITION BY provider, account, conversation_id, rating_id)"
}

// perConversation are the tables whose rows come and go with the version of a conversation.
var perConversation = []string{
	"conversations", "messages", "participants", "events", "ratings", "attachments", "documents", "dead_letters", "tombstones",
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
func readParquet(shape schemas.Shape, records []current, withName bool) string {
	var parts []string
	old := slices.DeleteFunc(slices.Clone(records), func(r current) bool { return !pathsOnly(r) })
	if files := filesOf(old, shape.Table); len(files) > 0 {
		parts = append(parts, readFiles(shape, files, withName, true))
	}
	if files := filesOf(slices.DeleteFunc(slices.Clone(records), pathsOnly), shape.Table); len(files) > 0 {
		parts = append(parts, readFiles(shape, files, withName, false))
	}
	if len(parts) == 0 {
		return empty(shape, withName)
	}
	return strings.Join(parts, "\nUNION ALL\n")
}

// readFiles selects all columns of some files. A column that a file lacks is null, except the partition columns if fromPaths says so.
func readFiles(shape schemas.Shape, files []string, withName, fromPaths bool) string {
	var columns, types []string
	partitions := 0
	for _, c := range shape.Columns {
		if fromPaths && schemas.IsPartition(c.Name) {
			partitions++
			columns = append(columns, fmt.Sprintf("_partition(filename, %d) AS %s", partitions, identifier(c.Name)))
			continue
		}
		columns = append(columns, identifier(c.Name))
		types = append(types, fmt.Sprintf("%s: {name: %[1]s, type: %s, default_value: NULL}", quote(c.Name), quote(duckType(c))))
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

// empty is a table of which the lake has no rows.
func empty(shape schemas.Shape, withName bool) string {
	var columns []string
	for _, c := range shape.Columns {
		columns = append(columns, "NULL::"+duckType(c)+" AS "+identifier(c.Name))
	}
	if withName {
		columns = append(columns, "NULL::VARCHAR AS filename")
	}
	return "SELECT " + wrap(columns) + "\nWHERE false"
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

// duckTypes are the types of columns that have no parts.
var duckTypes = map[schemas.Kind]string{
	schemas.KindText: "VARCHAR", schemas.KindBytes: "BLOB", schemas.KindInteger: "BIGINT", schemas.KindNumber: "DOUBLE",
	schemas.KindBoolean: "BOOLEAN", schemas.KindInstant: "TIMESTAMPTZ",
}

// duckType is the type of a column in DuckDB.
func duckType(n schemas.Node) string {
	switch n.Kind {
	case schemas.KindList:
		return duckType(n.Children[0]) + "[]"
	case schemas.KindMap:
		return "MAP(" + duckType(n.Children[0]) + ", " + duckType(n.Children[1]) + ")"
	case schemas.KindStruct:
		var fields []string
		for _, c := range n.Children {
			fields = append(fields, identifier(c.Name)+" "+duckType(c))
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	}
	return duckTypes[n.Kind]
}

// identifier is a name of a column in SQL; every name is quoted, since some are words of SQL.
func identifier(name string) string { return `"` + name + `"` }

// literal is a path that DuckDB does not take for a pattern.
func literal(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

// writeVersions makes _files, which says what shard each file is of, and _versions, which says in which shard each conversation counts:
// where it is whole, in its newest version; where it is nowhere whole, as a dead letter, else as a tombstone.
func writeVersions(b *strings.Builder, records []current) {
	b.WriteString("\nCREATE OR REPLACE VIEW _files AS SELECT * FROM (VALUES")
	first := true
	for _, r := range records {
		for i, f := range r.Files {
			if !slices.Contains(perConversation, f.Table) {
				continue
			}
			if !first {
				b.WriteString(",")
			}
			first = false
			fmt.Fprintf(b, "\n    (%s, %s, TIMESTAMP %s)", quote(r.locations[i]), quote(r.Shard.String()),
				quote(r.CommittedAt.UTC().Format("2006-01-02 15:04:05.000")))
		}
	}
	if first {
		b.WriteString("\n    (NULL::VARCHAR, NULL::VARCHAR, NULL::TIMESTAMP)")
	}
	b.WriteString("\n  ) AS t(filename, shard, committed_at);\n")
	versions, _ := split(records)
	var states []string
	for i, state := range []struct{ table, version, where string }{
		{"conversations", "source_version", ""},
		{"dead_letters", "NULL", "\nWHERE conversation_id <> ''"},
		{"tombstones", "NULL", "\nWHERE message_id IS NULL"},
	} {
		states = append(states, fmt.Sprintf("SELECT provider, account, conversation_id, %d AS state, %s AS version, observed_at, filename\nFROM (%s)%s",
			i, state.version, readParquet(shapeOf(state.table), versions, true), state.where))
	}
	b.WriteString("\nCREATE OR REPLACE VIEW _versions AS\nSELECT provider, account, conversation_id, shard\nFROM (" +
		strings.Join(states, "\nUNION ALL\n") + ")\nJOIN _files USING (filename)\n" +
		"QUALIFY row_number() OVER (PARTITION BY provider, account, conversation_id\n" +
		"  ORDER BY state, version DESC NULLS LAST, observed_at DESC, committed_at DESC, shard DESC) = 1;\n")
}

func shapeOf(table string) schemas.Shape {
	all := schemas.Shapes()
	return all[slices.IndexFunc(all, func(s schemas.Shape) bool { return s.Table == table })]
}

// newest is the query of a table whose rows belong to versions of conversations. Rows of reports and of the directory are of no version:
// of an event or a rating that several windows have, the rows of the window that was observed last count; all others count as they are.
func newest(shape schemas.Shape, records []current) string {
	versions, others := split(records)
	var parts []string
	if len(filesOf(versions, shape.Table)) > 0 {
		parts = append(parts, "SELECT rows.* EXCLUDE (filename)\nFROM ("+readParquet(shape, versions, true)+") AS rows\nJOIN _files USING (filename)\n"+
			"SEMI JOIN _versions USING (provider, account, conversation_id, shard)")
		if shape.Table == "documents" { // the list itself belongs to no conversation
			parts = append(parts, "SELECT * FROM ("+readParquet(shape, versions, false)+")\nWHERE conversation_id IS NULL")
		}
	}
	if len(filesOf(others, shape.Table)) > 0 {
		if id := strings.TrimSuffix(shape.Table, "s") + "_id"; shape.Table == "events" || shape.Table == "ratings" {
			parts = append(parts, "SELECT rows.* EXCLUDE (filename)\nFROM ("+readParquet(shape, others, true)+") AS rows\nJOIN _files USING (filename)\n"+
				"QUALIFY shard = first_value(shard) OVER (PARTITION BY provider, account, conversation_id, "+id+
				"\n  ORDER BY observed_at DESC, committed_at DESC, shard DESC)")
		} else {
			parts = append(parts, readParquet(shape, others, false))
		}
	}
	if len(parts) == 0 {
		return empty(shape, false)
	}
	return strings.Join(parts, "\nUNION ALL\n")
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

// overlapping says whether two windows of one account have time in common, those of reports apart from the others.
func overlapping(records []current) bool {
	versions, reports := split(records)
	return overlapIn(versions) || overlapIn(reports)
}

func overlapIn(records []current) bool {
	records = slices.DeleteFunc(slices.Clone(records), func(r current) bool { return r.Shard.Stream == schemas.StreamDirectory })
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
