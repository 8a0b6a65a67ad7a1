//go:build !noembedded

package embedded

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDatabaseSettingsAreHeard queries the settings of a connection opened like the server's, because SQLite ignores unknown pragmas.
func TestDatabaseSettingsAreHeard(t *testing.T) {
	dir := t.TempDir()
	attributes := serverConfig(filepath.Join(dir, "test.db"), make([]int, len(services))).Persistence.DataStores[storeName].SQL.ConnectAttributes
	query := url.Values{}
	for key, value := range attributes {
		if key != "mode" {
			query.Add("_pragma", key+"="+value)
		}
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "test.db")+"?"+query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	got := map[string]string{}
	for key := range attributes {
		if key == "mode" {
			continue
		}
		var value string
		if err := db.QueryRowContext(t.Context(), "PRAGMA "+key).Scan(&value); err != nil {
			t.Errorf("pragma %s: %v", key, err)
		}
		got[key] = value
	}
	if diff := cmp.Diff(map[string]string{"journal_mode": "wal", "synchronous": "1", "busy_timeout": "10000"}, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestOnlyTheOwnerMayReadTheDatabase(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such modes")
	}
	dir := t.TempDir()
	if err := prepare(filepath.Join(dir, databaseName), nil); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("%d files, error %v", len(entries), err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, error %v; want 0600", entry.Name(), info.Mode(), err)
		}
	}
}
