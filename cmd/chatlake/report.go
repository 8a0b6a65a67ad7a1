package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/report"
	"github.com/chatlake/chatlake/internal/terminal"
	"github.com/chatlake/chatlake/internal/words"
)

type reportFlags struct {
	verifyFlags
	html string
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use: "report --account <name> --html <file>", Short: "Write one file that shows what was copied of an account, what was not and why, and how to check it", Args: cobra.NoArgs,
		Long: "Verifies an account as `chatlake verify` does and writes a page for people who were not there: what was asked for, coverage, the\n" +
			"platform's counts, gaps and accepted losses with their reasons, and all files with their SHA-256. The page needs no other file and\n" +
			"no script, prints well, and contains no text of a conversation. With --output json, the same is printed for programs. Exit status 3\n" +
			"if the copy is not complete.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.writeReportOf(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	f.flags(flags, "start of the range that the lake should cover (default: the oldest window)", "end of that range, exclusive (default: the end of the newest window)")
	flags.Lookup("account").Usage = "account name; optional if only one is configured"
	flags.StringVar(&f.html, "html", "", "file for the page; - is the standard output")
	flags.BoolVar(&f.deep, "deep", false, "read every file completely: compare digests, and find conversations that are stored twice")
	flags.BoolVar(&f.totals, "provider-totals", false, "ask the platform how many conversations each window has now; costs requests")
	return cmd
}

func (a *app) writeReportOf(ctx context.Context, f reportFlags) error {
	if f.html == "" && !a.json() {
		return usage("--html is missing: name the file for the report, or - for the standard output")
	}
	if f.html == "-" && a.json() {
		return usage("--html - and --output json both need the standard output; name a file")
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	within, err := f.window()
	if err != nil {
		return err
	}
	if f.account == "" {
		if f.account, err = accountOf(c, ""); err != nil {
			return err
		}
	}
	if f.totals {
		if err := c.Secrets(f.account); err != nil {
			return err
		}
	}
	l, err := inspect.Open(ctx, c, f.account)
	if err != nil {
		return err
	}
	said := terminal.NewProgress(a.note, sayEvery)
	r, err := l.Report(ctx, within, inspect.VerifyOptions{Deep: f.deep, Totals: f.totals, Progress: func(p inspect.Progress) { sayProgress(said, p) }})
	if err != nil {
		return err
	}
	if kept := l.KeepVerified(ctx, r.Verified); kept != nil {
		a.note("The result is not kept in the lake, so `chatlake status` and metrics show an older one: %v", kept)
	}
	if err := a.writeReport(r, f.html); err != nil {
		return err
	}
	if !r.Complete() {
		return &outcome{status: exitGaps}
	}
	return nil
}

// writeReport writes a report as a page, as JSON, or as both.
func (a *app) writeReport(r inspect.Report, file string) error {
	if file == "" {
		return a.printJSON(r)
	}
	text, err := report.HTML(r)
	if err != nil {
		return err
	}
	if file == "-" {
		_, err := a.out.Write(text)
		return err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return show(a, r, func(w io.Writer, r inspect.Report) error {
		_, err := fmt.Fprintf(w, "%s: %s\nThe report is in %s (%s).\n", r.Account, report.Verdict(r), file, words.Size(int64(len(text))))
		return err
	})
}
