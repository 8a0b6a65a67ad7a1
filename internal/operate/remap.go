package operate

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// A Remap is the last remap of an account as Temporal knows it.
type Remap struct {
	Kind      Kind      `json:"kind"` // KindRemap, which tells it from an Export in JSON
	Account   string    `json:"account"`
	Status    string    `json:"status"` // as of an Export
	StartedAt time.Time `json:"started_at"`
	// Progress is set while it runs and a worker answers, Result when it is done.
	Progress *workflows.RemapProgress `json:"progress,omitempty"`
	// Waiting is what a running remap waits for that gives no answer.
	Waiting *Wait                  `json:"waiting,omitempty"`
	Result  *workflows.RemapOutput `json:"result,omitempty"`
}

// Remaps are the last remaps of an account, or of all where none is named, the newest first. Each has its progress or its result.
func (s *Session) Remaps(ctx context.Context, account string) ([]Remap, error) {
	all, err := s.workflows(ctx, "Remap")
	room := newRoomWatch(s.config)
	found := []Remap{}
	for _, info := range all {
		id := info.Execution.WorkflowId
		r := Remap{Kind: KindRemap, Account: strings.TrimPrefix(id, workflows.RemapID("")), Status: statusName(info.Status), StartedAt: info.StartTime.AsTime()}
		if account != "" && account != r.Account {
			continue
		}
		switch running := r.Status == StatusRunning; {
		case running && !s.Unattended(): // or nobody would answer
			p, err := s.observeRemap(ctx, id)
			if err == nil {
				r.Progress = &p
			} else {
				r.Waiting = &Wait{Waiting: *silence(err, time.Now(), s.health(ctx))}
			}
			if full := room.look(time.Now()); full != nil {
				r.Waiting = &Wait{Waiting: *full}
			}
		case r.Status == StatusDone:
			var out workflows.RemapOutput
			if s.client().GetWorkflow(ctx, id, "").Get(ctx, &out) == nil {
				r.Result = &out
			}
		}
		found = append(found, r)
	}
	return found, err
}

// Listed are exports, remaps and strays in one list, as JSON has them.
func Listed(exports []Export, remaps []Remap, strays []Stray) []any {
	all := []any{}
	for _, one := range strays {
		all = append(all, one)
	}
	for _, e := range exports {
		all = append(all, e)
	}
	for _, r := range remaps {
		all = append(all, r)
	}
	return all
}

// observeRemap asks a remap how far it is and what it waits for. The shard of a block is the one in hand.
func (s *Session) observeRemap(ctx context.Context, id string) (p workflows.RemapProgress, err error) {
	if err := s.query(ctx, id, &p); err != nil {
		return p, err
	}
	switch {
	case p.Blocked != nil:
		p.Blocked.Shard = cmp.Or(p.Shard, p.Blocked.Shard)
	case p.Waiting == nil:
		if p.Waiting = worker.Waiting(ctx, s.client(), id); p.Waiting != nil && p.State == workflows.StateRunning {
			p.State = workflows.StateWaiting
		}
	}
	return p, nil
}

// Remap starts a remap of an account by the policy of this release, or meets the one that runs. It works on the remap in this process,
// and calls show with each look at it. A zero time at either end of the range leaves it open; a remap that runs already keeps its
// range. A remap that only people can help is left with a BlockedError, and one that ends without a result is an EndError.
func (s *Session) Remap(ctx context.Context, in workflows.RemapInput, show func(workflows.RemapProgress)) (out workflows.RemapOutput, err error) {
	if err := s.Work(ctx); err != nil {
		return out, err
	}
	if in.From.IsZero() {
		in.From = time.Unix(0, 0).UTC()
	}
	if in.To.IsZero() {
		in.To = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	}
	in.Policy = workflows.NewPolicy()
	id := workflows.RemapID(in.Account)
	run, err := s.start(ctx, in.Account, "remap", id, workflows.Remap, in)
	if err != nil {
		return out, fmt.Errorf("start %s: %w", id, err)
	}
	var seen workflows.RemapProgress
	err = s.attendRun(ctx, "remap", run, &out, func() (*workflows.BlockedShard, error) {
		p, err := s.observeRemap(ctx, id)
		if err == nil {
			seen = p
		}
		return p.Blocked, err
	}, func(wait *workflows.Waiting) {
		if wait != nil {
			seen.Waiting = wait
		}
		show(seen)
	})
	if err != nil {
		return workflows.RemapOutput{}, err
	}
	return out, nil
}
