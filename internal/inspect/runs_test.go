package inspect

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

func TestRunsMeetWhatTheLedgerHas(t *testing.T) {
	day := func(month time.Month, day int) time.Time { return time.Date(2027, month, day, 0, 0, 0, 0, time.UTC) }
	from := func(a, b time.Time) schemas.Window { return schemas.Window{From: a, To: b} }
	jan, feb, mar := from(day(1, 1), day(2, 1)), from(day(2, 1), day(3, 1)), from(day(3, 1), day(4, 1))
	left, right, _ := feb.Halve()
	quarter, rest, _ := right.Halve()
	clipped := from(day(3, 1), day(3, 11))
	clippedLeft, clippedRight, _ := clipped.Halve()
	cut := func(w schemas.Window, size string) []schemas.Window { return w.Cut(size) }
	all := func(groups ...[]schemas.Window) (windows []schemas.Window) {
		return slices.Concat(groups...)
	}
	one := func(w ...schemas.Window) []schemas.Window { return w }
	tests := []struct {
		name    string
		windows []schemas.Window
		others  []schemas.Window // in the ledger, and not adopted
		want    []Run
	}{
		{"nothing", nil, nil, nil},
		{"months", one(jan, feb, mar), nil, []Run{{from(jan.From, mar.To), "month"}}},
		{"a gap", one(jan, mar), nil, []Run{{jan, "month"}, {mar, "month"}}},
		{"weeks", cut(from(day(1, 1), day(3, 1)), "week"), nil, []Run{{from(day(1, 1), day(3, 1)), "week"}}},
		{"days", cut(from(day(1, 5), day(2, 9)), "day"), nil, []Run{{from(day(1, 5), day(2, 9)), "day"}}},
		{"clipped at both ends", cut(from(day(1, 13).Add(time.Hour), day(3, 11)), "month"), nil, []Run{{from(day(1, 13).Add(time.Hour), day(3, 11)), "month"}}},
		{"two exports, one after the other", one(from(day(1, 1), day(1, 11)), from(day(1, 11), day(2, 1)), feb), nil,
			[]Run{{from(day(1, 1), day(1, 11)), "month"}, {from(day(1, 11), feb.To), "month"}}},
		{"halves", one(jan, left, right, mar), nil, []Run{{from(jan.From, mar.To), "month"}}},
		{"halves of halves", one(jan, left, quarter, rest), nil, []Run{{from(jan.From, feb.To), "month"}}},
		{"half of the halves", one(jan, left, rest), nil, []Run{{from(jan.From, left.To), "month"}, {rest, "month"}}},
		{"halves at the end of a range", one(feb, clippedLeft, clippedRight), nil, []Run{{from(feb.From, clipped.To), "month"}}},
		{"halves beside their whole", one(feb, left, right), nil, []Run{{feb, "month"}, {left, "month"}, {right, "month"}}},
		{"halves of a whole with other settings", one(jan, left, right), one(feb), []Run{{from(jan.From, left.To), "month"}, {right, "month"}}},
		{"other settings between", one(jan, mar), one(feb), []Run{{jan, "month"}, {mar, "month"}}},
		{"weeks, then months", all(cut(jan, "week"), one(feb, mar)), nil, []Run{{jan, "week"}, {from(feb.From, mar.To), "month"}}},
		{"days within a month that is there too", all(one(jan), cut(jan, "day")), nil, []Run{{jan, "month"}, {jan, "day"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			known := map[schemas.Window]bool{}
			for _, w := range tt.others {
				known[w] = false
			}
			for _, w := range tt.windows {
				known[w] = true
			}
			h := newHolding(known)
			runs := h.runsOf()
			if diff := cmp.Diff(tt.want, runs); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
			if left := h.without(runs).adopted; len(left) > 0 {
				t.Errorf("no run meets %v", left)
			}
		})
	}
}
