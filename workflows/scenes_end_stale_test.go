//go:build record

package workflows_test

import (
	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

func endStaleScenes() map[string]scene {
	confirmed, dry := ghosts(), ghosts()
	dry.Confirm = false
	return map[string]scene{
		"end-stale":           {world: &world{lostAudits: []ledger.Shard{committedShard(1)}}, endStale: &confirmed},
		"end-stale-dry":       {world: &world{}, endStale: &dry},
		"end-stale-down":      {world: failing("EndConversations", 2, 7, kindError(activities.Unavailable)), endStale: &confirmed},
		"end-stale-blocked":   {world: failing("EndConversations", 2, 2, kindError(providers.Denied)), endStale: &confirmed, act: freed},
		"end-stale-expired":   {world: failing("ListStale", 2, 2, kindError(providers.CursorExpired)), endStale: &confirmed},
		"end-stale-cancelled": {world: failing("EndConversations", 2, 2, kindError(providers.Denied)), endStale: &confirmed, act: cancelledWhileBlocked},
		"end-stale-shares":    {world: granted(), endStale: &confirmed, act: freed},
	}
}

// cancelledWhileBlocked is what a person does who gives up.
func cancelledWhileBlocked(r *recorder, id string) error {
	if err := r.await(id, workflows.StateBlocked); err != nil {
		return err
	}
	return r.c.CancelWorkflow(r.t.Context(), id, "")
}

// granted is a world in which the run shares the account's budget, and has to wait for a person.
func granted() *world {
	w := failing("EndConversations", 2, 2, kindError(providers.Denied))
	w.grant = &activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: 0.05, AccountRequestsPerSecond: 0.1}, After: 1e9}
	return w
}
