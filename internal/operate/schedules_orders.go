package operate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/worker"
)

// A Schedule is one schedule as the server has it.
type Schedule struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Kind    Kind   `json:"kind"`
	// Times are when it acts, in words.
	Times  string `json:"times"`
	Paused bool   `json:"paused"`
	Note   string `json:"note,omitempty"`
	// Next and Last are times of actions; nil if there is none. LastRun is the workflow id of the last action's run.
	Next    *time.Time `json:"next,omitempty"`
	Last    *time.Time `json:"last,omitempty"`
	LastRun string     `json:"last_run,omitempty"`
	// Running are the workflow ids of runs under way.
	Running []string `json:"running,omitempty"`
	// Actions, Skipped and Missed count actions: those taken, those left out because the run before was under way, and those left out
	// because no server ran in time.
	Actions  int       `json:"actions"`
	Skipped  int       `json:"skipped"`
	Missed   int       `json:"missed"`
	Settings []Setting `json:"settings"`
	Build    string    `json:"build"` // that applied the settings
	Created  time.Time `json:"created_at"`
	Updated  time.Time `json:"updated_at,omitzero"`

	recent []client.ScheduleActionResult // the oldest first
}

// A Choice is which schedules an order is for: those with an id, those of an account, or all that chatlake made.
type Choice struct {
	IDs     []string
	Account string
	All     bool
}

// Schedules returns the schedules of a choice that exist and that chatlake made, sorted by account and kind. An id without a schedule is
// an OrderError.
func (s *Session) Schedules(ctx context.Context, choice Choice) ([]Schedule, error) {
	ids := choice.IDs
	if len(ids) == 0 {
		var err error
		if ids, err = s.marked(ctx); err != nil {
			return nil, err
		}
		for _, account := range scheduled(s.config) { // the list lags behind
			for _, w := range wantedOf(s.config, account) {
				ids = append(ids, w.id())
			}
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	var all []Schedule
	for _, id := range ids {
		is, err := s.schedule(ctx, id).Describe(ctx)
		if isMissing(err) && len(choice.IDs) == 0 {
			continue
		}
		if isMissing(err) {
			return nil, &OrderError{Kind: NoSchedule, Run: id}
		}
		if err != nil {
			return nil, fmt.Errorf("look at schedule %s: %w", id, err)
		}
		m, ok := markOf(is)
		if !ok && len(choice.IDs) > 0 {
			return nil, &ForeignScheduleError{id}
		}
		if ok && (choice.Account == "" || choice.Account == m.Account) {
			all = append(all, scheduleOf(id, m, is))
		}
	}
	slices.SortStableFunc(all, func(a, b Schedule) int {
		if c := strings.Compare(a.Account, b.Account); c != 0 {
			return c
		}
		return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind)
	})
	return all, nil
}

func scheduleOf(id string, m mark, is *client.ScheduleDescription) Schedule {
	s := Schedule{
		ID: id, Account: m.Account, Kind: m.Kind, Settings: m.Settings, Build: m.Build,
		Actions: is.Info.NumActions, Skipped: is.Info.NumActionsSkippedOverlap, Missed: is.Info.NumActionsMissedCatchupWindow,
		Created: is.Info.CreatedAt, Updated: is.Info.LastUpdateAt,
	}
	for _, setting := range m.Settings {
		if setting.Name == timesSetting {
			s.Times = setting.Value
		}
	}
	if state := is.Schedule.State; state != nil {
		s.Paused, s.Note = state.Paused, state.Note
	}
	if next := is.Info.NextActionTimes; len(next) > 0 && !s.Paused {
		s.Next = &next[0]
	}
	if recent := is.Info.RecentActions; len(recent) > 0 {
		s.recent = recent
		last := recent[len(recent)-1]
		s.Last = &last.ActualTime
		if last.StartWorkflowResult != nil {
			s.LastRun = last.StartWorkflowResult.WorkflowID
		}
	}
	for _, running := range is.Info.RunningWorkflows {
		s.Running = append(s.Running, running.WorkflowID)
	}
	return s
}

// PauseSchedules pauses schedules, so that they start nothing. Runs under way continue. The note says why, for people.
func (s *Session) PauseSchedules(ctx context.Context, choice Choice, note string) ([]Schedule, error) {
	return s.tell(ctx, choice, "pause", func(h client.ScheduleHandle, is Schedule) (bool, error) {
		if is.Paused && note == is.Note {
			return false, nil
		}
		return true, h.Pause(ctx, client.SchedulePauseOptions{Note: note})
	})
}

// ResumeSchedules lets paused schedules start runs again.
func (s *Session) ResumeSchedules(ctx context.Context, choice Choice, note string) ([]Schedule, error) {
	return s.tell(ctx, choice, "resume", func(h client.ScheduleHandle, is Schedule) (bool, error) {
		if !is.Paused {
			return false, nil
		}
		return true, h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
	})
}

// TriggerSchedules starts a run of each schedule now, whether it is paused or not. One whose last run is still under way is left as it is.
func (s *Session) TriggerSchedules(ctx context.Context, choice Choice) ([]Schedule, error) {
	return s.tell(ctx, choice, "trigger", func(h client.ScheduleHandle, is Schedule) (bool, error) {
		if len(is.Running) > 0 {
			return false, nil
		}
		return true, h.Trigger(ctx, client.ScheduleTriggerOptions{})
	})
}

// DeleteSchedules deletes schedules. Runs under way continue.
func (s *Session) DeleteSchedules(ctx context.Context, choice Choice) ([]Schedule, error) {
	return s.tell(ctx, choice, "delete", func(h client.ScheduleHandle, _ Schedule) (bool, error) { return true, h.Delete(ctx) })
}

// tell gives an order to each schedule of a choice, and returns those that it changed, as they were before. None at all is an OrderError.
func (s *Session) tell(ctx context.Context, choice Choice, word string, order func(client.ScheduleHandle, Schedule) (bool, error)) ([]Schedule, error) {
	all, err := s.Schedules(ctx, choice)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, &OrderError{Kind: NoSchedule, Run: choice.Account}
	}
	told := []Schedule{}
	for _, is := range all {
		changed, err := order(s.schedule(ctx, is.ID), is)
		if err != nil {
			return told, fmt.Errorf("%s schedule %s: %w", word, is.ID, err)
		}
		if changed {
			told = append(told, is)
		}
	}
	return told, nil
}

// Scheduled reports whether a configuration keeps any account up to date.
func Scheduled(c worker.Config) bool { return len(scheduled(c)) > 0 }
