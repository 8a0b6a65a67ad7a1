package inspect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// within is a window between two days, written as 2026-05-01.
func within(t testing.TB, from, to string) schemas.Window {
	t.Helper()
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	return schemas.Window{From: day(from), To: day(to)}
}

// copied is a record of acme with as many conversations as its platform counts.
func copied(stream schemas.Stream, w schemas.Window, n int64, change func(*ledger.Record)) ledger.Record {
	r := ledger.Record{
		Shard:      ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: stream, Window: w},
		Generation: 1, Counts: ledger.Counts{Listed: n, Conversations: n}, TotalAfter: &n,
	}
	if change != nil {
		change(&r)
	}
	return r
}

// row writes the cells of a stream: symbol, what was copied, and over how many units.
func row(t testing.TB, c Coverage, stream schemas.Stream, s Scale) string {
	t.Helper()
	i := slices.IndexFunc(c.Rows, func(r CoverageRow) bool { return r.Stream == stream })
	if i < 0 {
		return ""
	}
	var cells []string
	for _, one := range c.Rows[i].Cells {
		text := one.Covered.Symbol()
		if one.Windows > 0 {
			text += fmt.Sprint(one.Copied)
		}
		if n := one.Len(s); n > 1 {
			text += fmt.Sprintf("x%d", n)
		}
		if one.Shard != "" {
			text += "@"
		}
		cells = append(cells, text)
	}
	return strings.Join(cells, " ")
}

func TestCoverage(t *testing.T) {
	lost, accepted := within(t, "2026-01-01", "2026-02-01"), within(t, "2026-07-01", "2026-08-01")
	c := &Contents{
		At: within(t, "2026-12-01", "2026-12-02").From,
		config: worker.Config{Accounts: map[string]worker.AccountConfig{
			"acme": {Provider: "chatwoot", Sync: &activities.SyncSettings{From: within(t, "2025-11-01", "2025-12-01").From}},
		}},
		records: []ledger.Record{
			copied(schemas.StreamCreated, within(t, "2026-02-01", "2026-03-01"), 100, nil),
			copied(schemas.StreamCreated, within(t, "2026-03-01", "2026-04-01"), 90, func(r *ledger.Record) { r.Counts.Conversations, r.Counts.Dead = 87, 3 }),
			copied(schemas.StreamCreated, within(t, "2026-03-05", "2026-03-06"), 4, nil), // settled by day meanwhile
			copied(schemas.StreamCreated, within(t, "2026-05-01", "2026-05-16"), 50, nil),
			copied(schemas.StreamCreated, within(t, "2026-05-16", "2026-06-01"), 60, func(r *ledger.Record) { r.TotalAfter = nil }),
			copied(schemas.StreamCreated, within(t, "2026-06-01", "2026-07-01"), 70, func(r *ledger.Record) { *r.TotalAfter = 75; r.Flags = []string{"count_mismatch"} }),
			copied(schemas.StreamCreated, within(t, "2026-08-01", "2026-09-01"), 80, nil),
			copied(schemas.StreamCreated, within(t, "2026-10-01", "2026-11-01"), 80, nil),
		},
	}
	gap := func(w schemas.Window) Gap { return Gap{"acme", schemas.StreamCreated, w} }
	c.Missing = Gaps{
		Open:     []Gap{gap(within(t, "2026-04-01", "2026-05-01")), gap(within(t, "2026-09-01", "2026-10-01"))},
		Accepted: []AcceptedGap{{Gap: gap(accepted), Reason: "no office"}},
		Retained: Retained{Lost: []Lost{{Gap: gap(lost), Reason: "the platform keeps conversations for 10 months"}}},
	}
	q := Question{
		Within: within(t, "2026-01-01", "2026-12-01"), Scale: ScaleMonth,
		Work: []Work{
			{Shard: "shard/acme/created/20260901T000000Z~20260916T000000Z", Done: 20, Expected: 50},
			{Shard: "shard/acme/created/20261001T000000Z~20261101T000000Z", Blocked: true, Reason: "401"},
			{Shard: "shard/acme/created/20260801T000000Z~20260901T000000Z"}, // read again: it is there meanwhile
		},
		Requested: []Gap{gap(within(t, "2026-09-01", "2026-12-01"))},
	}
	found := c.Coverage(q)
	const want = "✕ ✓100@ !87 ? ✓110 !70@ – ✓80@ ◐ ■80@ ·"
	if got := row(t, found, schemas.StreamCreated, ScaleMonth); got != want {
		t.Errorf("months:\n got %s\nwant %s", got, want)
	}
	cells := found.Rows[0].Cells
	if march := cells[2]; march.Windows != 2 || march.Copied != 87+0 {
		t.Errorf("March: %+v", march)
	}
	if may := cells[4]; may.Counted == nil || *may.Counted != 50 || may.Compared != 50 || may.Share != 1 {
		t.Errorf("May: %+v", may)
	}
	if september := cells[8]; september.Share != 0 || september.Windows != 0 || september.Done != 20 || september.Expected != 50 {
		t.Errorf("September: %+v", september)
	}
	if notes := strings.Join(cells[5].Notes, "; "); notes != "the platform counted 75, 70 were listed" {
		t.Errorf("June: %s", notes)
	}
	if diff := cmp.Diff(map[Covered]int{CoveredLost: 1, CoveredComplete: 3, CoveredGaps: 2, CoveredMissing: 1, CoveredAccepted: 1, CoveredRunning: 1, CoveredBlocked: 1, CoveredPlanned: 1}, found.Words); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}

	// A month by its days: a window of several days is one cell, and what is inside of another window is not counted twice.
	q.Within, q.Scale = within(t, "2026-05-01", "2026-06-01"), ScaleDay
	if got, want := row(t, c.Coverage(q), schemas.StreamCreated, ScaleDay), "✓50x15@ ✓60x16@"; got != want {
		t.Errorf("days:\n got %s\nwant %s", got, want)
	}
	q.Within = within(t, "2026-03-01", "2026-04-01")
	if got, want := row(t, c.Coverage(q), schemas.StreamCreated, ScaleDay), "!87x4@ !0 !x26@"; got != want {
		t.Errorf("days with a window inside:\n got %s\nwant %s", got, want)
	}
	q.Scale = ScaleWindow
	if got, want := row(t, c.Coverage(q), schemas.StreamCreated, ScaleMonth), "!87@ ✓0@"; got != want {
		t.Errorf("windows:\n got %s\nwant %s", got, want)
	}
	// Without a range, it begins with the history that the configuration names.
	found = c.Coverage(Question{Scale: ScaleYear})
	if got, want := row(t, found, schemas.StreamCreated, ScaleYear), "· ?527"; got != want || !found.Known.From.Equal(within(t, "2025-11-01", "2025-12-01").From) {
		t.Errorf("years:\n got %s of %v\nwant %s", got, found.Known, want)
	}
	if newest := c.Newest(); !newest.Equal(within(t, "2026-11-01", "2026-12-01").From) {
		t.Errorf("the newest window ends at %s", newest)
	}
	c.records = append(c.records, copied(schemas.StreamChanges, within(t, "2026-12-01", "2026-12-02"), 0, nil))
	if newest := c.Newest(); !newest.Equal(within(t, "2026-11-01", "2026-12-01").From) {
		t.Errorf("the newest window with anything in it ends at %s", newest)
	}
	c.records = c.records[len(c.records)-1:]
	if newest := c.Newest(); !newest.Equal(within(t, "2026-12-02", "2026-12-03").From) {
		t.Errorf("the only window ends at %s", newest)
	}
	if empty := (&Contents{At: c.At}).Coverage(Question{Scale: ScaleMonth}); len(empty.Rows) != 0 || !empty.Within.From.IsZero() {
		t.Errorf("an empty lake: %+v", empty)
	}
}

