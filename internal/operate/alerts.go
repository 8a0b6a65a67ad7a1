package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/workflows"
)

// Alerts are what the run says that sends alerts.
type Alerts struct {
	workflows.AlertsProgress
	// Running is false if nobody sends alerts. Then there is nothing else.
	Running bool `json:"running"`
	// Silent says why the run does not answer; empty if it does.
	Silent string `json:"silent,omitempty"`
}

// Firing are the alerts that receivers are told of.
func (a Alerts) Firing() (all []workflows.Alert) {
	for _, alert := range a.Alerts {
		if alert.Firing {
			all = append(all, alert)
		}
	}
	return all
}

// Undelivered are the receivers that did not take the last event that they were sent.
func (a Alerts) Undelivered() (all []workflows.AlertReceiver) {
	for _, r := range a.Receivers {
		if r.Failures > 0 || r.Dropped > 0 {
			all = append(all, r)
		}
	}
	return all
}

// StartAlerts starts the run that sends alerts, unless it is under way.
func (s *Session) StartAlerts(ctx context.Context) error {
	_, err := s.client().ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.AlertsID(s.config.TaskQueue()), TaskQueue: s.config.TaskQueue(), WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflows.SendAlerts, workflows.AlertsInput{Policy: workflows.NewAlertPolicy()})
	if err != nil {
		return fmt.Errorf("start the run that sends alerts: %w", err)
	}
	return nil
}

// Alerts asks the run that sends alerts.
func (s *Session) Alerts(ctx context.Context) (Alerts, error) {
	id := workflows.AlertsID(s.config.TaskQueue())
	is, err := s.client().DescribeWorkflowExecution(ctx, id, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return Alerts{}, nil
	}
	if err != nil {
		return Alerts{}, fmt.Errorf("look at the run that sends alerts: %w", err)
	}
	if is.WorkflowExecutionInfo.Status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return Alerts{}, nil
	}
	all := Alerts{Running: true}
	switch err := s.query(ctx, id, &all.AlertsProgress); {
	case s.Unattended():
		all.Silent = "no worker is running"
	case err != nil && ctx.Err() == nil:
		all.Silent = (&Wait{Waiting: *silence(err, time.Now(), s.health(ctx))}).String()
	case err != nil:
		return all, ctx.Err()
	}
	return all, nil
}

// Acknowledge ends the repetition of alerts that fire: those with a key, or all of them. It is an OrderError if nobody sends alerts.
func (s *Session) Acknowledge(ctx context.Context, keys []string, all bool) (out workflows.AcknowledgeOutput, err error) {
	id := workflows.AlertsID(s.config.TaskQueue())
	if s.Unattended() {
		return out, &OrderError{Kind: Unattended, Run: id, Folder: s.config.StateDir}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*queryTimeout)
	defer cancel()
	handle, err := s.client().UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: workflows.AcknowledgeUpdate, Args: []any{workflows.AcknowledgeInput{Alerts: keys, All: all}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &out)
	}
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return out, &OrderError{Kind: NotRunning, Run: id}
	}
	if err != nil {
		return out, fmt.Errorf("acknowledge alerts: %w", err)
	}
	return out, nil
}
