package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

func (a *app) endStaleCommand() *cobra.Command {
	var account, older string
	var most int
	var yes bool
	cmd := &cobra.Command{
		Use: "end-stale --older-than <duration>", Short: "End conversations that stay open for ever on the platform", Args: cobra.NoArgs,
		Long: "Lists the conversations of an account that have not ended and that nobody has touched for long, by their ids. With --yes it ends\n" +
			"them on the platform, those first that were touched longest ago. That is for good: a chat that has ended is locked. Each is looked at\n" +
			"again right before: one that has changed since it was listed is left alone. The table audits of the lake has a row for every\n" +
			"conversation that the platform was asked to end.\n\n" +
			"Run the command again to resume after a crash. Exit status 3 if the platform did not end a conversation that it was asked to end.",
		Example: "  chatlake end-stale --account acme --older-than 7d\n  chatlake end-stale --account acme --older-than 7d --most 500 --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if older == "" {
				return usage("--older-than is missing: say how long nobody must have touched a conversation, such as 7d")
			}
			d, err := worker.ParseDuration(older)
			if err != nil {
				return usage("--older-than: %v", err)
			}
			return a.endStale(cmd.Context(), account, workflows.EndStaleInput{OlderThan: d, Most: most, Confirm: yes})
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "account name; optional if only one is configured")
	cmd.Flags().StringVar(&older, "older-than", "", "how long nobody must have touched a conversation, such as 7d")
	cmd.Flags().IntVar(&most, "most", worker.DefaultMostStale, fmt.Sprintf("most conversations to end or to list, at most %d", workflows.MostStale))
	cmd.Flags().BoolVar(&yes, "yes", false, "end the conversations; without it, they are only listed")
	return cmd
}

func (a *app) endStale(ctx context.Context, account string, in workflows.EndStaleInput) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if in.Account, err = accountOf(c, account); err != nil {
		return err
	}
	if err := c.CanEndStale(in.Account); err != nil {
		return err
	}
	if err := in.Check(); err != nil {
		return usage("%v", err)
	}
	s, err := a.connect(ctx, c, worker.ConnectOptions{})
	if err != nil {
		return err
	}
	var said string
	out, met, err := s.EndStale(ctx, in, func(p workflows.EndStaleProgress) {
		if text := endStaleDone(p); text != said {
			said = text
			a.note("%s", text)
		}
	})
	if met {
		a.note("A run of the account was under way; these are its results, by its own settings.")
	}
	if err := a.leave(ctx, c, s, err); err != nil {
		return err
	}
	return a.endedStale(out)
}

// endStaleDone says how far a run is.
func endStaleDone(p workflows.EndStaleProgress) string {
	switch {
	case p.State == workflows.StatePaused:
		return "paused; `chatlake resume` continues"
	case p.Waiting != nil:
		return operate.Wait{Waiting: *p.Waiting}.String()
	}
	t := p.Totals
	return fmt.Sprintf("%s looked at, %d stale, %d ended", words.Plural(int64(t.Open), "open conversation"), t.Found, t.Ended+t.Unconfirmed)
}

func (a *app) endedStale(out workflows.EndStaleOutput) error {
	if err := show(a, out, writeEndStale); err != nil {
		return err
	}
	if !out.Complete {
		return &outcome{status: exitGaps}
	}
	return nil
}

func writeEndStale(w io.Writer, out workflows.EndStaleOutput) error {
	if !out.Confirm {
		for _, ref := range out.Stale {
			fmt.Fprintf(w, "%s  untouched for %s, since %s\n", ref.ID, age(out.At.Sub(ref.UpdatedAt)), ref.UpdatedAt.UTC().Format("2006-01-02 15:04 UTC"))
		}
	}
	fmt.Fprintf(w, "%s, of which %d untouched for long enough.\n", words.Plural(int64(out.Open), "open conversation"), out.Found)
	if rest := out.Found - len(out.Stale); rest > 0 {
		fmt.Fprintf(w, "%d of them are more than --most: run the command again for them.\n", rest)
	}
	if !out.Confirm {
		_, err := fmt.Fprintln(w, "Nothing was changed. With --yes they are ended, for good.")
		return err
	}
	fmt.Fprintf(w, "%d ended.\n", out.Ended+out.Unconfirmed)
	for _, line := range []struct {
		n    int
		text string
	}{
		{out.Unconfirmed, "of them without an answer: they had ended when they were looked at afterwards"},
		{out.Replied, "of them got a message right before they ended: read them on the platform"},
		{out.Changed, "left alone: they changed after they were listed"},
		{out.Already, "left alone: others had ended them"},
		{out.Gone, "left alone: the platform does not have them any more"},
		{out.Refused, "refused by the platform: the token's user may not end them"},
		{out.StillOpen, "still open: the answers were lost; run the command again"},
	} {
		if line.n > 0 {
			fmt.Fprintf(w, "%d %s\n", line.n, line.text)
		}
	}
	_, err := fmt.Fprintf(w, "%s added to the table audits.\n", words.Plural(int64(out.Audits), "row"))
	return err
}

// age is a duration in days, or in hours where it is short.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 2*day {
		return words.Plural(int64(d/time.Hour), "hour")
	}
	return words.Plural(int64(d/day), "day")
}
