// Package terminal draws lines on a terminal again and again, in place, and plain lines where there is none.
//
// It must not know what the lines say.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// Width is how many characters fit on a line of the terminal that w is, 0 if w is none.
func Width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 80
	}
	return width
}

// A Screen has panes, one below the other. On a terminal, all of them are drawn again when one changes.
type Screen struct {
	to    io.Writer
	width int
	mu    sync.Mutex
	panes [][]string
	drawn int // lines on the terminal
}

// NewScreen makes a screen of a number of panes; width is that of the terminal, 0 if there is none.
func NewScreen(to io.Writer, width, panes int) *Screen {
	return &Screen{to: to, width: width, panes: make([][]string, panes)}
}

// Width is that of the terminal, 0 if there is none.
func (s *Screen) Width() int { return s.width }

// Put changes the lines of a pane. Each is cut to the width of the terminal, so that the next drawing goes up by the right number of
// lines.
func (s *Screen) Put(pane int, lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.panes[pane] = nil
	for _, line := range lines {
		s.panes[pane] = append(s.panes[pane], clip(strings.TrimRight(line, " "), s.width))
	}
	if s.drawn > 0 {
		fmt.Fprintf(s.to, "\x1b[%dA\x1b[J", s.drawn)
		s.drawn = 0
	}
	for _, lines := range s.panes {
		for _, line := range lines {
			fmt.Fprintln(s.to, line)
			s.drawn++
		}
	}
}

// Log writes a line where there is no terminal.
func (s *Screen) Log(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.to, line)
}

// clip cuts a line to a width.
func clip(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}

// Gauge is a bar of a width that is filled by a share from 0 to 1.
func Gauge(share float64, width int) string {
	full := min(width, max(0, int(share*float64(width))))
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}
