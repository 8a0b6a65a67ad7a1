package alerts

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) *time.Time {
	t := now.Add(-d)
	return &t
}

// looking are alerts over what a test says the lake and Temporal are.
func looking(lake []inspect.Freshness, lakeErr error, v operate.Vitals, temporalErr error) *Alerts {
	return &Alerts{
		config:   worker.Config{Alerts: &worker.AlertsConfig{MaxLag: time.Hour, Repeat: time.Hour, Receivers: map[string]worker.AlertReceiver{"ops": {}}}},
		now:      func() time.Time { return now },
		lake:     func(context.Context) ([]inspect.Freshness, error) { return lake, lakeErr },
		temporal: func(context.Context) (operate.Vitals, error) { return v, temporalErr },
	}
}

// names are alerts as text, in order.
func names(all []activities.AlertState) (texts []string) {
	for _, a := range all {
		texts = append(texts, strings.Join([]string{a.Kind, a.Account, a.About}, " "))
	}
	slices.Sort(texts)
	return texts
}

func TestFind(t *testing.T) {
	gap := inspect.Gap{Account: "acme", Stream: schemas.StreamCreated}
	lake := []inspect.Freshness{
		{
			Account: "acme", At: now, Watermark: before(2 * time.Hour), Gaps: []inspect.Gap{gap, gap},
			Announced: &inspect.Announced{Missed: 9, Pushed: 4},
			Retained: inspect.Retained{
				Lost:     []inspect.Lost{{Gap: gap}},
				Expiring: []inspect.Expiring{{Gap: gap, Deadline: now.Add(50 * time.Hour)}, {Gap: gap, Deadline: now.Add(40 * time.Hour)}},
			},
			Verified: &inspect.LastVerify{At: now.AddDate(0, 0, -31)},
		},
		{Account: "fine", At: now, Watermark: before(50 * time.Minute), Verified: &inspect.LastVerify{At: now, Whole: true}},
		{Account: "new", At: now},
	}
	v := operate.Vitals{
		Schedules: []operate.Upkeep{
			{Schedule: operate.Schedule{Account: "acme", Kind: operate.KindSync, Next: before(16 * time.Minute), Missed: 3}, Ended: &operate.Ended{State: workflows.StateFailed}},
			{Schedule: operate.Schedule{Account: "fine", Kind: operate.KindSync, Next: before(14 * time.Minute)}, Ended: &operate.Ended{State: workflows.StateComplete}},
		},
		Runs: []operate.Stray{{Kind: operate.KindExport, Account: "acme", Progress: &operate.Snapshot{Blocked: []workflows.BlockedShard{{Kind: "Denied"}, {Kind: "Denied"}, {Kind: "Stopped"}}}}, {Kind: operate.KindSync}},
	}
	out, err := looking(lake, nil, v, nil).Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"account-stopped acme ", "blocked acme export Denied", "blocked acme export Stopped", "incomplete acme sync", "retention acme ", "schedule-late acme sync",
		"stale acme ", "verify-failed acme ", "verify-old acme ",
	}
	if diff := cmp.Diff(want, names(out.Alerts)); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	counts := map[string]int64{}
	for _, c := range out.Counts {
		counts[strings.Join([]string{c.Kind, c.Account, c.About}, " ")] = c.Value
	}
	for name, value := range map[string]int64{"gaps-grew acme created": 2, "loss acme created": 1, "loss acme changes": 0, "schedule-missed acme sync": 3, "push-silent acme ": 9, "gaps-grew new reports": 0} {
		if got, ok := counts[name]; !ok || got != value {
			t.Errorf("%s is %d (%t), want %d", name, got, ok, value)
		}
	}
	for _, a := range out.Alerts {
		summary, advice, severity := Describe(a)
		if strings.ContainsAny(summary+advice, "{}") || severity == "" {
			t.Errorf("%s has a text with a hole: %s %s", a.Kind, summary, advice)
		}
		if a.Kind == Retention.Name && !strings.Contains(summary, "2026-06-03T04:00:00Z") {
			t.Errorf("the first deadline is not named: %s", summary)
		}
	}
	if out.Repeat != time.Hour || !slices.Equal(out.Receivers, []string{"ops"}) {
		t.Errorf("%+v", out)
	}
}

func TestFindWhatCannotBeRead(t *testing.T) {
	lake := []inspect.Freshness{{Account: "acme", At: now, Watermark: before(2 * time.Hour)}}
	out, err := looking(lake, nil, operate.Vitals{}, errors.New("no answer")).Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"stale acme ", "unreadable  temporal"}, names(out.Alerts)); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	if !slices.Contains(out.Unread, Blocked.Name) || slices.Contains(out.Unread, Stale.Name) || slices.Contains(out.Unread, Unreadable.Name) {
		t.Errorf("unread: %v", out.Unread)
	}
}

// TestKindsAreTheRules compares the kinds with the alerts for Prometheus: severity, time and advice.
func TestKindsAreTheRules(t *testing.T) {
	text, err := os.ReadFile("../../deploy/prometheus/chatlake.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, For          string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	// What nobody can tell from within, or what is about the alerts themselves.
	outside := map[string]bool{"ChatlakeNoWorker": true, "ChatlakeAlertsUndelivered": true, "ChatlakeAlertsSilent": true, "ChatlakeReceiverQueue": true}
	byRule := map[string]*Kind{}
	for _, k := range Kinds {
		byRule[k.Rule] = k
	}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			k := byRule[rule.Alert]
			delete(byRule, rule.Alert)
			if k == nil {
				if !outside[rule.Alert] {
					t.Errorf("%s has no kind of alert", rule.Alert)
				}
				continue
			}
			lasting := time.Duration(0)
			if rule.For != "" {
				if lasting, err = time.ParseDuration(rule.For); err != nil {
					t.Fatal(err)
				}
			}
			if k != Unreadable && lasting != k.For { // its rule measures a time
				t.Errorf("%s must last %s, %s %s", rule.Alert, lasting, k.Name, k.For)
			}
			if k.Severity != rule.Labels["severity"] {
				t.Errorf("%s is %s, %s %s", rule.Alert, rule.Labels["severity"], k.Name, k.Severity)
			}
			labels := regexp.MustCompile(`{{ \$labels\.account }}`)
			want := labels.ReplaceAllString(rule.Annotations["description"], "acme")
			if got := k.Advice(activities.AlertState{AlertName: activities.AlertName{Account: "acme"}}); got != want {
				t.Errorf("%s says %q, %s %q", rule.Alert, want, k.Name, got)
			}
		}
	}
	for rule, k := range byRule {
		t.Errorf("%s has no rule %s", k.Name, rule)
	}
}
