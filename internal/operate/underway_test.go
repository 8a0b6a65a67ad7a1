package operate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

func month(m time.Month) schemas.Window {
	from := time.Date(2025, m, 1, 0, 0, 0, 0, time.UTC)
	return schemas.Window{From: from, To: from.AddDate(0, 1, 0)}
}

func TestWhatAnExportHasToDoWithATime(t *testing.T) {
	shard := func(w schemas.Window) string {
		return workflows.ShardID(ledger.Shard{Account: "acme", Stream: schemas.StreamCreated, Window: w})
	}
	p := workflows.ExportProgress{
		From: month(1).From, To: month(6).To, Windows: 6, Done: 2, Running: []string{shard(month(3)), shard(month(4))},
		Blocked: []workflows.BlockedShard{{Shard: shard(month(3)), Kind: "Denied", Detail: "status 401"}},
	}
	running := Export{Account: "acme", Name: "year"}
	for name, test := range map[string]struct {
		created time.Time
		want    []string
	}{
		"blocked":   {month(3).From, []string{WindowOf(shard(month(3))) + " waits for a person: status 401. " + remedy("Denied")}},
		"in flight": {month(4).From, []string{WindowOf(shard(month(4))) + " is being copied now, by the export year."}},
		"to come":   {month(5).From, []string{"The export year covers that time; 2 of its 6 windows are done."}},
		"beyond it": {month(7).From, nil},
		"any time": {time.Time{}, []string{
			WindowOf(shard(month(3))) + " waits for a person: status 401. " + remedy("Denied"),
			WindowOf(shard(month(4))) + " is being copied now, by the export year.",
		}},
	} {
		if diff := cmp.Diff(test.want, ofExport(running, p, test.created)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Every kind by which a shard can block has advice of its own.
func TestEveryKindHasAdvice(t *testing.T) {
	for _, kind := range []string{
		string(providers.Denied), string(providers.Stopped), string(providers.NotFound), string(providers.Failed), string(providers.Malformed),
		string(providers.WindowTooDense), workflows.CountMismatch, activities.StagingLost, activities.FilesLost, activities.Incomplete, "Timeout", "Panic",
	} {
		if remedy(kind) == remedy("some other kind") {
			t.Errorf("%s has no advice of its own", kind)
		}
	}
}
