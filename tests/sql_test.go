package tests

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// smallLake is a lake with one conversation and one agent of an account; the conversation is in two overlapping windows. DuckDB writes
// the files, so nothing in them is specific to chatlake.
func smallLake(t *testing.T, root, account string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	put := func(stream, window, committed string, tables map[string]string) {
		t.Helper()
		var files []map[string]any
		for table, query := range tables {
			key := fmt.Sprintf("data/%s/provider=chatwoot/account=%s/stream=%s/month=2026-05/%s-0001-0123456789abcdef.parquet", table, account, stream, window)
			name := filepath.Join(root, filepath.FromSlash(key))
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(fmt.Sprintf("COPY (SELECT %s) TO '%s' (FORMAT parquet)", query, name)); err != nil {
				t.Fatal(err)
			}
			files = append(files, map[string]any{"table": table, "key": key, "rows": 1})
		}
		from, to, _ := strings.Cut(window, "~")
		moment := func(s string) string {
			at, err := time.Parse("20060102T150405Z", s)
			if err != nil {
				t.Fatal(err)
			}
			return at.Format(time.RFC3339)
		}
		record, err := json.MarshalIndent(map[string]any{
			"format_version": 1, "generation": 1, "committed_at": committed + "T00:00:00Z", "files": files,
			"shard": map[string]any{"provider": "chatwoot", "account": account, "stream": stream, "window": map[string]any{"from": moment(from), "to": moment(to)}},
		}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(root, "_ledger", "v1", "provider=chatwoot", "account="+account, "stream="+stream, window, "g0001.json")
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, record, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Two have the newest version; the one that was read later counts, though the other was committed later.
	for _, c := range []struct {
		window                       string
		version                      int
		observed, committed, message string
	}{
		{"20260501T000000Z~20260601T000000Z", 0, "2026-06-03", "2026-06-03", "of version 0"},
		{"20260501T000000Z~20260508T000000Z", 1, "2026-06-02", "2026-06-02", "of version 1"},
		{"20260501T000000Z~20260510T000000Z", 1, "2026-06-01", "2026-06-04", "of version 1, read earlier"},
	} {
		put("created", c.window, c.committed, map[string]string{
			"conversations": fmt.Sprintf("'1' AS conversation_id, %d::BIGINT AS source_version, TIMESTAMPTZ '%s' AS observed_at", c.version, c.observed),
			"messages":      fmt.Sprintf("'1' AS conversation_id, '%s' AS message_id", c.message),
		})
	}
	put("directory", "20260501T000000Z~20260502T000000Z", "2026-06-02", map[string]string{"agents": "'7' AS agent_id"})
}

// documented is the SQL for DuckDB in docs/lake.md, applied to a lake in a folder.
func documented(t *testing.T, root string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(top, "docs", "lake.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## DuckDB without chatlake\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var script strings.Builder
	blocks := 0
	for found {
		var block string
		if _, section, found = strings.Cut(section, "```sql\n"); found {
			block, section, _ = strings.Cut(section, "```")
			script.WriteString(block)
			blocks++
		}
	}
	if n := strings.Count(string(page), "```sql"); n != blocks {
		t.Fatalf("the page has %d blocks of SQL, and %d of them are run here", n, blocks)
	}
	const folder = "SET VARIABLE lake = './lake';"
	if !strings.Contains(script.String(), folder) {
		t.Fatalf("the script does not say %s", folder)
	}
	return strings.Replace(script.String(), folder, "SET VARIABLE lake = '"+root+"';", 1)
}

// Whatever the path of a lake, the columns taken from paths are those of the lake, and only the newest version counts.
func TestViewsOverEveryPath(t *testing.T) {
	for _, path := range []string{"lake", "account=eu/month=1/lake", "data/messages/provider=x/account=eu/stream=y/month=z/lake", "[odd] l?ke*"} {
		for _, account := range []string{"acme", "42"} {
			t.Run(path+"/"+account, func(t *testing.T) {
				folder := t.TempDir()
				root := filepath.Join(folder, filepath.FromSlash(path))
				smallLake(t, root, account)
				config := fmt.Sprintf("state_dir: %q\nlake: {url: %q}\naccounts: {%q: {provider: chatwoot, base_url: 'https://chat.example.com', "+
					"account_id: '1', token: env:CHATWOOT_TOKEN}}\n", filepath.Join(folder, "state"), "file:"+root, account)
				if err := os.WriteFile(filepath.Join(folder, "chatlake.yaml"), []byte(config), 0o600); err != nil {
					t.Fatal(err)
				}
				p := start(t, folder, "lake", "sql", "--config", "chatlake.yaml")
				if status := p.status(t); status != 0 {
					t.Fatalf("status %d: %s", status, p.out.String())
				}
				scripts := map[string]string{"chatlake lake sql": p.result.String()}
				if !strings.ContainsAny(path, "*?[") { // the page documents this limit
					scripts["docs/lake.md"] = documented(t, root)
				}
				want := []string{
					"conversations chatwoot " + account + " created 2026-05 1", "messages chatwoot " + account + " created 2026-05 of version 1",
					"agents chatwoot " + account + " directory 2026-05 7",
				}
				for name, script := range scripts {
					if diff := cmp.Diff(want, viewed(t, script)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", name, diff)
					}
				}
			})
		}
	}
}

// viewed returns the rows of a script's views.
func viewed(t *testing.T, script string) []string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx := context.Background()
	if _, err := db.ExecContext(ctx, script); err != nil {
		t.Fatalf("%v in\n%s", err, script)
	}
	var found []string
	for _, view := range []string{"conversations", "messages", "agents"} {
		id := strings.TrimSuffix(view, "s") + "_id"
		rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT concat_ws(' ', provider, account, stream, month, %s) FROM %s", id, view))
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var row string
			if err := rows.Scan(&row); err != nil {
				t.Fatal(err)
			}
			found = append(found, view+" "+row)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return found
}
