package lakesql

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type part struct {
	Type  string
	Bytes *int64
}

type row struct {
	MessageID  string
	CreatedAt  *time.Time
	IsPrivate  bool
	Parts      []part
	Tags       []string
	Attributes map[string]*string
	Body       []byte
	Score      *float64
}

// write writes the result of SELECT as a Parquet file and returns its key.
func write(t *testing.T, root, key, query string) string {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	query = "SELECT *, 'p' AS provider, 'a' AS account, 'created' AS stream, '2026-05' AS month FROM (" + query + ")"
	if _, err := db.Exec(fmt.Sprintf("SET TimeZone = 'UTC'; COPY (%s) TO '%s' (FORMAT parquet)", query, quote(path))); err != nil {
		t.Fatal(err)
	}
	return key
}

// commit writes a ledger record for files of the table messages.
func commit(t *testing.T, root, window string, generation int, keys ...string) {
	t.Helper()
	var files []string
	for _, k := range keys {
		files = append(files, fmt.Sprintf(`{"table":"messages","key":%q,"bytes":1,"sha256":"","rows":1,"row_groups":1}`, k))
	}
	from, to, _ := strings.Cut(window, "~")
	record := fmt.Sprintf(`{"format_version":1,"shard":{"provider":"p","account":"a","stream":"created","window":{"from":%q,"to":%q}},`+
		`"generation":%d,"files":[%s],"digest":"x","committed_at":"2026-01-01T00:00:00Z"}`, from, to, generation, strings.Join(files, ","))
	path := filepath.Join(root, "_ledger", "v1", "provider=p", "account=a", "stream=created", window, fmt.Sprintf("g%04d.json", generation))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read[R any](t *testing.T, root string) ([]R, error) {
	t.Helper()
	lake, err := Open(context.Background(), root)
	if err != nil {
		t.Fatal(err)
	}
	defer lake.Close()
	return Rows[R](context.Background(), lake, "messages")
}

func TestRowsHaveEveryKindOfValue(t *testing.T) {
	root := t.TempDir()
	commit(t, root, "1~2", 1, write(t, root, "data/messages/provider=p/account=a/stream=created/month=2026-05/1-0.parquet", `
		SELECT 'm1' AS message_id, TIMESTAMPTZ '2026-05-01 10:00:00.000001Z' AS created_at, true AS is_private,
		       [{'type': 'text', 'bytes': 7::BIGINT}, {'type': 'file', 'bytes': NULL}] AS parts, ['a', 'b'] AS tags,
		       MAP {'k': 'v', 'n': NULL} AS attributes, '\x00\xFF'::BLOB AS body, 0.5::DOUBLE AS score`))
	got, err := read[row](t, root)
	if err != nil {
		t.Fatal(err)
	}
	at, seven, half, v := time.Date(2026, 5, 1, 10, 0, 0, 1000, time.UTC), int64(7), 0.5, "v"
	want := []row{{
		MessageID: "m1", CreatedAt: &at, IsPrivate: true, Parts: []part{{"text", &seven}, {"file", nil}}, Tags: []string{"a", "b"},
		Attributes: map[string]*string{"k": &v, "n": nil}, Body: []byte{0, 255}, Score: &half,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestRowsByTheReaderRule(t *testing.T) {
	type id struct{ ID string }
	root := t.TempDir()
	file := func(name string) string {
		return write(t, root, "data/messages/provider=p/account=a/stream=created/month=2026-05/"+name+".parquet", fmt.Sprintf("SELECT '%s' AS id", name))
	}
	commit(t, root, "1~2", 1, file("old"), file("kept"))
	commit(t, root, "1~2", 2, "data/messages/provider=p/account=a/stream=created/month=2026-05/kept.parquet", file("new"))
	commit(t, root, "2~3", 1, file("other-window"))
	commit(t, root, "3~4", 1)
	file("never-committed")
	got, err := read[id](t, root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]id{{"kept"}, {"new"}, {"other-window"}}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestRowsRefuseOtherPartitions(t *testing.T) {
	type id struct{ ID string }
	root := t.TempDir()
	commit(t, root, "1~2", 1, write(t, root, "data/messages/provider=p/account=b/stream=created/month=2026-05/f.parquet", "SELECT 'x' AS id"))
	if _, err := read[id](t, root); err == nil || !strings.Contains(err.Error(), "1 rows have other partition columns") {
		t.Errorf("error %v", err)
	}
}

func TestRowsRefuseWhatDoesNotFit(t *testing.T) {
	type two struct{ A, B string }
	tests := []struct{ name, query, want string }{
		{"column without a field", "SELECT 'x' AS a, 'x' AS b, 'x' AS c", "column c has no field"},
		{"field without a column", "SELECT 'x' AS a", "field b has no column"},
		{"null in a required field", "SELECT 'x' AS a, NULL::VARCHAR AS b", "does not fit string"},
		{"another type", "SELECT 'x' AS a, 1::BIGINT AS b", "int64 does not fit string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			commit(t, root, "1~2", 1, write(t, root, "data/messages/provider=p/account=a/stream=created/month=2026-05/f.parquet", tt.query))
			if _, err := read[two](t, root); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
