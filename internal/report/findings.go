package report

import (
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
)

// findings are what keeps the lake from being whole, with the reason and the command that helps, as `chatlake verify` says it.
func findings(v inspect.Verified) (all []finding) {
	add := func(what, where, text, command string) {
		all = append(all, finding{what, shardName(where), text, command})
	}
	for _, f := range v.Unreadable {
		add("unreadable", f.Key, f.Problem+". Restore it from a backup or an older version; until then, its window does not count", "")
	}
	for _, f := range v.Damaged {
		add("damaged", f.Key, f.Problem+". Restore it, or copy again what it has", f.Command)
	}
	for _, c := range v.Broken {
		add("broken", c.Shard, c.Problem, c.Command)
	}
	for _, l := range inspect.Joined(v.Lost) {
		add("lost", stretchName(l.Gap), l.Reason, l.Command())
	}
	for _, g := range v.Gaps {
		add("gap", stretchName(g), "no committed window covers it", g.Command())
	}
	for _, s := range v.Skipped {
		add("skipped", stretchName(s.Gap), "given up on "+day(s.At)+" while it was blocked ("+s.Kind+"): "+s.Reason, s.Command())
	}
	for _, d := range v.Dead {
		add("not copied", d.Shard, words.Plural(d.Count, "conversation")+"; the table dead_letters says which and why", d.Command)
	}
	for _, f := range v.Flagged {
		text := "committed with the note " + words.List(f.Flags)
		if f.Mismatched > 0 {
			text += "; " + words.Plural(f.Mismatched, "conversation") + " with another number of messages than the platform states"
		}
		add("flagged", f.Shard, text, f.Command)
	}
	for _, u := range v.Undecrypted {
		if !u.Allowed {
			add("not decrypted", u.Shard, words.Plural(u.Count, "text")+"; they are null", u.Command)
		}
	}
	for _, l := range v.Less {
		add("less", l.Shard, words.Plural(l.Count, "conversation")+" without a document that says more than the list, as another window shows", l.Command)
	}
	for _, shard := range v.Partial {
		add("partial", shard, "read with a token that does not see the whole account", "")
	}
	for _, t := range v.Totals {
		for _, m := range t.Missing {
			add("more now", m.Shard, "the platform counts "+words.Plural(m.Counted, "conversation")+", "+words.Grouped(m.Listed)+" were listed", m.Command)
		}
		for _, failed := range t.Failed {
			add("not counted", t.Account, failed, "")
		}
	}
	for _, u := range v.Unchecked {
		add("not checked", u.Account+"/"+string(u.Stream), plural(u.Windows, "window")+" of a stream that this build does not know; written by "+u.Writer, "")
	}
	return all
}

// accepted are what a person has accepted not to have.
func accepted(v inspect.Verified) (all []finding) {
	for _, g := range v.Accepted {
		what := "not copied"
		if g.Late {
			what = "listed too late"
		}
		all = append(all, finding{What: what, Where: stretchName(g.Gap), Text: g.Reason, Command: g.At.UTC().Format(time.DateOnly)})
	}
	return all
}

// notes are what a reader should know, and what keeps nothing from being whole.
func notes(v inspect.Verified) (all []finding) {
	add := func(what, where, text string) {
		all = append(all, finding{What: what, Where: shardName(where), Text: text})
	}
	for _, o := range v.Omitted {
		add("omitted", o.Document, "not requested of "+words.Plural(o.Omitted, "conversation")+" in "+plural(o.Windows, "window")+
			": it said no more than the list for any of the "+words.Grouped(o.Asked)+" that were compared")
	}
	for _, u := range unwitnessed(v.Unwitnessed) {
		add("unwitnessed", words.List(u.lists), "only the platform's own answers, which agreed, show that such a list is complete, in "+plural(u.windows, "window"))
	}
	for _, u := range v.Undecrypted {
		if u.Allowed {
			add("not decrypted", u.Shard, words.Plural(u.Count, "text")+"; they are null, which the account allows")
		}
	}
	if n := len(v.Overlaps); n > 0 {
		add("overlap", v.Overlaps[0].Shard, plural(n, "window")+" overlap others: a conversation may be in several, and readers take its newest version")
	}
	for _, e := range v.Expiring {
		add("expiring", stretchName(e.Gap), "not copied yet; the platform begins to delete it on "+day(e.Deadline))
	}
	return all
}

// similar are lists that were read in the same number of windows.
type similar struct {
	windows int
	lists   []string
}

// unwitnessed puts lists together of which the same is said.
func unwitnessed(all []inspect.Unwitnessed) (found []similar) {
	for _, u := range all {
		i := slices.IndexFunc(found, func(s similar) bool { return s.windows == u.Windows })
		if i < 0 {
			i = len(found)
			found = append(found, similar{windows: u.Windows})
		}
		found[i].lists = append(found[i].lists, u.List)
	}
	return found
}

// shardName writes account/stream/window for people who see the account already. Whatever else it is, stays as it is.
func shardName(shard string) string {
	parts := strings.Split(shard, "/")
	if len(parts) != 3 {
		return shard
	}
	w, err := schemas.ParseWindow(parts[2])
	if err != nil {
		return shard
	}
	return parts[1] + ", " + words.Span(w)
}

func stretchName(g inspect.Gap) string { return string(g.Stream) + ", " + words.Span(g.Window) }
