package main

import (
	"fmt"
	"io"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
)

func writeVerified(w io.Writer, v inspect.Verified) error {
	how := "opened and compared with the ledger"
	if v.Deep {
		how = "read whole and compared with the ledger's digests, counts and conversations"
	}
	fmt.Fprintf(w, "%s, %s (%s): %s.\n", words.Plural(int64(v.Windows), "window"), words.Plural(int64(v.Files), "file"), words.Size(v.Bytes), how)
	writeFindings(w, v)
	writeTotals(w, v)
	writeHarmless(w, v)
	verdict := "The lake is whole."
	switch {
	case v.Problems() > 0:
		verdict = "The lake is not whole."
	case !v.Whole():
		verdict = "What was checked is whole, but not everything could be checked."
	case v.Windows == 0:
		verdict = "Nothing is committed there yet."
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}

// writeFindings says what is wrong, and what to do about it.
func writeFindings(w io.Writer, v inspect.Verified) {
	for _, f := range v.Unreadable {
		fmt.Fprintf(w, "unreadable: %s: %s. Restore it from a backup or an older version; until then, its window does not count\n", f.Key, f.Problem)
	}
	for _, f := range v.Damaged {
		fmt.Fprintf(w, "damaged: %s: %s. Restore it", f.Key, f.Problem)
		if f.Command != "" {
			fmt.Fprintf(w, ", or copy again what it has: %s", f.Command)
		}
		fmt.Fprintln(w)
	}
	for _, c := range v.Broken {
		fmt.Fprintf(w, "broken: %s: %s", c.Shard, c.Problem)
		if c.Command != "" {
			fmt.Fprintf(w, ". Copy it again: %s", c.Command)
		}
		fmt.Fprintln(w)
	}
	writeRetained(w, "", v.Retained)
	for _, g := range v.Gaps {
		fmt.Fprintf(w, "gap: %s/%s: no committed window covers %s. Copy it: %s\n", g.Account, g.Stream, words.Span(g.Window), g.Command())
	}
	writeSkipped(w, v.Skipped)
	for _, d := range v.Dead {
		fmt.Fprintf(w, "not copied: %s: %s; the table dead_letters says which and why. Once the cause is fixed: %s\n", d.Shard, words.Plural(d.Count, "conversation"), d.Command)
	}
	for _, f := range v.Flagged {
		fmt.Fprintf(w, "flagged: %s: %s. Copy it again, or leave it as it is: %s\n", f.Shard, words.List(f.Flags), f.Command)
		if f.Mismatched > 0 {
			fmt.Fprintf(w, "  %s with another number of messages than the platform states: stated_messages <> stored_messages\n", words.Plural(f.Mismatched, "conversation"))
		}
	}
	for _, u := range v.Undecrypted {
		if !u.Allowed {
			fmt.Fprintf(w, "not decrypted: %s: %s; they are null. Add the private keys to the account's secrets and copy them again: %s\n"+
				"  Or accept it: allow_unreadable: true for the account\n", u.Shard, words.Plural(u.Count, "text"), u.Command)
		}
	}
	for _, l := range v.Less {
		fmt.Fprintf(w, "less: %s: %s without a document that says more than the list, as another window shows. Let the account request it always\n"+
			"  (docs/mapping-*.md says with which option), or copy the window again: %s\n", l.Shard, words.Plural(l.Count, "conversation"), l.Command)
	}
	for _, u := range v.Unchecked {
		fmt.Fprintf(w, "not checked: %s/%s: %s of a stream that this build does not know. Their files were compared with the ledger; gaps, counts and duplicates\n"+
			"  were not checked. Run verify with the build that wrote them, or a newer one: %s\n", u.Account, u.Stream, words.Plural(int64(u.Windows), "window"), u.Writer)
	}
	for _, shard := range v.Partial {
		fmt.Fprintf(w, "partial: %s was read with a token that does not see the whole account. Give the account one that does, and copy it again with --refresh\n", shard)
	}
}

func writeTotals(w io.Writer, v inspect.Verified) {
	for _, t := range v.Totals {
		for _, m := range t.Missing {
			fmt.Fprintf(w, "more now: %s: the platform counts %s, %s were listed. Copy it again: %s\n", m.Shard, words.Plural(m.Counted, "conversation"), words.Grouped(m.Listed), m.Command)
		}
		for _, f := range t.Failed {
			fmt.Fprintf(w, "not counted: %s: %s\n", t.Account, f)
		}
		if t.Note != "" {
			fmt.Fprintf(w, "%s %s.\n", t.Account, t.Note)
		}
		if t.Windows > 0 {
			fmt.Fprintf(w, "The platform of %s was asked for its counts: %s with %s.\n", t.Account, words.Plural(int64(t.Windows), "window"), words.Plural(t.Requests, "request"))
		}
	}
}

// writeHarmless says what is there that nobody would miss.
func writeHarmless(w io.Writer, v inspect.Verified) {
	writeAccepted(w, v.Accepted)
	for _, o := range v.Overlaps {
		fmt.Fprintf(w, "overlap: %s and %s: a conversation may be in both; readers take its newest version (docs/lake.md, rule 3)\n", o.Shard, o.Other)
	}
	for _, u := range v.Undecrypted {
		if u.Allowed {
			fmt.Fprintf(w, "not decrypted: %s: %s; they are null, which the account allows (allow_unreadable)\n", u.Shard, words.Plural(u.Count, "text"))
		}
	}
	for _, u := range v.Unwitnessed {
		fmt.Fprintf(w, "unwitnessed: %s: only the platform's own answers, which agreed, show that the list %s is complete, in %s (docs/protocol.md, Who witnesses a list)\n", u.Account, u.List, words.Plural(int64(u.Windows), "window"))
	}
	for _, o := range v.Omitted {
		fmt.Fprintf(w, "omitted: %s: %s was not requested of %s in %s: it said no more than the list for any of the %s that were compared\n",
			o.Account, o.Document, words.Plural(o.Omitted, "conversation"), words.Plural(int64(o.Windows), "window"), words.Grouped(o.Asked))
	}
	if n := len(v.Orphans); n > 0 {
		fmt.Fprintf(w, "%s that no record names, left by attempts that did not commit or are still running (--output json lists them, `chatlake lake sweep` removes old ones).\n", words.Plural(int64(n), "file"))
	}
	if v.Staged.Objects > 0 {
		fmt.Fprintf(w, "%s (%s) of committed windows: no longer needed (`chatlake lake sweep`).\n", words.Plural(int64(v.Staged.Objects), "staged object"), words.Size(v.Staged.Bytes))
	}
	if v.Staged.Open > 0 {
		fmt.Fprintf(w, "%s of windows that are not committed: an export is running or was abandoned.\n", words.Plural(int64(v.Staged.Open), "staged object"))
	}
}

// writeSkipped says which windows a person gave up for now, and why.
func writeSkipped(w io.Writer, all []inspect.SkippedWindow) {
	for _, s := range all {
		fmt.Fprintf(w, "skipped: %s/%s: %s\n", s.Account, s.Stream, skippedText(s))
	}
}

// skippedText says when and why a window was given up. The gap that it leaves is listed too, with the command that copies it.
func skippedText(s inspect.SkippedWindow) string {
	text := fmt.Sprintf("%s was given up on %s while it was blocked (%s): %s", words.Span(s.Window), s.At.Format("2006-01-02"), s.Kind, s.Reason)
	if s.Older || !s.Stream.IsContinuous() {
		text += ". An older copy stands. Copy it again: " + s.Command()
	}
	return text
}

// writeAccepted says which gaps a person has accepted, and why.
func writeAccepted(w io.Writer, gaps []inspect.AcceptedGap) {
	for _, g := range gaps {
		what := "no committed window covers %s"
		if g.Late {
			what = "%s was listed only after the platform had begun to delete it"
		}
		fmt.Fprintf(w, "accepted: %s/%s: "+what+", accepted on %s: %s\n", g.Account, g.Stream, words.Span(g.Window), g.At.Format(time.DateOnly), g.Reason)
	}
}
