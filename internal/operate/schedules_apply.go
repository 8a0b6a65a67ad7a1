package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// A Change is what applying a configuration does to a schedule.
type Change struct {
	ID      string       `json:"id"`
	Account string       `json:"account"`
	Kind    Kind         `json:"kind"`
	Action  ChangeAction `json:"action"`
	Differs []Difference `json:"differs,omitempty"`
	// By is the build that last applied a configuration to the schedule.
	By string `json:"by,omitempty"`
}

// ChangeAction is what is done to a schedule.
type ChangeAction string

// What is done to schedules.
const (
	Created   ChangeAction = "created"
	Changed   ChangeAction = "changed"
	Unchanged ChangeAction = "unchanged"
	Deleted   ChangeAction = "deleted" // the configuration does not want it any more
	Kept      ChangeAction = "kept"    // the configuration does not want it, and another one may
)

// A Difference is a setting that a schedule has and the one that the configuration has.
type Difference struct {
	Name string `json:"name"`
	Was  string `json:"was"`
	Is   string `json:"is"`
}

func (d Difference) String() string { return fmt.Sprintf("%s: %s -> %s", d.Name, d.Was, d.Is) }

// A ForeignScheduleError is a schedule under an id that chatlake needs, and that something else made. Nothing was changed.
type ForeignScheduleError struct{ ID string }

func (e *ForeignScheduleError) Error() string {
	return fmt.Sprintf("the schedule %s was not made by chatlake: delete or rename it, or give the account another name", e.ID)
}

// A ConflictError is a configuration that differs from the one by which schedules run, of an account that another worker may be working
// on. Nothing was changed.
type ConflictError struct{ Changes []Change }

func (e *ConflictError) Error() string {
	var lines []string
	for _, c := range e.Changes {
		for _, d := range c.Differs {
			lines = append(lines, fmt.Sprintf("%s %s", c.ID, d))
		}
	}
	return "the schedules were applied with another configuration: " + strings.Join(lines, "; ")
}

// ApplyOptions are how a configuration is applied.
type ApplyOptions struct {
	DryRun bool
	// AtStart is true for a worker that starts. Unless it is the only process that can use the server, it creates schedules that are
	// missing, but changes and deletes none: a ConflictError says so.
	AtStart bool
}

// Apply makes the schedules match the configuration, and returns what it did, or with DryRun would do, to each. It creates, changes and
// deletes only schedules that chatlake made. A schedule stays paused if it was.
func (s *Session) Apply(ctx context.Context, o ApplyOptions) ([]Change, error) {
	careful := o.AtStart && s.config.Temporal != nil
	var all []wanted
	for _, account := range scheduled(s.config) {
		all = append(all, wantedOf(s.config, account)...)
	}
	var changes, conflicts []Change
	for _, w := range all {
		c, err := s.compare(ctx, w)
		if err != nil {
			return nil, err
		}
		if careful && c.Action == Changed && !c.onlyRelease() {
			conflicts = append(conflicts, c)
		}
		changes = append(changes, c)
	}
	if len(conflicts) > 0 {
		return nil, &ConflictError{conflicts}
	}
	stale, err := s.stale(ctx, all, careful)
	if err != nil || o.DryRun {
		return append(changes, stale...), err
	}
	for i, w := range all {
		if err := s.carryOut(ctx, changes[i], w); err != nil {
			return nil, err
		}
	}
	for _, c := range stale {
		if c.Action == Deleted {
			if err := s.schedule(ctx, c.ID).Delete(ctx); err != nil && !isMissing(err) {
				return nil, fmt.Errorf("delete schedule %s: %w", c.ID, err)
			}
		}
	}
	return append(changes, stale...), nil
}

// release is the name of the difference between policies of releases.
const release = "release"

// onlyRelease reports whether nothing but the release differs.
func (c Change) onlyRelease() bool {
	return !slices.ContainsFunc(c.Differs, func(d Difference) bool { return d.Name != release })
}

// compare says what must be done to make a schedule as it is wanted.
func (s *Session) compare(ctx context.Context, w wanted) (Change, error) {
	c := Change{ID: w.id(), Account: w.Account, Kind: w.Kind, Action: Created}
	is, err := s.schedule(ctx, c.ID).Describe(ctx)
	if isMissing(err) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("look at schedule %s: %w", c.ID, err)
	}
	has, ok := markOf(is)
	if !ok {
		return c, &ForeignScheduleError{c.ID}
	}
	c.Action, c.By = Unchanged, has.Build
	if c.Differs = differences(has, w.mark); len(c.Differs) == 0 {
		c.Differs = edits(is, w)
	}
	if len(c.Differs) > 0 {
		c.Action = Changed
	}
	return c, nil
}

// differences are the settings in which two marks differ. The policy of a later release stays, because its workers know it.
func differences(has, wants mark) (all []Difference) {
	values := map[string]string{}
	for _, old := range has.Settings {
		values[old.Name] = old.Value
	}
	for _, new := range wants.Settings {
		if old := values[new.Name]; old != new.Value {
			if old == "" {
				old = "nothing"
			}
			all = append(all, Difference{new.Name, old, new.Value})
		}
	}
	if has.Policy != wants.Policy && has.Behaviour <= wants.Behaviour {
		all = append(all, Difference{release, has.Build, wants.Build})
	}
	return all
}

