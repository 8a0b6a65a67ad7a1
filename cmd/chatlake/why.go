package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

type whyFlags struct {
	scope
	created string
}

// The states of a conversation in the lake.
const (
	stateWhole  = "whole"
	stateGone   = "gone"
	stateDead   = "dead"
	stateAbsent = "absent"
)

// whereabouts is where a conversation is, or why it is nowhere.
type whereabouts struct {
	Conversation string  `json:"conversation_id"`
	State        string  `json:"state"`   // whole, dead, gone or absent
	Shards       []trace `json:"shards"`  // that have rows of it
	Windows      int     `json:"windows"` // that were searched
	// Reasons say why it is not there, or not whole, and what to do.
	Reasons []string         `json:"reasons"`
	Damaged []ledger.Finding `json:"damaged"` // what could not be searched
}

func (a *app) whyCommand() *cobra.Command {
	var f whyFlags
	cmd := &cobra.Command{
		Use:   "why <conversation id>",
		Short: "Say where a conversation is in the lake, or why it is not",
		Long: "Looks for a conversation in the windows that are committed, by the platform's own id of it: its window, when it was fetched and\n" +
			"with which answers, and the files and row groups that its rows are in. When it is not there, it says why as far as that can be\n" +
			"told: with --created, the time when it was created, much further. Prints ids, counts and times only, never a text.\n" +
			"Exit status 0 when all of it is in the lake, 3 when it is not.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.why(cmd.Context(), args[0], f) },
	}
	f.flags(cmd.Flags(), "look only into windows that end after this time", "look only into windows that begin before this time")
	cmd.Flags().StringVar(&f.created, "created", "", "when the conversation was created, to tell why it is not there")
	return cmd
}

func (a *app) why(ctx context.Context, id string, f whyFlags) error {
	if id = strings.TrimSpace(id); id == "" {
		return usage("the conversation's id is missing: chatlake why <conversation id>")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	filter, err := f.filter()
	if err != nil {
		return err
	}
	var created time.Time
	if f.created != "" {
		if created, err = moment(f.created); err != nil {
			return usage("--created: %v", err)
		}
	}
	l, err := openLake(ctx, c, f.account)
	if err != nil {
		return err
	}
	read, err := readLedger(ctx, l, filter)
	if err != nil {
		return err
	}
	found, err := search(ctx, l, read, id)
	if err != nil {
		return err
	}
	if found.State != stateWhole {
		found.Reasons = append(found.Reasons, a.reasons(ctx, c, found, read, filter, created)...)
	}
	if a.json() {
		err = a.printJSON(found)
	} else {
		err = found.write(a.out)
	}
	if err == nil && found.State != stateWhole {
		return &outcome{status: exitGaps}
	}
	return err
}

// shardsAtOnce is how many windows are searched at the same time.
const shardsAtOnce = 8

// search looks for a conversation in what counts. The trace of the version that readers take comes first.
func search(ctx context.Context, l *lake.Lake, read ledgerState, id string) (whereabouts, error) {
	w := whereabouts{Conversation: id, State: stateAbsent, Shards: []trace{}, Reasons: []string{}, Damaged: []ledger.Finding{}}
	w.Damaged = append(w.Damaged, read.unreadable...)
	records := slices.DeleteFunc(slices.Clone(read.current), func(r ledger.Record) bool { return r.Shard.Stream == schemas.StreamDirectory })
	w.Windows = len(records)
	traces := make([]trace, len(records))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(shardsAtOnce)
	for i, r := range records {
		group.Go(func() (err error) {
			traces[i], err = traceIn(ctx, l, r, id)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return w, err
	}
	for _, t := range traces {
		w.Damaged = append(w.Damaged, t.damaged...)
		if len(t.Places) > 0 {
			w.Shards = append(w.Shards, t)
		}
	}
	slices.SortStableFunc(w.Shards, func(a, b trace) int {
		return cmp.Or(
			cmp.Compare(stateRank(a.State), stateRank(b.State)),
			compareVersions(b.version, a.version),
			b.CommittedAt.Compare(a.CommittedAt),
		)
	})
	if len(w.Shards) > 0 {
		w.State = cmp.Or(w.Shards[0].State, stateAbsent)
	}
	return w, nil
}

func stateRank(state string) int {
	return slices.Index([]string{stateWhole, stateDead, stateGone, ""}, state)
}

// compareVersions puts what has no version before all others.
func compareVersions(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}
