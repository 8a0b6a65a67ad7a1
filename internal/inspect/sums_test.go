package inspect

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
)

// What records name is added up by table, the largest first.
func TestSums(t *testing.T) {
	got := sumTables([]ledger.Record{
		{Files: []ledger.File{{Table: "messages", Rows: 1000, Bytes: 120_000}, {Table: "conversations", Rows: 90, Bytes: 9_000}}},
		{Files: []ledger.File{{Table: "messages", Rows: 234, Bytes: 30_000}, {Table: "events", Rows: 90, Bytes: 500}}},
	})
	want := []TableSum{
		{Table: "messages", Rows: 1234, Files: 2, Bytes: 150_000}, {Table: "conversations", Rows: 90, Files: 1, Bytes: 9_000}, {Table: "events", Rows: 90, Files: 1, Bytes: 500},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
}
