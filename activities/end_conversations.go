package activities

import (
	"context"
	"errors"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// EndConversationsInput names conversations that are to end if they are still as they were listed.
type EndConversationsInput struct {
	AuditRun
	Refs  []StaleRef `json:"refs"`
	Lease Lease      `json:"lease"`
}

// EndConversationsOutput says what became of them.
type EndConversationsOutput struct {
	EndCounts
	Usage Usage `json:"usage"`
}

// EndCounts are numbers of conversations.
type EndCounts struct {
	// Those that the platform was asked to end, by their outcome. Each has an audit.
	Ended       int `json:"ended"`
	Unconfirmed int `json:"unconfirmed,omitempty"`
	Refused     int `json:"refused,omitempty"`
	StillOpen   int `json:"still_open,omitempty"`
	// Those that it was not asked to end: they changed since they were listed, had ended, or were gone.
	Changed int `json:"changed,omitempty"`
	Already int `json:"already,omitempty"`
	Gone    int `json:"gone,omitempty"`
	// Replied is how many of Ended and Unconfirmed have got a message between the last look and their end.
	Replied int `json:"replied,omitempty"`
}

// Asked is how many conversations the platform was asked to end.
func (c EndCounts) Asked() int { return c.Ended + c.Unconfirmed + c.Refused + c.StillOpen }

// Add adds other counts.
func (c *EndCounts) Add(o EndCounts) {
	c.Ended, c.Unconfirmed, c.Refused, c.StillOpen = c.Ended+o.Ended, c.Unconfirmed+o.Unconfirmed, c.Refused+o.Refused, c.StillOpen+o.StillOpen
	c.Changed, c.Already, c.Gone, c.Replied = c.Changed+o.Changed, c.Already+o.Already, c.Gone+o.Gone, c.Replied+o.Replied
}

// count counts a conversation that the platform was asked to end.
func (c *EndCounts) count(n note) {
	switch n.Outcome {
	case OutcomeEnded:
		c.Ended++
	case OutcomeUnconfirmed:
		c.Unconfirmed++
	case OutcomeRefused:
		c.Refused++
	default:
		c.StillOpen++
	}
	if n.Replied && (n.Outcome == OutcomeEnded || n.Outcome == OutcomeUnconfirmed) {
		c.Replied++
	}
}

const (
	// mostAsked is how often an attempt asks for the end of one conversation while the answers are lost.
	mostAsked = 3
	// lookAfter is how long it waits after a lost answer before it looks, so that a request under way has an effect.
	lookAfter = time.Second
)

// EndConversations asks the platform to end conversations, one after the other. It looks at each right before: one that is not as it was
// listed is left alone. It stages a note before it asks and another when it knows what came of it, so a later attempt neither asks again
// for what has ended nor forgets what was asked.
func (a *Activities) EndConversations(ctx context.Context, in EndConversationsInput) (EndConversationsOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.endConversations(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) endConversations(ctx context.Context, in EndConversationsInput) (out EndConversationsOutput, err error) {
	ctx, s, ender, err := a.ender(ctx, in.Shard.Account, in.Lease)
	if err != nil {
		return out, err
	}
	run := runKey(in.Workflow, in.Run)
	done, _, err := a.notes(ctx, in.Shard, audited, run)
	if err != nil {
		return out, err
	}
	begun, _, err := a.notes(ctx, in.Shard, asked, run)
	if err != nil {
		return out, err
	}
	for _, ref := range in.Refs {
		e := ending{a: a, ender: ender, run: in.AuditRun, ref: ref, counts: &out.EndCounts}
		e.note = note{ID: ref.ID, Workflow: in.Workflow, Run: in.Run}
		if n, ok := done[e.note.key()]; ok {
			out.count(n)
			continue
		}
		if n, ok := begun[e.note.key()]; ok {
			e.note, e.noted, e.lost = n, true, true
		}
		if err := e.end(ctx); err != nil {
			return out, err
		}
	}
	out.Usage = s.usage()
	return out, nil
}

// ending is one conversation that is to end.
type ending struct {
	a      *Activities
	ender  providers.Ender
	run    AuditRun
	ref    StaleRef
	counts *EndCounts
	note   note
	noted  bool // the note that it is about to be asked for is staged
	lost   bool // it may have been asked for without an answer, by this attempt or another
}

func (e *ending) end(ctx context.Context) error {
	var refusal error
	for tries := 0; ; tries++ {
		state, gone, err := look(ctx, e.ender, e.ref.ID)
		switch {
		case err != nil:
			return err
		case (gone || state.Ended) && e.lost:
			return e.finish(ctx, OutcomeUnconfirmed, state)
		case gone:
			return e.skip(ctx, &e.counts.Gone)
		case state.Ended:
			return e.skip(ctx, &e.counts.Already)
		case refusal != nil:
			return e.finish(ctx, OutcomeRefused, state)
		case (state.Version != e.ref.Version || tries >= mostAsked) && e.lost:
			return e.finish(ctx, OutcomeOpen, state)
		case state.Version != e.ref.Version:
			return e.skip(ctx, &e.counts.Changed)
		}
		if err := e.announce(ctx, state); err != nil {
			return err
		}
		after, err := e.ender.End(ctx, e.ref.ID)
		var refused *providers.Error
		switch {
		case err == nil && after.Ended:
			return e.finish(ctx, OutcomeEnded, after)
		case err == nil || providers.Uncertain(err):
			e.lost = true
			e.note.ErrorKind = kindOf(err)
			if err := pause(ctx, lookAfter); err != nil {
				return err
			}
		case errors.As(err, &refused) && (refused.Kind == providers.Malformed || refused.Kind == providers.NotFound):
			refusal, e.note.ErrorKind = err, kindOf(err)
		default: // it was not asked; the next attempt does it
			if !e.lost {
				err = errors.Join(err, e.a.withdraw(ctx, e.run.Shard, e.note))
			}
			return err
		}
	}
}

// announce stages the note that the platform is about to be asked.
func (e *ending) announce(ctx context.Context, before providers.State) error {
	if e.noted {
		return nil
	}
	e.note.AskedAt, e.note.ObservedAt = e.a.Lake.Now().UTC().Truncate(time.Microsecond), before.ObservedAt
	e.note.Before, e.note.Messages = before.Facts, before.Messages
	e.noted = true
	return e.a.stageNote(ctx, e.run.Shard, asked, e.note)
}

// finish stages what came of it.
func (e *ending) finish(ctx context.Context, outcome string, after providers.State) error {
	e.note.Outcome = outcome
	if outcome == OutcomeEnded {
		e.note.ErrorKind = ""
	}
	e.note.observe(after, e.a.Lake.Now())
	err := e.a.stageNote(ctx, e.run.Shard, audited, e.note)
	if err == nil {
		e.counts.count(e.note)
	}
	return err
}

// skip leaves a conversation alone that the platform was not asked to end, or that it refused to end because others had ended it.
func (e *ending) skip(ctx context.Context, counted *int) error {
	*counted++
	if !e.noted {
		return nil
	}
	return e.a.withdraw(ctx, e.run.Shard, e.note)
}

// kindOf is the kind of a provider's error; empty if there is none.
func kindOf(err error) string {
	var e *providers.Error
	if errors.As(err, &e) {
		return string(e.Kind)
	}
	return ""
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