// edits are what somebody changed in a schedule with other tools, as far as a server shows it. It shows cron expressions in another form.
func edits(is *client.ScheduleDescription, w wanted) (all []Difference) {
	changed := func(name string, was, is any) {
		if a, b := fmt.Sprint(was), fmt.Sprint(is); a != b {
			all = append(all, Difference{name + " (edited with other tools)", a, b})
		}
	}
	if spec := is.Schedule.Spec; spec != nil {
		changed("intervals", spec.Intervals, w.spec.Intervals)
		changed("cron expressions", len(spec.Calendars)+len(spec.CronExpressions), len(w.spec.CronExpressions))
		changed("jitter", spec.Jitter, w.spec.Jitter)
	}
	if policy := is.Schedule.Policy; policy != nil {
		changed("overlap", policy.Overlap, enums.SCHEDULE_OVERLAP_POLICY_SKIP)
		changed("catch-up window", policy.CatchupWindow, w.catchUp)
	}
	if action, ok := is.Schedule.Action.(*client.ScheduleWorkflowAction); ok {
		changed("workflow", action.Workflow, w.action.Workflow)
	}
	return all
}

// carryOut does what a change says.
func (s *Session) carryOut(ctx context.Context, c Change, w wanted) error {
	if c.Action == Unchanged {
		return nil
	}
	attributes := s.attributes(ctx, w.Account, string(w.Kind))
	options := w.options(attributes)
	err := worker.WithAttributes(ctx, func() error {
		if c.Action == Created {
			_, err := s.client().ScheduleClient().Create(ctx, options)
			if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
				return nil // another process has just made it
			}
			return err
		}
		return s.schedule(ctx, c.ID).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				return &client.ScheduleUpdate{Schedule: &client.Schedule{
					Action: options.Action, Spec: &options.Spec, State: in.Description.Schedule.State,
					Policy: &client.SchedulePolicies{Overlap: options.Overlap, CatchupWindow: options.CatchupWindow},
				}}, nil
			},
		})
	})
	if err != nil {
		return fmt.Errorf("apply schedule %s: %w", c.ID, err)
	}
	if c.Action == Changed && slices.ContainsFunc(c.Differs, func(d Difference) bool { return d.Name == fromSetting }) {
		// As after Create: what is missing now is copied now.
		if err := s.schedule(ctx, c.ID).Trigger(ctx, client.ScheduleTriggerOptions{}); err != nil {
			return fmt.Errorf("trigger schedule %s: %w", c.ID, err)
		}
	}
	return nil
}

// stale are the schedules that chatlake made for this task queue and that the configuration does not want.
func (s *Session) stale(ctx context.Context, all []wanted, careful bool) (changes []Change, err error) {
	ids, err := s.marked(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if slices.ContainsFunc(all, func(w wanted) bool { return w.id() == id }) {
			continue
		}
		is, err := s.schedule(ctx, id).Describe(ctx)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at schedule %s: %w", id, err)
		}
		has, ok := markOf(is)
		action, _ := is.Schedule.Action.(*client.ScheduleWorkflowAction)
		if !ok || action == nil || action.TaskQueue != s.config.TaskQueue() {
			continue // of the workers of another task queue
		}
		c := Change{ID: id, Account: has.Account, Kind: has.Kind, Action: Deleted, By: has.Build}
		if careful {
			c.Action = Kept
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// marked returns the ids of the schedules that chatlake made, sorted. One that was made a moment ago may be missing.
func (s *Session) marked(ctx context.Context) (ids []string, err error) {
	list, err := s.client().ScheduleClient().List(ctx, client.ScheduleListOptions{})
	for err == nil && list.HasNext() {
		var entry *client.ScheduleListEntry
		if entry, err = list.Next(); err == nil && entry.Memo.GetFields()[markKey] != nil {
			ids = append(ids, entry.ID)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	slices.Sort(ids)
	return ids, nil
}

// markOf returns the mark of a schedule that chatlake made.
func markOf(is *client.ScheduleDescription) (m mark, ok bool) {
	action, _ := is.Schedule.Action.(*client.ScheduleWorkflowAction)
	if action == nil || is.Memo.GetFields()[markKey] == nil {
		return m, false
	}
	payload, _ := action.Memo[markKey].(*commonpb.Payload)
	return m, payload != nil && converter.GetDefaultDataConverter().FromPayload(payload, &m) == nil
}

func (s *Session) schedule(ctx context.Context, id string) client.ScheduleHandle {
	return s.client().ScheduleClient().GetHandle(ctx, id)
}

func isMissing(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}

// attributes are the search attributes of a run that begins; empty where the server has none.
func (s *Session) attributes(ctx context.Context, account, kind string) temporal.SearchAttributes {
	s.tagging.Do(func() { s.untagged = s.temporal.CreateAttributes(ctx, s.config) })
	if s.untagged != nil {
		return temporal.SearchAttributes{}
	}
	return workflows.Attributes(account, kind)
}

// Untagged returns why the runs that this session has started have no search attributes, or nil if they have.
func (s *Session) Untagged() error { return s.untagged }
