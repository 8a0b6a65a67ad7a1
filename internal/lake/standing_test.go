package lake

import "testing"

// TestCovers is about shards that have a last version of a conversation, beside the tombstone or the dead letter of what came later.
func TestCovers(t *testing.T) {
	row := func(version, observed int64) Standing {
		return Standing{State: Whole, Source: version, HasSource: true, ObservedAt: observed, Content: KeyOf("content")}
	}
	gone := func(s Standing, at int64) Standing { s.GoneAt = at; return s }
	dead := func(s Standing, at int64) Standing { s.DeadAt = at; return s }
	other := row(2, 5)
	other.Content = KeyOf("other content")
	for name, c := range map[string]struct {
		v, other Standing
		later    bool
		want     bool
	}{
		"a row does not say that it is gone":               {row(2, 5), gone(row(2, 5), 7), true, false},
		"a row that was read after it was gone":            {row(3, 8), gone(row(2, 5), 7), true, true},
		"gone later":                                       {gone(row(2, 5), 9), gone(row(2, 5), 7), true, true},
		"gone earlier":                                     {gone(row(2, 5), 6), gone(row(2, 5), 7), true, false},
		"a row does not say that it could not be read":     {row(2, 5), dead(row(2, 5), 7), true, false},
		"a row that was read after that":                   {row(3, 8), dead(row(2, 5), 7), true, true},
		"a later dead letter":                              {dead(row(2, 5), 9), dead(row(2, 5), 7), true, true},
		"a tombstone is no dead letter":                    {gone(row(2, 5), 9), dead(row(2, 5), 7), true, false},
		"kept and gone covers the row":                     {gone(row(2, 5), 7), row(2, 5), true, true},
		"the same content, committed earlier":              {row(2, 5), row(2, 5), false, true},
		"other content that readers take, as it was later": {row(2, 5), other, false, false},
		"other content that was committed before":          {row(2, 5), other, true, true},
		"no version at the source is older than any":       {Standing{State: Whole, ObservedAt: 9}, row(1, 5), true, false},
	} {
		if got := c.v.Covers(c.other, c.later); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
