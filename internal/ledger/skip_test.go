package ledger

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// TestSkipsStand: each skip of a window stands, and none of them is a record or an acceptance.
func TestSkipsStand(t *testing.T) {
	l := openFolder(t)
	ctx := t.Context()
	at := time.Date(2026, 6, 1, 12, 0, 0, 5, time.UTC)
	l.now = func() time.Time { return at }
	skip := Skip{Account: "acme", Stream: schemas.StreamChanges, Window: hours(3, 4), Kind: "Denied", Reason: "the token is being replaced", Writer: "chatlake test"}
	first, err := l.Skip(ctx, skip)
	if err != nil || !first.SkippedAt.Equal(at.Truncate(time.Second)) {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := l.Skip(ctx, skip); err != nil || again != first {
		t.Errorf("in the same second: %+v, %v", again, err)
	}
	at = at.Add(time.Hour)
	second, err := l.Skip(ctx, skip)
	if err != nil || second == first {
		t.Errorf("an hour later: %+v, %v", second, err)
	}
	skip.Account = "beta"
	other, err := l.Skip(ctx, skip)
	if err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string][]Skip{"": {first, second, other}, "acme": {first, second}, "beta": {other}, "ac": nil} {
		got, err := l.Skips(ctx, account)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("skipped of %q (-want +got):\n%s", account, diff)
		}
	}
	if accepted, err := l.Accepted(ctx, ""); err != nil || len(accepted) != 0 {
		t.Errorf("accepted %+v, %v", accepted, err)
	}
	if records, err := l.Current(ctx, Filter{}); err != nil || len(records) != 0 {
		t.Errorf("records %+v, %v", records, err)
	}
	key := strings.Replace(skips.key(first), hours(3, 4).String(), hours(7, 8).String(), 1)
	if err := l.store.Put(ctx, key, strings.NewReader("{}"), 2, false); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Skips(ctx, ""); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a skip that does not fit its key: %v", err)
	}
	if err := l.store.Delete(ctx, key); err != nil {
		t.Fatal(err)
	}
	second.Reason, second.Account = " ", "gamma"
	if _, err := skips.write(ctx, l, second); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Skips(ctx, "gamma"); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a skip without a reason: %v", err)
	}
}

// TestSkipIsMadeUpFor only by what was read from the platform afterwards.
func TestSkipIsMadeUpFor(t *testing.T) {
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	before, after := at.Add(-time.Minute), at.Add(time.Minute)
	skip := Skip{Account: "acme", Stream: schemas.StreamCreated, Window: hours(2, 6), SkippedAt: at}
	record := func(from, to int, committed time.Time, cause Cause) Record {
		return Record{Shard: Shard{Account: "acme", Stream: schemas.StreamCreated, Window: hours(from, to)}, CommittedAt: committed, OpenedAt: &before, Cause: cause}
	}
	read := record(2, 6, after, CauseMerge)
	read.OpenedAt = &after
	snapshot := Record{Shard: Shard{Account: "acme", Stream: schemas.StreamDirectory, Window: hours(8, 9)}, CommittedAt: after}
	for name, test := range map[string]struct {
		stream      schemas.Stream
		records     []Record
		made, older bool
	}{
		"nothing":                        {},
		"the window, later":              {records: []Record{record(2, 6, after, CauseSync)}, made: true, older: true},
		"a wider one, later":             {records: []Record{record(1, 9, after, CauseSettle)}, made: true, older: true},
		"halves, later":                  {records: []Record{record(2, 4, after, CauseExport), record(4, 6, after, "")}, made: true, older: true},
		"a half":                         {records: []Record{record(2, 4, after, CauseExport)}},
		"the window, before":             {records: []Record{record(2, 6, before, CauseExport)}, older: true},
		"half before, half later":        {records: []Record{record(2, 4, before, CauseExport), record(4, 6, after, CauseExport)}, older: true},
		"merged later, of what was read": {records: []Record{record(2, 6, after, CauseMerge)}, older: true},
		"merged, of what was read later": {records: []Record{read}, made: true, older: true},
		"another stream":                 {records: []Record{snapshot}},
		"a later snapshot":               {stream: schemas.StreamDirectory, records: []Record{snapshot}, made: true, older: true},
	} {
		s := skip
		if test.stream != "" {
			s.Stream = test.stream
		}
		if made, older := s.MadeUpFor(test.records); made != test.made || older != test.older {
			t.Errorf("%s: made up for %v, older %v", name, made, older)
		}
	}
	if made, _ := skip.MadeUpFor([]Record{{Shard: Shard{Account: "beta", Stream: schemas.StreamCreated, Window: hours(2, 6)}, CommittedAt: after}}); made {
		t.Error("another account has made up for it")
	}
}
