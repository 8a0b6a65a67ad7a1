package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/terminal"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

type rebuildFlags struct {
	account string
	again   bool
}

// rebuilt is what became of one account's windows.
type rebuilt struct {
	Account string `json:"account"`
	Windows int    `json:"windows"` // of conversations and reports, in the ledger
	operate.Rebuilt
	// Others are windows that were made with other settings than the account has today.
	Others      []string          `json:"others"`
	Left        []string          `json:"left"` // windows that no export makes
	Unreadable  []inspect.Finding `json:"unreadable"`
	Gaps        []inspect.Gap     `json:"gaps"`
	Changes     int               `json:"changes"`     // windows of changes; syncs continue after them
	Directories int               `json:"directories"` // snapshots; they need nothing
	Note        string            `json:"note,omitempty"`
}

// whole says that everything that the ledger has was taken over, and that nothing is missing between.
func (r rebuilt) whole() bool {
	again := false
	for _, e := range r.Exports {
		if len(e.Result.Failed) > 0 || e.Result.Totals.Absent > 0 || e.Result.Totals.Skipped > 0 {
			return false
		}
		again = again || e.Again
	}
	return len(r.Left)+len(r.Unreadable)+len(r.Gaps) == 0 && (again || len(r.Others) == 0) && r.Note == ""
}

func (a *app) rebuildCommand() *cobra.Command {
	var f rebuildFlags
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Restore Temporal's state from the ledger after it was lost", Args: cobra.NoArgs,
		Long: "Reads from the ledger which ranges were exported, and starts exports over exactly those windows. The exports adopt what is\n" +
			"committed: about one activity for each window, no request to the platform, and nothing is written twice. Windows that were made\n" +
			"with other settings than the account has today are listed, and exported again only with --again. Exit status 3 if the ledger\n" +
			"has gaps, or anything that could not be adopted.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.rebuild(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.account, "account", "", "only this account (default: all in the configuration)")
	cmd.Flags().BoolVar(&f.again, "again", false, "export windows again that were made with other settings than today's; costs requests")
	return cmd
}

func (a *app) rebuild(ctx context.Context, f rebuildFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	accounts, err := accountsIn(c, f.account)
	if err == nil {
		err = c.Secrets(accounts...)
	}
	if err != nil {
		return err
	}
	l, err := inspect.Open(ctx, c, f.account)
	if err != nil {
		return err
	}
	surveys, err := l.Survey(ctx, accounts)
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
	for _, survey := range surveys {
		var r rebuilt
		if r, err = a.rebuildAccount(ctx, s, survey, f.again); err != nil {
			break
		}
		results = append(results, r)
	}
	if err := a.leave(ctx, c, s, err); err != nil {
		return err
	}
	return a.reportRebuilt(results)
}

// rebuildAccount runs the exports of one account.
func (a *app) rebuildAccount(ctx context.Context, s *operate.Session, survey inspect.Survey, copyAgain bool) (rebuilt, error) {
	r := rebuilt{
		Account: survey.Account, Windows: survey.Windows, Others: survey.Others, Left: survey.Left,
		Unreadable: survey.Unreadable, Gaps: survey.Gaps, Changes: survey.Changes, Directories: survey.Directories, Note: survey.Note,
	}
	spans := func(runs []inspect.Run) (all []operate.Span) {
		for _, run := range runs {
			all = append(all, operate.Span{Range: run.Range, Window: run.Size})
		}
		return all
	}
	var again []operate.Span
	if copyAgain {
		again = spans(survey.Again)
	}
	var err error
	r.Rebuilt, err = s.Rebuild(ctx, r.Account, spans(survey.Adopt), again, func(in workflows.ExportInput, met bool) operate.Watcher {
		if met {
			a.note("Resuming export %s of %s, which is running already.", in.Name, in.Account)
		}
		verb := "Adopting"
		if !in.Adopt {
			verb = "Copying again"
		}
		return &view{screen: terminal.NewScreen(a.log, a.width, 1), title: fmt.Sprintf("%s %s, %s", verb, in.Account, words.Span(in.Range())), every: logEvery}
	})
	return r, err
}

func (a *app) reportRebuilt(results []rebuilt) error {
	err := show(a, results, writeRebuilt)
	if err == nil && slices.ContainsFunc(results, func(r rebuilt) bool { return !r.whole() }) {
		return &outcome{status: exitGaps}
	}
	return err
}
