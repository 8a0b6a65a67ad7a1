package main

import (
	"context"
	"errors"
	"fmt"
	"time"

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
		Use: "remap", Short: "Make the rows of committed windows anew from the documents in the lake", Args: cobra.NoArgs,
		Long: "Reads the documents that the lake holds, as the platform sent them, and makes rows of them with the mapping of this build. A window\n" +
			"whose rows come out differently gets a new generation; of any other nothing is written. The platform is not asked, and the\n" +
			"account's token is not needed. Tombstones, dead letters of what could not be fetched, flags and the platform's counts stay. A window\n" +
			"is kept as it is if conversations or texts would be lost that the lake has as rows.\n\n" +
			"Run the command again to resume after a crash. Exit status 3 if any window was kept.",
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
	in := workflows.RemapInput{Account: account, From: within.From, To: within.To}
	if in.From.IsZero() {
		in.From = time.Unix(0, 0).UTC()
	}
	if in.To.IsZero() {
		in.To = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	}
	var said workflows.RemapTotals
	var waits string
	out, err := s.Remap(ctx, in, func(p workflows.RemapProgress) {
		if p.Totals != said {
			said = p.Totals
			a.note("%d of %s: %d rewritten, %d unchanged, %d kept", said.Rewritten+said.Unchanged+said.Kept, words.Plural(int64(said.Shards), "window"),
				said.Rewritten, said.Unchanged, said.Kept)
		}
		if p.Waiting == nil {
			waits = ""
		} else if waits != p.Waiting.Why {
			waits = p.Waiting.Why
			a.note("Waiting: %s", waits)
		}
	})
	if stopErr := s.Stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return remapEnd(ctx, err)
	}
	return a.remapped(out)
}

// remapEnd puts the end of a remap that gave no result into words.
func remapEnd(ctx context.Context, err error) error {
	var end *operate.EndError
	switch {
	case errors.As(err, &end):
		return &outcome{status: exitFailed, text: fmt.Sprintf("The remap ended without a result (%s). Run the command again to resume.", end.Kind)}
	case ctx.Err() != nil:
		return &outcome{status: exitInterrupted, text: "Stopped. Run the command again to resume."}
	}
	return err
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
