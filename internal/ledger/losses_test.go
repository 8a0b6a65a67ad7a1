package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// TestLosses looks at May 2026 on 4 June, on a platform that keeps ten days: the horizon is 25 May.
func TestLosses(t *testing.T) {
	now := time.Date(2026, 6, 4, 0, 0, 0, 0, time.UTC)
	keeps := schemas.Retention{Rest: 10 * 24 * time.Hour}
	day := func(n int) time.Time { return time.Date(2026, 5, n, 0, 0, 0, 0, time.UTC) }
	days := func(from, to int) schemas.Window { return schemas.Window{From: day(from), To: day(to)} }
	type has struct {
		window schemas.Window
		listed int // day of May, 0 for a record that does not say, which was committed on 4 June
	}
	at := func(n int) *time.Time { listed := day(n); return &listed }
	loss := func(from, to int, listed *time.Time) Loss { return Loss{schemas.StreamCreated, days(from, to), listed} }
	for name, test := range map[string]struct {
		lake []has
		want []Loss
	}{
		"nothing":                {nil, []Loss{loss(1, 25, nil)}},
		"all in time":            {[]has{{days(1, 11), 11}, {days(11, 25), 20}}, nil},
		"one listed too late":    {[]has{{days(1, 11), 18}, {days(11, 25), 20}}, []Loss{loss(1, 8, at(18))}},
		"one listed much later":  {[]has{{days(1, 11), 29}, {days(11, 25), 20}}, []Loss{loss(1, 11, at(29))}},
		"a gap":                  {[]has{{days(1, 5), 5}, {days(8, 32), 12}}, []Loss{loss(5, 8, nil)}},
		"late, and again later":  {[]has{{days(1, 11), 11}, {days(1, 11), 29}, {days(11, 25), 20}}, nil},
		"days, and then a month": {[]has{{days(1, 11), 11}, {days(11, 25), 20}, {days(1, 32), 31}}, nil},
		"only the commit says":   {[]has{{days(1, 26), 0}}, []Loss{loss(1, 25, &now)}},
	} {
		l := openFolder(t)
		l.now = func() time.Time { return now }
		generations := map[schemas.Window]int{}
		for i, h := range test.lake {
			shard := may("acme")
			shard.Window = h.window
			generations[h.window]++
			r := Record{Shard: shard, Generation: generations[h.window], SpecDigest: string(rune('a' + i))}
			if h.listed > 0 {
				r.ListedAt = at(h.listed)
			}
			commit(t, l, r, name+string(rune('a'+i)))
		}
		f := Filter{Account: "acme", Stream: schemas.StreamCreated, Window: days(1, 32)}
		current, err := l.Current(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Losses(t.Context(), f, current, keeps, now)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if none, err := l.Losses(t.Context(), f, current, schemas.Retention{}, now); err != nil || len(none) > 0 {
			t.Errorf("%s, on a platform that keeps everything: %v, %v", name, none, err)
		}
	}
	losses := []Loss{loss(1, 8, nil), loss(8, 11, at(18))}
	open := Unaccepted(losses, "acme", []Acceptance{{Account: "acme", Stream: schemas.StreamCreated, Window: days(3, 10)}, {Account: "beta", Stream: schemas.StreamCreated, Window: days(1, 11)}})
	if diff := cmp.Diff([]Loss{loss(1, 3, nil), loss(10, 11, at(18))}, open); diff != "" {
		t.Errorf("not accepted (-want +got):\n%s", diff)
	}
}
