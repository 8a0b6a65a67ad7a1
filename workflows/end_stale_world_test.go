package workflows_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// ghosts is a run over an account that has three parts of a list with two stale conversations each, of which the run may end five.
func ghosts() workflows.EndStaleInput {
	return workflows.EndStaleInput{Account: "acme", OlderThan: 7 * 24 * time.Hour, Most: 5, Confirm: true, Policy: workflows.NewPolicy()}
}

const partsOfList, stalePerPart = 3, 2

func (w *world) OpenEnding(_ context.Context, in activities.OpenEndingInput) (activities.OpenEndingOutput, error) {
	month := time.Date(in.Now.Year(), in.Now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return activities.OpenEndingOutput{
		Shard:             ledger.Shard{Provider: "giosg", Account: in.Account, Stream: "audits", Window: schemas.Window{From: month, To: month.AddDate(0, 1, 0)}},
		RequestsPerSecond: 0.1, Grant: w.grant, Usage: activities.Usage{Requests: 2}, // 6 requests a chunk, for two conversations
	}, w.begin("OpenEnding", 0, 0)
}

func (w *world) ListStale(_ context.Context, in activities.ListStaleInput) (activities.ListStaleOutput, error) {
	defer w.enter(in.Lease)()
	part, _ := strconv.Atoi(string(in.Cursor))
	if err := w.begin("ListStale", part, part+1); err != nil {
		return activities.ListStaleOutput{}, err
	}
	out := activities.ListStaleOutput{Found: stalePerPart, Open: 4, Usage: activities.Usage{Requests: 6}}
	for i := range stalePerPart {
		n := part*stalePerPart + i
		out.Stale = append(out.Stale, activities.StaleRef{ID: fmt.Sprint("chat", n), Version: "v", UpdatedAt: in.Before.Add(-time.Duration(n+1) * time.Hour)})
	}
	if part+1 < partsOfList {
		out.Next = providers.Cursor(strconv.Itoa(part + 1))
	}
	return out, nil
}

func (w *world) EndConversations(_ context.Context, in activities.EndConversationsInput) (activities.EndConversationsOutput, error) {
	defer w.enter(in.Lease)()
	n := w.calls["EndConversations"] + 1
	if err := w.begin("EndConversations", n, n+1); err != nil {
		return activities.EndConversationsOutput{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ref := range in.Refs {
		w.ended = append(w.ended, ref.ID)
	}
	return activities.EndConversationsOutput{EndCounts: activities.EndCounts{Ended: len(in.Refs), Refused: w.refusals}, Usage: activities.Usage{Requests: 4}}, nil
}

func (w *world) ResolveAudits(_ context.Context, in activities.ResolveAuditsInput) (activities.ResolveAuditsOutput, error) {
	if err := w.begin("ResolveAudits", 0, 0); err != nil {
		return activities.ResolveAuditsOutput{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if in.Own {
		w.calls["ResolveAudits of its own"]++
		return activities.ResolveAuditsOutput{Shards: []ledger.Shard{in.Shard}}, nil
	}
	return activities.ResolveAuditsOutput{Shards: w.lostAudits}, nil
}

func (w *world) CommitAudits(_ context.Context, in activities.CommitAuditsInput) (activities.CommitAuditsOutput, error) {
	if err := w.begin("CommitAudits", 0, 0); err != nil {
		return activities.CommitAuditsOutput{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.audits = append(w.audits, in)
	return activities.CommitAuditsOutput{Rows: in.Expected, Commit: &activities.Commit{Outcome: "committed", Generation: 1}}, nil
}
