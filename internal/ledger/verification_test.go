package ledger

import (
	"strings"
	"testing"
	"time"
)

func TestLastVerifications(t *testing.T) {
	l := openFolder(t)
	ctx := t.Context()
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "a"}, "rows")
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	keep := func(account string, began time.Time, problems int) {
		t.Helper()
		if err := l.KeepVerification(ctx, Verification{Account: account, BeganAt: began, EndedAt: began.Add(time.Minute), Problems: problems}); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := l.LastVerifications(ctx); err != nil || len(all) != 0 {
		t.Fatalf("at first: %+v, %v", all, err)
	}
	keep("", at, 0)
	keep("", at.Add(time.Hour), 2)
	keep("acme", at.Add(2*time.Hour), 0)
	keep("beta", at, 1)
	keep("beta", at, 7) // the same time: the first one stands
	all, err := l.LastVerifications(ctx)
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v, %v; want one for each scope", all, err)
	}
	for account, want := range map[string]struct {
		hours, problems int
	}{"acme": {2, 0}, "beta": {1, 2}, "other": {1, 2}} {
		v := LastVerificationOf(account, all)
		if v == nil || !v.BeganAt.Equal(at.Add(time.Duration(want.hours)*time.Hour)) || v.Problems != want.problems || v.Whole() != (want.problems == 0) {
			t.Errorf("the last of %s is %+v, want that after %d hours", account, v, want.hours)
		}
	}
	if LastVerificationOf("acme", nil) != nil {
		t.Error("a verification out of none")
	}
	// They are no records, and one that nobody can read harms nobody.
	if records, err := l.Current(ctx, Filter{}); err != nil || len(records) != 1 {
		t.Errorf("records %+v, %v", records, err)
	}
	if err := l.store.Put(ctx, verifiedRoot+"all/20990101T000000Z.json", strings.NewReader("{"), 1, false); err != nil {
		t.Fatal(err)
	}
	if all, err = l.LastVerifications(ctx); err != nil || len(all) != 2 {
		t.Errorf("%+v, %v; want those of acme and beta", all, err)
	}
}

func TestOldVerificationsAreRemoved(t *testing.T) {
	l := openFolder(t)
	at := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for i := range verificationsKept + 3 {
		if err := l.KeepVerification(t.Context(), Verification{BeganAt: at.Add(time.Duration(i) * time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for object, err := range l.store.List(t.Context(), verifiedRoot) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; strings.Contains(object.Key, "T120002.000Z") {
			t.Error("the oldest are still there")
		}
	}
	if n != verificationsKept {
		t.Errorf("%d are kept, want %d", n, verificationsKept)
	}
}
