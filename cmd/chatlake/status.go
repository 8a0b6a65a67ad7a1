package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// statusFlags say what is shown.
type statusFlags struct {
	named
	watch, check, noGaps bool
	maxLag               string
}

func (a *app) statusCommand() *cobra.Command {
	f := statusFlags{named: named{exports: true}}
	cmd := f.flags(&cobra.Command{
		Use: "status", Short: "Show how fresh accounts are, and the exports and remaps", Args: cobra.NoArgs,
		Long: "Shows how fresh the accounts with a section sync are: up to when every change is in the lake, when their schedules act, which gaps there\n" +
			"are and what is waited for. Then it shows runs that no schedule has started, the exports that Temporal remembers, and the last remap of\n" +
			"each account. With --name, it shows one export, and the exit status is that of the export: 0 complete or running, 1 failed, 3 complete with gaps, 4 blocked.\n\n" +
			"With --check, it prints one line for a monitor, from the lake alone. The exit status is then 0 if all is well, 1 if the platform\n" +
			"deletes within a week what is not copied yet, 2 if a copy is further behind than --max-lag, has gaps with --no-gaps, has lost\n" +
			"something to the platform's retention, or has had no sync, and 3 if that cannot be found out.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.statusOf(cmd.Context(), f) },
	})
	flags := cmd.Flags()
	flags.Lookup("account").Usage = "only this account"
	flags.Lookup("name").Usage = "only the export of this name"
	flags.BoolVar(&f.watch, "watch", false, "show it again every two seconds, until stopped")
	flags.BoolVar(&f.check, "check", false, "print one line on whether accounts are fresh, for monitors")
	flags.StringVar(&f.maxLag, "max-lag", "", "with --check: how far behind an account may be, such as 1h")
	flags.BoolVar(&f.noGaps, "no-gaps", false, "with --check: an account may have no gaps, other than accepted ones")
	cmd.MarkFlagsMutuallyExclusive("watch", "check", "name")
	return cmd
}

func (a *app) statusOf(ctx context.Context, f statusFlags) error {
	if f.check {
		limits := checkFlags{noGaps: f.noGaps}
		if f.maxLag != "" {
			var err error
			if limits.maxLag, err = worker.ParseDuration(f.maxLag); err != nil {
				return &outcome{status: checkUnknown, text: "UNKNOWN - --max-lag: " + err.Error()}
			}
		}
		return a.check(ctx, f.account, limits)
	}
	if f.maxLag != "" || f.noGaps {
		return usage("--max-lag and --no-gaps need --check")
	}
	if f.watch {
		return a.watchStatus(ctx, f.named)
	}
	return a.status(ctx, f.named)
}

func (a *app) status(ctx context.Context, n named) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	s, err := operate.Visit(ctx, c)
	if err != nil {
		return errors.Join(err, a.statusWithoutServer(ctx, c, n, err))
	}
	shown, err := s.Exports(ctx, n.account, n.name)
	var remaps []operate.Remap
	var strays []operate.Stray
	var all []fresh
	if err == nil && n.name == "" {
		remaps, err = s.Remaps(ctx, n.account)
	}
	if err == nil && n.name == "" {
		all, err = a.freshness(ctx, c, n.account, s)
	}
	if err == nil && n.name == "" {
		strays, err = s.Strays(ctx, n.account, underWay(all))
	}
	var alerting operate.Alerts
	if err == nil && n.name == "" && c.Alerts != nil {
		alerting, err = s.Alerts(ctx)
	}
	if err := errors.Join(err, s.Stop()); err != nil {
		return err
	}
	if n.name != "" && len(shown) == 0 {
		return usage("there is no export named %s", n.name)
	}
	switch {
	case a.json():
		err = a.printJSON(listed(all, operate.Listed(shown, remaps, strays)))
	case len(shown)+len(remaps)+len(all)+len(strays) == 0:
		_, err = fmt.Fprintln(a.out, "There are no runs.")
	default:
		err = errors.Join(writeFresh(a.out, all), writeStrays(a.out, strays), writeStatus(a.out, shown), writeRemaps(a.out, remaps))
	}
	if text := alertsText(c, alerting); err == nil && text != "" && n.name == "" && !a.json() {
		_, err = fmt.Fprintln(a.out, text)
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
			text = string(e.Progress.State) + ": " + e.Progress.WindowsText() + ", " + e.Progress.ConversationsText() + ", " + e.Progress.MessagesText()
		case e.Result != nil && e.Result.Complete:
			text = "complete: " + words.Plural(e.Result.Totals.Conversations, "conversation") + ", " + words.Plural(e.Result.Totals.Messages, "message")
		case e.Result != nil:
			text = "incomplete: " + words.Plural(e.Result.Totals.Conversations, "conversation") + ", " + words.Plural(e.Result.Totals.Messages, "message")
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
		if e.Result != nil && len(e.Result.Lost) > 0 {
			text += "; " + words.Plural(int64(len(e.Result.Lost)), "part") + " of its range may be lost to the platform's retention (`chatlake gap list`)"
		}
		if _, err := fmt.Fprintf(w, "%s %s (since %s): %s\n", e.Account, e.Name, e.StartedAt.UTC().Format("2006-01-02 15:04 UTC"), text); err != nil {
			return err
		}
		if e.Waiting != nil {
			fmt.Fprintf(w, "  %s\n", *e.Waiting)
		}
		if e.Progress != nil {
			for _, text := range e.Progress.Alarms() {
				fmt.Fprintf(w, "  %s\n", text)
			}
			for _, waiting := range e.Progress.Waiting {
				fmt.Fprintf(w, "  %s\n", waiting)
			}
			writeBlocked(w, e.Progress.Blocked)
		}
	}
	return nil
}

// writeStrays shows runs that no schedule has under way.
func writeStrays(w io.Writer, all []operate.Stray) error {
	for _, one := range all {
		text := "begun, but no worker is running; `chatlake worker` resumes it"
		switch {
		case one.Progress != nil && one.Progress.Windows > 0:
			text = string(one.Progress.State) + ": " + one.Progress.WindowsText()
		case one.Progress != nil:
			text = string(one.Progress.State)
		case one.Waiting != nil:
			text = "no answer"
		}
		if _, err := fmt.Fprintf(w, "%s %s (since %s): %s\n", one.Account, one.Kind, one.StartedAt.UTC().Format("2006-01-02 15:04 UTC"), text); err != nil {
			return err
		}
		writeWaits(w, string(one.Kind), one.Waiting, one.Progress)
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
