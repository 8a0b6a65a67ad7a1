package inspect

import (
	"slices"
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

func shapeOf(table string) schemas.Shape {
	all := schemas.Shapes()
	return all[slices.IndexFunc(all, func(s schemas.Shape) bool { return s.Table == table })]
}

// rowsOf is the query over files of a table, of the version that committed says; withName selects the file of each row too.
func rowsOf(table string, withName bool, files ...string) string {
	return engines[DuckDB].readFiles(shapeOf(table), files, withName, true)
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
	if diff := cmp.Diff(current, engines[DuckDB].readFiles(shape, []string{"a", "it's"}, true, false)); diff != "" {
		t.Errorf("version 2 (-want +got):\n%s", diff)
	}
	old := "SELECT \"channel_id\", \"observed_at\", _partition(filename, 1) AS \"provider\", _partition(filename, 2) AS \"account\", \"attributes\"\n" +
		"FROM read_parquet([\n    'a'\n  ], filename = true, hive_partitioning = false, schema = MAP {" + types + more
	if diff := cmp.Diff(old, engines[DuckDB].readFiles(shape, []string{"a"}, false, true)); diff != "" {
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
	if strings.Contains(script, "lake_versions") || strings.Contains(script, "httpfs") {
		t.Errorf("without overlaps in a folder neither versions nor S3 are needed:\n%s", script)
	}
	if ratings := viewOf(t, script, "ratings"); !strings.Contains(ratings, `CAST(NULL AS DOUBLE) AS "score"`) || !strings.HasSuffix(ratings, "WHERE false") {
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
	every := viewOf(t, script, "every_messages")
	if !strings.Contains(every, rowsOf("messages", true, "lake/messages/1", "lake/messages/2")) || !strings.HasSuffix(every, "JOIN lake_files USING (filename)") {
		t.Errorf("every_messages has other rows than those of both files, with their shards: %s", every)
	}
	for _, table := range []string{"messages", "documents"} {
		if diff := cmp.Diff(engines[DuckDB].counting(shapeOf(table)), viewOf(t, script, table)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", table, diff)
		}
	}
	wantFiles := `FROM (VALUES
  ('lake/messages/1', 'acme/created/20250101T000000Z~20250201T000000Z', '2026-01-02T03:04:05.678'),
  ('lake/conversations/1', 'acme/created/20250101T000000Z~20250201T000000Z', '2026-01-02T03:04:05.678'),
  ('lake/documents/1', 'acme/created/20250101T000000Z~20250201T000000Z', '2026-01-02T03:04:05.678'),
  ('lake/messages/2', 'acme/created/20250101T000000Z~20250115T000000Z', '2026-01-02T03:04:05.678'),
  ('lake/conversations/2', 'acme/created/20250101T000000Z~20250115T000000Z', '2026-01-02T03:04:05.678')
) AS files(filename, shard, committed_at)`
	if diff := cmp.Diff(wantFiles, viewOf(t, script, "lake_files")); diff != "" {
		t.Errorf("lake_files (-want +got):\n%s", diff)
	}
}

// A rating that stands in a conversation and in the directory is one row, that of the newest directory.
func TestDuckDBTakesRatingsOfTheDirectory(t *testing.T) {
	records := []current{
		committed("created", month(1), "ratings/1", "conversations/1"),
		committed("directory", month(1), "ratings/old"),
		committed("directory", month(3), "ratings/new"),
	}
	e := engines[DuckDB]
	want := e.listed(shapeOf("ratings"), rowsOf("ratings", false, "lake/ratings/1", "lake/ratings/new"))
	if diff := cmp.Diff(want, viewOf(t, duckDB(worker.LakeConfig{URL: "file:lake"}, records), "ratings")); diff != "" {
		t.Errorf("ratings (-want +got):\n%s", diff)
	}
	half := month(1)
	half.To = half.From.AddDate(0, 0, 14)
	records = append(records, committed("created", half, "ratings/2", "conversations/2"))
	script := duckDB(worker.LakeConfig{URL: "file:lake"}, records)
	if every := viewOf(t, script, "every_ratings"); strings.Contains(every, "ratings/old") || !strings.Contains(every, "ratings/new") {
		t.Errorf("ratings of an older directory count: %s", every)
	}
	if diff := cmp.Diff(e.counting(shapeOf("ratings")), viewOf(t, script, "ratings")); diff != "" {
		t.Errorf("ratings where windows overlap (-want +got):\n%s", diff)
	}
}

func TestOverlapping(t *testing.T) {
	other := committed("created", month(1))
	other.Shard.Account = "beta"
	long := month(1)
	long.To = month(4).From
	absorbed := committed("created", month(1))
	absorbed.AbsorbedBy = "digest"
	tests := []struct {
		name    string
		records []current
		want    bool
	}{
		{"none", nil, false},
		{"an absorbed one, which has no rows", []current{committed("created", long), absorbed}, false},
		{"adjoining", []current{committed("created", month(2)), committed("created", month(1))}, false},
		{"two accounts", []current{committed("created", month(1)), other}, false},
		{"a directory", []current{committed("created", month(1)), committed("directory", month(1))}, false},
		{"reports beside conversations", []current{committed("created", month(1)), committed("reports", month(1))}, false},
		{"reports", []current{committed("created", month(1)), committed("reports", long), committed("reports", month(2))}, true},
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
