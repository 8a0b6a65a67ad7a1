package wire_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/wire"
)

func TestNumbers(t *testing.T) {
	type read struct {
		Number         *float64
		Integer, Whole *int64
	}
	for s, want := range map[string]read{
		"":                     {},
		"x":                    {},
		"NaN":                  {},
		"Inf":                  {},
		"1e999":                {},
		" 1":                   {},
		"7":                    {new(7.0), new(int64(7)), new(int64(7))},
		"-7":                   {new(-7.0), new(int64(-7)), new(int64(-7))},
		"7.0":                  {new(7.0), nil, new(int64(7))},
		"1e3":                  {new(1000.0), nil, new(int64(1000))},
		"7.5":                  {new(7.5), nil, nil},
		"9223372036854775807":  {new(float64(math.MaxInt64)), new(int64(math.MaxInt64)), new(int64(math.MaxInt64))},
		"9223372036854775808":  {new(float64(math.MaxInt64)), nil, nil},
		"9007199254740994.0":   {new(9007199254740994.0), nil, nil},
		"-9007199254740992.00": {new(-9007199254740992.0), nil, new(int64(-9007199254740992))},
	} {
		if diff := cmp.Diff(want, read{wire.Number(s), wire.Integer(s), wire.Whole(s)}); diff != "" {
			t.Errorf("%q (-want +got)\n%s", s, diff)
		}
	}
}

func TestTime(t *testing.T) {
	layouts := []string{time.RFC3339, "2006-01-02 15:04:05", time.DateOnly}
	for s, want := range map[string]*time.Time{
		"":                                  nil,
		"soon":                              nil,
		"1970-01-01T00:00:00Z":              nil,
		"1970-01-01T00:00:00.0000009Z":      nil,
		"1970-01-01T00:00:00.000001Z":       new(time.Date(1970, 1, 1, 0, 0, 0, 1000, time.UTC)),
		"1969-12-31T23:59:59.9Z":            nil,
		"1970-01-01T00:00:01Z":              new(time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)),
		"0001-01-01 00:00:00":               nil,
		"2026-05-01T02:00:00.1234567+02:00": new(time.Date(2026, 5, 1, 0, 0, 0, 123456000, time.UTC)),
		"2026-05-01 02:00:00":               new(time.Date(2026, 5, 1, 2, 0, 0, 0, time.UTC)),
		"2026-05-01":                        new(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)),
		"9999-12-31T23:59:59.9Z":            new(time.Date(9999, 12, 31, 23, 59, 59, 900_000_000, time.UTC)),
		"9999-12-31T23:59:59-01:00":         nil,
	} {
		got := wire.Time(s, layouts)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", s, diff)
		}
		if got != nil && got.Location() != time.UTC {
			t.Errorf("%q is in %s", s, got.Location())
		}
	}
}

func TestCompareTimes(t *testing.T) {
	one, two := new(time.Unix(1, 0)), new(time.Unix(2, 0))
	for _, tt := range []struct {
		a, b, earlier, later *time.Time
		compared             int
	}{
		{nil, nil, nil, nil, 0}, {nil, one, one, one, -1}, {one, nil, one, one, 1}, {one, two, one, two, -1}, {two, one, one, two, 1}, {one, one, one, one, 0},
	} {
		if wire.CompareTimes(tt.a, tt.b) != tt.compared || wire.Earlier(tt.a, tt.b) != tt.earlier || wire.Later(tt.a, tt.b) != tt.later {
			t.Errorf("%v and %v: %d, %v, %v", tt.a, tt.b, wire.CompareTimes(tt.a, tt.b), wire.Earlier(tt.a, tt.b), wire.Later(tt.a, tt.b))
		}
	}
}
