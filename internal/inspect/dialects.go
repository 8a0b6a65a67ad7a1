package inspect

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// A Dialect is an engine that `chatlake lake sql` writes for.
type Dialect string

// The dialects. What is written for DuckDB names the files that count now. What is written for the others reads the ledger in every query,
// so that it stays right when more is committed.
const (
	DuckDB Dialect = "duckdb"
	Trino  Dialect = "trino"
	Athena Dialect = "athena"
	Spark  Dialect = "spark"
)

// Dialects are all of them, in the order in which help names them.
func Dialects() []Dialect { return []Dialect{DuckDB, Trino, Athena, Spark} }

// engine is what differs between engines.
type engine struct {
	header  string
	open    string                             // of a quoted name
	column  map[schemas.Kind]string            // types of columns of tables that have no parts
	list    string                             // %s is the type of the element
	maps    string                             // of key and value
	row     string                             // of the fields
	field   string                             // of name and type
	path    string                             // the file of a row
	line    string                             // the column of a table of lines
	casts   map[schemas.Kind]string            // types of columns of views without rows, where they differ
	utc     string                             // makes of a column of a table the instant that it is; %s is the column
	encode  string                             // the bytes of the text %s
	decode  string                             // the bytes %[1]s as text; null if they are not valid UTF-8
	comment bool                               // views have comments, by statements of their own
	fail    string                             // an expression that fails with the message %s
	scheme  string                             // of S3
	lines   func(e engine, root string) string // creates lake_ledger
	table   func(e engine, t external) string  // creates a table over a folder
	inView  bool                               // comments on columns stand in the view
	empty   bool                               // a table needs a folder that exists
}

// external is a table over the files below a folder.
type external struct {
	name, location string
	columns        []schemas.Node
}

// trinoDecode compares, because from_utf8 replaces what is not valid.
const trinoDecode = "CASE WHEN to_utf8(from_utf8(%[1]s)) = %[1]s THEN from_utf8(%[1]s) END"

