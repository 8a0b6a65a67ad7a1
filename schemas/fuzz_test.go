package schemas

import (
	"testing"
	"time"
)

// FuzzWindow parses any window. It is either refused or formats to the same text, and the windows that it is cut into are adjacent and
// cover it.
func FuzzWindow(f *testing.F) {
	for _, s := range []string{
		"20260501T000000Z~20260601T000000Z", "20260501T000000Z~20260501T000001Z", "20260601T000000Z~20260501T000000Z", "~", "",
		"00010101T000000Z~99991231T235959Z", "20260501T000000Z~20260601T000000Z~", "20260501T000000.5Z~20260601T000000Z",
	} {
		f.Add(s, uint8(0))
	}
	f.Fuzz(func(t *testing.T, s string, size uint8) {
		w, err := ParseWindow(s)
		if err != nil {
			return
		}
		if w.String() != s {
			t.Errorf("%q is accepted as %s", s, w)
		}
		if left, right, ok := w.Halve(); ok && (left.From != w.From || left.To != right.From || right.To != w.To || !left.From.Before(left.To) || !right.From.Before(right.To)) {
			t.Errorf("the halves of %s are %s and %s", w, left, right)
		} else if ok && (!w.Yields(left) || !w.Yields(right) || w.Yields(w)) {
			t.Errorf("%s does not yield its halves, or yields itself", w)
		}
		if w.To.Sub(w.From) > 10*365*24*time.Hour {
			return // too many windows
		}
		at := w.From
		for _, cut := range w.Cut([]string{"month", "week", "day"}[size%3]) {
			if !cut.From.Equal(at) || !cut.From.Before(cut.To) {
				t.Fatalf("%s follows %s in the cut of %s", cut, at, w)
			}
			at = cut.To
		}
		if !at.Equal(w.To) {
			t.Errorf("the cut of %s ends at %s", w, at)
		}
	})
}
