package terminal

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestLinesFitTheTerminal(t *testing.T) {
	for _, width := range []int{1, 20, 79} {
		var out bytes.Buffer
		s := NewScreen(&out, width, 2)
		s.Put(1, "a line of an export that has a longer name than some terminals are wide: höher   ", Gauge(0.5, 40))
		s.Put(0, "short")
		for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
			line = strings.TrimPrefix(line, "\x1b[2A\x1b[J")
			if n := utf8.RuneCountInString(line); n > width {
				t.Errorf("width %d: line of %d: %q", width, n, line)
			}
		}
	}
}

// TestPanesAreDrawnInPlace draws two panes, of which each change erases exactly what was drawn before.
func TestPanesAreDrawnInPlace(t *testing.T) {
	var out bytes.Buffer
	s := NewScreen(&out, 60, 2)
	s.Put(1, "b1", "b2")
	s.Put(0, "a1")
	s.Put(1)
	want := "b1\nb2\n" + "\x1b[2A\x1b[J" + "a1\nb1\nb2\n" + "\x1b[3A\x1b[J" + "a1\n"
	if out.String() != want {
		t.Errorf("drawn %q, want %q", out.String(), want)
	}
}

func TestGauge(t *testing.T) {
	for share, want := range map[float64]string{-1: "░░░░", 0: "░░░░", 0.5: "██░░", 1: "████", 2: "████"} {
		if got := Gauge(share, 4); got != want {
			t.Errorf("%g: %s, want %s", share, got, want)
		}
	}
}

func TestProgressIsSaidNowAndThen(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var said []string
	p := &Progress{func(f string, args ...any) { said = append(said, fmt.Sprintf(f, args...)) }, 5 * time.Second, func() time.Time { return at }, at}
	for i := range 12 {
		p.Say("%d", i)
		at = at.Add(time.Second)
	}
	if want := []string{"5", "10"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}
