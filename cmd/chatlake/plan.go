package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
)

func (a *app) planCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use: "plan", Short: "Estimate what an export would cost; nothing is written", Args: cobra.NoArgs,
		Long: "Asks the platform how many conversations the range has, if it can tell, and estimates windows, requests, time and files.\n" +
			"Asks for at most one count per window, and writes nothing.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.plan(cmd.Context(), f) },
	}
	f.rangeFlags(cmd.Flags())
	return cmd
}

func (a *app) plan(ctx context.Context, f exportFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	in, err := f.input(c, time.Now())
	if err != nil {
		return err
	}
	if err := c.Secrets(in.Account); err != nil {
		return err
	}
	e, err := c.Plan(ctx, in.Account, in.Range(), in.Window)
	if err != nil {
		return err
	}
	return show(a, e, writeEstimate)
}

func writeEstimate(w io.Writer, e worker.Estimate) error {
	fmt.Fprintf(w, "%s (%s), %s to %s: %s.\n", e.Account, e.Provider, words.Time(e.From), words.Time(e.To), words.Plural(int64(e.Windows), "window"))
	if e.Conversations == nil {
		fmt.Fprintln(w, "The platform cannot count its conversations, so requests, time and files cannot be estimated.")
	} else {
		fmt.Fprintf(w, "%s by the platform's own count; about %s.\n", words.Plural(*e.Conversations, "conversation"), words.Plural(*e.Requests, "request"))
	}
	if e.Seconds != nil {
		fmt.Fprintf(w, "At %g requests a second: about %s.\n", e.RequestsPerSecond, words.Duration(seconds(*e.Seconds)))
	}
	writeFiles(w, e)
	for _, r := range e.Rations {
		takes := "which take " + words.Duration(seconds(r.Seconds))
		if r.Seconds == 0 {
			takes = "all free at once"
		}
		fmt.Fprintf(w, "Quota %s: %s, %s.\n", r.Quota, words.Plural(int64(r.Uses), "use"), takes)
	}
	if e.KeptFrom != nil {
		fmt.Fprintln(w, gone(*e.KeptFrom))
	}
	_, err := fmt.Fprintln(w, "Nothing was written. Windows that the lake already has cost next to nothing.")
	return err
}

// writeFiles says what the export leaves in an empty lake, and what wider windows would leave.
func writeFiles(w io.Writer, e worker.Estimate) {
	if e.Files == nil {
		return
	}
	about := func(f worker.Files) string {
		return fmt.Sprintf("%s of %s on average", words.Plural(f.Count, "file"), words.Size(f.Bytes/max(1, f.Count)))
	}
	fmt.Fprintf(w, "In the lake: about %s.\n", about(*e.Files))
	if e.Wider != nil {
		fmt.Fprintf(w, "Every query opens each file, so small files make queries slow. Windows of a month (--window month) would leave about %s.\n", about(*e.Wider))
	}
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// gone says that a range begins before what the platform keeps.
func gone(keptFrom time.Time) string {
	return fmt.Sprintf("The platform deletes old conversations: those that began before %s may be missing, and it does not say so.", words.Time(keptFrom))
}
