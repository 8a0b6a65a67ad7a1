package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

type verifyFlags struct {
	account, from, to string
	deep              bool
}

// verified is what a look at the lake found.
type verified struct {
	Windows int            `json:"windows"`
	Files   int            `json:"files"`
	Bytes   int64          `json:"bytes"`
	Deep    bool           `json:"deep"`
	Damaged []lake.Finding `json:"damaged"` // files that are not as the ledger says
	Gaps    []gap          `json:"gaps"`
	Dead    []shardCount   `json:"dead"`    // conversations that could not be copied
	Flagged []shardFlags   `json:"flagged"` // windows committed with a note
	Partial []string       `json:"partial"` // windows read with a token that sees only a part of the account
	Orphans []string       `json:"orphans"` // files that nobody reads; harmless
}

type gap struct {
	Account string         `json:"account"`
	Stream  string         `json:"stream"`
	Window  schemas.Window `json:"window"`
}

type shardCount struct {
	Shard string `json:"shard"`
	Count int64  `json:"count"`
}

type shardFlags struct {
	Shard string   `json:"shard"`
	Flags []string `json:"flags"`
	// Mismatched is how many conversations have another number of messages than the platform states.
	Mismatched int64 `json:"mismatched,omitempty"`
}

func (v verified) whole() bool {
	return len(v.Damaged)+len(v.Gaps)+len(v.Dead)+len(v.Flagged)+len(v.Partial) == 0
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that the lake is whole: every file as it was written, no gaps", Args: cobra.NoArgs,
		Long: "Opens every file that counts and compares it with the ledger, looks for gaps between windows, for conversations that\n" +
			"could not be copied and for windows committed with a note. Exit status 3 when there is any of these.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verify(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.account, "account", "", "only this account (default all in the lake)")
	cmd.Flags().StringVar(&f.from, "from", "", "beginning of the range that should be there (default the oldest window)")
	cmd.Flags().StringVar(&f.to, "to", "", "end of the range that should be there (default the end of the newest window)")
	cmd.Flags().BoolVar(&f.deep, "deep", false, "read every file whole and compare digests")
	return cmd
}

func (a *app) verify(ctx context.Context, f verifyFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	filter := lake.Filter{Account: f.account}
	if f.from != "" {
		if filter.From, err = moment(f.from); err != nil {
			return usage("--from: %v", err)
		}
	}
	if f.to != "" {
		if filter.To, err = moment(f.to); err != nil {
			return usage("--to: %v", err)
		}
	}
	l, err := worker.OpenLake(ctx, c)
	if err != nil {
		return err
	}
	v, err := inspect(ctx, l, filter, f.deep)
	if err != nil {
		return err
	}
	if a.json() {
		err = a.printJSON(v)
	} else {
		err = v.write(a.out)
	}
	if err == nil && !v.whole() {
		return &outcome{status: exitGaps}
	}
	return err
}

// inspect reads the ledger and holds the lake against it.
func inspect(ctx context.Context, l *lake.Lake, filter lake.Filter, deep bool) (verified, error) {
	v := verified{
		Deep: deep, Damaged: []lake.Finding{}, Gaps: []gap{}, Dead: []shardCount{}, Flagged: []shardFlags{}, Partial: []string{}, Orphans: []string{},
	}
	records, err := l.Current(ctx, filter)
	if err != nil {
		return v, err
	}
	for _, r := range records {
		v.Windows++
		v.Files += len(r.Files)
		for _, f := range r.Files {
			v.Bytes += f.Bytes
		}
		findings, err := l.VerifyRecord(ctx, r, deep)
		if err != nil {
			return v, err
		}
		v.Damaged = append(v.Damaged, findings...)
		if r.Counts.Dead > 0 {
			v.Dead = append(v.Dead, shardCount{r.Shard.String(), r.Counts.Dead})
		}
		if len(r.Flags) > 0 {
			v.Flagged = append(v.Flagged, shardFlags{r.Shard.String(), r.Flags, r.Counts.Mismatched})
		}
		if r.Visibility == "partial" {
			v.Partial = append(v.Partial, r.Shard.String())
		}
	}
	v.Gaps = append(v.Gaps, gapsOf(records, filter)...)
	for object, err := range l.Orphans(ctx, lake.Filter{Account: filter.Account}) {
		if err != nil {
			return v, err
		}
		v.Orphans = append(v.Orphans, object.Key)
	}
	return v, nil
}

