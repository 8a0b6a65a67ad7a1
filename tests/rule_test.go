package tests

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// shelf is a lake in a folder, whose files DuckDB writes, of tables as the schema has them.
type shelf struct {
	t    *testing.T
	db   *sql.DB
	root string
}

// columnType is the type of a column in DuckDB, worked out apart from the code that is tested.
func columnType(n schemas.Node) string {
	switch n.Kind {
	case schemas.KindList:
		return columnType(n.Children[0]) + "[]"
	case schemas.KindMap:
		return "MAP(VARCHAR, VARCHAR)"
	case schemas.KindStruct:
		var fields []string
		for _, c := range n.Children {
			fields = append(fields, fmt.Sprintf("%q %s", c.Name, columnType(c)))
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	}
	return map[schemas.Kind]string{
		schemas.KindText: "VARCHAR", schemas.KindBytes: "BLOB", schemas.KindInteger: "BIGINT", schemas.KindNumber: "DOUBLE",
		schemas.KindBoolean: "BOOLEAN", schemas.KindInstant: "TIMESTAMPTZ",
	}[n.Kind]
}

// put commits a generation of a shard on a day of June 2026. Rows are of a table, by name; each is the values of some columns.
func (s shelf) put(shard string, generation, version int, committed string, rows map[string][]map[string]any) {
	s.t.Helper()
	part := strings.Split(shard, "/") // account, stream, window
	from, to, _ := strings.Cut(part[2], "~")
	month := from[:4] + "-" + from[4:6]
	files := []map[string]any{}
	for _, shape := range schemas.Shapes() {
		if len(rows[shape.Table]) == 0 {
			continue
		}
		var selects []string
		for _, row := range rows[shape.Table] {
			var columns []string
			for _, c := range shape.Columns {
				value := row[c.Name]
				partition := map[string]string{"provider": "chatwoot", "account": part[0], "stream": part[1], "month": month}[c.Name]
				switch {
				case c.Since > version:
					continue
				case partition != "":
					value = partition
				}
				written := "NULL"
				if e, ok := value.(expression); ok {
					written = string(e)
				} else if value != nil {
					written = "'" + fmt.Sprint(value) + "'"
				}
				columns = append(columns, fmt.Sprintf("%s::%s AS %q", written, columnType(c), c.Name))
			}
			selects = append(selects, "SELECT "+strings.Join(columns, ", "))
		}
		key := fmt.Sprintf("data/%s/provider=chatwoot/account=%s/stream=%s/month=%s/%s-0001-%016d.parquet", shape.Table, part[0], part[1], month, part[2], generation)
		name := filepath.Join(s.root, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.db.Exec(fmt.Sprintf("COPY (%s) TO '%s' (FORMAT parquet)", strings.Join(selects, " UNION ALL "), name)); err != nil {
			s.t.Fatal(err)
		}
		files = append(files, map[string]any{"table": shape.Table, "key": key, "rows": len(rows[shape.Table])})
	}
	moment := func(s string) string {
		at, _ := time.Parse("20060102T150405Z", s)
		return at.Format(time.RFC3339)
	}
	record, err := json.MarshalIndent(map[string]any{
		"format_version": 1, "schema_version": version, "generation": generation, "committed_at": committed + "T00:00:00Z", "files": files,
		"shard": map[string]any{"provider": "chatwoot", "account": part[0], "stream": part[1], "window": map[string]any{"from": moment(from), "to": moment(to)}},
	}, "", "  ")
	if err != nil {
		s.t.Fatal(err)
	}
	name := filepath.Join(s.root, "_ledger", "v1", "provider=chatwoot", "account="+part[0], "stream="+part[1], part[2], fmt.Sprintf("g%04d.json", generation))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(name, record, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// expression is a value that SQL says.
type expression string

type rowsOf = map[string][]map[string]any

// row is what stands in some columns: their names and values.
func row(pairs ...any) map[string]any {
	r := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		r[pairs[i].(string)] = pairs[i+1]
	}
	return r
}

// crowdedLake has something for every part of the reader rule. Its account is named 42.
func crowdedLake(t *testing.T, root string) {
	t.Helper()
	s := shelf{t, openDuckDB(t), root}
	const may, early, day = "20260501T000000Z~20260601T000000Z", "20260501T000000Z~20260508T000000Z", "20260601T000000Z~20260602T000000Z"
	doc := func(id any, name string) map[string]any {
		return row("conversation_id", id, "kind", name, "sequence", 0, "status", 200, "observed_at", "2026-06-01", "body", "{}", "body_text", "{}")
	}
	dead := func(id, step, observed string) map[string]any {
		return row("conversation_id", id, "observed_at", observed, "step", step, "error_kind", "gone", "attempts", 1)
	}
	whole := func(id, observed string, version any) map[string]any {
		return row("conversation_id", id, "observed_at", observed, "source_version", version)
	}
	gone := func(id, observed, reason string) map[string]any {
		return row("conversation_id", id, "observed_at", observed, "reason", reason)
	}
	event := func(id, event, observed, text string) map[string]any {
		return row("conversation_id", id, "event_id", event, "observed_at", observed, "kind", "activity", "text", text)
	}
	rating := func(id, rating, observed, comment string) map[string]any {
		return row("conversation_id", id, "rating_id", rating, "observed_at", observed, "kind", "csat", "comment", comment)
	}
	s.put("42/created/"+may, 1, 1, "2026-06-01", rowsOf{"messages": {row("conversation_id", "1", "message_id", "of a generation that was replaced")}})
	s.put("42/created/"+may, 2, 1, "2026-06-02", rowsOf{
		"conversations": {whole("1", "2026-06-03", 1), whole("2", "2026-06-03", nil)},
		"messages":      {row("conversation_id", "1", "message_id", "1 in May"), row("conversation_id", "2", "message_id", "2 in May")},
		"participants":  {row("conversation_id", "1", "participant_id", "1 in May")},
		"attachments":   {row("conversation_id", "2", "attachment_id", "2 in May")},
		"events":        {event("1", "e1", "2026-06-03", "1 in May"), event("2", "e2", "2026-06-03", "2 in May")},
		"ratings":       {rating("1", "r1", "2026-06-03", "1 in May"), rating("2", "r2", "2026-06-03", "2 in May")},
		"documents": {doc("1", "1 in May"), doc("2", "2 in May"), doc("3", "3 in May"), doc("4", "4 in May"), doc("5", "5 in May"),
			doc(nil, "list in May")},
		"dead_letters": {dead("3", "3 in May", "2026-06-03"), dead("", "a list in May", "2026-06-03")},
		"tombstones": {gone("4", "2026-06-03", "4 in May"), gone("5", "2026-06-03", "5 in May"),
			row("conversation_id", "1", "message_id", "m", "observed_at", "2026-06-03", "reason", "a message of 1 in May")},
	})
	s.put("42/created/"+early, 1, 2, "2026-06-05", rowsOf{
		"conversations": {whole("1", "2026-06-02", 2), whole("2", "2026-06-02", nil)}, // 1 is newer, 2 was read earlier and committed later
		"messages":      {row("conversation_id", "1", "message_id", "1 early"), row("conversation_id", "2", "message_id", "2 early")},
		"participants":  {row("conversation_id", "1", "participant_id", "1 early")},
		"attachments":   {row("conversation_id", "2", "attachment_id", "2 early")},
		"events":        {event("1", "e1", "2026-06-02", "1 early"), event("2", "e2", "2026-06-02", "2 early")},
		"ratings":       {rating("1", "r1", "2026-06-02", "1 early"), rating("2", "r2", "2026-06-02", "2 early")},
		"documents":     {doc("1", "1 early"), doc("2", "2 early"), doc("3", "3 early"), doc("4", "4 early"), doc("5", "5 early"), doc(nil, "list early")},
		"dead_letters":  {dead("3", "3 early", "2026-06-02"), dead("4", "4 early", "2026-06-02")},
		"tombstones": {gone("5", "2026-06-04", "5 early"),
			row("conversation_id", "1", "message_id", "m", "observed_at", "2026-06-02", "reason", "a message of 1 early")},
	})
	s.put("42/reports/"+may, 1, 2, "2026-06-02", rowsOf{
		"events":       {event("1", "r", "2026-06-02", "twice in May"), event("1", "r", "2026-06-02", "twice in May"), event("9", "only", "2026-06-02", "of May only")},
		"documents":    {doc(nil, "report of May"), doc("1", "report of 1")},
		"dead_letters": {dead("", "a report of May", "2026-06-02")},
	})
	s.put("42/reports/"+early, 1, 2, "2026-06-01", rowsOf{
		"events":    {event("1", "r", "2026-06-01", "once early"), event("", "none", "2026-06-01", "of no conversation")},
		"ratings":   {rating("1", "x", "2026-06-01", "reported"), rating("1", "x", "2026-06-01", "reported")},
		"documents": {doc(nil, "report early")},
	})
	s.put("42/directory/20260531T000000Z~20260601T000000Z", 1, 2, "2026-06-03", rowsOf{
		"agents": {row("agent_id", "old", "observed_at", "2026-06-03", "type", "agent")}, "ratings": {rating("2", "old", "2026-06-03", "listed before")},
	})
	s.put("42/directory/"+day, 1, 2, "2026-06-01", rowsOf{
		"agents":  {row("agent_id", "7", "observed_at", "2026-06-01", "type", "agent")},
		"ratings": {rating("2", "r2", "2026-06-01", "2 listed")}, "documents": {doc(nil, "agents")},
	})
	audit := func(id, outcome string) map[string]any {
		return row("audit_id", id, "conversation_id", "1", "observed_at", "2026-06-04", "action", "end", "outcome", outcome, "asked_at", "2026-06-04")
	}
	s.put("42/audits/"+may, 1, 2, "2026-06-04", rowsOf{"audits": {audit("a", "replaced")}})
	s.put("42/audits/"+may, 2, 2, "2026-06-05", rowsOf{"audits": {audit("a", "ended"), audit("b", "refused")}})
}

// crowdedRows are the rows that count, each by its table, its partition and a column that tells it from the others.
var crowdedRows = []string{
	"agents 42 directory 2026-06 7",
	"attachments 42 created 2026-05 2 in May",
	"audits 42 audits 2026-05 ended", "audits 42 audits 2026-05 refused",
	"conversations 42 created 2026-05 1", "conversations 42 created 2026-05 2",
	"dead_letters 42 created 2026-05 3 in May", "dead_letters 42 created 2026-05 4 early", "dead_letters 42 created 2026-05 a list in May",
	"dead_letters 42 reports 2026-05 a report of May",
	"documents 42 created 2026-05 1 early", "documents 42 created 2026-05 2 in May", "documents 42 created 2026-05 3 in May",
	"documents 42 created 2026-05 4 early", "documents 42 created 2026-05 5 early", "documents 42 created 2026-05 list early",
	"documents 42 created 2026-05 list in May", "documents 42 directory 2026-06 agents", "documents 42 reports 2026-05 report early",
	"documents 42 reports 2026-05 report of 1", "documents 42 reports 2026-05 report of May",
	"events 42 created 2026-05 1 early", "events 42 created 2026-05 2 in May", "events 42 reports 2026-05 of May only",
	"events 42 reports 2026-05 of no conversation", "events 42 reports 2026-05 twice in May", "events 42 reports 2026-05 twice in May",
	"messages 42 created 2026-05 1 early", "messages 42 created 2026-05 2 in May",
	"participants 42 created 2026-05 1 early",
	"ratings 42 created 2026-05 1 early", "ratings 42 directory 2026-06 2 listed", "ratings 42 reports 2026-05 reported", "ratings 42 reports 2026-05 reported",
	"tombstones 42 created 2026-05 5 early", "tombstones 42 created 2026-05 a message of 1 early",
}

// telling is the column of each table that crowdedRows show.
var telling = map[string]string{
	"conversations": "conversation_id", "messages": "message_id", "participants": "participant_id", "events": "text", "ratings": "comment",
	"attachments": "attachment_id", "documents": "kind", "dead_letters": "step", "tombstones": "reason", "agents": "agent_id",
	"audits": "outcome",
}

// shown are the rows of all views.
func shown(t *testing.T, db *sql.DB) []string {
	t.Helper()
	var all []string
	for _, shape := range schemas.Shapes() {
		column := telling[shape.Table]
		if column == "" {
			column = shape.Columns[0].Name
		}
		all = append(all, texts(t, db, fmt.Sprintf(`SELECT concat_ws(' ', '%s', account, "stream", "month", %q) FROM %[1]s ORDER BY ALL`, shape.Table, column))...)
	}
	slices.Sort(all)
	return all
}

// sqlFor is what `lake sql` prints for a lake in a folder.
func sqlFor(t *testing.T, root, dialect string) string {
	t.Helper()
	folder := t.TempDir()
	config := fmt.Sprintf("state_dir: state\nlake: {url: %q}\naccounts: {\"42\": {provider: chatwoot, base_url: 'https://chat.example.com', "+
		"account_id: '1', token: env:CHATWOOT_TOKEN}}\n", "file:"+root)
	if err := os.WriteFile(filepath.Join(folder, "chatlake.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return succeeds(t, folder, "lake", "sql", "--dialect", dialect)
}

var (
	externalTable = regexp.MustCompile(`(?s)CREATE TABLE all_(\w+) \((.*?)\n\)\nWITH \(external_location = 'file://([^']*)', format = 'PARQUET'\)`)
	ledgerTable   = regexp.MustCompile(`(?s)CREATE TABLE lake_ledger \(line varchar\)\nWITH \(external_location = 'file://([^']*)', format = 'TEXTFILE'\)`)
	noRows        = regexp.MustCompile(`(?s)CREATE OR REPLACE VIEW every_\w+ AS\nSELECT CAST.*?WHERE false`)
	dropTable     = regexp.MustCompile(`DROP TABLE IF EXISTS \w+;`)
)

// inDuckDB is SQL for Trino as DuckDB takes it: its external tables are views that have the path of each row, as Trino has.
func inDuckDB(script string) string {
	script = dropTable.ReplaceAllString(script, "")
	script = ledgerTable.ReplaceAllString(script, `CREATE VIEW lake_ledger AS
		SELECT unnest(string_split(content, chr(10))) AS line, filename AS "$$path" FROM read_text('${1}**/*.json')`)
	script = externalTable.ReplaceAllStringFunc(script, func(table string) string {
		part := externalTable.FindStringSubmatch(table)
		return `CREATE VIEW all_` + part[1] + ` AS SELECT * EXCLUDE (filename), filename AS "$path" FROM read_parquet('` + part[3] + `**/*.parquet', filename = true, hive_partitioning = false, union_by_name = true)`
	})
	script = noRows.ReplaceAllStringFunc(script, duckTypes)
	// from_utf8 of Trino replaces what is not valid, so that the bytes of its result are others; null is no more equal to them.
	return "CREATE MACRO with_timezone(moment, zone) AS moment;\nCREATE MACRO to_utf8(t) AS encode(t);\nCREATE MACRO from_utf8(b) AS TRY(decode(b));\n" + script
}

// duckTypes are columns of Trino with the types that DuckDB has.
func duckTypes(columns string) string {
	columns = strings.NewReplacer("varbinary", "BLOB", "timestamp(6) with time zone", "TIMESTAMPTZ", "map(varchar, varchar)", "MAP(VARCHAR, VARCHAR)").Replace(columns)
	columns = regexp.MustCompile(`array\(varchar\)`).ReplaceAllString(columns, "VARCHAR[]")
	return regexp.MustCompile(`array\(row\((.*?)\)\)`).ReplaceAllString(columns, "STRUCT($1)[]")
}

// run runs a script in a new database.
func run(t *testing.T, script string) *sql.DB {
	t.Helper()
	db := openDuckDB(t)
	if _, err := db.Exec(script); err != nil {
		t.Fatalf("%v in\n%s", err, script)
	}
	return db
}

// TestViewsByTheReaderRule: the views of every dialect that can be tried here show exactly the rows that count, and have all columns of
// every table, also of those without rows.
func TestViewsByTheReaderRule(t *testing.T) {
	root := filepath.Join(t.TempDir(), "lake")
	crowdedLake(t, root)
	for dialect, translate := range map[string]func(string) string{"duckdb": func(s string) string { return s }, "trino": inDuckDB} {
		t.Run(dialect, func(t *testing.T) {
			db := run(t, translate(sqlFor(t, root, dialect)))
			if diff := cmp.Diff(crowdedRows, shown(t, db)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			for _, shape := range schemas.Shapes() {
				var want []string
				for _, c := range shape.Columns {
					want = append(want, c.Name+" "+strings.NewReplacer("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", `"`, "").Replace(columnType(c)))
				}
				got := texts(t, db, "SELECT replace(concat(column_name, ' ', data_type), '\"', '') FROM duckdb_columns() WHERE table_name = '"+shape.Table+"' ORDER BY column_index")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("columns of %s (-want +got):\n%s", shape.Table, diff)
				}
			}
		})
	}
}

// TestViewsOpenNoFile makes the views of DuckDB over files that are none: only a query opens them.
func TestViewsOpenNoFile(t *testing.T) {
	root := filepath.Join(t.TempDir(), "lake")
	crowdedLake(t, root)
	files, err := filepath.Glob(filepath.Join(root, "data", "*", "*", "*", "*", "*", "*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		if err := os.WriteFile(f, []byte("no file of this kind"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db := run(t, sqlFor(t, root, "duckdb"))
	if _, err := db.Exec("SELECT * FROM messages"); err == nil {
		t.Error("a query has read what is no file")
	}
}

// TestViewsKnowWhatTheyRead: views that read the ledger fail once it has records that they do not know, instead of showing less.
func TestViewsKnowWhatTheyRead(t *testing.T) {
	for name, tt := range map[string]struct{ change, to, want string }{
		"another format":       {`"format_version": 1`, `"format_version": 2`, "does not know the format of the record of provider=chatwoot/account=42/stream=created/"},
		"no format":            {`"format_version": 1,`, ``, "does not know the format of the record of"},
		"files without months": {`"schema_version": 2`, `"schema_version": 1`, "print this SQL again"},
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "lake")
			s := shelf{t, openDuckDB(t), root}
			const shard = "42/created/20260501T000000Z~20260601T000000Z"
			s.put(shard, 1, 2, "2026-06-01", rowsOf{"messages": {row("conversation_id", "1", "message_id", "m")}})
			db := run(t, inDuckDB(sqlFor(t, root, "trino")))
			if _, err := db.Exec("SELECT * FROM labels, messages"); err != nil {
				t.Fatal(err)
			}
			s.put(shard, 2, 2, "2026-06-02", rowsOf{})
			record := filepath.Join(root, "_ledger/v1/provider=chatwoot/account=42/stream=created/20260501T000000Z~20260601T000000Z/g0002.json")
			if err := os.WriteFile(record, []byte(strings.Replace(read(t, record), tt.change, tt.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("SELECT * FROM messages"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestViewsOfBodies: the views of every dialect that can be tried here give the body of a document as bytes and as text, whether its
// file has it as bytes (version 1), as both (early builds of version 2) or as text and else as bytes.
func TestViewsOfBodies(t *testing.T) {
	bodies := map[string]string{ // by kind, as DuckDB writes bytes
		"empty": "", "text": `{"a":"\xC3\xBC"}`, "nul": `a\x00b`, "mark": `\xEF\xBB\xBF{}`, "latin": `\xE4`, "cut": `a\xE2\x82`, "surrogate": `\xED\xA0\x80`,
	}
	noText := []string{"latin", "cut", "surrogate"}
	documents := func(body, text bool) rowsOf {
		var all []map[string]any
		for _, kind := range slices.Sorted(maps.Keys(bodies)) {
			r := row("conversation_id", nil, "kind", kind, "sequence", 0, "status", 200, "observed_at", "2026-06-01")
			if body || slices.Contains(noText, kind) {
				r["body"] = bodies[kind]
			}
			if text && !slices.Contains(noText, kind) {
				r["body_text"] = expression("decode('" + bodies[kind] + "'::BLOB)")
			}
			all = append(all, r)
		}
		return rowsOf{"documents": all}
	}
	const may, june, july = "42/created/20260501T000000Z~20260601T000000Z", "42/created/20260601T000000Z~20260701T000000Z", "42/created/20260701T000000Z~20260801T000000Z"
	for name, of := range map[string]func(shelf){
		"all versions": func(s shelf) {
			s.put(may, 1, 1, "2026-06-01", documents(true, false))
			s.put(june, 1, 2, "2026-06-01", documents(true, true))
			s.put(july, 1, 2, "2026-06-01", documents(false, true))
		},
		"version 2": func(s shelf) {
			s.put(june, 1, 2, "2026-06-01", documents(true, true))
			s.put(july, 1, 2, "2026-06-01", documents(false, true))
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "lake")
			of(shelf{t, openDuckDB(t), root})
			months, _ := filepath.Glob(filepath.Join(root, "data", "*", "*", "*", "*", "month=*"))
			var want []string
			for _, month := range months {
				for kind, body := range bodies {
					text := "no text"
					if !slices.Contains(noText, kind) {
						text = "the same text"
					}
					want = append(want, strings.TrimPrefix(filepath.Base(month), "month=")+" "+kind+" "+body+" "+text)
				}
			}
			slices.Sort(want)
			for dialect, translate := range map[string]func(string) string{"duckdb": func(s string) string { return s }, "trino": inDuckDB} {
				db := run(t, translate(sqlFor(t, root, dialect)))
				got := texts(t, db, `SELECT concat_ws(' ', "month", kind, body::VARCHAR,
					CASE WHEN body_text IS NULL THEN 'no text' WHEN encode(body_text) = body THEN 'the same text' ELSE 'another text' END) AS r
					FROM documents ORDER BY r`)
				slices.Sort(got)
				for i := range got {
					got[i] = strings.ReplaceAll(got[i], `\x22`, `"`)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", dialect, diff)
				}
			}
		})
	}
}

// TestViewsShowWhatIsGoneOnce: a conversation that is gone is there with its last version and its tombstone, whatever other shards still
// have of it. Shards of what changed have conversations that were created at any time.
func TestViewsShowWhatIsGoneOnce(t *testing.T) {
	root := filepath.Join(t.TempDir(), "lake")
	s := shelf{t, openDuckDB(t), root}
	const may, july, later = "20260501T000000Z~20260601T000000Z", "20260701T000000Z~20260701T001500Z", "20260702T000000Z~20260702T001500Z"
	whole := func(id, observed string, version int, gone any) map[string]any {
		return row("conversation_id", id, "observed_at", observed, "source_version", version, "gone_at", gone)
	}
	message := func(id, message string) map[string]any { return row("conversation_id", id, "message_id", message) }
	s.put("42/created/"+may, 1, 2, "2026-06-01", rowsOf{"conversations": {whole("1", "2026-06-01", 1, nil), whole("2", "2026-06-01", 1, nil), whole("3", "2026-06-01", 1, nil)}})
	s.put("42/changes/"+july, 1, 2, "2026-07-01", rowsOf{
		"conversations": {whole("1", "2026-07-01", 2, nil), whole("2", "2026-07-01", 2, nil)},
		"messages":      {message("1", "1 in July"), message("2", "2 in July")},
	})
	// Of the same version, the row that says that it is gone was observed last.
	s.put("42/created/"+may, 2, 2, "2026-07-03", rowsOf{
		"conversations": {whole("1", "2026-07-03", 2, "2026-07-03"), whole("2", "2026-07-01", 2, nil), whole("3", "2026-06-01", 1, nil)},
		"messages":      {message("1", "1 settled"), message("2", "2 settled"), message("3", "3 settled")},
		"tombstones":    {row("conversation_id", "1", "observed_at", "2026-07-03", "reason", "1 settled")},
	})
	s.put("42/changes/"+later, 1, 2, "2026-07-02", rowsOf{
		"conversations": {whole("3", "2026-07-02", 1, "2026-07-02")},
		"messages":      {message("3", "3 last")},
		"tombstones":    {row("conversation_id", "3", "observed_at", "2026-07-02", "reason", "3 in July")},
	})
	for dialect, translate := range map[string]func(string) string{"duckdb": func(s string) string { return s }, "trino": inDuckDB} {
		db := run(t, translate(sqlFor(t, root, dialect)))
		for query, want := range map[string][]string{
			`SELECT concat_ws(' ', conversation_id, strftime(gone_at, '%d')) FROM conversations ORDER BY 1`: {"1 03", "2", "3 02"},
			`SELECT message_id FROM messages ORDER BY 1`:                                                    {"1 settled", "2 settled", "3 last"},
			`SELECT reason FROM tombstones ORDER BY 1`:                                                      {"1 settled", "3 in July"},
		} {
			if got := texts(t, db, query); !slices.Equal(got, want) {
				t.Errorf("%s, %s: %q, want %q", dialect, query, got, want)
			}
		}
	}
}