// TestCoverageSkips: a window that was given up is said to be that, and not missing.
func TestCoverageSkips(t *testing.T) {
	c := &Contents{At: within(t, "2026-06-01", "2026-06-02").From, records: []ledger.Record{
		copied(schemas.StreamChanges, within(t, "2026-05-01", "2026-05-02"), 5, func(r *ledger.Record) { r.AbsorbedBy = "x"; r.Counts = ledger.Counts{Listed: 5, Unchanged: 5} }),
		copied(schemas.StreamChanges, within(t, "2026-05-03", "2026-05-04"), 6, nil),
	}}
	skipped := Gap{"acme", schemas.StreamChanges, within(t, "2026-05-02", "2026-05-03")}
	c.Missing = Gaps{Open: []Gap{skipped}, Skipped: []SkippedWindow{{Gap: skipped, Kind: "Denied", Reason: "no token until June"}}}
	found := c.Coverage(Question{Within: within(t, "2026-05-01", "2026-05-04"), Scale: ScaleDay})
	if got, want := row(t, found, schemas.StreamChanges, ScaleDay), "✓5@ » ✓6@"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if sum := found.Rows[0].Sum; sum.Copied != 11 || sum.Windows != 2 || sum.Covered != CoveredSkipped || len(sum.Notes) != 1 {
		t.Errorf("sum: %+v", sum)
	}
}

func TestCoveredWords(t *testing.T) {
	seen := map[string]bool{}
	last := 10
	for _, word := range CoveredWords() {
		if word.Symbol() == "" || seen[word.Symbol()] || coveredRank[word] >= last {
			t.Errorf("%s: symbol %q, rank %d", word, word.Symbol(), coveredRank[word])
		}
		seen[word.Symbol()], last = true, coveredRank[word]
	}
	if len(coveredRank) != len(seen) {
		t.Errorf("%d ranks for %d words", len(coveredRank), len(seen))
	}
}

// manyWindows are 10,000 windows of four streams, every tenth with a dead letter, and 100 gaps.
func manyWindows(tb testing.TB) *Contents {
	tb.Helper()
	c := &Contents{At: within(tb, "2026-12-01", "2026-12-02").From}
	from := within(tb, "2026-01-01", "2026-12-01").From
	for i := range 10_000 {
		at := from.Add(time.Duration(i/4) * 3 * time.Hour)
		stream := []schemas.Stream{schemas.StreamCreated, schemas.StreamChanges, schemas.StreamPushed, schemas.StreamReports}[i%4]
		w := schemas.Window{From: at, To: at.Add(3 * time.Hour)}
		if i%100 == 0 {
			c.Missing.Open = append(c.Missing.Open, Gap{"acme", stream, w})
			continue
		}
		c.records = append(c.records, copied(stream, w, 7, func(r *ledger.Record) {
			if i%10 == 0 {
				r.Counts.Dead, r.Counts.Conversations = 1, 6
			}
		}))
	}
	return c
}

func BenchmarkCoverage(b *testing.B) {
	c := manyWindows(b)
	for _, s := range []Scale{ScaleYear, ScaleMonth, ScaleDay, ScaleWindow} {
		b.Run(string(s), func(b *testing.B) {
			for b.Loop() {
				if found := c.Coverage(Question{Scale: s}); len(found.Rows) != 4 {
					b.Fatal(found.Rows)
				}
			}
		})
	}
}
