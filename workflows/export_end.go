package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/schemas"
)

// finish adds the result of a shard to the totals. If the shard must be split, it queues the halves.
func (e *export) finish(c *child, out ShardOutput) {
	t := &e.state.Totals
	t.Requests += out.Usage.Requests
	t.Throttled += out.Usage.Throttled
	if out.Split {
		left, right, _ := c.Window.Halve()
		a, b := c.Planned, c.Planned
		a.Window, b.Window = left, right
		e.state.Extra = append(e.state.Extra, a, b)
		e.state.Splits++
		return
	}
	if out.Skipped {
		if t.Skipped++; len(e.state.Skipped) < mostSkipped {
			e.state.Skipped = append(e.state.Skipped, ShardID(c.Shard))
		}
		return
	}
	if out.Absent {
		t.Absent++
		return
	}
	commit := out.Commit
	if commit.Outcome == "adopted" {
		t.Adopted++
	} else if t.Shards++; c.Stream.HasConversations() {
		e.state.Copied.Windows++
		e.state.Copied.Requests += out.Usage.Requests
	}
	t.Listed += commit.Counts.Listed
	t.Conversations += commit.Counts.Conversations
	t.Messages += commit.Counts.Messages
	t.Gone += commit.Counts.Gone
	t.Dead += commit.Counts.Dead
	t.Duplicates += commit.Counts.Duplicates
	t.Unreadable += commit.Counts.Unreadable
	t.Files += commit.Files
	t.Bytes += commit.Bytes
	if len(commit.Flags) > 0 {
		t.Flagged++
	}
	if len(commit.Unwitnessed) > 0 {
		t.Unwitnessed++
	}
}

func (e *export) close(ctx workflow.Context) (ExportOutput, error) {
	var out activities.CloseExportOutput
	err := e.retryUntilDone(ctx, func() (err error) {
		out, err = call(quick(ctx), do.CloseExport, activities.CloseExportInput{
			Provider:   e.state.Open.Provider,
			Account:    e.in.Account,
			Name:       e.in.Name,
			Window:     schemas.Window{From: e.in.From, To: e.state.To},
			Visibility: e.state.Open.Visibility,
			Streams:    e.streams(),
		})
		return err
	})
	if err != nil {
		return ExportOutput{}, fmt.Errorf("close the export: %w", err)
	}
	e.closed = true
	return ExportOutput{
		Totals:     e.state.Totals,
		From:       e.in.From,
		To:         e.state.To,
		Visibility: e.state.Open.Visibility,
		Advice:     e.state.Open.Advice,
		Manifest:   out.Manifest,
		Gaps:       out.Gaps,
		Accepted:   out.Accepted,
		Lost:       out.Lost,
		Failed:     e.state.Failed,
		Skipped:    e.state.Skipped,
		Complete:   len(out.Gaps) == 0 && len(out.Lost) == 0 && e.complete(),
	}, nil
}

// complete reports whether every shard is committed without dead letters and flags, with full visibility, and with all texts decrypted
// unless the account allows unreadable ones.
func (e *export) complete() bool {
	t := e.state.Totals
	return len(e.state.Failed) == 0 && t.Dead == 0 && t.Flagged == 0 && t.Absent == 0 && t.Skipped == 0 &&
		e.state.Open.Visibility != "partial" && (t.Unreadable == 0 || e.state.Open.AllowUnreadable)
}

// cancelled waits until the cancelled shards have removed their staging.
func (e *export) cancelled(ctx workflow.Context, err error) error {
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if _, err := workflow.AwaitWithTimeout(detached, e.policy.LongestWait, func() bool { return len(e.children) == 0 }); err != nil {
		return err
	}
	return err
}
