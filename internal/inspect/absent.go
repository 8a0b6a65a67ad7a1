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
		return []string{"It could not be copied; what was fetched of it is in the table documents. When the cause is gone, copy its window again: " + again(t.Account, t.Window)}
	case StateGone:
		return []string{"The platform listed it and did not have it any more when it was fetched: there is nothing to copy."}
	}
	var reasons []string
	if len(found.Damaged) > 0 {
		reasons = append(reasons, fmt.Sprintf("%s could not be read, so it may be there all the same: `chatlake verify` says what is damaged.",
			words.Plural(int64(len(found.Damaged)), "file")))
	}
	if created.IsZero() {
		for _, g := range gapsOf(read.current, f) {
			reasons = append(reasons, fmt.Sprintf("No committed window of %s covers %s. If it was created then, that is why: %s", g.Account, words.Span(g.Window), g.Command()))
		}
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
			day := schemas.Window{From: created.Truncate(24 * time.Hour), To: created.Truncate(24*time.Hour).AddDate(0, 0, 1)}
			reasons = append(reasons, fmt.Sprintf("No committed window of %s covers %s: %s", account, words.Time(created), ExportCommand(account, day)))
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
		text += " The token that it was read with does not see the whole account: give the account one that does, then " + again(r.Shard.Account, r.Shard.Window)
		return text
	}
	return text + " If the platform has it now: " + again(r.Shard.Account, r.Shard.Window)
}
