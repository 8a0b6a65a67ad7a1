package schemas

import (
	"strings"
	"testing"
	"time"
)

func TestYields(t *testing.T) {
	at := func(day, hour int) time.Time { return time.Date(2027, 2, day, hour, 0, 0, 0, time.UTC) }
	whole := Window{From: at(1, 0), To: at(29, 0)} // 28 days
	left, right, _ := whole.Halve()
	_, inner, _ := right.Halve()
	second := Window{From: whole.From, To: whole.From.Add(time.Second)}
	tests := map[string]struct {
		part Window
		want bool
	}{
		"left":                    {left, true},
		"right":                   {right, true},
		"half of a half":          {inner, true},
		"itself":                  {whole, false},
		"its first day":           {Window{From: at(1, 0), To: at(2, 0)}, false},
		"across the middle":       {Window{From: at(14, 0), To: at(16, 0)}, false},
		"beside it":               {Window{From: whole.To, To: whole.To.AddDate(0, 0, 14)}, false},
		"more than it":            {Window{From: whole.From, To: whole.To.AddDate(0, 0, 28)}, false},
		"a second less than half": {Window{From: left.From, To: left.To.Add(-time.Second)}, false},
		"the same half elsewhere": {Window{From: at(8, 0), To: at(22, 0)}, false},
		"the shortest there is":   {second, true},
	}
	for name, test := range tests {
		if got := whole.Yields(test.part); got != test.want {
			t.Errorf("%s: yields %v, want %v", name, got, test.want)
		}
	}
}

func TestPrefixIsThatOfEveryWindowWithin(t *testing.T) {
	from := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, to := range []time.Time{from.AddDate(0, 1, 0), from.AddDate(0, 0, 1), from.Add(time.Second), from.AddDate(1, 0, 0)} {
		whole := Window{From: from, To: to}
		for _, begin := range []time.Time{from, from.Add(to.Sub(from) / 2), to.Add(-time.Second)} {
			part := Window{From: begin.Truncate(time.Second), To: to}
			if !strings.HasPrefix(part.String(), whole.Prefix()) {
				t.Errorf("%s does not begin with %q, as every window in %s should", part, whole.Prefix(), whole)
			}
		}
	}
	if month := (Window{From: from, To: from.AddDate(0, 1, 0)}).Prefix(); month != "202612" {
		t.Errorf("the prefix of a month is %q, want as much as all of it has in common", month)
	}
}
