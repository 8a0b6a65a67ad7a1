package inspect

import (
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// The reader rule decides which rows count where several shards have the same conversation. It is written once, in SQL that every engine
// takes, over views that each engine makes in its own way: every_<table> has the rows of all files that count, with the shard of each row
// and when that shard was committed.

// hasShards are the tables that several shards may have rows of one conversation in. The rows of all other tables count as they are.
var hasShards = map[string]bool{
	"conversations": true, "messages": true, "participants": true, "events": true, "ratings": true, "attachments": true, "documents": true,
	"dead_letters": true, "tombstones": true,
}

// reported are the tables that reports have rows in, and the column that tells such a row from others of its conversation. If several
// shards of reports have a row, those of the shard that was observed last count.
var reported = map[string]string{"events": "event_id", "ratings": "rating_id"}

// states are what a conversation can be in a shard, best first: whole, dead or gone. A tombstone with a message_id is one of a message.
var states = []struct{ table, version, where string }{
	{"conversations", "source_version", ""},
	{"dead_letters", "CAST(NULL AS bigint)", " AND conversation_id <> ''"},
	{"tombstones", "CAST(NULL AS bigint)", " AND message_id IS NULL"},
}

const (
	create      = "CREATE OR REPLACE VIEW "
	latest      = "observed_at DESC, committed_at DESC, shard DESC"
	ofNoVersion = "('" + string(schemas.StreamReports) + "', '" + string(schemas.StreamDirectory) + "')"
)

// versions is the view lake_versions: the shard in which each conversation counts. That is where it is in its best state; of several such
// shards the one with its newest version, then the one that was observed last.
func (e engine) versions() string {
	var all []string
	for i, s := range states {
		all = append(all, fmt.Sprintf("    SELECT provider, account, conversation_id, %d AS state, %s AS version, observed_at, committed_at, shard\n    FROM every_%s\n    WHERE %s NOT IN %s%s",
			i, s.version, s.table, e.name("stream"), ofNoVersion, s.where))
	}
	return create + "lake_versions AS\nSELECT provider, account, conversation_id, shard\nFROM (\n" +
		"  SELECT provider, account, conversation_id, shard, row_number() OVER (\n    PARTITION BY provider, account, conversation_id\n" +
		"    ORDER BY state, version DESC NULLS LAST, " + latest + ") AS place\n  FROM (\n" +
		strings.Join(all, "\n    UNION ALL\n") + "\n  ) AS states\n) AS versions\nWHERE place = 1"
}

// counting is the query of the rows of a table that count. A row of a conversation counts in the shard in which its conversation counts. A
// row of no conversation, of reports or of the directory counts in every shard.
func (e engine) counting(shape schemas.Shape) string {
	columns := wrap(e.names("", shape.Columns))
	from := "every_" + shape.Table
	if !hasShards[shape.Table] {
		return "SELECT " + columns + "\nFROM " + from
	}
	stream := e.name("stream")
	query := "SELECT " + wrap(e.names("t.", shape.Columns)) + "\nFROM " + from + " AS t\nLEFT JOIN lake_versions AS v\n" +
		"  ON v.provider = t.provider AND v.account = t.account AND v.conversation_id = t.conversation_id\n" +
		"WHERE (v.shard = t.shard OR coalesce(t.conversation_id, '') = ''"
	id, ok := reported[shape.Table]
	if !ok {
		return query + " OR t." + stream + " IN " + ofNoVersion + ")"
	}
	query += ") AND t." + stream + " NOT IN " + ofNoVersion + "\nUNION ALL\nSELECT " + columns +
		"\nFROM (\n  SELECT *, first_value(shard) OVER (PARTITION BY provider, account, conversation_id, " + id + "\n    ORDER BY " + latest +
		") AS last_shard\n  FROM " + from + "\n  WHERE " + stream + " IN " + ofNoVersion + "\n) AS others\nWHERE shard = last_shard"
	if shape.Table == "ratings" {
		return e.listed(shape, query)
	}
	return query
}

// listed takes the directory's row of a rating that a conversation and the directory both have: it knows the agent who was rated and when.
func (e engine) listed(ratings schemas.Shape, query string) string {
	directory := e.name("stream") + " = '" + string(schemas.StreamDirectory) + "'"
	return "SELECT " + wrap(e.names("", ratings.Columns)) + "\nFROM (\nSELECT *, max(CASE WHEN " + directory +
		" THEN 1 ELSE 0 END) OVER (PARTITION BY provider, account, conversation_id, rating_id) AS listed\nFROM (\n" + query +
		"\n) AS ratings\n) AS marked\nWHERE listed = 0 OR " + directory
}
