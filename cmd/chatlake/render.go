package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/terminal"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/workflows"
)

// frame is the view of a terminal, in a few lines.
func frame(title string, s operate.Snapshot, p *operate.Pace, width int) []string {
	bar := max(10, min(40, width-44))
	lines := []string{
		title,
		fmt.Sprintf("  %s %3.0f %%   %s", terminal.Gauge(s.Share(), bar), 100*s.Share(), s.WindowsText()),
		"  " + s.ConversationsText() + perSecond(p.Conversations()) + "   " + s.MessagesText() + perSecond(p.Messages()),
		"  " + words.Plural(s.Requests, "request") + perSecond(p.Requests()) + "   " + throttled(s) + "   " + remaining(s, p),
	}
	if n := len(s.Blocked); n > 0 {
		lines = append(lines, fmt.Sprintf("  %d blocked, for example %s: %s", n, operate.WindowOf(s.Blocked[0].Shard), s.Blocked[0].Detail))
	}
	for _, text := range s.Alarms() {
		lines = append(lines, "  "+text)
	}
	for _, w := range s.Waiting {
		lines = append(lines, "  "+w.String())
	}
	return lines
}

// logLine is the same in one line, for what is not a terminal.
func logLine(s operate.Snapshot, p *operate.Pace) string {
	parts := []string{
		s.At.UTC().Format(time.TimeOnly),
		s.WindowsText(),
		s.ConversationsText() + perSecond(p.Conversations()),
		s.MessagesText() + perSecond(p.Messages()),
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
	parts = append(parts, s.Alarms()...)
	for _, w := range s.Waiting {
		parts = append(parts, w.String())
	}
	return strings.Join(parts, "  ")
}

func throttled(s operate.Snapshot) string { return words.Grouped(s.Throttled) + " × 429" }

func remaining(s operate.Snapshot, p *operate.Pace) string {
	switch {
	case s.State == workflows.StatePaused:
		return "paused; `chatlake resume` continues"
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

// view shows one export while it runs.
type view struct {
	screen *terminal.Screen
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
	if width := v.screen.Width(); width > 0 {
		v.screen.Put(v.pane, frame(v.title, s, &v.pace, width)...)
		return
	}
	if s.At.Sub(v.logged) >= v.every {
		v.logged = s.At
		v.screen.Log(strings.TrimLeft(v.name+"  "+logLine(s, &v.pace), " "))
	}
}

// Ended takes the view off the screen.
func (v *view) Ended() {
	if v.screen.Width() > 0 {
		v.screen.Put(v.pane)
	}
}
