package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

const (
	lookEvery    = 500 * time.Millisecond
	logEvery     = time.Second
	queryTimeout = 5 * time.Second

	// answerTimeout is how long a worker that has just begun has to answer: it may get the question only after the
	// server has given up on the worker before it.
	answerTimeout = time.Minute
)

// attended is how one export ended.
type attended struct {
	out  workflows.ExportOutput
	took time.Duration
	err  error
}

// attend starts or meets exports, works on them in this process, and shows them until each has ended or only people can go
// on. How they ended comes in their order; an error means that none was begun, or that all were left.
func (a *app) attend(ctx context.Context, s *session, ins ...workflows.ExportInput) ([]attended, error) {
	for _, in := range ins {
		running, err := isRunning(ctx, s, in)
		if err == nil && running {
			err = sameRange(ctx, s.temporal.Client, in)
		} else if err == nil {
			err = worker.Check(ctx, s.config, in.Account)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := s.work(ctx); err != nil {
		return nil, err
	}
	runs := make([]client.WorkflowRun, len(ins))
	for i, in := range ins {
		run, attached, err := begin(ctx, s, in)
		if err == nil && attached {
			a.note("Going on with export %s.", in.Name)
			err = unblock(ctx, s.temporal.Client, run.GetID())
		}
		if err != nil {
			return nil, err
		}
		runs[i] = run
	}
	began := time.Now()
	ends := make([]attended, len(ins))
	shown := &screen{to: a.log, width: a.terminal(), panes: make([][]string, len(ins))}
	var watching sync.WaitGroup
	for i, in := range ins {
		v := &view{screen: shown, pane: i, title: fmt.Sprintf("Exporting %s, %s to %s", in.Account, label(in.From), label(in.To)), every: logEvery}
		if len(ins) > 1 {
			v.name = in.Account
		}
		watching.Go(func() {
			out, err := a.watch(ctx, s, runs[i], v)
			ends[i] = attended{out, time.Since(began), err}
		})
	}
	watching.Wait()
	return ends, ctx.Err()
}

// unblock tells an export that was blocked that a person has acted: who gives the command again wants it tried again.
func unblock(ctx context.Context, c client.Client, id string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	p, err := look(ctx, c, id)
	for ; err != nil; p, err = look(ctx, c, id) { // a question that went to the worker before this one is lost with it
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lookEvery):
		}
	}
	if len(p.Blocked) == 0 {
		return nil
	}
	return instruction{name: workflows.RetryBlockedUpdate}.send(ctx, c, id)
}

// sameRange refuses to meet an export of another range under the same name.
func sameRange(ctx context.Context, c client.Client, in workflows.ExportInput) error {
	id := workflows.ExportID(in.Account, in.Name)
	first, err := c.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
	if err != nil {
		return fmt.Errorf("read how %s began: %w", id, err)
	}
	var began workflows.ExportInput
	if err := converter.GetDefaultDataConverter().FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &began); err != nil {
		return fmt.Errorf("read how %s began: %w", id, err)
	}
	if !began.From.Equal(in.From) || began.To.After(in.To) {
		return usage("an export named %s runs already, from %s to %s; give another --name", in.Name, label(began.From), label(began.To))
	}
	return nil
}

func isRunning(ctx context.Context, s *session, in workflows.ExportInput) (bool, error) {
	status, err := statusOfExport(ctx, s.temporal.Client, workflows.ExportID(in.Account, in.Name))
	return status == statusRunning, err
}

// watch shows an export until it ends. Blocked for good is an outcome of its own: the workflow waits, nobody else must.
func (a *app) watch(ctx context.Context, s *session, run client.WorkflowRun, v *view) (workflows.ExportOutput, error) {
	type end struct {
		out workflows.ExportOutput
		err error
	}
	ended := make(chan end, 1)
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		var e end
		e.err = run.Get(watching, &e.out)
		ended <- e
	}()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	blocked := 0 // looks in a row
	var seen snapshot
	var mute hush
	folder := newFolderWatch(s.config)
	for {
		select {
		case e := <-ended:
			v.erase()
			return e.out, explainEnd(e.err)
		case err := <-s.failed:
			s.failed <- err
			return workflows.ExportOutput{}, err
		case <-ctx.Done():
			return workflows.ExportOutput{}, ctx.Err()
		case <-ticker.C:
			snap, err := observe(ctx, s.temporal.Client, run.GetID())
			full := folder.look(time.Now())
			missed := mute.heard(err, time.Now(), healthOf(ctx, s.temporal.Client))
			if err == nil {
				seen = snap
			}
			seen.At = time.Now()
			switch {
			case full != nil:
				v.show(seen.standsFor(*full))
			case missed != nil:
				v.show(seen.standsFor(*missed))
			case err == nil:
				v.show(snap)
			}
			if err != nil {
				continue // the worker is not there yet, or busy; the next look tells more
			}
			if snap.State != workflows.StateBlocked {
				blocked = 0
			} else if blocked++; blocked > 2 {
				return workflows.ExportOutput{}, blockedOutcome(snap.Blocked)
			}
		}
	}
}

