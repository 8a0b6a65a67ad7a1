package operate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// Kind is what a schedule starts.
type Kind string

// The kinds of schedules, in the order in which people see them. A schedule's id is its kind, a slash and the account.
const (
	KindSync     Kind = "sync"      // copies what has changed
	KindSettle   Kind = "settle"    // lists windows again that are due
	KindHistory  Kind = "history"   // exports what is not in the lake yet
	KindMaintain Kind = "maintain"  // makes few files of many
	KindEndStale Kind = "end-stale" // ends conversations that never end
)

var kinds = []Kind{KindSync, KindSettle, KindHistory, KindMaintain, KindEndStale}

// ScheduleID is the id of a schedule, and of its runs before the server appends the nominal time.
func ScheduleID(kind Kind, account string) string { return string(kind) + "/" + account }

// A Setting is one thing that a schedule does by, in words.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// mark is the memo of a schedule's runs: it says that chatlake made the schedule, and by which settings.
type mark struct {
	Account   string    `json:"account"`
	Kind      Kind      `json:"kind"`
	Settings  []Setting `json:"settings"`
	Behaviour int       `json:"behaviour"` // of the policy
	Policy    string    `json:"policy"`    // digest
	Build     string    `json:"build"`
}

// The names of settings that matter here: when a schedule acts, and where the history begins.
const timesSetting, fromSetting = "times", "from"

// markKey is the key of the memo.
const markKey = "chatlake"

// wanted is a schedule as the configuration wants it.
type wanted struct {
	mark
	spec    client.ScheduleSpec
	catchUp time.Duration
	action  client.ScheduleWorkflowAction
}

func (w wanted) id() string { return ScheduleID(w.Kind, w.Account) }

const (
	day  = 24 * time.Hour
	hour = time.Hour
	// leastCatchUp is the shortest catch-up window that Temporal takes.
	leastCatchUp = 10 * time.Second
	// longestJitter keeps runs of a day near the time of day that is shown.
	longestJitter = 10 * time.Minute
	historyName   = "history" // of the exports
)

// forever is the end of the history: an export ends at the present at the latest.
var forever = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// wantedOf returns the schedules of an account: those that keep it up to date, and the one that ends conversations.
func wantedOf(c worker.Config, account string) []wanted {
	return append(wantedSync(c, account), wantedEnd(c, account)...)
}

// wantedEnd returns the schedule that ends conversations of an account, or none. Each run looks at all that have not ended, so one that
// did not begin in time is not made up for.
func wantedEnd(c worker.Config, account string) []wanted {
	e := c.Accounts[account].EndStale
	if e == nil {
		return nil
	}
	input := workflows.EndStaleInput{Account: account, OlderThan: e.OlderThan, Most: e.Most, Confirm: e.Confirm, Policy: workflows.NewPolicy()}
	t := times{interval: e.Every}
	if e.Every%day == 0 {
		t.offset = 4 * hour
	}
	confirm := "no: runs only tell what they would end"
	if e.Confirm {
		confirm = "yes"
	}
	return []wanted{newWanted(c, account, KindEndStale, t, "EndStaleChats", input,
		Setting{"older than", worker.DurationText(e.OlderThan)}, Setting{"most", fmt.Sprint(e.Most)}, Setting{"confirm", confirm})}
}

