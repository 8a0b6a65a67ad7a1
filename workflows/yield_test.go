package workflows

import (
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// TestSyncGoesFirst: while a sync is at work, it has the reserved share, and the exports are told that they yield.
func TestSyncGoesFirst(t *testing.T) {
	b := &budget{BudgetInput: BudgetInput{RequestsPerSecond: 10, SyncShare: 0.4}}
	b.add(BudgetUser{Workflow: "export/a"})
	b.add(BudgetUser{Workflow: "export/b"})
	if g := b.grant(false); g.Yields || g.RequestsPerSecond != 5 {
		t.Errorf("without a sync: %+v", g)
	}
	b.add(BudgetUser{Workflow: "sync/a", Sync: true})
	if g := b.grant(false); !g.Yields || g.RequestsPerSecond != 3 {
		t.Errorf("an export beside a sync: %+v, want half of the six that are left", g)
	}
	if g := b.grant(true); g.Yields || g.RequestsPerSecond != 4 {
		t.Errorf("the sync: %+v, want its share", g)
	}
	b.remove("sync/a")
	if g := b.grant(false); g.Yields || g.RequestsPerSecond != 5 {
		t.Errorf("after the sync: %+v", g)
	}
}

func TestExportSaysThatItYields(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	e := &export{}
	e.state.Lease = providers.Lease{RequestsPerSecond: 3, AccountRequestsPerSecond: 10}
	e.yieldsSince(true, noon)
	e.yieldsSince(true, noon.Add(time.Hour)) // told again
	p, err := e.progress()
	if err != nil || p.Yields == nil || p.Yields.For != ForSync || !p.Yields.Since.Equal(noon) ||
		p.Yields.Why != "it goes first; until it ends, this export has 3 of the account's 10 requests a second" {
		t.Errorf("%+v, %v", p.Yields, err)
	}
	if e.yieldsSince(false, noon); e.yields() != nil {
		t.Error("it yields to a sync that has ended")
	}
}

// TestDeadlines: an export tells when the platform begins to delete the windows that it has not committed yet.
func TestDeadlines(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 5, n, 0, 0, 0, 0, time.UTC) }
	planned := func(stream schemas.Stream, n int) activities.Planned {
		return activities.Planned{Shard: ledger.Shard{Stream: stream, Window: schemas.Window{From: day(n), To: day(n + 1)}}}
	}
	e := &export{}
	e.state.Open.Keeps = map[schemas.Stream]schemas.Retention{schemas.StreamCreated: {Rest: 10 * 24 * time.Hour}}
	e.state.Open.CheckedAt = day(12)
	e.plan = []activities.Planned{planned("created", 3), planned("created", 4), planned("reports", 5), planned("created", 6), planned("created", 1)}
	e.state.Next = 2
	e.children = []*child{{Planned: e.plan[1]}}
	e.state.Extra = []activities.Planned{planned("created", 5)}
	got := e.deadlines()
	want := []time.Time{day(14), day(15), day(16)} // the 1st was lost when it began, and reports are kept
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range want {
		if !got[i].Equal(want[i]) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	// The halves of a window keep its place, unless another order was asked for.
	if next := e.next(); next.Window.From != day(5) || e.state.Next != 2 {
		t.Errorf("next is %s, want the half", next.Window)
	}
	e.state.Extra, e.in.Order = []activities.Planned{planned("created", 5)}, activities.NewestFirst
	if next := e.next(); next.Stream != "reports" {
		t.Errorf("newest first, next is %s", next.Shard)
	}
}
