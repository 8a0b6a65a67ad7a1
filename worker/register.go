// Package worker ties everything together: configuration, providers, lake, Temporal, workflows and activities.
//
// It must not contain business rules of its own.
package worker

import (
	sdk "go.temporal.io/sdk/worker"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// Register puts the workflows and the activities on a worker.
func Register(r sdk.Registry, a *activities.Activities) {
	r.RegisterWorkflow(workflows.Export)
	r.RegisterWorkflow(workflows.Shard)
	r.RegisterWorkflow(workflows.Sync)
	r.RegisterWorkflow(workflows.Settle)
	r.RegisterWorkflow(workflows.Push)
	r.RegisterWorkflow(workflows.Inbox)
	r.RegisterWorkflow(workflows.Quota)
	r.RegisterWorkflow(workflows.Budget)
	r.RegisterWorkflow(workflows.Remap)
	r.RegisterWorkflow(workflows.Maintain)
	r.RegisterWorkflow(workflows.EndStaleChats)
	r.RegisterWorkflow(workflows.SendAlerts)
	r.RegisterActivity(a)
}
