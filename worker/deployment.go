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

// DeploymentConfig puts workers into a Temporal Worker Deployment, where the server decides which build gets tasks.
type DeploymentConfig struct {
	// Name is the name of the deployment. If it is empty, there is none: every worker on the task queue gets tasks, whatever its
	// build.
	Name string
	// TakeOver lets a worker make its build the current version when it starts, unless another build has already replaced it.
	TakeOver bool
}

// versioned adds the build to the options of a worker, so that the server can tell builds apart.
//
// Workflows use auto-upgrade: their next task goes to the current build, wherever they started. That is safe because a run
// carries the policy that it started with, and tests replay the histories of releases. If workflows were pinned, exports that
// take weeks and budgets that never end would keep the workers of every release running.
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
	// The server knows a new worker only after its first poll: check this often, for so long.
	registerEvery   = time.Second
	longestRegister = time.Minute
)

// takeOver makes this build the current version of its deployment. A build that was replaced stays replaced: if one of its
// workers restarts, it must not take the tasks back.
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
			return fmt.Errorf("make build %s the current version: the server does not know the build after %s; check that the worker can poll the task queue", Build, longestRegister)
		case <-time.After(registerEvery):
		}
	}
}

// takeOver makes one attempt. It is not done while the server does not know the build.
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
			return false, nil // another worker was faster, or the server does not know all task queues yet
		}
		if err != nil {
			return false, fmt.Errorf("make build %s the current version: %w", build, err)
		}
		return true, nil
	}
	return false, nil
}
