package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// reasons say why a conversation is not in the lake, or not whole, and what to do.
func (a *app) reasons(ctx context.Context, c worker.Config, found whereabouts, read ledgerState, f ledger.Filter, created time.Time) []string {
	switch found.State {
	case stateDead:
		t := found.Shards[0]
		return []string{"It could not be copied; what was fetched of it is in the table documents. When the cause is gone, copy its window again: " + again(t.Account, t.Window)}
	case stateGone:
		return []string{"The platform listed it and did not have it any more when it was fetched: there is nothing to copy."}
	}
	var reasons []string
	if len(found.Damaged) > 0 {
		reasons = append(reasons, fmt.Sprintf("%s could not be read, so it may be there all the same: `chatlake verify` says what is damaged.",
			words.Plural(int64(len(found.Damaged)), "file")))
	}
	if created.IsZero() {
		for _, g := range gapsOf(read.current, f) {
			reasons = append(reasons, fmt.Sprintf("No committed window of %s covers %s. If it was created then, that is why: %s", g.Account, words.Span(g.Window), export(g.Account, g.Window)))
		}
	} else {
		reasons = append(reasons, ofTime(read, f, created)...)
	}
	reasons = append(reasons, operate.UnderWay(ctx, c, f.Account, created)...)
	if created.IsZero() {
		reasons = append(reasons, fmt.Sprintf("None of the %s that were searched lists it. Is the id the platform's own? With --created <time> the reason can be told further.",
			words.Plural(int64(found.Windows), "window")))
	}
	return reasons
}

// ofTime says of each account what became of the window that a time is in.
func ofTime(read ledgerState, f ledger.Filter, created time.Time) []string {
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
			day := schemas.Window{From: created.Truncate(24 * time.Hour), To: created.Truncate(24*time.Hour).AddDate(0, 0, 1)}
			reasons = append(reasons, fmt.Sprintf("No committed window of %s covers %s: %s", account, words.Time(created), export(account, day)))
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
	if r.TotalAfter != nil {
		text += fmt.Sprintf(" It counted %s itself.", words.Grouped(*r.TotalAfter))
	}
	if r.Visibility == "partial" {
		text += " The token that it was read with does not see the whole account: give the account one that does, then " + again(r.Shard.Account, r.Shard.Window)
		return text
	}
	return text + " If the platform has it now: " + again(r.Shard.Account, r.Shard.Window)
}

// export is the command that copies a range, again the one that copies a window once more: no window is longer than a month,
// so it is not cut further.
func export(account string, w schemas.Window) string {
	return fmt.Sprintf("chatlake export --account %s --from %s --to %s", account, argument(w.From), argument(w.To))
}

func again(account string, w schemas.Window) string {
	return export(account, w) + " --window month --refresh"
}

// argument is a time as flags take it.
func argument(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.UTC().Format(time.DateOnly)
	}
	return t.UTC().Format(time.RFC3339)
}
