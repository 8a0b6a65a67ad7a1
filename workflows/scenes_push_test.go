//go:build record

package workflows_test

import (
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

func announced(ids ...string) workflows.AnnouncedInput {
	return workflows.AnnouncedInput{Conversations: ids}
}

func pushScenes() map[string]scene {
	at := time.Date(2026, 6, 1, 1, 2, 0, 0, time.UTC)
	open := func() activities.OpenExportOutput {
		return activities.OpenExportOutput{Shards: 2, Plan: []activities.Planned{{
			Shard: ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamPushed, Window: schemas.Window{From: at.Add(-time.Minute), To: at}},
			Cause: ledger.CausePush, Named: []string{"1", "2"},
		}}}
	}
	named := func(in *workflows.ShardInput) {
		in.Shard.Stream, in.Cause, in.Named = schemas.StreamPushed, ledger.CausePush, []string{"1", "2"}
	}
	inbox := func(change func(*workflows.Policy)) *workflows.InboxInput {
		policy := workflows.NewPolicy()
		policy.Quiet, policy.LongestQuiet, policy.FirstWait, policy.FirstLook = time.Second, 2*time.Second, 2*time.Second, time.Second
		if change != nil {
			change(policy)
		}
		return &workflows.InboxInput{Policy: policy}
	}
	impatient := workflows.NewPolicy()
	impatient.FirstWait = time.Second
	denied := func(last int) *world { return failing("ListNamed", 1, last, kindError(providers.Denied)) }
	return map[string]scene{
		"push-failed":     {world: denied(100), push: &workflows.PushInput{Conversations: []string{"1", "2"}, Now: at, Policy: impatient}, open: open(), act: shardTerminated},
		"push-terminated": {world: denied(1), push: &workflows.PushInput{Conversations: []string{"1", "2"}, Now: at, Policy: impatient}, open: open(), act: pushTerminated},
		"inbox-tries-again": {world: denied(3), inbox: inbox(func(p *workflows.Policy) { p.FirstWait = time.Second }), open: open(), act: func(r *recorder, _ string) error {
			return shardTerminated(r, workflows.PushID(r.name))
		}},
		"inbox-terminated-push": {world: denied(1), inbox: inbox(nil), open: open(), act: func(r *recorder, _ string) error {
			return pushTerminated(r, workflows.PushID(r.name))
		}},
		"push":               {world: failing("", 0, 0, nil), push: &workflows.PushInput{Conversations: []string{"1", "2"}, Now: at, Policy: workflows.NewPolicy()}, open: open()},
		"shard-named":        {world: failing("", 0, 0, nil), shard: named},
		"shard-named-waits":  {world: failing("ListNamed", 1, 1, later(providers.Throttled)), shard: named},
		"shard-named-denied": {world: failing("ListNamed", 1, 1, kindError(providers.Denied)), shard: named, act: freed},
		"inbox":              {world: failing("", 0, 0, nil), inbox: inbox(nil), open: open()},
		"inbox-continues": {world: failing("", 0, 0, nil), inbox: inbox(func(p *workflows.Policy) { p.AnnouncementsPerRun = 2 }), open: open(), slow: time.Second,
			act: func(r *recorder, id string) error {
				if err := r.called("OpenExport", 1); err != nil {
					return err
				}
				return r.c.SignalWorkflow(r.t.Context(), id, "", workflows.AnnouncedSignal, announced("3"))
			}},
	}
}

// shardTerminated is what somebody does who ends the shard of a Push by hand, as often as the Push starts it.
func shardTerminated(r *recorder, push string) error {
	shard, err := blocked(r, push)
	if err != nil {
		return err
	}
	for times := 1; times <= workflows.NewPolicy().ShardFailures; times++ {
		if err := r.called("ListNamed", times); err != nil {
			return err
		}
		if err := r.await(shard, workflows.StateBlocked); err != nil {
			return err
		}
		if err := r.c.TerminateWorkflow(r.t.Context(), shard, "", "by hand"); err != nil {
			return err
		}
	}
	return nil
}

// pushTerminated is what somebody does who ends a Push by hand while its shard waits for a person. The shard goes on, and is freed.
func pushTerminated(r *recorder, push string) error {
	shard, err := blocked(r, push)
	if err != nil {
		return err
	}
	if err := r.c.TerminateWorkflow(r.t.Context(), push, "", "by hand"); err != nil {
		return err
	}
	if err := r.order(shard, workflows.RetryBlockedUpdate); err != nil {
		return err
	}
	return r.c.GetWorkflow(r.t.Context(), shard, "").Get(r.t.Context(), nil)
}