var engines = map[Dialect]engine{
	DuckDB: {
		header: `-- The lake as of now: these files count, and no others. ` + "`chatlake lake sql`" + ` writes this script anew.
-- DuckDB 1.5 or newer. The views stay in the database; times are shown in the time zone of the session.
SET TimeZone = 'UTC';
`,
		open: `"`,
		column: map[schemas.Kind]string{
			schemas.KindText: "VARCHAR", schemas.KindBytes: "BLOB", schemas.KindInteger: "BIGINT", schemas.KindNumber: "DOUBLE",
			schemas.KindBoolean: "BOOLEAN", schemas.KindInstant: "TIMESTAMPTZ",
		},
		list: "%s[]", maps: "MAP(%s, %s)", row: "STRUCT(%s)", field: `"%s" %s`, comment: true,
		encode: "encode(%s)", decode: "TRY(decode(%s))",
	},
	Trino: {
		header: `-- For Trino (tried with 476), in a schema of a catalog of the Hive connector with these settings:
--   hive.recursive-directories=true            folders within folders are read
--   hive.timestamp-precision=MICROSECONDS      else times lose their microseconds
--   hive.parquet.time-zone=UTC                 else times are shifted to the zone of the server
--   fs.native-s3.enabled=true for a bucket, fs.hadoop.enabled=true for a folder
`,
		open: `"`,
		column: map[schemas.Kind]string{
			schemas.KindText: "varchar", schemas.KindBytes: "varbinary", schemas.KindInteger: "bigint", schemas.KindNumber: "double",
			schemas.KindBoolean: "boolean", schemas.KindInstant: "timestamp(6)",
		},
		list: "array(%s)", maps: "map(%s, %s)", row: "row(%s)", field: `"%s" %s`, path: `"$path"`, line: "line",
		casts: map[schemas.Kind]string{schemas.KindInstant: "timestamp(6) with time zone"},
		utc:   "with_timezone(%s, 'UTC')", fail: "CAST(%s AS integer) = 0", scheme: "s3", comment: true,
		encode: "to_utf8(%s)", decode: trinoDecode,
		lines: func(_ engine, root string) string {
			return fmt.Sprintf("CREATE TABLE lake_ledger (line varchar)\nWITH (external_location = %s, format = 'TEXTFILE')", quote(root+"/_ledger/v1/"))
		},
		table: func(e engine, t external) string {
			return fmt.Sprintf("CREATE TABLE %s (\n  %s\n)\nWITH (external_location = %s, format = 'PARQUET')", t.name, e.declare(t.columns, " "), quote(t.location))
		},
	},
	Athena: {
		header: `-- For Athena, engine version 3. Athena runs one statement at a time, and shows times in milliseconds.
-- These statements have not been run on Athena. Spark's Hive dialect has accepted those that create tables; the views are those of Trino.
`,
		open: `"`,
		column: map[schemas.Kind]string{
			schemas.KindText: "string", schemas.KindBytes: "binary", schemas.KindInteger: "bigint", schemas.KindNumber: "double",
			schemas.KindBoolean: "boolean", schemas.KindInstant: "timestamp",
		},
		list: "array<%s>", maps: "map<%s,%s>", row: "struct<%s>", field: "%s:%s", path: `"$path"`, line: "line",
		casts: map[schemas.Kind]string{
			schemas.KindText: "varchar", schemas.KindBytes: "varbinary", schemas.KindInstant: "timestamp(3) with time zone",
		},
		utc: "with_timezone(%s, 'UTC')", fail: "CAST(%s AS integer) = 0", scheme: "s3",
		encode: "to_utf8(%s)", decode: trinoDecode,
		lines: func(_ engine, root string) string {
			return fmt.Sprintf("CREATE EXTERNAL TABLE lake_ledger (line string)\nROW FORMAT DELIMITED FIELDS TERMINATED BY '\\001'\nSTORED AS TEXTFILE\nLOCATION %s",
				quote(root+"/_ledger/v1/"))
		},
		table: func(e engine, t external) string {
			hive := e
			hive.open = "`"
			return fmt.Sprintf("CREATE EXTERNAL TABLE %s (\n  %s\n)\nSTORED AS PARQUET\nLOCATION %s", t.name, hive.declare(t.columns, " "), quote(t.location))
		},
	},
	Spark: {
		header: `-- For Spark 4.0 or newer. The views are of the session's catalog: with a metastore they outlive the session.
-- Times are shown in the zone spark.sql.session.timeZone; set it to UTC.
`,
		open: "`",
		column: map[schemas.Kind]string{
			schemas.KindText: "STRING", schemas.KindBytes: "BINARY", schemas.KindInteger: "BIGINT", schemas.KindNumber: "DOUBLE",
			schemas.KindBoolean: "BOOLEAN", schemas.KindInstant: "TIMESTAMP",
		},
		list: "ARRAY<%s>", maps: "MAP<%s, %s>", row: "STRUCT<%s>", field: "`%s`: %s", path: "_metadata.file_path", line: "value",
		fail: "raise_error(%s) IS NULL", scheme: "s3a", empty: true, inView: true,
		encode: "CAST(%s AS BINARY)", decode: "try_validate_utf8(CAST(%s AS STRING))",
		lines: func(_ engine, root string) string {
			return fmt.Sprintf("CREATE TABLE lake_ledger (value STRING)\nUSING text\nOPTIONS (path %s, recursiveFileLookup 'true', pathGlobFilter 'g*.json')",
				quote(root+"/_ledger/v1"))
		},
		table: func(e engine, t external) string {
			return fmt.Sprintf("CREATE TABLE %s (\n  %s\n)\nUSING parquet\nOPTIONS (path %s, recursiveFileLookup 'true')", t.name, e.declare(t.columns, " "), quote(t.location))
		},
	},
}

// name is the quoted name of a column.
func (e engine) name(column string) string { return e.open + column + e.open }

// names are the quoted names of columns behind a prefix.
func (e engine) names(prefix string, columns []schemas.Node) []string {
	var all []string
	for _, c := range columns {
		all = append(all, prefix+e.name(c.Name))
	}
	return all
}

// typeOf is the type of a column, with other types than those of tables for what has no parts, where others has them.
func (e engine) typeOf(n schemas.Node, others map[schemas.Kind]string) string {
	switch n.Kind {
	case schemas.KindList:
		return fmt.Sprintf(e.list, e.typeOf(n.Children[0], others))
	case schemas.KindMap:
		return fmt.Sprintf(e.maps, e.typeOf(n.Children[0], others), e.typeOf(n.Children[1], others))
	case schemas.KindStruct:
		var fields []string
		for _, c := range n.Children {
			fields = append(fields, fmt.Sprintf(e.field, c.Name, e.typeOf(c, others)))
		}
		return fmt.Sprintf(e.row, strings.Join(fields, ", "))
	}
	if t, ok := others[n.Kind]; ok {
		return t
	}
	return e.column[n.Kind]
}

