package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
)

// fresh is what is known of an account that is kept up to date: by the ledger, and by its schedules.
type fresh struct {
	inspect.Freshness
	Schedules []operate.Upkeep `json:"schedules"`
	// Unreachable is why nothing is known of the schedules.
	Unreachable string `json:"unreachable,omitempty"`
}

func writeFresh(w io.Writer, all []fresh) error {
	for _, f := range all {
		fmt.Fprintf(w, "%s: %s\n", f.Account, f.Behind())
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range f.Schedules {
			fmt.Fprintf(t, "  %s\t%s\n", s.Kind, s)
		}
		if f.Copied != nil || f.ToGo != nil {
			fmt.Fprintf(t, "  copied\t%s\n", f.CopiedText())
		}
		if f.Directory != nil {
			fmt.Fprintf(t, "  directory\tas of %s\n", instant(f.Directory))
		}
		for _, line := range announced(f.Announced) {
			fmt.Fprintf(t, "  push\t%s\n", line)
		}
		if f.Verified != nil {
			fmt.Fprintf(t, "  verify\t%s\n", verified(*f.Verified))
		}
		if err := t.Flush(); err != nil {
			return err
		}
		for _, s := range f.Schedules {
			writeWaits(w, string(s.Kind), s.Waiting, s.Progress)
		}
		writeRetained(w, "  ", f.Retained)
		for _, g := range f.Gaps {
			fmt.Fprintf(w, "  gap: %s: no committed window covers %s. Copy it: %s\n", g.Stream, words.Span(g.Window), g.Command())
		}
		for _, s := range f.Skipped {
			fmt.Fprintf(w, "  skipped: %s: %s\n", s.Stream, skippedText(s))
		}
		for _, g := range f.Accepted {
			fmt.Fprintf(w, "  accepted gap: %s: %s, accepted on %s: %s\n", g.Stream, words.Span(g.Window), g.At.Format(time.DateOnly), g.Reason)
		}
		if f.Unreachable != "" {
			fmt.Fprintf(w, "  only the lake was looked at: %s\n", f.Unreachable)
		}
	}
	return nil
}

// verified says when the copy was verified last, how, and with which result.
func verified(v inspect.LastVerify) string {
	text := instant(&v.At)
	switch {
	case v.Deep && v.Totals:
		text += ", deep and with the platform's counts"
	case v.Deep:
		text += ", deep"
	case v.Totals:
		text += ", with the platform's counts"
	}
	of := ""
	if v.Accounts == "all" {
		of = " in the whole lake"
	}
	switch {
	case v.Whole:
		return text + ": whole"
	case v.Problems > 0:
		return text + ": " + words.Plural(int64(v.Problems), "problem") + of + "; `chatlake verify` lists them"
	}
	return text + ": not everything could be checked; `chatlake verify` says why"
}

// announcedDays is how many days are shown of what was announced.
const announcedDays = 7

// announced says how many changes of the last days nobody announced, and on which days.
func announced(a *inspect.Announced) (lines []string) {
	if a == nil {
		return nil
	}
	if !a.Until.After(a.Since) {
		return []string{"announcements are expected since " + instant(&a.Since) + "; no sync was compared with them yet"}
	}
	since := a.Until.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-announcedDays)
	var all inspect.AnnouncedDay
	for _, d := range a.Days {
		if d.Day.Before(since) {
			continue
		}
		all.Pushed, all.Late, all.Missed = all.Pushed+d.Pushed, all.Late+d.Late, all.Missed+d.Missed
		if d.Missed > 0 {
			lines = append(lines, d.Day.Format(time.DateOnly)+": "+missed(d))
		}
	}
	if since.Before(a.Since) {
		since = a.Since
	}
	first := "from " + instant(&since) + " to " + instant(&a.Until) + ": " + missed(all)
	if all.Late > 0 {
		first += fmt.Sprintf("; a sync was faster than the announcement of %s", words.Grouped(all.Late))
	}
	return append([]string{first}, lines...)
}

func missed(d inspect.AnnouncedDay) string {
	return fmt.Sprintf("%s of %s not announced", words.Grouped(d.Missed), words.Plural(d.Pushed+d.Late+d.Missed, "change"))
}

// writeWaits says what a run waits for.
func writeWaits(w io.Writer, kind string, own *operate.Wait, progress *operate.Snapshot) {
	if own != nil {
		fmt.Fprintf(w, "  %s: %s\n", kind, *own)
	}
	if progress == nil {
		return
	}
	for _, text := range progress.Alarms() {
		fmt.Fprintf(w, "  %s: %s\n", kind, text)
	}
	for _, waiting := range progress.Waiting {
		fmt.Fprintf(w, "  %s: %s\n", kind, waiting)
	}
	writeBlocked(w, progress.Blocked)
}

// underWay are the workflow ids of runs that schedules have under way.
func underWay(all []fresh) (ids []string) {
	for _, f := range all {
		for _, s := range f.Schedules {
			ids = append(ids, s.Running...)
		}
	}
	return ids
}
