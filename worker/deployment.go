package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// DeploymentConfig puts workers into a Temporal Worker Deployment, in which the server decides which build gets tasks.
type DeploymentConfig struct {
	// Name is that of the deployment. Empty means none: every worker on the task queue gets tasks, whatever its build.
	Name string
	// TakeOver lets a worker make its build the current version when it starts, unless another build has replaced it before.
	TakeOver bool
}

// versioned adds to the options of a worker the build by which the server knows it.
//
// Workflows upgrade by themselves: their next task goes to the current build, wherever they began. They can, because a run carries the
// policy it began with and the histories of releases are replayed in tests. Pinned to the build that began them, exports of weeks and
// budgets without end would keep the workers of every release running.
func (c Config) versioned(o sdk.Options) (sdk.Options, error) {
	if c.Temporal == nil || c.Temporal.Deployment.Name == "" {
		return o, nil
	}
	if unversioned[Build] {
		return o, c.Problem("temporal.deployment", "needs a build with a version; this one has none. Use a released binary, or remove the section")
	}
	o.DeploymentOptions = sdk.DeploymentOptions{
		UseVersioning:             true,
		Version:                   sdk.WorkerDeploymentVersion{DeploymentName: c.Temporal.Deployment.Name, BuildID: Build},
		DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	}
	return o, nil
}

const (
	// A worker that has just started is known to the server after its first poll: it is looked for this often, for so long.
	registerEvery   = time.Second
	longestRegister = time.Minute
)

// takeOver makes this build the current version of its deployment. A build that was current before stays replaced: one of its workers
// that starts again must not take the tasks back.
func (t *Temporal) takeOver(ctx context.Context, c Config) error {
	if !t.mayTakeOver || c.Temporal == nil || c.Temporal.Deployment.Name == "" || !c.Temporal.Deployment.TakeOver {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, longestRegister)
	defer cancel()
	deployment := t.Client.WorkerDeploymentClient().GetHandle(c.Temporal.Deployment.Name)
	for {
		done, err := takeOver(ctx, deployment, Build)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("make build %s the current one: the server does not know it after %s", Build, longestRegister)
		case <-time.After(registerEvery):
		}
	}
}

// takeOver is one try. It is not done while the server does not know the build.
func takeOver(ctx context.Context, deployment client.WorkerDeploymentHandle, build string) (done bool, err error) {
	var unknown *serviceerror.NotFound
	is, err := deployment.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if errors.As(err, &unknown) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the deployment's builds: %w", err)
	}
	if current := is.Info.RoutingConfig.CurrentVersion; current != nil && current.BuildID == build {
		return true, nil
	}
	for _, version := range is.Info.VersionSummaries {
		if version.Version.BuildID != build {
			continue
		}
		if version.DrainageStatus != client.WorkerDeploymentVersionDrainageStatusUnspecified {
			return true, nil // it was replaced
		}
		_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: build, ConflictToken: is.ConflictToken})
		var changed *serviceerror.FailedPrecondition
		if errors.As(err, &changed) || errors.As(err, &unknown) {
			return false, nil // another worker was quicker, or its queues are still to be registered
		}
		if err != nil {
			return false, fmt.Errorf("make build %s the current one: %w", build, err)
		}
		return true, nil
	}
	return false, nil
}
