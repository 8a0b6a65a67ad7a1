package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
)

// writeChanges says what was done to schedules, or would be.
func writeChanges(w io.Writer, changes []operate.Change, dryRun bool) error {
	done := map[operate.ChangeAction]string{
		operate.Created: "created", operate.Changed: "changed", operate.Unchanged: "unchanged",
		operate.Deleted: "deleted: no account in the configuration has it", operate.Kept: "not in the configuration, and kept",
	}
	if dryRun {
		for action, text := range map[operate.ChangeAction]string{
			operate.Created: "would be created", operate.Changed: "would be changed", operate.Deleted: "would be deleted: no account in the configuration has it",
		} {
			done[action] = text
		}
	}
	counts := map[operate.ChangeAction]int{}
	for _, c := range changes {
		counts[c.Action]++
		fmt.Fprintf(w, "%s: %s\n", c.ID, done[c.Action])
		for _, d := range c.Differs {
			fmt.Fprintf(w, "  %s\n", d)
		}
	}
	if len(changes) == 0 {
		_, err := fmt.Fprintln(w, "There is nothing to schedule: no account has a section sync or end_stale.")
		return err
	}
	var parts []string
	for _, action := range []operate.ChangeAction{operate.Created, operate.Changed, operate.Deleted, operate.Unchanged, operate.Kept} {
		if n := counts[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, action))
		}
	}
	verdict := words.Plural(int64(len(changes)), "schedule") + ": " + words.List(parts) + "."
	if dryRun {
		verdict += " Nothing was done."
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}

func writeSchedules(w io.Writer, all []operate.Schedule) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "There are no schedules. `chatlake schedule apply` makes those of the configuration.")
		return err
	}
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "schedule\ttimes\tnext\tlast\tnote")
	for _, s := range all {
		next := instant(s.Next)
		switch {
		case s.Paused:
			next = "paused"
		case len(s.Running) > 0:
			next = "running"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.ID, s.Times, next, instant(s.Last), s.Note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// writeDescribed shows everything about schedules.
func writeDescribed(w io.Writer, all []operate.Schedule) error {
	if len(all) == 0 {
		return writeSchedules(w, all)
	}
	for i, s := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, s.ID)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, setting := range s.Settings {
			fmt.Fprintf(t, "  %s\t%s\n", setting.Name, setting.Value)
		}
		state := "active"
		if s.Paused {
			state = "paused"
		}
		fmt.Fprintf(t, "  state\t%s\n", strings.TrimSuffix(state+": "+s.Note, ": "))
		fmt.Fprintf(t, "  next\t%s\n", instant(s.Next))
		fmt.Fprintf(t, "  last\t%s\n", strings.TrimRight(instant(s.Last)+" "+s.LastRun, " "))
		for _, id := range s.Running {
			fmt.Fprintf(t, "  running\t%s\n", id)
		}
		fmt.Fprintf(t, "  actions\t%d taken, %d skipped because the run before was under way, %d missed\n", s.Actions, s.Skipped, s.Missed)
		fmt.Fprintf(t, "  applied by\tchatlake %s\n", s.Build)
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// writeOrdered says which schedules an order has changed.
func writeOrdered(w io.Writer, changed []operate.Schedule, done, already string) error {
	for _, s := range changed {
		fmt.Fprintf(w, "%s: %s\n", s.ID, done)
	}
	if len(changed) == 0 {
		_, err := fmt.Fprintf(w, "Nothing to do: %s.\n", already)
		return err
	}
	return nil
}

// instant is a time of a schedule, or a dash.
func instant(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return words.Instant(*t)
}

// conflictText says in what a configuration differs from the one by which the schedules run, and what to do.
func conflictText(e *operate.ConflictError) string {
	var b strings.Builder
	b.WriteString("The configuration differs from the one that the schedules were applied with, and another worker may be working by that one:\n")
	for _, c := range e.Changes {
		fmt.Fprintf(&b, "  %s, applied by chatlake %s\n", c.ID, c.By)
		for _, d := range c.Differs {
			fmt.Fprintf(&b, "    %s\n", d)
		}
	}
	b.WriteString("Nothing was changed. If this configuration is the right one, run `chatlake schedule apply` with it and restart all workers with it.")
	return b.String()
}
