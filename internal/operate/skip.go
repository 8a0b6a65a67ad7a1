package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/chatlake/chatlake/workflows"
)

// Blocked returns why a window is blocked, by the name that people know it by: account, stream and window. That it is not is an
// OrderError. Where nobody works on what the server holds, it starts a worker in this process.
func (s *Session) Blocked(ctx context.Context, window string) (workflows.BlockedShard, error) {
	id := "shard/" + window
	status, err := s.status(ctx, id)
	if err != nil {
		return workflows.BlockedShard{}, err
	}
	if status != StatusRunning {
		return workflows.BlockedShard{}, &OrderError{Kind: NotBlocked, Run: window}
	}
	if s.Unattended() {
		if err := s.Work(ctx); err != nil {
			return workflows.BlockedShard{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	for {
		var p workflows.ShardProgress
		err := s.query(ctx, id, &p)
		switch {
		case err == nil && p.Blocked == nil:
			return workflows.BlockedShard{}, &OrderError{Kind: NotBlocked, Run: window}
		case err == nil:
			return *p.Blocked, nil
		}
		select {
		case <-ctx.Done():
			return workflows.BlockedShard{}, err
		case <-time.After(lookEvery): // a question that went to the worker before this one is lost with it
		}
	}
}

// Skip gives up a blocked window, and returns when its shard has ended. Its run goes on without it, and does not end complete.
func (s *Session) Skip(ctx context.Context, window string) error {
	id := "shard/" + window
	if err := s.order(ctx, id, instruction{name: workflows.SkipUpdate}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	if err := await(ctx, s.client().GetWorkflow(ctx, id, ""), nil); err != nil && ctx.Err() == nil {
		return fmt.Errorf("wait for the end of %s: %w", id, err)
	}
	return nil // another run may have started the shard again
}