// observe asks the export and its windows in flight how far they are.
func observe(ctx context.Context, c client.Client, id string) (snapshot, error) {
	p, err := look(ctx, c, id)
	if err != nil {
		return snapshot{}, err
	}
	var shards []workflows.ShardProgress
	for _, shard := range p.Running {
		var s workflows.ShardProgress
		if err := query(ctx, c, shard, &s); err == nil {
			if s.Waiting == nil && s.Blocked == nil {
				s.Waiting = worker.Waiting(ctx, c, shard)
			}
			shards = append(shards, s) // one that has just ended shows up in the totals next time
		}
	}
	if p.Waiting == nil && len(p.Running) == 0 {
		p.Waiting = worker.Waiting(ctx, c, id)
	}
	return newSnapshot(time.Now(), p, shards), nil
}

func look(ctx context.Context, c client.Client, id string) (p workflows.ExportProgress, err error) {
	err = query(ctx, c, id, &p)
	return p, err
}

func query(ctx context.Context, c client.Client, id string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	answer, err := c.QueryWorkflow(ctx, id, "", workflows.ProgressQuery)
	if err != nil {
		return fmt.Errorf("ask %s for its progress: %w", id, err)
	}
	return answer.Get(into)
}

// explainEnd puts the end of a workflow that gave no result into words.
func explainEnd(err error) error {
	var canceled *temporal.CanceledError
	var terminated *temporal.TerminatedError
	var failed *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &canceled):
		return &outcome{status: exitFailed, text: "The export was cancelled. What was committed stays in the lake; the same command copies the rest."}
	case errors.As(err, &terminated):
		return &outcome{status: exitFailed, text: "The export was terminated. What was committed stays in the lake; the same command copies the rest."}
	case errors.As(err, &failed) && failed.Type() == workflows.InvalidInput:
		return &outcome{status: exitFailed, text: "The export was refused: " + failed.Message() + "."}
	case errors.As(err, &failed):
		return &outcome{status: exitFailed, text: "The export failed: " + failed.Message() + ". The same command tries again."}
	default:
		return err
	}
}

// blockedOutcome says which windows wait for a person, why, and what to do.
func blockedOutcome(blocked []workflows.BlockedShard) error {
	var b strings.Builder
	b.WriteString("Blocked: a person must act.\n")
	writeBlocked(&b, blocked)
	b.WriteString("Then give the same command again (or, where a worker runs elsewhere, `chatlake resume`). Nothing is lost meanwhile.")
	return &outcome{status: exitBlocked, text: b.String(), result: map[string]any{"blocked": blocked}}
}

// writeBlocked tells each cause once, with the windows that it keeps waiting.
func writeBlocked(w io.Writer, blocked []workflows.BlockedShard) {
	type cause struct{ kind, detail string }
	var causes []cause
	waiting := map[cause][]string{}
	for _, shard := range blocked {
		c := cause{shard.Kind, shard.Detail}
		if waiting[c] == nil {
			causes = append(causes, c)
		}
		waiting[c] = append(waiting[c], windowOf(shard.Shard))
	}
	for _, c := range causes {
		fmt.Fprintf(w, "  %s\n    %s\n", c.detail, remedy(c.kind))
		names := waiting[c]
		if n := len(names); n > 3 {
			names = append(names[:2:2], fmt.Sprintf("%d more", n-2))
		}
		fmt.Fprintf(w, "    waiting: %s\n", list(names))
	}
}

// remedy is what a person can do about a kind of block.
func remedy(kind string) string {
	switch kind {
	case "Denied":
		return "Put the account's token and its user's rights in order (accounts.<name>.token in the configuration)."
	case "NotFound":
		return "Check accounts.<name>.base_url and account_id in the configuration."
	case "Stopped":
		return "Put in order what the message names (the account's token, its user's rights, or its rate in the configuration)."
	case "Failed":
		return "Wait until the platform can do it again; ask its support when it goes on failing."
	case "WindowTooDense":
		return "Try again later. When it goes on, report it: the platform lists too many conversations at the same time."
	case workflows.CountMismatch:
		return "Try again later, or set export.on_mismatch: flag to commit the window with a note."
	case "StagingLost":
		return "Find out what deletes objects below _staging/ in the lake."
	case "FilesLost":
		return "Find out what deletes objects below data/ in the lake."
	case "Incomplete":
		return "This is a defect of chatlake; please report it. `chatlake cancel`, and then the same command again, copies the window anew."
	case "Malformed", "Timeout", "Panic":
		return "Check that accounts.<name>.base_url is the platform's API; if it is, this is a defect of chatlake."
	default:
		return "See to the cause that is named above."
	}
}
