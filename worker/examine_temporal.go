package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/worker/embedded"
)

// What exports require of a Temporal server.
const (
	leastRetention = 7 * 24 * time.Hour // of ended workflows: after it, status and results of exports are gone
	leastPayload   = 1 << 20            // bytes: the receipts of a shard take some hundred kilobytes at most
	askTimeout     = 20 * time.Second
	startTimeout   = time.Minute
)

// ExamineTemporal checks the Temporal server that exports would use. It starts and stops the embedded server if that is the one.
func (c Config) ExamineTemporal(ctx context.Context) []ledger.Check {
	if c.Temporal == nil {
		switch running, err := Running(c.StateDir); {
		case err != nil:
			return []ledger.Check{{Name: "reachable", Level: ledger.LevelWarning, Text: err.Error()}}
		case !running:
			return []ledger.Check{c.tryEmbedded(ctx)}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	t, err := Visit(ctx, c)
	if err != nil {
		text := err.Error()
		if c.Temporal != nil {
			var problem Problem
			if !errors.As(err, &problem) {
				text = c.Problem("temporal.address", text).Error()
			}
		}
		return []ledger.Check{{Name: "reachable", Level: ledger.LevelFailed, Text: text}}
	}
	defer func() { _ = t.Stop() }() // an error does not change the result
	return append(examineServer(ctx, t), c.examineNamespace(ctx, t)...)
}

// tryEmbedded starts the embedded server as an export would. It uses the existing database; if there is none, it uses a new one in a
// temporary folder below the state folder.
func (c Config) tryEmbedded(ctx context.Context) ledger.Check {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	failed := func(err error) ledger.Check {
		return ledger.Check{Name: "reachable", Level: ledger.LevelFailed, Text: err.Error()}
	}
	tried := c
	if !embedded.HasState(c.StateDir) {
		remove, err := MakeFolder(c.StateDir)
		defer remove()
		if err == nil {
			tried.StateDir, err = os.MkdirTemp(c.StateDir, ".doctor-")
		}
		if err != nil {
			return failed(fmt.Errorf("make a folder in the state folder %s: %w", c.StateDir, plain(err)))
		}
		defer os.RemoveAll(tried.StateDir)
	}
	t, err := Connect(ctx, tried, ConnectOptions{})
	if err != nil {
		return failed(err)
	}
	checks := examineServer(ctx, t)
	if err := t.Stop(); err != nil {
		return failed(fmt.Errorf("stop the embedded Temporal: %w", err))
	}
	if checks[0].Level != ledger.LevelOK {
		return checks[0]
	}
	return ledger.Check{Name: "reachable", Level: ledger.LevelOK, Text: "it starts inside chatlake when needed, and keeps its state in " + c.StateDir}
}

func examineServer(ctx context.Context, t *Temporal) []ledger.Check {
	info, err := t.Client.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		return []ledger.Check{{Name: "reachable", Level: ledger.LevelFailed, Text: fmt.Sprintf("read the server's version: %v", err)}}
	}
	return []ledger.Check{{Name: "reachable", Level: ledger.LevelOK, Text: "it responds; version " + info.ServerVersion}}
}

func (c Config) examineNamespace(ctx context.Context, t *Temporal) []ledger.Check {
	name := embedded.Namespace
	if c.Temporal != nil {
		name = c.Temporal.Namespace
	}
	out, err := t.Client.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
	var missing *serviceerror.NamespaceNotFound
	var denied *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &missing):
		return []ledger.Check{{Name: "namespace", Level: ledger.LevelFailed, Text: c.Problem("temporal.namespace", "there is no namespace "+name+"; create it, or correct this key ("+rpcText(err.Error())+")").Error()}}
	case errors.As(err, &denied):
		return []ledger.Check{{Name: "namespace", Level: ledger.LevelNote, Text: "these credentials may not describe the namespace " + name + " (" + rpcText(err.Error()) + ")"}}
	case err != nil:
		return []ledger.Check{{Name: "namespace", Level: ledger.LevelFailed, Text: fmt.Sprintf("describe the namespace %s: %v", name, err)}}
	}
	checks := []ledger.Check{{Name: "namespace", Level: ledger.LevelOK, Text: name + " exists"}}
	if out.NamespaceInfo.GetState() == enums.NAMESPACE_STATE_DEPRECATED {
		checks[0] = ledger.Check{Name: "namespace", Level: ledger.LevelFailed, Text: name + " is deprecated, so no workflow can be started in it; choose another"}
	}
	checks = append(checks, retention(out.Config.GetWorkflowExecutionRetentionTtl().AsDuration()))
	if limit := out.NamespaceInfo.GetLimits().GetBlobSizeLimitError(); limit > 0 {
		level, text := ledger.LevelOK, fmt.Sprintf("payloads may have up to %d bytes", limit)
		if limit < leastPayload {
			level, text = ledger.LevelWarning, text+fmt.Sprintf("; large windows may need %d: raise limit.blobSize.error", leastPayload)
		}
		checks = append(checks, ledger.Check{Name: "limits", Level: level, Text: text})
	}
	return append(checks, c.pollers(ctx, t))
}

// retention checks how long the server keeps ended workflows.
func retention(kept time.Duration) ledger.Check {
	text := fmt.Sprintf("ended exports are kept for %g days", kept.Hours()/24)
	if kept < leastRetention {
		return ledger.Check{Name: "retention", Level: ledger.LevelWarning, Text: text +
			", which may be shorter than an export: the results of its first windows could be deleted before it ends; set the retention to a week or more"}
	}
	return ledger.Check{Name: "retention", Level: ledger.LevelOK, Text: text}
}

// pollers reports how many workers poll the task queue.
func (c Config) pollers(ctx context.Context, t *Temporal) ledger.Check {
	out, err := t.Client.DescribeTaskQueue(ctx, c.TaskQueue(), enums.TASK_QUEUE_TYPE_ACTIVITY)
	switch {
	case err != nil:
		return ledger.Check{Name: "workers", Level: ledger.LevelNote, Text: fmt.Sprintf("cannot be counted: %v", err)}
	case len(out.Pollers) == 0:
		return ledger.Check{Name: "workers", Level: ledger.LevelNote, Text: fmt.Sprintf("none on the task queue %s; start `chatlake worker`, or run `chatlake export`, which works on it too", c.TaskQueue())}
	}
	return ledger.Check{Name: "workers", Level: ledger.LevelOK, Text: fmt.Sprintf("%d on the task queue %s", len(out.Pollers), c.TaskQueue())}
}
