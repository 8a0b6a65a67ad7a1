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
// their size, of each conversation only the version that was committed last is in the views.
func duckDB(c worker.LakeConfig, records []current) string {
	var b strings.Builder
	b.WriteString("-- The lake as of now: these files count, and no others. `chatlake lake sql` writes this script anew.\n")
	b.WriteString("SET TimeZone = 'UTC';\n" + partition)
	if strings.HasPrefix(c.URL, "s3://") {
		b.WriteString(s3Access(c))
	}
	records = newestDirectory(records)
	overlap := overlapping(records)
	if overlap {
		writeVersions(&b, records)
	}
	for _, table := range Tables() {
		files := filesOf(records, table)
		if len(files) == 0 {
			fmt.Fprintf(&b, "\n-- %s: no rows yet\n", table)
			continue
		}
		query := readParquet(files, false)
		if overlap && slices.Contains(perConversation, table) {
			query = newest(table, records)
		}
		if table == "ratings" && slices.ContainsFunc(records, rates) {
			query = eachRatingOnce(query)
		}
		fmt.Fprintf(&b, "\nCREATE OR REPLACE VIEW %s AS\n%s;\n", table, query)
	}
	return b.String()
}

// rates reports whether a record is of a directory with ratings.
func rates(r current) bool {
	return r.Shard.Stream == schemas.StreamDirectory && slices.ContainsFunc(r.Files, func(f ledger.File) bool { return f.Table == "ratings" })
}

// eachRatingOnce takes of a rating that a conversation and the directory both have the directory's row, which knows the
// agent who was rated and when.
func eachRatingOnce(query string) string {
	return "SELECT * FROM (\n" + query + "\n)\nQUALIFY row_number() OVER (PARTITION BY provider, account, conversation_id, rating_id\n" +
		"  ORDER BY stream = '" + string(schemas.StreamDirectory) + "' DESC, observed_at DESC) = 1"
}

// perConversation are the tables whose rows come and go with the version of a conversation.
var perConversation = []string{"conversations", "messages", "participants", "events", "ratings", "attachments"}

// partition is a macro for the columns that stand in paths. DuckDB's own hive_partitioning takes every name=value in a path for a
// column, also those of folders above the lake: over account=eu/lake it would give all rows the account eu.
const partition = `
CREATE OR REPLACE MACRO _partition(filename, number) AS regexp_extract(filename,
  'provider=([^/\\]*)[/\\]account=([^/\\]*)[/\\]stream=([^/\\]*)[/\\]month=([^/\\]*)[/\\][^/\\]*$', number);
`

const partitions = "_partition(filename, 1) AS provider, _partition(filename, 2) AS account,\n" +
	"  _partition(filename, 3) AS stream, _partition(filename, 4) AS month"

// readParquet selects all columns of files and of their paths, and the file of each row where withName says so.
func readParquet(files []string, withName bool) string {
	columns := "*"
	if !withName {
		columns += " EXCLUDE (filename)"
	}
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = "\n    " + quote(literal(f))
	}
	return "SELECT " + columns + ", " + partitions + "\nFROM read_parquet([" + strings.Join(quoted, ",") +
		"\n  ], union_by_name = true, hive_partitioning = false, filename = true)"
}

// literal is a path that DuckDB does not take for a pattern.
func literal(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

// writeVersions makes _files, which says what shard each file is of, and _newest, which version of each conversation
// counts.
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
	b.WriteString("\n  ) AS t(filename, shard, committed_at);\n")
	if len(filesOf(records, "conversations")) == 0 {
		return
	}
	b.WriteString("\nCREATE OR REPLACE VIEW _newest AS\nSELECT provider, account, conversation_id, shard\nFROM (" +
		readParquet(filesOf(records, "conversations"), true) + ") AS rows\nJOIN _files USING (filename)\n" +
		"QUALIFY row_number() OVER (PARTITION BY provider, account, conversation_id\n" +
		"  ORDER BY source_version DESC NULLS LAST, observed_at DESC, committed_at DESC, shard DESC) = 1;\n")
}

// newest is the query of a table whose rows belong to versions of conversations. Rows of reports and of the directory are of
// no version: of one that two windows have, the one that was observed last counts.
func newest(table string, records []current) string {
	var parts []string
	versions, reports := split(records)
	if files := filesOf(versions, table); len(files) > 0 {
		parts = append(parts, "SELECT rows.* EXCLUDE (filename)\nFROM ("+readParquet(files, true)+") AS rows\nJOIN _files USING (filename)\n"+
			"SEMI JOIN _newest USING (provider, account, conversation_id, shard)")
	}
	if files := filesOf(reports, table); len(files) > 0 {
		id := strings.TrimSuffix(table, "s") + "_id"
		parts = append(parts, "SELECT rows.* EXCLUDE (filename)\nFROM ("+readParquet(files, true)+") AS rows\nJOIN _files USING (filename)\n"+
			"QUALIFY row_number() OVER (PARTITION BY provider, account, conversation_id, "+id+"\n  ORDER BY observed_at DESC, committed_at DESC, shard DESC) = 1")
	}
	return strings.Join(parts, "\nUNION ALL BY NAME\n")
}

// split tells the shards of conversations from those of reports and of the directory. A stream that this build does not know has
// conversations.
func split(records []current) (versions, reports []current) {
	for _, r := range records {
		if r.Shard.Stream == schemas.StreamReports || r.Shard.Stream == schemas.StreamDirectory {
			reports = append(reports, r)
		} else {
			versions = append(versions, r)
		}
	}
	return versions, reports
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

// s3Access lets DuckDB read a bucket with the credentials of the environment.
func s3Access(c worker.LakeConfig) string {
	options := []string{"TYPE s3", "PROVIDER credential_chain"}
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
	return "INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws;\nCREATE OR REPLACE SECRET chatlake (" + strings.Join(options, ", ") + ");\n"
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