// declare lists columns with their types.
func (e engine) declare(columns []schemas.Node, between string) string {
	var all []string
	for _, c := range columns {
		all = append(all, e.name(c.Name)+between+e.typeOf(c, nil))
	}
	return strings.Join(all, ",\n  ")
}

// script is the SQL of an engine over the lake at root, of which some tables have files; old says that some of these are of schema version 1.
func (e engine) script(root string, has func(table string) bool, old bool) string {
	var b strings.Builder
	b.WriteString("-- Views over the files of the lake that count, and no others. They read the ledger in every query: run this once, and again\n" +
		"-- after an update of chatlake, or after a table had its first rows.\n" + e.header)
	put := func(statement string) { b.WriteString("\n" + statement + ";\n") }
	table := func(name, statement string) { // to drop an external table deletes no file
		put("DROP TABLE IF EXISTS " + name)
		put(statement)
	}
	table("lake_ledger", e.lines(e, root))
	put(e.files(old))
	for _, shape := range schemas.Shapes() {
		if e.empty && !has(shape.Table) {
			put(create + "every_" + shape.Table + " AS\n" + e.noRows(withShard(shape.Columns)))
			continue
		}
		name := "all_" + shape.Table
		table(name, e.table(e, external{name, root + "/data/" + shape.Table + "/", shape.Columns}))
		put(e.every(shape, old))
	}
	put(e.versions())
	for _, shape := range schemas.Shapes() {
		put(e.view(shape))
		if e.comment {
			b.WriteString(e.comments(shape))
		}
	}
	return b.String()
}

// files is the view lake_files: the key of each file that counts, its shard and partition, and when that was committed. A record in a
// format that the SQL does not know fails the query, and so does one of files without partition columns unless old says that there are some.
func (e engine) files(old bool) string {
	// One line of a record has one field, and the path of a line tells the shard and the generation.
	extract := func(of, pattern string) string {
		return fmt.Sprintf("nullif(regexp_extract(%s, '%s', 1), '')", of, pattern)
	}
	tooOld := ""
	if !old {
		tooOld = `
  WHEN CAST(coalesce(schema_version, '0') AS bigint) < 2 THEN ` + fmt.Sprintf(e.fail, "concat('print this SQL again, which must know files of schema version 1 too: ', shard)")
	}
	return create + `lake_files AS
WITH all_lines AS (
  SELECT ` + extract(e.path, "/_ledger/v1/(.*)/g[0-9]+[.]json$") + ` AS shard,
    CAST(` + extract(e.path, "/g([0-9]+)[.]json$") + ` AS bigint) AS generation,
    ` + e.line + ` AS line
  FROM lake_ledger
), records AS (
  SELECT shard, line, ` + extract("shard", "^provider=([^/]*)/") + ` AS provider, ` + extract("shard", "/account=([^/]*)/") + ` AS account,
    ` + extract("shard", "/stream=([^/]*)/") + ` AS stream, ` + extract("shard", "/([^/]*)$") + ` AS period
  FROM (SELECT shard, generation, line, max(generation) OVER (PARTITION BY shard) AS newest FROM all_lines) AS numbered
  WHERE generation = newest
), fields AS (
  SELECT shard, provider, account, stream, period, ` + extract("line", `"key": "([^"]+)"`) + ` AS file_key,
    max(` + extract("line", `"committed_at": "([^"Z]+)`) + `) OVER (PARTITION BY shard) AS committed_at,
    max(` + extract("line", `^  "format_version": ([0-9]+)`) + `) OVER (PARTITION BY shard) AS format_version,
    max(` + extract("line", `^  "schema_version": ([0-9]+)`) + `) OVER (PARTITION BY shard) AS schema_version,
    max(period) OVER (PARTITION BY provider, account, stream) AS last_period
  FROM records
)
SELECT shard, provider, account, stream, concat(substr(period, 1, 4), '-', substr(period, 5, 2)) AS month, file_key, committed_at
FROM fields
WHERE CASE
  WHEN coalesce(format_version, '') <> '1' THEN ` + fmt.Sprintf(e.fail, "concat('this SQL does not know the format of the record of ', shard)") + tooOld + `
  WHEN file_key IS NULL THEN false
  ELSE stream <> 'directory' OR period = last_period END`
}

