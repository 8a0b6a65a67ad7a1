package report

import (
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

func month(y, m int) schemas.Window {
	from := time.Date(y, time.Month(m), 1, 0, 0, 0, 0, time.UTC)
	return schemas.Window{From: from, To: from.AddDate(0, 1, 0)}
}

// TestEveryProblemIsAFinding: what keeps a lake from being whole has a line of its own in the report.
func TestEveryProblemIsAFinding(t *testing.T) {
	gap := func(m int) inspect.Gap {
		return inspect.Gap{Account: "acme", Stream: schemas.StreamCreated, Window: month(2025, m)}
	}
	v := inspect.Verified{
		Windows:     3,
		Unreadable:  []inspect.Finding{{Key: "g1", Problem: "damaged record"}},
		Damaged:     []inspect.Damage{{Finding: inspect.Finding{Key: "f1", Problem: "missing file"}, Command: "copy f1"}},
		Broken:      []inspect.Contradiction{{Shard: "acme/created/20250101T000000Z~20250201T000000Z", Problem: "counts differ", Command: "copy b"}},
		Gaps:        []inspect.Gap{gap(2)},
		Retained:    inspect.Retained{Lost: []inspect.Lost{{Gap: gap(3), Reason: "too old"}}, Expiring: []inspect.Expiring{{Gap: gap(4), Deadline: month(2026, 1).From}}},
		Skipped:     []inspect.SkippedWindow{{Gap: gap(5), Kind: "Denied", Reason: "no token"}},
		Dead:        []inspect.ShardCount{{Shard: "acme/created/d", Count: 2, Command: "copy d"}},
		Flagged:     []inspect.ShardFlags{{Shard: "acme/created/e", Flags: []string{"count_mismatch"}, Mismatched: 3}},
		Partial:     []string{"acme/created/p"},
		Undecrypted: []inspect.Undecrypted{{Shard: "acme/created/u", Count: 4}, {Shard: "acme/created/w", Count: 5, Allowed: true}},
		Totals:      []inspect.Totals{{Account: "acme", Missing: []inspect.Missing{{Shard: "acme/created/m", Listed: 1, Counted: 2}}, Failed: []string{"status 500"}}},
		Less:        []inspect.ShardCount{{Shard: "acme/created/l", Count: 6}},
		Unchecked:   []inspect.Unchecked{{Account: "acme", Stream: "later", Windows: 1, Writer: "chatlake 9"}},
		Overlaps:    []inspect.Overlap{{Shard: "acme/created/o", Other: "acme/created/o2"}},
		Accepted:    []inspect.AcceptedGap{{Gap: gap(6), Reason: "closed", At: month(2026, 1).From, Late: true}},
	}
	all := findings(v)
	if want := v.Problems() + len(v.Unchecked); len(all) != want {
		t.Errorf("%d findings for %d problems: %+v", len(all), want, all)
	}
	r := inspect.Report{Account: "acme", Provider: "chatwoot", Verified: v}
	if Verdict(r) != "The copy is not complete: 13 problems." {
		t.Error(Verdict(r))
	}
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"damaged record", "missing file", "counts differ", "created, 2025-01-01 to 2025-02-01", "created, 2025-02-01 to 2025-03-01", "too old", "no token", "2 conversations; the table dead_letters",
		"count_mismatch", "3 conversations with another number of messages", "acme/created/p", "4 texts; they are null", "5 texts; they are null, which the account allows", "the platform counts 2",
		"status 500", "6 conversations without a document", "chatlake 9", "begins to delete it on 2026-01-01", "1 window overlap", "listed too late", "closed",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for want, v := range map[string]inspect.Verified{
		"The copy is complete.":                                              {Windows: 1},
		"Nothing of this is in the lake.":                                    {},
		"What was checked is complete, but not everything could be checked.": {Windows: 1, Unchecked: []inspect.Unchecked{{Account: "acme", Stream: "later"}}},
	} {
		if got := Verdict(inspect.Report{Verified: v}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if (inspect.Report{}).Complete() {
		t.Error("a lake without a window is complete")
	}
}

// TestReportIsSafe: names of the platform and reasons of people are shown as they are, and never as markup.
func TestReportIsSafe(t *testing.T) {
	r := inspect.Report{
		Account: "<script>acme", Location: "file:<b>", Exports: []inspect.Asked{{Name: "<i>", Window: month(2025, 1)}},
		Windows: []inspect.ReportWindow{{Shard: ledger.Shard{Stream: "<u>", Window: month(2025, 1)}, Shortcomings: []string{"<em>"}}},
	}
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"<script>", "<b>acme", "file:<b>", "<u>", "<em>"} {
		if strings.Contains(string(page), tag) {
			t.Errorf("the page has %s", tag)
		}
	}
}

func TestShort(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 9999: "9,999", 10_000: "10k", 999_999: "999k", 1_500_000: "1.5M"} {
		if got := short(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
