package inspect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
)

// reasons say why a conversation is not in the lake, or not whole, and what to do.
func reasons(ctx context.Context, found Whereabouts, read reading, f ledger.Filter, created time.Time, underWay func(context.Context) []string) []string {
	switch found.State {
	case StateDead:
		t := found.Shards[0]
		return []string{"It could not be copied; what was fetched of it is in the table documents. When the cause is gone, copy it again: " + deadAgain(t, created)}
	case StateGone:
		return []string{"The platform listed it and did not have it any more when it was fetched: there is nothing to copy."}
	}
	var reasons []string
	if len(found.Damaged) > 0 {
		reasons = append(reasons, fmt.Sprintf("%s could not be read, so it may be there all the same: `chatlake verify` says what is damaged.",
			words.Plural(int64(len(found.Damaged)), "file")))
	}
	if created.IsZero() {
		reasons = append(reasons, ofGaps(read, f)...)
	} else {
		reasons = append(reasons, ofTime(read, f, created)...)
	}
	if underWay != nil {
		reasons = append(reasons, underWay(ctx)...)
	}
	if created.IsZero() {
		reasons = append(reasons, fmt.Sprintf("None of the %s that were searched lists it. Is the id the platform's own? With --created <time> the reason can be told further.",
			words.Plural(int64(found.Windows), "window")))
	}
	return reasons
}

// deadAgain is the command that copies a conversation again that could not be copied. Its time of creation may be zero.
func deadAgain(t Trace, created time.Time) string {
	if t.Stream.IsByChange() && !created.IsZero() {
		return refresh(t.Account, dayOf(created))
	}
	return again(ledger.Shard{Account: t.Account, Stream: t.Stream, Window: t.Window})
}

// ofGaps names the times in which a conversation may have been created or changed without being copied.
func ofGaps(read reading, f ledger.Filter) []string {
	var reasons []string
	missing := absencesOf(read.current, f, read.acceptances, read.skips)
	what := func(g Gap) string {
		if g.Stream.IsByChange() {
			return fmt.Sprintf("No committed window of changes of %s covers %s. If it changed then, that is why: ", g.Account, words.Span(g.Window))
		}
		return fmt.Sprintf("No committed window of %s covers %s. If it was created then, that is why: ", g.Account, words.Span(g.Window))
	}
	for _, g := range missing.open {
		if g.Stream.HasConversations() {
			reasons = append(reasons, what(g)+g.Command())
		}
	}
	for _, g := range missing.accepted {
		if g.Stream.HasConversations() {
			reasons = append(reasons, what(g.Gap)+"the gap was accepted: "+g.Reason)
		}
	}
	return reasons
}

// dayOf is the day that a time is in.
func dayOf(t time.Time) schemas.Window {
	day := t.UTC().Truncate(24 * time.Hour)
	return schemas.Window{From: day, To: day.AddDate(0, 0, 1)}
}

// ofTime says of each account what became of the window that a time is in.
func ofTime(read reading, f ledger.Filter, created time.Time) []string {
	covering := map[string][]ledger.Record{} // by account
	for _, e := range read.entries {
		if e.Shard.Stream == schemas.StreamCreated && covering[e.Shard.Account] == nil {
			covering[e.Shard.Account] = []ledger.Record{}
		}
	}
	if f.Account != "" && covering[f.Account] == nil {
		covering[f.Account] = []ledger.Record{}
	}
	for _, r := range read.current {
		if r.Shard.Stream == schemas.StreamCreated && r.Shard.Window.Contains(created) {
			covering[r.Shard.Account] = append(covering[r.Shard.Account], r)
		}
	}
	var reasons []string
	for _, account := range slices.Sorted(maps.Keys(covering)) {
		records := covering[account]
		if len(records) == 0 {
			text := fmt.Sprintf("No committed window of %s covers %s: ", account, words.Time(created))
			i := slices.IndexFunc(read.acceptances, func(a ledger.Acceptance) bool {
				return a.Account == account && a.Stream == schemas.StreamCreated && a.Window.Contains(created)
			})
			if i >= 0 {
				text += "the gap was accepted: " + read.acceptances[i].Reason
			} else {
				text += ExportCommand(account, dayOf(created))
			}
			reasons = append(reasons, text)
		}
		for _, r := range records {
			reasons = append(reasons, notListed(r))
		}
	}
	return reasons
}

// notListed is about a window that was committed without the conversation.
func notListed(r ledger.Record) string {
	text := fmt.Sprintf("%s was committed at %s with %s, and the platform did not list this one.",
		r.Shard, r.CommittedAt.UTC().Format("2006-01-02 15:04 UTC"), words.Plural(r.Counts.Listed, "conversation"))
	if counted := cmp.Or(r.TotalAfter, r.TotalListed); counted != nil {
		text += fmt.Sprintf(" It counted %s itself.", words.Grouped(*counted))
	}
	if r.Visibility == "partial" {
		text += " The token that it was read with does not see the whole account: give the account one that does, then " + again(r.Shard)
		return text
	}
	return text + " If the platform has it now: " + again(r.Shard)
}
