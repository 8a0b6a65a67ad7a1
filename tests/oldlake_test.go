package tests

import (
	"archive/zip"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator/giosg"
	"github.com/chatlake/chatlake/simulator/liveperson"
)

// oldAccounts are those of testdata/lake-v1.zip, a lake of schema version 1: March 2025 of small simulated accounts, as the last build
// of that version copied it. No platform answers.
// Those that delete what is old are said to delete nothing, so that the lake stays as whole as it was.
var oldAccounts = map[string]string{
	"42": `
    provider: chatwoot
    base_url: http://127.0.0.1:9
    account_id: 1
    token: env:CHATWOOT_TOKEN`,
	"fresh": `
    provider: freshchat
    retention: 0
    base_url: http://127.0.0.1:9
    token: env:FRESHCHAT_TOKEN
    options: {reports_per_minute: 0, reports_per_day: 0}`,
	"giosg": fmt.Sprintf(`
    provider: giosg
    base_url: http://127.0.0.1:9
    account_id: %s
    token: env:GIOSG_TOKEN
    secrets: {private_keys: env:GIOSG_KEY}`, giosg.Organization),
	"live": fmt.Sprintf(`
    provider: liveperson
    retention: 0
    base_url: http://127.0.0.1:9
    account_id: "%s"
    secrets: {client_id: env:LIVEPERSON_CLIENT_ID, client_secret: env:LIVEPERSON_CLIENT_SECRET}`, liveperson.DefaultAccount),
}

