package inspect

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

func committed(stream schemas.Stream, w schemas.Window, files ...string) current {
	c := current{Record: ledger.Record{
		Shard:       ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: stream, Window: w},
		CommittedAt: time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC),
	}}
	for _, f := range files {
		table, _, _ := strings.Cut(f, "/")
		c.Files = append(c.Files, ledger.File{Table: table, Key: f})
		c.locations = append(c.locations, "lake/"+f)
	}
	return c
}

// view cuts one view out of a script.
func viewOf(t *testing.T, script, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(script, "CREATE OR REPLACE VIEW "+name+" AS")
	if !found {
		t.Fatalf("there is no view %s:\n%s", name, script)
	}
	text, _, _ := strings.Cut(rest, ";")
	return strings.TrimSpace(text)
}

// rowsOf is the query over files of a table, of the version that committed says; withName selects the file of each row too.
func rowsOf(table string, withName bool, files ...string) string {
	return readFiles(shapeOf(table), files, withName, true)
}

// TestReadFiles: the partition columns of version 1 come from paths, those of version 2 from the files; DuckDB is told the types of all
// columns, so that it needs to open no file for them.
func TestReadFiles(t *testing.T) {
	shape := schemas.Shape{Table: "channels", Columns: []schemas.Node{
		{Name: "channel_id", Kind: schemas.KindText}, {Name: "observed_at", Kind: schemas.KindInstant},
		{Name: "provider", Kind: schemas.KindText}, {Name: "account", Kind: schemas.KindText},
		{Name: "attributes", Kind: schemas.KindMap, Children: []schemas.Node{{Name: "key", Kind: schemas.KindText}, {Name: "value", Kind: schemas.KindText}}},
	}}
	const types = `
    'channel_id': {name: 'channel_id', type: 'VARCHAR', default_value: NULL},
    'observed_at': {name: 'observed_at', type: 'TIMESTAMPTZ', default_value: NULL},`
	const more = `
    'attributes': {name: 'attributes', type: 'MAP(VARCHAR, VARCHAR)', default_value: NULL}})`
	current := "SELECT \"channel_id\", \"observed_at\", \"provider\", \"account\", \"attributes\", filename\nFROM read_parquet([\n    'a',\n    'it''s'\n  ], " +
		"filename = true, hive_partitioning = false, schema = MAP {" + types + `
    'provider': {name: 'provider', type: 'VARCHAR', default_value: NULL},
    'account': {name: 'account', type: 'VARCHAR', default_value: NULL},` + more
	if diff := cmp.Diff(current, readFiles(shape, []string{"a", "it's"}, true, false)); diff != "" {
		t.Errorf("version 2 (-want +got):\n%s", diff)
	}
	old := "SELECT \"channel_id\", \"observed_at\", _partition(filename, 1) AS \"provider\", _partition(filename, 2) AS \"account\", \"attributes\"\n" +
		"FROM read_parquet([\n    'a'\n  ], filename = true, hive_partitioning = false, schema = MAP {" + types + more
	if diff := cmp.Diff(old, readFiles(shape, []string{"a"}, false, true)); diff != "" {
		t.Errorf("version 1 (-want +got):\n%s", diff)
	}
}

func TestDuckDB(t *testing.T) {
	script := duckDB(worker.LakeConfig{URL: "file:lake"}, []current{
		committed("created", month(1), "messages/1", "conversations/1"),
		committed("created", month(2), "messages/it's"),
		committed("directory", month(1), "agents/old"),
		committed("directory", month(3), "agents/new"),
	})
	want := rowsOf("messages", false, "lake/messages/1", "lake/messages/it's")
	if diff := cmp.Diff(want, viewOf(t, script, "messages")); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if agents := viewOf(t, script, "agents"); strings.Contains(agents, "old") || !strings.Contains(agents, "new") {
		t.Errorf("the newest snapshot only was wanted: %s", agents)
	}
	if strings.Contains(script, "_versions") || strings.Contains(script, "httpfs") {
		t.Errorf("without overlaps in a folder neither versions nor S3 are needed:\n%s", script)
	}
	if ratings := viewOf(t, script, "ratings"); !strings.Contains(ratings, `NULL::DOUBLE AS "score"`) || !strings.HasSuffix(ratings, "WHERE false") {
		t.Errorf("a table without files has no typed view: %s", ratings)
	}
}

func TestDuckDBWithOverlappingWindows(t *testing.T) {
	half := month(1)
	half.To = half.From.AddDate(0, 0, 14)
	script := duckDB(worker.LakeConfig{URL: "file:lake"}, []current{
		committed("created", month(1), "messages/1", "conversations/1", "documents/1"),
		committed("created", half, "messages/2", "conversations/2"),
	})
	want := "SELECT rows.* EXCLUDE (filename)\nFROM (" + rowsOf("messages", true, "lake/messages/1", "lake/messages/2") +
		") AS rows\nJOIN _files USING (filename)\nSEMI JOIN _versions USING (provider, account, conversation_id, shard)"
	if diff := cmp.Diff(want, viewOf(t, script, "messages")); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	wantFiles := `SELECT * FROM (VALUES
    ('lake/messages/1', 'acme/created/20250101T000000Z~20250201T000000Z', TIMESTAMP '2026-01-02 03:04:05.678'),
    ('lake/conversations/1', 'acme/created/20250101T000000Z~20250201T000000Z', TIMESTAMP '2026-01-02 03:04:05.678'),
    ('lake/documents/1', 'acme/created/20250101T000000Z~20250201T000000Z', TIMESTAMP '2026-01-02 03:04:05.678'),
    ('lake/messages/2', 'acme/created/20250101T000000Z~20250115T000000Z', TIMESTAMP '2026-01-02 03:04:05.678'),
    ('lake/conversations/2', 'acme/created/20250101T000000Z~20250115T000000Z', TIMESTAMP '2026-01-02 03:04:05.678')
  ) AS t(filename, shard, committed_at)`
	if diff := cmp.Diff(wantFiles, viewOf(t, script, "_files")); diff != "" {
		t.Errorf("_files (-want +got):\n%s", diff)
	}
	if documents := viewOf(t, script, "documents"); !strings.Contains(documents, "SEMI JOIN _versions") || !strings.HasSuffix(documents, "WHERE conversation_id IS NULL") {
		t.Errorf("documents are not those of the version that counts and those of no conversation: %s", documents)
	}
}