// wantedSync returns the schedules that keep an account up to date, or none.
func wantedSync(c worker.Config, account string) []wanted {
	s := c.Accounts[account].Sync
	if s == nil {
		return nil
	}
	policy := workflows.NewPolicy()
	input := workflows.SyncInput{Account: account, Policy: policy}
	// A run that does not begin in time is not made up for: the next one does its work as well. Runs of an account do not begin at the
	// same moment as those of others.
	all := []wanted{newWanted(c, account, KindSync, syncTimes(*s), "Sync", input,
		Setting{"lag", worker.DurationText(s.Lag)}, Setting{"directory", every(s.Directory)})}
	if len(s.Settle) > 0 {
		var after []string
		for _, d := range s.Settle {
			after = append(after, worker.DurationText(d))
		}
		// Hourly: a window is settled soon after it is due, and one that failed is tried again soon. With nothing due, a run only reads
		// the ledger.
		all = append(all, newWanted(c, account, KindSettle, times{interval: hour, offset: 7 * time.Minute}, "Settle", input,
			Setting{"settle", strings.Join(after, ", ")}))
	}
	if !s.From.IsZero() {
		// After midnight, when the day before has ended, so that the windows of the history are whole days.
		export := workflows.ExportInput{
			Account: account, Name: historyName, From: s.From, To: forever, WholeDays: true, Order: s.History, Policy: policy,
		}
		all = append(all, newWanted(c, account, KindHistory, times{interval: day, offset: 20 * time.Minute}, "Export", export,
			Setting{fromSetting, words.Time(s.From)}, Setting{"order", string(s.History)}, Setting{"retention", c.RetentionText(account)}))
	}
	// Maintain merges days and months that have ended, so once a day is enough.
	return append(all, newWanted(c, account, KindMaintain, times{interval: day, offset: 3 * hour}, "Maintain", workflows.MaintainInput{Account: account, Policy: policy}))
}

// times are when a schedule acts.
type times struct {
	interval, offset time.Duration
	cron, zone       string
}

func syncTimes(s activities.SyncSettings) times {
	return times{interval: worker.SyncInterval(s), cron: s.Cron, zone: s.Zone}
}

func (t times) String() string {
	switch {
	case t.cron != "" && t.zone != "":
		return t.cron + " in " + t.zone
	case t.cron != "":
		return t.cron + " in UTC"
	case t.interval == day:
		return "every day at " + time.Time{}.Add(t.offset).Format("15:04") + " UTC"
	case t.offset > 0:
		return every(t.interval) + ", " + worker.DurationText(t.offset) + " past"
	}
	return every(t.interval)
}

func newWanted(c worker.Config, account string, kind Kind, t times, workflow string, input any, settings ...Setting) wanted {
	w := wanted{catchUp: max(t.interval, leastCatchUp)}
	w.spec = client.ScheduleSpec{Jitter: min(t.interval/10, longestJitter)}
	if t.cron != "" {
		w.spec.CronExpressions, w.spec.TimeZoneName = []string{t.cron}, t.zone
	} else {
		w.spec.Intervals = []client.ScheduleIntervalSpec{{Every: t.interval, Offset: t.offset}}
	}
	policy := workflows.NewPolicy()
	w.mark = mark{
		Account: account, Kind: kind, Behaviour: policy.Behaviour, Policy: digest(policy), Build: worker.Build,
		Settings: append([]Setting{{timesSetting, t.String()}}, settings...),
	}
	w.Settings = append(w.Settings, Setting{"task queue", c.TaskQueue()}, Setting{"account", accountDigest(c, account)})
	w.action = client.ScheduleWorkflowAction{
		ID: w.id(), Workflow: workflow, Args: []any{input}, TaskQueue: c.TaskQueue(), Memo: map[string]any{markKey: w.mark},
	}
	return w
}

// options are those of a schedule that is created. The memo of the schedule itself never changes; that of its runs has the settings.
func (w wanted) options(attributes temporal.SearchAttributes) client.ScheduleOptions {
	w.action.TypedSearchAttributes = attributes
	return client.ScheduleOptions{
		ID: w.id(), Spec: w.spec, Action: &w.action, Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: w.catchUp,
		Memo:               map[string]any{markKey: string(w.Kind)},
		TriggerImmediately: w.Kind == KindHistory, // nobody wants to wait until midnight for what is missing
	}
}

// digest is a short digest of a value that has a JSON form.
func digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("operate: %T has no JSON form: %v", v, err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// accountDigest changes whenever settings of the account change that decide what its export contains.
func accountDigest(c worker.Config, account string) string { return c.Spec(account)[:12] }

func every(d time.Duration) string {
	if d == 0 {
		return "never"
	}
	return "every " + worker.DurationText(d)
}

// scheduled returns the accounts of a configuration that have schedules, in order.
func scheduled(c worker.Config) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		if a := c.Accounts[name]; a.Sync != nil || a.EndStale != nil {
			names = append(names, name)
		}
	}
	return names
}