// oldLake is a folder with a configuration and a lake of schema version 1.
func oldLake(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	packed, err := zip.OpenReader(filepath.Join("testdata", "lake-v1.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	if err := os.CopyFS(filepath.Join(folder, "lake"), packed); err != nil {
		t.Fatal(err)
	}
	config := "state_dir: state\nlake: {url: file:lake}\naccounts:\n"
	for name, account := range oldAccounts {
		config += fmt.Sprintf("  %q: %s\n", name, account)
	}
	if err := os.WriteFile(filepath.Join(folder, "chatlake.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// succeeds runs a command and returns what it says.
func succeeds(t *testing.T, folder string, args ...string) string {
	t.Helper()
	p := start(t, folder, args...)
	p.succeed(t)
	return string(p.result.Bytes())
}

// TestOldLake reads a lake of schema version 1, brings a part of it to this version and then all of it, and reads it each time: with
// the commands, and with DuckDB, whose rows must stay as they were.
func TestOldLake(t *testing.T) {
	folder := oldLake(t)
	looks := func(versions ...int) {
		t.Helper()
		if got := versionsOf(t, folder); !slices.Equal(got, versions) {
			t.Fatalf("files of versions %v, want %v", got, versions)
		}
		if said := succeeds(t, folder, "verify", "--deep"); !strings.Contains(said, "The lake is whole.") {
			t.Errorf("verify: %s", said)
		}
		for account := range oldAccounts {
			id := oneConversation(t, folder, account)
			if said := succeeds(t, folder, "why", id, "--account", account); !strings.Contains(said, "messages") {
				t.Errorf("why %s of %s: %s", id, account, said)
			}
		}
		for _, command := range []string{"lake files", "lake sweep", "lake remap --dry-run --account 42"} {
			succeeds(t, folder, strings.Fields(command)...)
		}
		rebuild := start(t, folder, "lake", "rebuild") // the platforms answered at other addresses then
		if status := rebuild.status(t); status != 3 || !strings.Contains(rebuild.out.String(), "They count as they are.") {
			t.Errorf("rebuild: status %d: %s", status, rebuild.out.String())
		}
	}
	looks(1)
	before := tableRows(t, folder)
	succeeds(t, folder, "lake", "remap", "--account", "42")
	looks(1, 2)
	if diff := cmp.Diff(before, tableRows(t, folder)); diff != "" {
		t.Errorf("files of versions 1 and 2 together (-before +after):\n%s", diff)
	}
	for _, account := range []string{"fresh", "giosg", "live"} {
		succeeds(t, folder, "lake", "remap", "--account", account)
	}
	looks(2)
	if diff := cmp.Diff(before, tableRows(t, folder)); diff != "" {
		t.Errorf("files of version 2 (-before +after):\n%s", diff)
	}
	bodiesOnce(t, folder)
	if said := succeeds(t, folder, "lake", "remap", "--account", "42"); !strings.Contains(said, "0 rewritten, 2 unchanged, 0 kept") {
		t.Errorf("another remap: %s", said)
	}
}

// locations are the files that count.
func locations(t *testing.T, folder string) []located {
	t.Helper()
	var files []located
	if err := json.Unmarshal([]byte(succeeds(t, folder, "lake", "files", "--output", "json")), &files); err != nil {
		t.Fatal(err)
	}
	return files
}

type located struct{ Location, Table string }

// versionsOf are the schema versions that the footers of the files say.
func versionsOf(t *testing.T, folder string) []int {
	t.Helper()
	db := openDuckDB(t)
	var versions []int
	for _, f := range locations(t, folder) {
		var version int
		if err := db.QueryRow("SELECT decode(value)::INTEGER FROM parquet_kv_metadata(?) WHERE decode(key) = 'chatlake.schema_version'", f.Location).Scan(&version); err != nil {
			t.Fatal(err)
		}
		versions = append(versions, version)
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

func openDuckDB(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("SET TimeZone = 'UTC'"); err != nil {
		t.Fatal(err)
	}
	return db
}

func oneConversation(t *testing.T, folder, account string) string {
	t.Helper()
	for _, f := range locations(t, folder) {
		if f.Table == schemas.Conversations.Table && strings.Contains(f.Location, "account="+account+"/") {
			var id string
			if err := openDuckDB(t).QueryRow("SELECT min(conversation_id) FROM read_parquet(?)", f.Location).Scan(&id); err != nil {
				t.Fatal(err)
			}
			return id
		}
	}
	t.Fatalf("there is no conversation of %s", account)
	return ""
}

// bodiesOnce checks that the files of version 2 that count have each body in one column, as text where it is UTF-8, as all of them are.
func bodiesOnce(t *testing.T, folder string) {
	t.Helper()
	var files []string
	for _, f := range locations(t, folder) {
		if f.Table == schemas.Documents.Table {
			files = append(files, "'"+f.Location+"'")
		}
	}
	var rows, texts, both int
	if err := openDuckDB(t).QueryRow("SELECT count(*), count(body_text), count(body) FROM read_parquet(["+strings.Join(files, ", ")+"])").Scan(&rows, &texts, &both); err != nil {
		t.Fatal(err)
	}
	if rows == 0 || texts != rows || both != 0 {
		t.Errorf("of %d documents %d have their body as text and %d as bytes", rows, texts, both)
	}
}

// tableRows are the rows of every table in the columns of version 1, and the texts of bodies, read in two ways that must agree: by the
// views of `lake sql`, and from all files that count at once, by name, with the partition columns that the paths say.
func tableRows(t *testing.T, folder string) map[string][]string {
	t.Helper()
	db := openDuckDB(t)
	if _, err := db.Exec(succeeds(t, folder, "lake", "sql")); err != nil {
		t.Fatal(err)
	}
	files, versions := map[string][]string{}, versionsOf(t, folder)
	for _, f := range locations(t, folder) {
		files[f.Table] = append(files[f.Table], "'"+f.Location+"'")
	}
	all := map[string][]string{}
	for _, s := range schemas.Shapes() {
		if len(files[s.Table]) == 0 {
			continue
		}
		var columns, inFiles []string
		for _, c := range s.Columns {
			name := `"` + c.Name + `"`
			in := name
			switch s.Table + "." + c.Name {
			case "documents.body":
				if slices.Contains(versions, 2) {
					in = "coalesce(body, encode(body_text)) AS body"
				}
			case "documents.body_text":
				if in = "TRY(decode(body)) AS body_text"; slices.Contains(versions, 2) {
					in = "coalesce(body_text, TRY(decode(body))) AS body_text"
				}
			default:
				if c.Since > 1 && !schemas.IsPartition(c.Name) {
					continue
				}
			}
			columns, inFiles = append(columns, name), append(inFiles, in)
		}
		const query = "SELECT to_json(r)::VARCHAR FROM (SELECT %s FROM %s) AS r ORDER BY ALL"
		all[s.Table] = texts(t, db, fmt.Sprintf(query, strings.Join(columns, ", "), s.Table))
		byName := texts(t, db, fmt.Sprintf(query, strings.Join(inFiles, ", "), "read_parquet(["+strings.Join(files[s.Table], ", ")+
			"], union_by_name = true, hive_partitioning = true, hive_types_autocast = false)"))
		if diff := cmp.Diff(all[s.Table], byName); diff != "" {
			t.Errorf("%s (-views +files):\n%s", s.Table, diff)
		}
	}
	return all
}

func texts(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatalf("%v in %s", err, query)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
