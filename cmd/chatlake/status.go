package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/workflows"
)

// exportStatus is one export as Temporal knows it.
type exportStatus struct {
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	Status    string    `json:"status"`
	StartedAt time.Time `json:"started_at"`
	// Progress is set while it runs and a worker answers, Result when it is done.
	Progress *snapshot `json:"progress,omitempty"`
	// Waiting is what a running export waits for that gives no answer.
	Waiting *wait                   `json:"waiting,omitempty"`
	Result  *workflows.ExportOutput `json:"result,omitempty"`
}

func (e exportStatus) id() string { return workflows.ExportID(e.Account, e.Name) }

// The statuses of an export.
const (
	statusRunning = "running"
	statusDone    = "done"
	statusNone    = "" // never started, or forgotten
)

func statusName(s enums.WorkflowExecutionStatus) string {
	switch s {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return statusRunning
	case enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return statusDone
	default:
		return strings.ToLower(s.String())
	}
}

func (a *app) statusCommand() *cobra.Command {
	var n named
	cmd := n.flags(&cobra.Command{
		Use: "status", Short: "Show the exports and how far they are", Args: cobra.NoArgs,
		Long: "Shows the exports that Temporal remembers. With --name the exit status is that of the export: 0 complete or running,\n" +
			"1 failed, 3 complete with gaps, 4 blocked.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), n) },
	})
	cmd.Flags().Lookup("account").Usage = "only exports of this account"
	cmd.Flags().Lookup("name").Usage = "only the export of this name"
	return cmd
}

func (a *app) status(ctx context.Context, n named) error {
	_, s, err := a.visit(ctx)
	if err != nil {
		return err
	}
	all, err := exports(ctx, s.temporal.Client)
	var shown []exportStatus
	folder := newFolderWatch(s.config)
	for _, e := range all {
		if (n.account == "" || n.account == e.Account) && (n.name == "" || n.name == e.Name) {
			if !s.temporal.Embedded || e.Status != statusRunning { // nobody would answer
				e = detail(ctx, s.temporal.Client, e)
			}
			if e.Status == statusRunning && !s.temporal.Embedded {
				if full := folder.look(time.Now()); full != nil {
					e.Waiting = &wait{Waiting: *full}
				}
			}
			shown = append(shown, e)
		}
	}
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	if n.name != "" && len(shown) == 0 {
		return usage("there is no export named %s", n.name)
	}
	if a.json() {
		err = a.printJSON(shown)
	} else {
		err = writeStatus(a.out, shown)
	}
	if err == nil && n.name != "" {
		return verdict(shown[0])
	}
	return err
}

// exports lists every export once, the newest first.
func exports(ctx context.Context, c client.Client) ([]exportStatus, error) {
	var all []exportStatus
	seen := map[string]bool{}
	var token []byte
	for {
		page, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType='Export'", NextPageToken: token})
		if err != nil {
			return nil, fmt.Errorf("list exports: %w", err)
		}
		for _, info := range page.Executions {
			id := info.Execution.WorkflowId
			parts := strings.SplitN(id, "/", 3)
			if seen[id] || len(parts) != 3 {
				continue
			}
			seen[id] = true
			all = append(all, exportStatus{
				Account: parts[1], Name: parts[2], Status: statusName(info.Status), StartedAt: info.StartTime.AsTime(),
			})
		}
		if token = page.NextPageToken; len(token) == 0 {
			return all, nil
		}
	}
}

// statusOfExport is that of one workflow id.
func statusOfExport(ctx context.Context, c client.Client, id string) (string, error) {
	d, err := c.DescribeWorkflowExecution(ctx, id, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return statusNone, nil
	}
	if err != nil {
		return "", fmt.Errorf("look for %s: %w", id, err)
	}
	return statusName(d.WorkflowExecutionInfo.Status), nil
}

// detail asks a running export for its progress, and a finished one for its result.
func detail(ctx context.Context, c client.Client, e exportStatus) exportStatus {
	switch e.Status {
	case statusRunning:
		s, err := observe(ctx, c, e.id())
		if err != nil {
			e.Waiting = &wait{Waiting: *silence(err, time.Now(), healthOf(ctx, c))}
			return e
		}
		e.Progress = &s
	case statusDone:
		var out workflows.ExportOutput
		if err := c.GetWorkflow(ctx, e.id(), "").Get(ctx, &out); err == nil {
			e.Result = &out
		}
	}
	return e
}

func writeStatus(w io.Writer, all []exportStatus) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "There are no exports.")
		return err
	}
	for _, e := range all {
		text := e.Status
		switch {
		case e.Progress != nil:
			text = string(e.Progress.State) + ": " + windows(*e.Progress) + ", " + conversations(*e.Progress) + ", " + messages(*e.Progress)
		case e.Result != nil && e.Result.Complete:
			text = "complete: " + plural(e.Result.Totals.Conversations, "conversation") + ", " + plural(e.Result.Totals.Messages, "message")
		case e.Result != nil:
			text = "done with gaps: " + plural(e.Result.Totals.Conversations, "conversation") + ", " + plural(e.Result.Totals.Messages, "message")
		case e.Waiting != nil:
			text = "no answer"
		case e.Status == statusRunning:
			text = "begun, but no worker answers; `chatlake export` or `chatlake worker` goes on with it"
		}
		if n := e.unreadable(); n > 0 {
			text += "; " + plural(n, "text") + " could not be decrypted"
		}
		if e.Result != nil && e.Result.Totals.Unwitnessed > 0 {
			text += "; " + plural(int64(e.Result.Totals.Unwitnessed), "window") + " read from lists that nothing but the platform's own answers shows to be whole"
		}
		if _, err := fmt.Fprintf(w, "%s %s (since %s): %s\n", e.Account, e.Name, e.StartedAt.UTC().Format("2006-01-02 15:04 UTC"), text); err != nil {
			return err
		}
		if e.Waiting != nil {
			fmt.Fprintf(w, "  %s\n", *e.Waiting)
		}
		if e.Progress != nil {
			for _, waiting := range e.Progress.Waiting {
				fmt.Fprintf(w, "  %s\n", waiting)
			}
			writeBlocked(w, e.Progress.Blocked)
		}
	}
	return nil
}

// unreadable is how many texts of the windows that ended could not be decrypted.
func (e exportStatus) unreadable() int64 {
	switch {
	case e.Result != nil:
		return e.Result.Totals.Unreadable
	case e.Progress != nil:
		return e.Progress.Unreadable
	}
	return 0
}

// verdict is the exit status that an export's state stands for; everything was said already.
func verdict(e exportStatus) error {
	switch {
	case e.Progress != nil && e.Progress.State == workflows.StateBlocked:
		return &outcome{status: exitBlocked}
	case e.Status == statusRunning, e.Result != nil && e.Result.Complete:
		return nil
	case e.Status == statusDone:
		return &outcome{status: exitGaps}
	default:
		return &outcome{status: exitFailed}
	}
}
