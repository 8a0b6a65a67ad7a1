package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

type rebuildFlags struct {
	account string
	again   bool
}

// rebuilt is what became of one account's windows.
type rebuilt struct {
	Account string    `json:"account"`
	Windows int       `json:"windows"` // of conversations and reports, in the ledger
	Exports []resumed `json:"exports"`
	Adopted int       `json:"adopted"`
	Copied  int       `json:"copied"` // once more, with --again
	// Others are windows that were made to other settings of the account than those of today.
	Others      []string         `json:"others"`
	Left        []string         `json:"left"` // windows that no export makes
	Unreadable  []ledger.Finding `json:"unreadable"`
	Gaps        []gap            `json:"gaps"`
	Directories int              `json:"directories"` // snapshots; they need nothing
	Note        string           `json:"note,omitempty"`
}

// resumed is an export that was started for windows of the ledger.
type resumed struct {
	Name   string                 `json:"name"`
	Window string                 `json:"window"`
	Again  bool                   `json:"again,omitempty"`
	Result workflows.ExportOutput `json:"result"`
}

// whole says that everything that the ledger has was taken over, and that nothing is missing between.
func (r rebuilt) whole() bool {
	again := false
	for _, e := range r.Exports {
		if len(e.Result.Failed) > 0 || e.Result.Totals.Absent > 0 {
			return false
		}
		again = again || e.Again
	}
	return len(r.Left)+len(r.Unreadable)+len(r.Gaps) == 0 && (again || len(r.Others) == 0) && r.Note == ""
}

func (a *app) rebuildCommand() *cobra.Command {
	var f rebuildFlags
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Make Temporal's state anew from the ledger, after it was lost", Args: cobra.NoArgs,
		Long: "Reads from the ledger which ranges were copied, and starts exports over exactly those windows. They adopt what is committed, in\n" +
			"about one activity a window: they ask the platform nothing and copy nothing, so that nothing is in the lake twice. Windows made\n" +
			"to other settings of an account than those of today are told, and copied only with --again. Exit status 3 when anything in the\n" +
			"ledger was not adopted, or is missing between.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.rebuild(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.account, "account", "", "only this account (default all of the configuration)")
	cmd.Flags().BoolVar(&f.again, "again", false, "copy windows once more that were made to other settings than today's; costs requests")
	return cmd
}

func (a *app) rebuild(ctx context.Context, f rebuildFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	accounts := accountsIn(c, f.account)
	if len(accounts) == 0 {
		return c.Problem("accounts", fmt.Sprintf("there is no account %s; the configuration has %s", f.account, words.List(accountNames(c))))
	}
	if err := c.Secrets(accounts...); err != nil {
		return err
	}
	l, err := openLake(ctx, c, f.account)
	if err != nil {
		return err
	}
	read, err := readLedger(ctx, l, ledger.Filter{Account: f.account})
	if err != nil {
		return err
	}
	s, err := a.connect(ctx, c, worker.ConnectOptions{})
	if err != nil {
		return err
	}
	if err := s.Work(ctx); err != nil {
		return errors.Join(err, s.Stop())
	}
	results := []rebuilt{}
	for _, account := range accounts {
		var r rebuilt
		if r, err = a.rebuildAccount(ctx, c, s, read, account, f.again); err != nil {
			break
		}
		results = append(results, r)
	}
	if stopErr := s.Stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return a.interrupted(ctx, c, err)
	}
	return a.reportRebuilt(append(results, strangers(c, read)...))
}

// rebuildAccount runs the exports of one account, one after the other.
func (a *app) rebuildAccount(ctx context.Context, c worker.Config, s *operate.Session, read ledgerState, account string, again bool) (rebuilt, error) {
	r, adopt, others := survey(c, read, account)
	for _, one := range adopt {
		if err := a.resume(ctx, s, &r, one, false); err != nil {
			return r, err
		}
	}
	if !again || len(others) == 0 {
		return r, nil
	}
	if err := worker.Check(ctx, c, account); err != nil {
		return r, err
	}
	for _, one := range others {
		if err := a.resume(ctx, s, &r, one, true); err != nil {
			return r, err
		}
	}
	return r, nil
}

