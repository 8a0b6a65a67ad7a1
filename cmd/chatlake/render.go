package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/chatlake/chatlake/workflows"
)

// frame is the view of a terminal: a few lines, none wider than width.
func frame(title string, s snapshot, p *pace, width int) []string {
	bar := max(10, min(40, width-44))
	lines := []string{
		title,
		fmt.Sprintf("  %s %3.0f %%   %s", gauge(s.share(), bar), 100*s.share(), windows(s)),
		"  " + conversations(s) + perSecond(p.conversations()) + "   " + messages(s) + perSecond(p.messages()),
		"  " + plural(s.Requests, "request") + perSecond(p.requests()) + "   " + throttled(s) + "   " + remaining(s, p),
	}
	if n := len(s.Blocked); n > 0 {
		lines = append(lines, fmt.Sprintf("  %d blocked, for example %s: %s", n, windowOf(s.Blocked[0].Shard), s.Blocked[0].Detail))
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
func logLine(s snapshot, p *pace) string {
	parts := []string{
		s.At.UTC().Format(time.TimeOnly),
		windows(s),
		conversations(s) + perSecond(p.conversations()),
		messages(s) + perSecond(p.messages()),
		plural(s.Requests, "request") + perSecond(p.requests()),
		throttled(s),
	}
	if n := len(s.Blocked); n > 0 {
		parts = append(parts, fmt.Sprintf("%d blocked", n))
	}
	if first, stands := s.first(); !stands || remaining(s, p) != first.brief() { // which follows
		if text := remaining(s, p); text != "" {
			parts = append(parts, text)
		}
	}
	for _, w := range s.Waiting {
		parts = append(parts, w.String())
	}
	return strings.Join(parts, "  ")
}

func windows(s snapshot) string {
	text := fmt.Sprintf("%d of %s done", s.Done, plural(int64(s.Windows), "window"))
	if s.InFlight > 0 {
		text += fmt.Sprintf(", %d in flight", s.InFlight)
	}
	return text
}

func conversations(s snapshot) string {
	text := grouped(s.Conversations)
	if s.Expected > 0 && s.Done < s.Windows {
		text += " of ~" + grouped(s.Expected)
	}
	return text + " conversations"
}

func messages(s snapshot) string {
	text := plural(s.Messages, "message")
	if s.Estimated {
		text = "~" + text
	}
	return text
}

func throttled(s snapshot) string { return grouped(s.Throttled) + " × 429" }

func remaining(s snapshot, p *pace) string {
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
	if w, ok := s.first(); ok {
		return w.brief()
	}
	if left, ok := p.left(); ok {
		return "about " + short(left) + " left"
	}
	return ""
}

// short is a duration in at most two units.
func short(d time.Duration) string {
	d = max(time.Second, d.Round(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	}
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
		return fmt.Sprintf(" (%s/s)", grouped(int64(rate+0.5)))
	}
}

// grouped is a number with a comma at every thousand.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	case bytes < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	default:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	}
}

// windowOf is the part of a shard's workflow id that people know it by.
func windowOf(id string) string { return strings.TrimPrefix(id, "shard/") }

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
	pace   pace
	logged time.Time
}

func (v *view) show(s snapshot) {
	v.pace.add(s)
	if v.screen.width > 0 {
		v.screen.put(v.pane, frame(v.title, s, &v.pace, v.screen.width))
		return
	}
	if s.At.Sub(v.logged) >= v.every {
		v.logged = s.At
		v.screen.log(strings.TrimLeft(v.name+"  "+logLine(s, &v.pace), " "))
	}
}

// erase takes the view off the screen.
func (v *view) erase() {
	if v.screen.width > 0 {
		v.screen.put(v.pane, nil)
	}
}
