package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/workflows"
)

// frame is the view of a terminal: a few lines, none wider than width.
func frame(title string, s operate.Snapshot, p *operate.Pace, width int) []string {
	bar := max(10, min(40, width-44))
	lines := []string{
		title,
		fmt.Sprintf("  %s %3.0f %%   %s", gauge(s.Share(), bar), 100*s.Share(), windows(s)),
		"  " + conversations(s) + perSecond(p.Conversations()) + "   " + messages(s) + perSecond(p.Messages()),
		"  " + words.Plural(s.Requests, "request") + perSecond(p.Requests()) + "   " + throttled(s) + "   " + remaining(s, p),
	}
	if n := len(s.Blocked); n > 0 {
		lines = append(lines, fmt.Sprintf("  %d blocked, for example %s: %s", n, operate.WindowOf(s.Blocked[0].Shard), s.Blocked[0].Detail))
	}
	for _, w := range s.Waiting {
		lines = append(lines, "  "+w.String())
	}
	for i, line := range lines {
		lines[i] = clip(strings.TrimRight(line, " "), width)
	}
	return lines
}

// logLine is the same in one line, for what is not a terminal.
func logLine(s operate.Snapshot, p *operate.Pace) string {
	parts := []string{
		s.At.UTC().Format(time.TimeOnly),
		windows(s),
		conversations(s) + perSecond(p.Conversations()),
		messages(s) + perSecond(p.Messages()),
		words.Plural(s.Requests, "request") + perSecond(p.Requests()),
		throttled(s),
	}
	if n := len(s.Blocked); n > 0 {
		parts = append(parts, fmt.Sprintf("%d blocked", n))
	}
	if first, stands := s.First(); !stands || remaining(s, p) != first.Brief() { // which follows
		if text := remaining(s, p); text != "" {
			parts = append(parts, text)
		}
	}
	for _, w := range s.Waiting {
		parts = append(parts, w.String())
	}
	return strings.Join(parts, "  ")
}

func windows(s operate.Snapshot) string {
	text := fmt.Sprintf("%d of %s done", s.Done, words.Plural(int64(s.Windows), "window"))
	if s.InFlight > 0 {
		text += fmt.Sprintf(", %d in flight", s.InFlight)
	}
	return text
}

func conversations(s operate.Snapshot) string {
	text := words.Grouped(s.Conversations)
	if s.Expected > 0 && s.Done < s.Windows {
		text += " of ~" + words.Grouped(s.Expected)
	}
	return text + " conversations"
}

func messages(s operate.Snapshot) string {
	text := words.Plural(s.Messages, "message")
	if s.Estimated {
		text = "~" + text
	}
	return text
}

func throttled(s operate.Snapshot) string { return words.Grouped(s.Throttled) + " × 429" }

func remaining(s operate.Snapshot, p *operate.Pace) string {
	switch {
	case s.State == workflows.StatePaused:
		return "paused; `chatlake resume` goes on"
	case s.State == workflows.StateStarting:
		return "starting"
	case s.State == workflows.StateDone:
		return "done"
	case s.State == workflows.StateBlocked:
		return "waiting for a person"
	}
	if w, ok := s.First(); ok {
		return w.Brief()
	}
	if left, ok := p.Left(); ok {
		return "about " + words.Duration(left) + " left"
	}
	return ""
}

func gauge(share float64, width int) string {
	full := min(width, max(0, int(share*float64(width))))
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

func perSecond(rate float64) string {
	switch {
	case rate <= 0:
		return ""
	case rate < 10:
		return fmt.Sprintf(" (%.1f/s)", rate)
	default:
		return fmt.Sprintf(" (%s/s)", words.Grouped(int64(rate+0.5)))
	}
}

// clip cuts a line to the width of the terminal, so that redrawing it moves up the right number of lines.
func clip(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	runes := []rune(line)
	return string(runes[:width-1]) + "…"
}

// screen is where views are shown: on a terminal each has its place and all are drawn anew together, elsewhere each writes
// a line now and then.
type screen struct {
	to    io.Writer
	width int // of the terminal; 0 when there is none
	mu    sync.Mutex
	panes [][]string
	drawn int // lines on the terminal
}

// put changes one pane; nil takes it away.
func (s *screen) put(pane int, lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.panes[pane] = lines
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

func (s *screen) log(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.to, line)
}

// view shows one export while it runs.
type view struct {
	screen *screen
	pane   int
	title  string
	name   string // before log lines, where there are several views
	every  time.Duration
	pace   operate.Pace
	logged time.Time
}

// Show puts the next look at it on the screen.
func (v *view) Show(s operate.Snapshot) {
	v.pace.Add(s)
	if v.screen.width > 0 {
		v.screen.put(v.pane, frame(v.title, s, &v.pace, v.screen.width))
		return
	}
	if s.At.Sub(v.logged) >= v.every {
		v.logged = s.At
		v.screen.log(strings.TrimLeft(v.name+"  "+logLine(s, &v.pace), " "))
	}
}

// Ended takes the view off the screen.
func (v *view) Ended() {
	if v.screen.width > 0 {
		v.screen.put(v.pane, nil)
	}
}