// everyColumns are the columns of a table as its views have them. Files of version 1, which exist if old says so, lack the partition
// columns and the texts of bodies; newer files have a body that is text only as text.
func (e engine) everyColumns(shape schemas.Shape, old bool) []string {
	var all []string
	for _, c := range shape.Columns {
		name := e.name(c.Name)
		switch {
		case schemas.IsPartition(c.Name) && old:
			all = append(all, fmt.Sprintf("coalesce(t.%s, f.%s) AS %s", name, name, name))
		case c.Kind == schemas.KindInstant && e.utc != "":
			all = append(all, fmt.Sprintf(e.utc, "t."+name)+" AS "+name)
		default:
			all = append(all, cmp.Or(e.bodyColumn(shape, c, "t.", old), "t."+name))
		}
	}
	return all
}

// bodyColumn is the expression of a column that a file may have only as another one, "" for all other columns: the body of a document,
// which files of version 2 have as text if it is text, and its text, which files of version 1 (old) have only as bytes.
func (e engine) bodyColumn(shape schemas.Shape, c schemas.Node, prefix string, old bool) string {
	const body, text = "body", "body_text"
	either := func(column, function, other string) string {
		return fmt.Sprintf("coalesce(%s%s, %s) AS %[2]s", prefix, e.name(column), fmt.Sprintf(function, prefix+e.name(other)))
	}
	switch {
	case shape.Table == schemas.Documents.Table && c.Name == body:
		return either(body, e.encode, text)
	case shape.Table == schemas.Documents.Table && c.Name == text && old:
		return either(text, e.decode, body)
	}
	return ""
}

// every is the view of all rows of the files that count.
func (e engine) every(shape schemas.Shape, old bool) string {
	return create + "every_" + shape.Table + " AS\nSELECT " + wrap(e.everyColumns(shape, old)) + ", f.shard, f.committed_at\nFROM all_" + shape.Table + " AS t\nJOIN lake_files AS f\n  ON f.file_key = regexp_extract(t." +
		e.path + ", '/(data/[^/]*/provider=[^/]*/account=[^/]*/stream=[^/]*/month=[^/]*/[^/]*)$', 1)"
}

// noRows is the query of columns of which the lake has no rows.
func (e engine) noRows(columns []schemas.Node) string {
	var all []string
	for _, c := range columns {
		all = append(all, "CAST(NULL AS "+e.typeOf(c, e.casts)+") AS "+e.name(c.Name))
	}
	return "SELECT " + wrap(all) + "\nWHERE false"
}

// withShard are the columns of every_ views.
func withShard(columns []schemas.Node) []schemas.Node {
	return append(slices.Clone(columns), schemas.Node{Name: "shard", Kind: schemas.KindText}, schemas.Node{Name: "committed_at", Kind: schemas.KindText})
}

// view is the view that people query.
func (e engine) view(shape schemas.Shape) string {
	return create + shape.Table + e.described(shape) + " AS\n" + e.counting(shape)
}

// described are the columns of a view with their comments, for engines that take them there only.
func (e engine) described(shape schemas.Shape) string {
	if !e.inView {
		return ""
	}
	var all []string
	for _, c := range shape.Columns {
		all = append(all, e.name(c.Name)+" COMMENT "+e.literal(shape.MeaningOf(c.Name)))
	}
	return " (\n  " + strings.Join(all, ",\n  ") + ")"
}

// literal is a text of Spark, where a backslash would take the next character literally.
func (e engine) literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// rootFor is the lake as an engine names it.
func (e engine) rootFor(location string) (string, error) {
	if bucket, ok := strings.CutPrefix(location, "s3://"); ok {
		return e.scheme + "://" + strings.TrimSuffix(bucket, "/"), nil
	}
	folder, err := filepath.Abs(location)
	if err != nil {
		return "", fmt.Errorf("find the folder of the lake: %w", err)
	}
	return "file://" + filepath.ToSlash(folder), nil
}
