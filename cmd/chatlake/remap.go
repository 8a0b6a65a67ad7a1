package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

func (a *app) remapCommand() *cobra.Command {
	var f scope
	var dry bool
	cmd := &cobra.Command{
		Use: "remap", Short: "Write the rows of committed windows again, from the documents in the lake", Args: cobra.NoArgs,
		Long: "Reads the documents in the lake, as the platform sent them, and maps them to rows with this build. A window whose rows have\n" +
			"changed gets a new generation; nothing is written for the others. No request is sent to the platform, and the account's token\n" +
			"is not needed. Tombstones, dead letters of conversations that could not be fetched, flags and the platform's counts are kept. If a\n" +
			"window would lose conversations or texts that the lake has as rows, the whole window is kept as it is.\n\n" +
			"Run the command again to resume after a crash. `chatlake status` shows a remap, and `chatlake pause`, `resume` and `cancel` steer\n" +
			"it. Exit status 3 if any window was kept.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.remap(cmd.Context(), f, dry) },
	}
	f.flags(cmd.Flags(), "beginning of the range (default that of the lake)", "end of the range, exclusive (default now)")
	cmd.Flags().Lookup("account").Usage = "account name; optional if only one is configured"
	cmd.Flags().BoolVar(&dry, "dry-run", false, "list the windows that would be read, and change nothing")
	return cmd
}

func (a *app) remap(ctx context.Context, f scope, dry bool) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	within, err := f.window()
	if err != nil {
		return err
	}
	account, err := accountOf(c, f.account)
	if err != nil {
		return err
	}
	l, err := inspect.Open(ctx, c, account) // a remap makes no lake
	if err != nil {
		return err
	}
	if dry {
		return a.remapDry(ctx, l, within)
	}
	s, err := a.connect(ctx, c, worker.ConnectOptions{})
	if err != nil {
		return err
	}
	var said, waits string
	out, err := s.Remap(ctx, workflows.RemapInput{Account: account, From: within.From, To: within.To}, func(p workflows.RemapProgress) {
		if text := remapDone(p.Totals); text != said && p.Totals.Shards > 0 {
			said = text
			a.note("%s", text)
		}
		text := ""
		switch {
		case p.Waiting != nil:
			text = operate.Wait{Waiting: *p.Waiting}.String()
		case p.State == workflows.StatePaused:
			text = "paused; `chatlake resume` continues"
		}
		if text != "" && text != waits {
			a.note("%s", text)
		}
		waits = text
	})
	if err := a.leave(ctx, c, s, err); err != nil {
		return err
	}
	return a.remapped(out)
}

// remapDone says how far a remap is.
func remapDone(t workflows.RemapTotals) string {
	return fmt.Sprintf("%d of %s: %d rewritten, %d unchanged, %d kept", t.Rewritten+t.Unchanged+t.Kept, words.Plural(int64(t.Shards), "window"), t.Rewritten, t.Unchanged, t.Kept)
}

func (a *app) remapped(out workflows.RemapOutput) error {
	if a.json() {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		t := out.Totals
		fmt.Fprintf(a.out, "%s: %d rewritten, %d unchanged, %d kept.\n", words.Plural(int64(t.Shards), "window"), t.Rewritten, t.Unchanged, t.Kept)
		if t.Rewritten > 0 {
			fmt.Fprintf(a.out, "Those rewritten have %s and %s; %s are dead letters.\n",
				words.Plural(t.Conversations, "conversation"), words.Plural(t.Messages, "message"), words.Grouped(t.Dead))
		}
		for _, k := range out.Kept {
			fmt.Fprintf(a.out, "kept: %s: %s\n", k.Shard, k.Why)
		}
	}
	if out.Totals.Kept > 0 {
		return &outcome{status: exitGaps}
	}
	return nil
}

func (a *app) remapDry(ctx context.Context, l *inspect.Lake, within schemas.Window) error {
	all, err := l.Remappable(ctx, within)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(all)
	}
	var documents, bytes int64
	for _, one := range all {
		documents, bytes = documents+one.Documents, bytes+one.Bytes
		fmt.Fprintf(a.out, "%s: generation %d by %s, %s, %s\n", one.Shard, one.Generation, one.Writer, words.Plural(one.Documents, "document"), words.Size(one.Bytes))
	}
	_, err = fmt.Fprintf(a.out, "%s with %s, %s, would be read. Nothing was changed.\n",
		words.Plural(int64(len(all)), "window"), words.Plural(documents, "document"), words.Size(bytes))
	return err
}
