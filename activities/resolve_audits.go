package activities

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// leftAfter is how old the note of another run must be before this run finds out what came of it. A run under way does that itself, right
// after it has asked.
const leftAfter = time.Hour

// ResolveAuditsInput asks what came of changes that earlier runs asked for without an end.
type ResolveAuditsInput struct {
	AuditRun
	// Own asks about the changes of this run, which has been cancelled, and of no other.
	Own   bool  `json:"own,omitempty"`
	Lease Lease `json:"lease"`
}

// ResolveAuditsOutput names the months with audits to be committed.
type ResolveAuditsOutput struct {
	Shards []ledger.Shard `json:"shards,omitempty"`
	Usage  Usage          `json:"usage"`
}

// ResolveAudits looks for notes that runs have left which were terminated, or lost with their Temporal server. It looks at the
// conversations that these were about to change and stages what came of it. It changes nothing on the platform.
func (a *Activities) ResolveAudits(ctx context.Context, in ResolveAuditsInput) (ResolveAuditsOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.resolveAudits(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) resolveAudits(ctx context.Context, in ResolveAuditsInput) (out ResolveAuditsOutput, err error) {
	ctx, s, ender, err := a.ender(ctx, in.Shard.Account, in.Lease)
	if err != nil {
		return out, err
	}
	windows := map[string]bool{}
	for left, err := range a.Lake.Leftovers(ctx, in.Shard.Account) {
		if err != nil {
			return out, err
		}
		if left.Stream == in.Shard.Stream {
			windows[left.Window] = true
		}
	}
	for _, text := range slices.Sorted(maps.Keys(windows)) {
		shard := in.Shard
		if shard.Window, err = schemas.ParseWindow(text); err != nil {
			return out, err
		}
		n, err := a.resolve(ctx, ender, in, shard)
		if err != nil {
			return out, err
		}
		if n > 0 {
			out.Shards = append(out.Shards, shard)
		}
	}
	out.Usage = s.usage()
	return out, nil
}

// resolve stages what came of notes in one month, and returns how many notes with an outcome there are.
func (a *Activities) resolve(ctx context.Context, ender providers.Ender, in ResolveAuditsInput, shard ledger.Shard) (int, error) {
	done, _, err := a.notes(ctx, shard, audited, "")
	if err != nil {
		return 0, err
	}
	open, _, err := a.notes(ctx, shard, asked, "")
	if err != nil {
		return 0, err
	}
	total := len(done)
	for key, n := range open {
		_, known := done[key]
		own := n.Workflow == in.Workflow && n.Run == in.Run
		if known || own != in.Own || !own && a.Lake.Now().Sub(n.AskedAt) < leftAfter {
			continue
		}
		state, gone, err := look(ctx, ender, n.ID)
		if err != nil {
			return 0, err
		}
		n.Outcome = OutcomeOpen
		if gone || state.Ended {
			n.Outcome = OutcomeUnconfirmed
		}
		n.observe(state, a.Lake.Now())
		if err := a.stageNote(ctx, shard, audited, n); err != nil {
			return 0, err
		}
		total++
	}
	return total, nil
}

// observe notes how a conversation is now.
func (n *note) observe(state providers.State, now time.Time) {
	n.After, n.ObservedAt = state.Facts, state.ObservedAt
	if n.ObservedAt.IsZero() {
		n.ObservedAt = now.UTC()
	}
	n.Replied = n.Messages != nil && state.Messages != nil && *state.Messages > *n.Messages
}

// look returns a conversation as it is now, and whether the platform does not have it any more.
func look(ctx context.Context, ender providers.Ender, id string) (state providers.State, gone bool, err error) {
	state, err = ender.State(ctx, id)
	var e *providers.Error
	if errors.As(err, &e) && e.Kind == providers.NotFound {
		return providers.State{}, true, nil
	}
	return state, false, err
}