// gapsOf is what no window covers, of each account and stream: between its oldest and newest, or of the range asked for.
func gapsOf(records []lake.Record, filter lake.Filter) []gap {
	type series struct{ account, stream string }
	windows := map[series][]schemas.Window{}
	for _, r := range records {
		if r.Shard.Stream != directoryStream {
			key := series{r.Shard.Account, r.Shard.Stream}
			windows[key] = append(windows[key], r.Shard.Window)
		}
	}
	if filter.Account != "" && len(windows) == 0 && !filter.From.IsZero() && !filter.To.IsZero() {
		return []gap{{filter.Account, createdStream, schemas.Window{From: filter.From, To: filter.To}}}
	}
	var gaps []gap
	for key, covered := range windows {
		whole := covered[0]
		for _, w := range covered {
			if w.From.Before(whole.From) {
				whole.From = w.From
			}
			if w.To.After(whole.To) {
				whole.To = w.To
			}
		}
		if !filter.From.IsZero() {
			whole.From = filter.From
		}
		if !filter.To.IsZero() {
			whole.To = filter.To
		}
		for _, w := range whole.Without(covered) {
			gaps = append(gaps, gap{key.account, key.stream, w})
		}
	}
	slices.SortFunc(gaps, func(a, b gap) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Stream, b.Stream), a.Window.From.Compare(b.Window.From))
	})
	return gaps
}

// The streams of the ledger.
const (
	createdStream   = "created"
	reportsStream   = "reports"
	directoryStream = "directory"
)

func (v verified) write(w io.Writer) error {
	how := "opened and compared with the ledger"
	if v.Deep {
		how = "read whole and compared with the ledger's digests"
	}
	fmt.Fprintf(w, "%s, %s (%s): %s.\n", plural(int64(v.Windows), "window"), plural(int64(v.Files), "file"), size(v.Bytes), how)
	for _, f := range v.Damaged {
		fmt.Fprintf(w, "damaged: %s: %s. Copy its window again: chatlake export --refresh\n", f.Key, f.Problem)
	}
	for _, g := range v.Gaps {
		fmt.Fprintf(w, "gap: %s/%s: no committed window covers %s\n", g.Account, g.Stream, span(g.Window))
	}
	for _, d := range v.Dead {
		fmt.Fprintf(w, "not copied: %s: %s; the table dead_letters says which and why\n", d.Shard, plural(d.Count, "conversation"))
	}
	for _, f := range v.Flagged {
		fmt.Fprintf(w, "flagged: %s: %s\n", f.Shard, list(f.Flags))
		if f.Mismatched > 0 {
			fmt.Fprintf(w, "  %s with another number of messages than the platform states: stated_messages <> stored_messages\n", plural(f.Mismatched, "conversation"))
		}
	}
	for _, shard := range v.Partial {
		fmt.Fprintf(w, "partial: %s was read with a token that does not see the whole account\n", shard)
	}
	if n := len(v.Orphans); n > 0 {
		fmt.Fprintf(w, "%s that no reader reads, left by attempts that did not commit or are under way (--output json lists them).\n", plural(int64(n), "file"))
	}
	verdict := "The lake is whole."
	switch {
	case v.Windows == 0 && v.whole():
		verdict = "Nothing is committed there yet."
	case !v.whole():
		verdict = "The lake is not whole."
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}