// resume starts an export over windows of the ledger and waits for its end.
func (a *app) resume(ctx context.Context, s *operate.Session, r *rebuilt, one run, again bool) error {
	in := workflows.ExportInput{
		Account: r.Account, Name: words.Time(one.Range.From) + "_" + words.Time(one.Range.To), From: one.Range.From, To: one.Range.To,
		Window: one.Size, Adopt: !again,
	}
	started, err := s.Start(ctx, in)
	if err == nil && started.Met {
		a.note("Going on with export %s of %s, which runs already.", in.Name, r.Account)
		err = s.SameRange(ctx, in)
	}
	if err != nil {
		return err
	}
	verb := "Adopting"
	if again {
		verb = "Copying again"
	}
	shown := &screen{to: a.log, width: a.terminal(), panes: make([][]string, 1)}
	out, err := s.Follow(ctx, started, &view{screen: shown, title: fmt.Sprintf("%s %s, %s to %s", verb, r.Account, words.Time(in.From), words.Time(in.To)), every: logEvery})
	if err != nil {
		return err
	}
	r.Adopted += out.Totals.Adopted
	r.Copied += out.Totals.Shards
	r.Exports = append(r.Exports, resumed{in.Name, one.Size, again, out})
	return nil
}

// survey sorts what the ledger has of an account, and reckons the exports that meet it: those that adopt, and those that
// copy again.
func survey(c worker.Config, read ledgerState, account string) (r rebuilt, adopt, others []run) {
	r = rebuilt{Account: account, Exports: []resumed{}, Others: []string{}, Left: []string{}, Unreadable: []ledger.Finding{}, Gaps: []gap{}}
	known := map[schemas.Stream]map[schemas.Window]bool{schemas.StreamCreated: {}, schemas.StreamReports: {}}
	var records []ledger.Record
	for _, record := range read.current {
		shard := record.Shard
		switch {
		case shard.Account != account:
		case shard.Stream == schemas.StreamDirectory:
			r.Directories++
		case known[shard.Stream] == nil:
			r.Left = append(r.Left, shard.String())
		default:
			records = append(records, record)
			known[shard.Stream][shard.Window] = c.Made(record)
			if !c.Made(record) {
				r.Others = append(r.Others, shard.String())
			}
		}
	}
	r.Windows = len(records)
	for _, e := range read.entries {
		if e.Problem != "" && (e.Shard.Account == account || e.Shard.Account == "") {
			r.Unreadable = append(r.Unreadable, ledger.Finding{Key: e.Key, Problem: e.Problem})
		}
	}
	r.Gaps = append(r.Gaps, gapsOf(records, ledger.Filter{})...)
	adopt = meet(known, true)
	for _, w := range left(known, adopt) {
		r.Left = append(r.Left, account+"/"+w)
	}
	return r, adopt, meet(known, false)
}

// meet are the runs over windows of all streams that are adopted, or over those that are not.
func meet(known map[schemas.Stream]map[schemas.Window]bool, adopted bool) []run {
	var runs []run
	for _, stream := range []schemas.Stream{schemas.StreamCreated, schemas.StreamReports} {
		chosen := map[schemas.Window]bool{}
		for w, adopts := range known[stream] {
			chosen[w] = adopts == adopted
		}
		runs = append(runs, newHolding(chosen).without(runs).runsOf()...)
	}
	slices.SortFunc(runs, func(a, b run) int { return byBeginning(a.Range, b.Range) })
	return runs
}

// left are the windows that no run meets.
func left(known map[schemas.Stream]map[schemas.Window]bool, runs []run) []string {
	var names []string
	for _, stream := range []schemas.Stream{schemas.StreamCreated, schemas.StreamReports} {
		for _, w := range newHolding(known[stream]).without(runs).adopted {
			names = append(names, string(stream)+"/"+w.String())
		}
	}
	return names
}

// strangers are accounts of the ledger that the configuration does not have.
func strangers(c worker.Config, read ledgerState) []rebuilt {
	var names []string
	for _, r := range read.current {
		if _, ok := c.Accounts[r.Shard.Account]; !ok && !slices.Contains(names, r.Shard.Account) {
			names = append(names, r.Shard.Account)
		}
	}
	var all []rebuilt
	for _, name := range names {
		r, _, _ := survey(c, read, name)
		r.Others, r.Note = []string{}, "is in the ledger and not in the configuration: it stands as it is"
		all = append(all, r)
	}
	return all
}

func (a *app) reportRebuilt(results []rebuilt) error {
	var err error
	if a.json() {
		err = a.printJSON(results)
	} else {
		err = writeRebuilt(a.out, results)
	}
	if err == nil && slices.ContainsFunc(results, func(r rebuilt) bool { return !r.whole() }) {
		return &outcome{status: exitGaps}
	}
	return err
}