func TestDuckDBWithOverlappingReports(t *testing.T) {
	half := month(1)
	half.To = half.From.AddDate(0, 0, 14)
	script := duckDB(worker.LakeConfig{URL: "file:lake"}, []current{
		committed("created", month(1), "ratings/1", "conversations/1"),
		committed("reports", month(1), "ratings/2"),
		committed("reports", half, "ratings/3"),
	})
	want := "SELECT rows.* EXCLUDE (filename)\nFROM (" + rowsOf("ratings", true, "lake/ratings/1") +
		") AS rows\nJOIN _files USING (filename)\nSEMI JOIN _versions USING (provider, account, conversation_id, shard)" +
		"\nUNION ALL\n" +
		"SELECT rows.* EXCLUDE (filename)\nFROM (" + rowsOf("ratings", true, "lake/ratings/2", "lake/ratings/3") +
		") AS rows\nJOIN _files USING (filename)\n" +
		"QUALIFY shard = first_value(shard) OVER (PARTITION BY provider, account, conversation_id, rating_id\n  ORDER BY observed_at DESC, committed_at DESC, shard DESC)"
	if diff := cmp.Diff(want, viewOf(t, script, "ratings")); diff != "" {
		t.Errorf("ratings (-want +got):\n%s", diff)
	}
}

// A rating that stands in a conversation and in the directory is one row, that of the newest directory.
func TestDuckDBTakesRatingsOfTheDirectory(t *testing.T) {
	records := []current{
		committed("created", month(1), "ratings/1", "conversations/1"),
		committed("directory", month(1), "ratings/old"),
		committed("directory", month(3), "ratings/new"),
	}
	const once = "\n)\nQUALIFY stream = 'directory' OR NOT bool_or(stream = 'directory') OVER (PARTITION BY provider, account, conversation_id, rating_id)"
	want := "SELECT * FROM (\n" + rowsOf("ratings", false, "lake/ratings/1", "lake/ratings/new") + once
	if diff := cmp.Diff(want, viewOf(t, duckDB(worker.LakeConfig{URL: "file:lake"}, records), "ratings")); diff != "" {
		t.Errorf("ratings (-want +got):\n%s", diff)
	}
	half := month(1)
	half.To = half.From.AddDate(0, 0, 14)
	records = append(records, committed("created", half, "ratings/2", "conversations/2"))
	view := viewOf(t, duckDB(worker.LakeConfig{URL: "file:lake"}, records), "ratings")
	versions, directory, both := strings.Cut(view, "\nUNION ALL\n")
	if !both || strings.Contains(versions, "ratings/new") || !strings.Contains(directory, "ratings/new") || strings.Contains(directory, "_versions") || !strings.HasSuffix(view, once) {
		t.Errorf("ratings of the directory are of no version of a conversation: %s", view)
	}
}

func TestOverlapping(t *testing.T) {
	other := committed("created", month(1))
	other.Shard.Account = "beta"
	long := month(1)
	long.To = month(4).From
	tests := []struct {
		name    string
		records []current
		want    bool
	}{
		{"none", nil, false},
		{"adjoining", []current{committed("created", month(2)), committed("created", month(1))}, false},
		{"two accounts", []current{committed("created", month(1)), other}, false},
		{"a directory", []current{committed("created", month(1)), committed("directory", month(1))}, false},
		{"reports beside conversations", []current{committed("created", month(1)), committed("reports", month(1))}, false},
		{"two streams", []current{committed("created", month(1)), committed("updated", month(1))}, true},
		{"one inside a longer one that began earlier", []current{committed("created", long), committed("created", month(2)), committed("created", month(3))}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := overlapping(tt.records); got != tt.want {
				t.Errorf("overlapping is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestS3Access(t *testing.T) {
	got := s3Access(worker.LakeConfig{URL: "s3://b/p", Endpoint: "http://127.0.0.1:7070", Region: "eu-central-1", PathStyle: true})
	want := "INSTALL httpfs; LOAD httpfs;\nINSTALL aws; LOAD aws;\n" +
		"CREATE OR REPLACE SECRET chatlake (TYPE s3, PROVIDER credential_chain, REGION 'eu-central-1', ENDPOINT '127.0.0.1:7070', USE_SSL false, URL_STYLE 'path');\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	// DuckDB takes what follows the first slash for a path before the bucket.
	if behind := s3Access(worker.LakeConfig{URL: "s3://b", Endpoint: "https://gate.example.com/storage/v1/"}); !strings.Contains(behind, "ENDPOINT 'gate.example.com/storage/v1')") {
		t.Errorf("the path of the endpoint is missing: %s", behind)
	}
}
