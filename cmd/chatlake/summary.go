package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// writeTables lists tables for people.
func writeTables(w io.Writer, sums []inspect.TableSum) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "table\trows\tfiles\tsize\t")
	total := inspect.TableSum{Table: "all"}
	for _, s := range sums {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", s.Table, words.Grouped(s.Rows), words.Grouped(int64(s.Files)), words.Size(s.Bytes))
		total.Rows, total.Files, total.Bytes = total.Rows+s.Rows, total.Files+s.Files, total.Bytes+s.Bytes
	}
	fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", total.Table, words.Grouped(total.Rows), words.Grouped(int64(total.Files)), words.Size(total.Bytes))
	return t.Flush()
}

// exported is what an export ends with, for machines.
type exported struct {
	Account string                 `json:"account"`
	Name    string                 `json:"name"`
	Seconds float64                `json:"seconds"`
	Result  workflows.ExportOutput `json:"result"`
	Tables  []inspect.TableSum     `json:"tables"`
}

// report says what an export has done and what the lake holds of its range now; for machines it gives that back. Its error
// is the outcome.
func (a *app) report(ctx context.Context, c worker.Config, in workflows.ExportInput, end operate.Attended) (*exported, error) {
	out := end.Output
	sums, err := inspect.Held(ctx, c, in.Account, schemas.Window{From: out.From, To: out.To})
	if err != nil {
		return nil, err
	}
	done := &exported{in.Account, in.Name, end.Took.Seconds(), out, sums}
	if !a.json() {
		err = writeReport(a.out, in, out, done.Tables, end.Took)
	}
	if err == nil && !out.Complete {
		err = &outcome{status: exitGaps, text: incomplete(out, inspect.LostOf(c, in.Account, out.Lost))}
	}
	return done, err
}

func writeReport(w io.Writer, in workflows.ExportInput, out workflows.ExportOutput, sums []inspect.TableSum, took time.Duration) error {
	t := out.Totals
	verdict := "Complete"
	if !out.Complete {
		verdict = "Done, but not complete"
	}
	fmt.Fprintf(w, "%s: %s and %s of %s, %s to %s, are in the lake.\n", verdict,
		words.Plural(t.Conversations, "conversation"), words.Plural(t.Messages, "message"), in.Account, words.Time(out.From), words.Time(out.To))
	fmt.Fprintf(w, "%s in %s: %d exported, %d there already; %s, %s.\n\n",
		words.Plural(int64(t.Shards+t.Adopted), "window"), words.Duration(took), t.Shards, t.Adopted,
		words.Plural(t.Requests, "request"), throttled(operate.Snapshot{Throttled: t.Throttled}))
	if t.Unwitnessed > 0 {
		fmt.Fprintf(w, "In %s, only the platform's own answers say that a list is whole; `chatlake verify` names the lists.\n\n", words.Plural(int64(t.Unwitnessed), "window"))
	}
	if t.Unreadable > 0 && out.Complete {
		fmt.Fprintf(w, "%s could not be decrypted and are null, which the account allows (allow_unreadable).\n\n", words.Plural(t.Unreadable, "text"))
	}
	if len(sums) == 0 {
		_, err := fmt.Fprintln(w, "There is nothing in the range.")
		return err
	}
	return writeTables(w, sums)
}

// incomplete lists what keeps an export from being complete.
func incomplete(out workflows.ExportOutput, lost []inspect.Lost) string {
	lines := []string{"Not everything is in the lake:"}
	for _, gap := range out.Gaps {
		lines = append(lines, "  no committed window covers "+words.Span(gap))
	}
	for _, l := range inspect.Joined(lost) {
		lines = append(lines, "  "+lostText(l)+"\n    To accept that: "+l.Command())
	}
	for _, shard := range out.Skipped {
		lines = append(lines, "  "+operate.WindowOf(shard)+" was skipped while it was blocked; `chatlake gap list` says why, and running the command again retries it")
	}
	if n := out.Totals.Skipped - len(out.Skipped); n > 0 {
		lines = append(lines, fmt.Sprintf("  %d more windows were skipped", n))
	}
	for _, shard := range out.Failed {
		lines = append(lines, "  "+operate.WindowOf(shard)+" failed; run the command again to retry it")
	}
	if t := out.Totals; t.Dead > 0 {
		lines = append(lines, fmt.Sprintf("  %s could not be copied; the table dead_letters says which and why", words.Plural(t.Dead, "conversation")))
	}
	if t := out.Totals; t.Flagged > 0 {
		lines = append(lines, fmt.Sprintf("  %s committed with a flag: the platform's counts and ours differ; `chatlake verify` lists them", words.Plural(int64(t.Flagged), "window")))
	}
	if t := out.Totals; t.Unreadable > 0 {
		lines = append(lines, fmt.Sprintf("  %s could not be decrypted and are null. Add the private keys to the account's secrets and export again with --refresh,\n"+
			"  or set allow_unreadable: true for the account; `chatlake verify` names the windows", words.Plural(t.Unreadable, "text")))
	}
	if out.Visibility == "partial" {
		lines = append(lines, "  the token does not see the whole account. "+out.Advice)
	}
	return strings.Join(lines, "\n")
}
