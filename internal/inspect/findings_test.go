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

func month(m time.Month) schemas.Window {
	from := time.Date(2025, m, 1, 0, 0, 0, 0, time.UTC)
	return schemas.Window{From: from, To: from.AddDate(0, 1, 0)}
}

func TestGaps(t *testing.T) {
	record := func(account string, stream schemas.Stream, w schemas.Window) ledger.Record {
		return ledger.Record{Shard: ledger.Shard{Account: account, Stream: stream, Window: w}}
	}
	jan, feb, mar, apr := month(1), month(2), month(3), month(4)
	tests := []struct {
		name    string
		records []ledger.Record
		filter  ledger.Filter
		want    []Gap
	}{
		{"nothing", nil, ledger.Filter{}, nil},
		{"nothing of what was asked for", nil, ledger.Filter{Account: "a", Window: jan}, []Gap{{"a", "created", jan}}},
		{"none", []ledger.Record{record("a", "created", jan), record("a", "created", feb)}, ledger.Filter{}, nil},
		{"one between", []ledger.Record{record("a", "created", jan), record("a", "created", mar)}, ledger.Filter{}, []Gap{{"a", "created", feb}}},
		{"streams apart", []ledger.Record{record("a", "created", jan), record("a", "updated", feb), record("a", "created", mar)}, ledger.Filter{}, []Gap{{"a", "created", feb}}},
		{"accounts apart", []ledger.Record{record("a", "created", jan), record("b", "created", feb), record("a", "created", mar)}, ledger.Filter{}, []Gap{{"a", "created", feb}}},
		{"days without a snapshot are none", []ledger.Record{record("a", "directory", jan), record("a", "directory", mar)}, ledger.Filter{}, nil},
		{"a stream that nobody knows", []ledger.Record{record("a", "updated", jan), record("a", "updated", mar)}, ledger.Filter{}, nil},
		{
			"of the range asked for", []ledger.Record{record("a", "created", feb)}, ledger.Filter{Window: schemas.Window{From: jan.From, To: apr.From}},
			[]Gap{{"a", "created", jan}, {"a", "created", mar}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, gapsOf(tt.records, tt.filter)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStreamsThatThisBuildDoesNotKnow are named, once for each account, and keep the lake from being called whole.
func TestStreamsThatThisBuildDoesNotKnow(t *testing.T) {
	record := func(account string, stream schemas.Stream, m time.Month, writer string) ledger.Record {
		return ledger.Record{
			Shard:  ledger.Shard{Account: account, Stream: stream, Window: month(m)},
			Writer: writer, CommittedAt: time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC),
		}
	}
	for _, stream := range schemas.Streams() {
		if found := uncheckedOf([]ledger.Record{record("a", stream, 1, "0.2.0")}); len(found) > 0 {
			t.Errorf("%s is known: %+v", stream, found)
		}
	}
	found := uncheckedOf([]ledger.Record{
		record("b", "later", 1, "0.3.0"), record("a", "created", 1, "0.2.0"), record("a", "tickets", 3, "0.5.0"),
		record("a", "later", 2, "0.4.0"), record("a", "later", 1, "0.3.0"),
	})
	want := []Unchecked{{"a", "later", 2, "0.4.0"}, {"a", "tickets", 1, "0.5.0"}, {"b", "later", 1, "0.3.0"}}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}
	if v := (Verified{Unchecked: found}); v.Whole() || v.Problems() != 0 {
		t.Errorf("whole is %v with %d problems; it cannot be known whether the lake is whole", v.Whole(), v.Problems())
	}
}

// Texts that could not be decrypted keep a lake from being whole, unless the account of their window allows them today.
func TestUndecrypted(t *testing.T) {
	r := ledger.Record{Shard: ledger.Shard{Account: "acme", Stream: schemas.StreamCreated, Window: month(1)}, Counts: ledger.Counts{Unreadable: 2}}
	for _, allowed := range []bool{false, true} {
		c := worker.Config{Accounts: map[string]worker.AccountConfig{"acme": {AllowUnreadable: allowed}}}
		found := undecryptedOf(c, []ledger.Record{r, {Shard: r.Shard}})
		if len(found) != 1 || found[0].Count != 2 || found[0].Allowed != allowed || !strings.Contains(found[0].Command, "--refresh") {
			t.Errorf("allowed %v: %+v", allowed, found)
		}
		if v := (Verified{Undecrypted: found}); v.Whole() != allowed {
			t.Errorf("allowed %v: whole is %v", allowed, v.Whole())
		}
	}
	if found := undecryptedOf(worker.Config{}, []ledger.Record{r}); len(found) != 1 || found[0].Allowed {
		t.Errorf("of an account that is not configured: %+v", found)
	}
}

// TestOmittedOf: a document that was left out is harmless until a sample of any window of the account says more than the list.
func TestOmittedOf(t *testing.T) {
	record := func(account string, month int, omissions ...ledger.Omission) ledger.Record {
		from := time.Date(2026, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
		return ledger.Record{Shard: ledger.Shard{Account: account, Stream: "created", Window: schemas.Window{From: from, To: from.AddDate(0, 1, 0)}}, Omitted: omissions}
	}
	records := []ledger.Record{
		record("a", 1, ledger.Omission{Document: "page", Asked: 3, Omitted: 10}), record("a", 2, ledger.Omission{Document: "page", Asked: 2, Omitted: 20}),
		record("b", 1, ledger.Omission{Document: "page", Asked: 3, Omitted: 10}), record("b", 2, ledger.Omission{Document: "page", Asked: 1, More: true}),
		record("b", 2, ledger.Omission{Document: "other", Asked: 1, Omitted: 7}), record("c", 1),
	}
	all, less := omittedOf(records)
	want := []Omitted{{"a", "page", 2, 5, 30}, {"b", "other", 1, 1, 7}}
	if !slices.Equal(all, want) {
		t.Errorf("omitted %v, want %v", all, want)
	}
	if len(less) != 1 || less[0].Shard != records[2].Shard.String() || less[0].Count != 10 || less[0].Command == "" {
		t.Errorf("less %v, want the first window of b", less)
	}
	v := Verified{Less: less}
	if v.Whole() {
		t.Error("a lake with less than the platform says is whole")
	}
}
