package ledger

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

func TestAcceptedGapsStand(t *testing.T) {
	l := openFolder(t)
	ctx := t.Context()
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "a"}, "rows")
	if all, err := l.Accepted(ctx, ""); err != nil || len(all) != 0 {
		t.Fatalf("accepted at first: %+v, %v", all, err)
	}
	gap := Acceptance{Account: "acme", Stream: schemas.StreamCreated, Window: hours(3, 4), Reason: "the platform lost that hour", Writer: "chatlake test"}
	first, err := l.Accept(ctx, gap)
	if err != nil || first.AcceptedAt.IsZero() {
		t.Fatalf("%+v, %v", first, err)
	}
	// The first reason stands.
	again := gap
	again.Reason = "another reason"
	if got, err := l.Accept(ctx, again); err != nil || got != first {
		t.Errorf("again: %+v, %v; want %+v", got, err, first)
	}
	other := Acceptance{Account: "beta", Stream: schemas.StreamChanges, Window: hours(3, 5), Reason: "outage"}
	if other, err = l.Accept(ctx, other); err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string][]Acceptance{"": {first, other}, "acme": {first}, "beta": {other}, "ac": nil} {
		got, err := l.Accepted(ctx, account)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("accepted of %q (-want +got):\n%s", account, diff)
		}
	}
	if got := AcceptedWindows([]Acceptance{first, other}, "beta", schemas.StreamChanges); len(got) != 1 || got[0] != hours(3, 5) {
		t.Errorf("windows %v", got)
	}
	// Acceptances are no records.
	if records, err := l.Current(ctx, Filter{}); err != nil || len(records) != 1 {
		t.Errorf("records %+v, %v", records, err)
	}
	text := `{"format_version":1,"account":"acme","stream":"created","window":{"from":"2026-05-31T05:00:00Z","to":"2026-05-31T06:00:00Z"},"reason":"x"}`
	key := strings.Replace(acceptances.key(first), hours(3, 4).String(), hours(7, 8).String(), 1)
	if err := l.store.Put(ctx, key, strings.NewReader(text), int64(len(text)), false); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accepted(ctx, ""); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("an acceptance under another window's key: %v", err)
	}
}

func TestAnAcceptanceHasATime(t *testing.T) {
	l := openFolder(t)
	at := time.Date(2026, 6, 1, 12, 0, 0, 5, time.UTC)
	l.now = func() time.Time { return at }
	got, err := l.Accept(t.Context(), Acceptance{Account: "acme", Stream: schemas.StreamCreated, Window: hours(1, 2), Reason: "x"})
	if err != nil || !got.AcceptedAt.Equal(at.Truncate(time.Second)) {
		t.Errorf("accepted at %v, %v", got.AcceptedAt, err)
	}
}
