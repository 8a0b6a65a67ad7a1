package operate

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// keeping is a configuration of accounts that are kept up to date.
func keeping(state string, accounts ...string) worker.Config {
	c := worker.Config{StateDir: state, Lake: worker.LakeConfig{URL: "file:" + state}, Accounts: map[string]worker.AccountConfig{}}
	for _, name := range accounts {
		sync := worker.SyncDefaults("chatwoot")
		sync.Every, sync.From = 15*time.Minute, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		c.Accounts[name] = worker.AccountConfig{Provider: "chatwoot", AccountID: "1", Sync: &sync}
	}
	return c.WithDefaults()
}

// cluster is the same configuration of a worker elsewhere, which shares the server with others.
func cluster(c worker.Config) worker.Config {
	c.Temporal = &worker.TemporalConfig{Address: "127.0.0.1:1", TaskQueue: c.TaskQueue()}
	return c.WithDefaults()
}

// actions are what changes say, by schedule.
func actions(changes []Change) map[string]string {
	all := map[string]string{}
	for _, c := range changes {
		text := string(c.Action)
		for _, d := range c.Differs {
			text += "; " + d.String()
		}
		all[c.ID] = text
	}
	return all
}

func apply(t *testing.T, s *Session, o ApplyOptions, want map[string]string) {
	t.Helper()
	changes, err := s.Apply(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, actions(changes)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// TestSchedules applies configurations to a real server, one after the other.
func TestSchedules(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	ctx := t.Context()
	c := keeping(t.TempDir(), "acme", "beta")
	c.Accounts["beta"].Sync.Every, c.Accounts["beta"].Sync.Cron, c.Accounts["beta"].Sync.Zone = 0, "*/10 6-20 * * mon-fri", "Europe/Helsinki"
	s, err := Connect(ctx, c, worker.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	all := func(text string) map[string]string {
		m := map[string]string{}
		for _, account := range []string{"acme", "beta"} {
			for _, kind := range kinds[:4] { // those of a section sync
				m[ScheduleID(kind, account)] = text
			}
		}
		return m
	}
	apply(t, s, ApplyOptions{DryRun: true}, all("created"))
	if found, err := s.Schedules(ctx, Choice{All: true}); err != nil || len(found) > 0 {
		t.Fatalf("a dry run made %+v: %v", found, err)
	}
	apply(t, s, ApplyOptions{}, all("created"))
	apply(t, s, ApplyOptions{}, all("unchanged")) // the server shows the cron expression of beta in another form
	if s.Untagged() != nil {
		t.Errorf("no search attributes: %v", s.Untagged())
	}

	is, err := s.schedule(ctx, "sync/acme").Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	policy := is.Schedule.Policy
	if policy.Overlap != enums.SCHEDULE_OVERLAP_POLICY_SKIP || policy.CatchupWindow != 15*time.Minute || is.Schedule.Spec.Jitter != 90*time.Second {
		t.Errorf("%+v, jitter %s; want Skip, a catch-up window of an interval and a jitter of a tenth", policy, is.Schedule.Spec.Jitter)
	}

	// What somebody changed with other tools is said and put right.
	err = s.schedule(ctx, "settle/beta").Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		in.Description.Schedule.Spec.Jitter = time.Second
		return &client.ScheduleUpdate{Schedule: &in.Description.Schedule}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	edited := all("unchanged")
	edited["settle/beta"] = "changed; jitter (edited with other tools): 1s -> 6m0s"
	apply(t, s, ApplyOptions{}, edited)
	apply(t, s, ApplyOptions{}, all("unchanged"))

	// A paused schedule stays paused, with its note, when its times change.
	choice := Choice{IDs: []string{"sync/acme"}}
	if changed, err := s.PauseSchedules(ctx, choice, "moving house"); err != nil || len(changed) != 1 {
		t.Fatalf("pause: %+v, %v", changed, err)
	}
	if changed, err := s.PauseSchedules(ctx, choice, "moving house"); err != nil || len(changed) != 0 {
		t.Fatalf("pause again: %+v, %v", changed, err)
	}
	faster := *c.Accounts["acme"].Sync
	faster.Every, faster.Settle = time.Minute, []time.Duration{day}
	change := func(c worker.Config) worker.Config {
		a := c.Accounts["acme"]
		a.Sync = &faster
		c.Accounts = map[string]worker.AccountConfig{"acme": a, "beta": c.Accounts["beta"]}
		return c
	}
	other := On(change(cluster(c)), s.temporal) // the client reaches the same server
	var conflict *ConflictError
	if _, err := other.Apply(ctx, ApplyOptions{AtStart: true}); !errors.As(err, &conflict) || len(conflict.Changes) != 2 {
		t.Errorf("a worker with another configuration that starts: %v, want a conflict of two schedules", err)
	}
	apply(t, s, ApplyOptions{}, all("unchanged"))
	if _, err := other.Apply(ctx, ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	apply(t, other, ApplyOptions{AtStart: true}, all("unchanged"))
	found, err := s.Schedules(ctx, choice)
	if err != nil || len(found) != 1 || !found[0].Paused || found[0].Note != "moving house" || found[0].Times != "every 1m" || found[0].Next != nil {
		t.Fatalf("%+v, %v; want it paused with its note and its new times", found, err)
	}

	// The only process that can use the server applies its configuration when it starts.
	changes, err := s.Apply(ctx, ApplyOptions{AtStart: true})
	if err != nil || !strings.Contains(actions(changes)["sync/acme"], "times: every 1m -> every 15m") {
		t.Errorf("%+v, %v", changes, err)
	}
	if changed, err := s.ResumeSchedules(ctx, Choice{Account: "acme"}, ""); err != nil || len(changed) != 1 {
		t.Fatalf("resume: %+v, %v", changed, err)
	}

	// What somebody else made is left alone, and what an account no longer wants goes.
	foreign := client.ScheduleOptions{ID: "sync/gamma", Action: &client.ScheduleWorkflowAction{ID: "x", Workflow: "Sync", TaskQueue: "chatlake"}}
	if _, err := s.client().ScheduleClient().Create(ctx, foreign); err != nil {
		t.Fatal(err)
	}
	var theirs *ForeignScheduleError
	if _, err := On(keeping(c.StateDir, "gamma"), s.temporal).Apply(ctx, ApplyOptions{}); !errors.As(err, &theirs) {
		t.Errorf("a schedule of something else: %v", err)
	}
	waitForList(t, s, 9)
	want := map[string]string{}
	for _, kind := range kinds[:4] { // those of a section sync
		want[ScheduleID(kind, "acme")], want[ScheduleID(kind, "beta")] = "unchanged", "kept"
	}
	apply(t, On(cluster(keeping(c.StateDir, "acme")), s.temporal), ApplyOptions{AtStart: true}, want)
	for _, kind := range kinds[:4] { // those of a section sync
		want[ScheduleID(kind, "beta")] = "deleted"
	}
	elsewhere := keeping(c.StateDir, "acme")
	elsewhere.EmbeddedQueue = "other"
	if changes, err := On(elsewhere, s.temporal).Apply(ctx, ApplyOptions{DryRun: true}); err != nil || len(changes) != 4 {
		t.Errorf("for another task queue, schedules of this one: %v, %v", actions(changes), err)
	}
	apply(t, On(keeping(c.StateDir, "acme"), s.temporal), ApplyOptions{}, want)
	if _, err := s.schedule(ctx, "sync/gamma").Describe(ctx); err != nil {
		t.Errorf("the schedule of something else: %v", err)
	}

	// A run that is triggered carries the account, the kind and the state.
	if changed, err := s.TriggerSchedules(ctx, choice); err != nil || len(changed) != 1 {
		t.Fatalf("trigger: %+v, %v", changed, err)
	}
	query := "ChatlakeAccount='acme' AND ChatlakeKind='sync' AND ChatlakeState='running' AND WorkflowType='Sync'"
	deadline := time.Now().Add(20 * time.Second)
	for {
		n, err := s.client().CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		if err == nil && n.Count == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("runs of %s: %v, %v", query, n, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if changed, err := s.TriggerSchedules(ctx, choice); err != nil || len(changed) != 0 {
		t.Errorf("trigger while it runs: %+v, %v", changed, err)
	}
	var unknown *OrderError
	for _, choice := range []Choice{{IDs: []string{"sync/nobody"}}, {Account: "nobody"}} {
		if _, err := s.DeleteSchedules(ctx, choice); !errors.As(err, &unknown) || unknown.Kind != NoSchedule {
			t.Errorf("%+v: %v", choice, err)
		}
	}
	if _, err := s.DeleteSchedules(ctx, Choice{IDs: []string{"sync/gamma"}}); !errors.As(err, &theirs) {
		t.Errorf("delete a schedule of something else: %v", err)
	}
	if changed, err := s.DeleteSchedules(ctx, Choice{All: true}); err != nil || len(changed) != 4 {
		t.Errorf("delete: %+v, %v", changed, err)
	}
}

// waitForList waits until the list of schedules has so many, as it lags behind.
func waitForList(t *testing.T, s *Session, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var ids []string
		list, err := s.client().ScheduleClient().List(t.Context(), client.ScheduleListOptions{})
		for err == nil && list.HasNext() {
			var entry *client.ScheduleListEntry
			if entry, err = list.Next(); err == nil {
				ids = append(ids, entry.ID)
			}
		}
		if len(ids) == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("listed %v, want %d: %v", ids, n, err)
		}
	}
}

func TestWantedSchedules(t *testing.T) {
	c := keeping(t.TempDir(), "acme")
	a := c.Accounts["acme"]
	a.Sync.Every, a.Sync.Cron, a.Sync.Zone = 0, "*/10 6-20 * * mon-fri", "Europe/Helsinki"
	var times []string
	for _, w := range wantedOf(c, "acme") {
		times = append(times, w.id()+": "+w.Settings[0].Value)
		if w.spec.Jitter > w.catchUp/10 || w.catchUp < leastCatchUp {
			t.Errorf("%s: jitter %s, catch-up window %s", w.id(), w.spec.Jitter, w.catchUp)
		}
	}
	want := []string{
		"sync/acme: */10 6-20 * * mon-fri in Europe/Helsinki", "settle/acme: every 1h, 7m past",
		"history/acme: every day at 00:20 UTC", "maintain/acme: every day at 03:00 UTC",
	}
	if !slices.Equal(times, want) {
		t.Errorf("times %q, want %q", times, want)
	}
	a.Sync.From, a.Sync.Settle = time.Time{}, nil
	a.Sync.Every, a.Sync.Cron = 2*time.Second, ""
	wanted := wantedOf(c, "acme")
	if len(wanted) != 2 || wanted[0].Kind != KindSync || wanted[1].Kind != KindMaintain || wanted[0].catchUp != leastCatchUp {
		t.Errorf("without a history and settles: %+v", wanted)
	}
	a.Sync = nil
	c.Accounts["acme"] = a
	if wanted := wantedOf(c, "acme"); len(wanted) != 0 {
		t.Errorf("without a section sync: %+v", wanted)
	}
}

// TestHistoryBeginsAtOnce: what is missing is copied when the schedule is made, and when the history begins elsewhere; not after midnight.
func TestHistoryBeginsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	ctx := t.Context()
	c := keeping(t.TempDir(), "acme")
	s, err := Connect(ctx, c, worker.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	begun := func(actions int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			all, err := s.Schedules(ctx, Choice{Account: "acme"})
			if err != nil {
				t.Fatal(err)
			}
			var taken []int
			for _, one := range all {
				taken = append(taken, one.Actions+one.Skipped)
			}
			if slices.Equal(taken, []int{0, 0, actions, 0}) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("actions of sync, settle, history and maintain: %v, want only %d of the history", taken, actions)
			}
		}
	}
	if _, err := s.Apply(ctx, ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	begun(1)
	c.Accounts["acme"].Sync.From = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	apply(t, s, ApplyOptions{}, map[string]string{
		"sync/acme": "unchanged", "settle/acme": "unchanged", "history/acme": "changed; from: 2025-01-01 -> 2024-01-01", "maintain/acme": "unchanged",
	})
	begun(2)
}

// TestEndStaleSchedule is there with or without a section sync, and says whether its runs end anything.
func TestEndStaleSchedule(t *testing.T) {
	c := keeping(t.TempDir(), "acme")
	a := c.Accounts["acme"]
	a.EndStale = &worker.EndStaleConfig{Every: 12 * time.Hour, OlderThan: 7 * day, Most: 50}
	c.Accounts["acme"] = a
	if all := wantedOf(c, "acme"); len(all) != 5 || all[4].Kind != KindEndStale {
		t.Errorf("beside a section sync: %+v", all)
	}
	a.Sync = nil
	for _, confirm := range []bool{false, true} {
		a.EndStale.Confirm = confirm
		c.Accounts["acme"] = a
		all := wantedOf(c, "acme")
		if len(all) != 1 || all[0].id() != "end-stale/acme" || !slices.Equal(scheduled(c), []string{"acme"}) {
			t.Fatalf("without a section sync: %+v, scheduled %v", all, scheduled(c))
		}
		in, ok := all[0].action.Args[0].(workflows.EndStaleInput)
		if !ok || in.Confirm != confirm || in.OlderThan != 7*day || in.Most != 50 || in.Check() != nil || all[0].action.Workflow != "EndStaleChats" {
			t.Errorf("the input is %+v, %v", all[0].action.Args, in.Check())
		}
		if got := all[0].Settings[3]; got.Name != "confirm" || (got.Value == "yes") != confirm {
			t.Errorf("the settings are %+v", all[0].Settings)
		}
	}
}
