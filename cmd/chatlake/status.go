package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/workflows"
)

func (a *app) statusCommand() *cobra.Command {
	n := named{exports: true}
	cmd := n.flags(&cobra.Command{
		Use: "status", Short: "Show the exports and remaps, and how far they are", Args: cobra.NoArgs,
		Long: "Shows the exports that Temporal remembers, and the last remap of each account. With --name, the exit status is that of the\n" +
			"export: 0 complete or running, 1 failed, 3 complete with gaps, 4 blocked.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), n) },
	})
	cmd.Flags().Lookup("account").Usage = "only exports of this account"
	cmd.Flags().Lookup("name").Usage = "only the export of this name"
	return cmd
}

func (a *app) status(ctx context.Context, n named) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	s, err := operate.Visit(ctx, c)
	if err != nil {
		return err
	}
	shown, err := s.Exports(ctx, n.account, n.name)
	var remaps []operate.Remap
	if err == nil && n.name == "" {
		remaps, err = s.Remaps(ctx, n.account)
	}
	if err := errors.Join(err, s.Stop()); err != nil {
		return err
	}
	if n.name != "" && len(shown) == 0 {
		return usage("there is no export named %s", n.name)
	}
	if a.json() {
		err = a.printJSON(operate.Listed(shown, remaps))
	} else if len(shown)+len(remaps) == 0 {
		_, err = fmt.Fprintln(a.out, "There are no exports or remaps.")
	} else if err = writeStatus(a.out, shown); err == nil {
		err = writeRemaps(a.out, remaps)
	}
	if err == nil && n.name != "" {
		return verdict(shown[0])
	}
	return err
}

func writeStatus(w io.Writer, all []operate.Export) error {
	for _, e := range all {
		text := e.Status
		switch {
		case e.Progress != nil:
			text = string(e.Progress.State) + ": " + windows(*e.Progress) + ", " + conversations(*e.Progress) + ", " + messages(*e.Progress)
		case e.Result != nil && e.Result.Complete:
			text = "complete: " + words.Plural(e.Result.Totals.Conversations, "conversation") + ", " + words.Plural(e.Result.Totals.Messages, "message")
		case e.Result != nil:
			text = "done with gaps: " + words.Plural(e.Result.Totals.Conversations, "conversation") + ", " + words.Plural(e.Result.Totals.Messages, "message")
		case e.Waiting != nil:
			text = "no answer"
		case e.Status == operate.StatusRunning:
			text = "begun, but no worker is running; `chatlake export` or `chatlake worker` resumes it"
		}
		if n := e.Unreadable(); n > 0 {
			text += "; " + words.Plural(n, "text") + " could not be decrypted"
		}
		if e.Result != nil && e.Result.Totals.Unwitnessed > 0 {
			text += "; " + words.Plural(int64(e.Result.Totals.Unwitnessed), "window") + " read from lists that nothing but the platform's own answers shows to be whole"
		}
		if _, err := fmt.Fprintf(w, "%s %s (since %s): %s\n", e.Account, e.Name, e.StartedAt.UTC().Format("2006-01-02 15:04 UTC"), text); err != nil {
			return err
		}
		if e.Waiting != nil {
			fmt.Fprintf(w, "  %s\n", *e.Waiting)
		}
		if e.Progress != nil {
			for _, waiting := range e.Progress.Waiting {
				fmt.Fprintf(w, "  %s\n", waiting)
			}
			writeBlocked(w, e.Progress.Blocked)
		}
	}
	return nil
}

func writeRemaps(w io.Writer, all []operate.Remap) error {
	for _, r := range all {
		text := r.Status
		switch {
		case r.Progress != nil:
			text = string(r.Progress.State) + ": " + remapDone(r.Progress.Totals)
		case r.Result != nil:
			text = "done: " + remapDone(r.Result.Totals)
		case r.Waiting != nil:
			text = "no answer"
		case r.Status == operate.StatusRunning:
			text = "begun, but no worker is running; `chatlake lake remap` or `chatlake worker` resumes it"
		}
		if _, err := fmt.Fprintf(w, "%s remap (since %s): %s\n", r.Account, r.StartedAt.UTC().Format("2006-01-02 15:04 UTC"), text); err != nil {
			return err
		}
		if r.Waiting != nil {
			fmt.Fprintf(w, "  %s\n", *r.Waiting)
		}
		if p := r.Progress; p != nil && p.Waiting != nil {
			fmt.Fprintf(w, "  %s\n", operate.Wait{Waiting: *p.Waiting})
		}
		if p := r.Progress; p != nil && p.Blocked != nil {
			writeBlocked(w, []workflows.BlockedShard{*p.Blocked})
		}
	}
	return nil
}

// verdict is the exit status that an export's state stands for; everything was said already.
func verdict(e operate.Export) error {
	switch {
	case e.Progress != nil && e.Progress.State == workflows.StateBlocked:
		return &outcome{status: exitBlocked}
	case e.Status == operate.StatusRunning, e.Result != nil && e.Result.Complete:
		return nil
	case e.Status == operate.StatusDone:
		return &outcome{status: exitGaps}
	default:
		return &outcome{status: exitFailed}
	}
}
