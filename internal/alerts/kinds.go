package alerts

import (
	"fmt"
	"strings"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/words"
)

// The sources that are read.
const (
	SourceLake     = "lake"
	SourceTemporal = "temporal"
)

// Kind is a kind of alerts.
type Kind struct {
	Name string
	// Rule is the alert for Prometheus with the same condition.
	Rule     string
	Severity string // page or ticket, as that of the rule
	Source   string // empty if the alert is that a source cannot be read
	// For is how long it must last. Within is for numbers that grow: for how long that is an alert.
	For, Within time.Duration
	what, do    func(activities.AlertState) string
}

// Summary says what is wrong.
func (k *Kind) Summary(a activities.AlertState) string { return k.what(a) }

// Advice says what to do.
func (k *Kind) Advice(a activities.AlertState) string { return k.do(a) }

// The severities of alerts.
const (
	page   = "page"
	ticket = "ticket"
)

// say returns a function that says something of an alert; {account}, {about}, {count}, {windows} and {at} stand for its parts.
func say(text string) func(activities.AlertState) string {
	return func(a activities.AlertState) string {
		at := ""
		if a.At != nil {
			at = words.Time(*a.At)
		}
		kind, reason, _ := strings.Cut(a.About, " ")
		return strings.NewReplacer("{account}", a.Account, "{about}", a.About, "{kind}", kind, "{reason}", reason, "{count}", fmt.Sprint(a.Count), "{windows}", words.Plural(a.Count, "window"), "{at}", at).Replace(text)
	}
}

// The kinds of alerts.
var (
	Stale = &Kind{
		Name: "stale", Rule: "ChatlakeStale", Severity: page, Source: SourceLake, For: 10 * time.Minute,
		what: say("The copy of {account} has every change up to {at}, and none after that."),
		do:   say("Run `chatlake status --account {account}`. It says what the sync waits for, or how the last one failed."),
	}
	Blocked = &Kind{
		Name: "blocked", Rule: "ChatlakeBlocked", Severity: page, Source: SourceTemporal, For: 5 * time.Minute,
		what: say("{windows} of {account} ({kind}) must wait for a person: {reason}."),
		do:   say("Nothing is lost meanwhile. `chatlake status --account {account}` says what to do, and `chatlake resume` tries again."),
	}
	AccountStopped = &Kind{
		Name: "account-stopped", Rule: "ChatlakeAccountStopped", Severity: page, Source: SourceTemporal, For: time.Minute,
		what: say("The platform of {account} refuses all requests, so chatlake sends no more."),
		do:   say("Check the token and its permissions with `chatlake doctor --account {account}`, and then run `chatlake resume`."),
	}
	Retention = &Kind{
		Name: "retention", Rule: "ChatlakeRetention", Severity: page, Source: SourceLake, For: 10 * time.Minute,
		what: say("At {at}, the platform of {account} begins to delete what is not copied yet."),
		do:   say("`chatlake gap list --account {account}` names it, with the command that copies it."),
	}
	Loss = &Kind{
		Name: "loss", Rule: "ChatlakeLoss", Severity: page, Source: SourceLake, Within: time.Hour,
		what: say("The platform of {account} may have deleted something of {about} before it was copied."),
		do:   say("`chatlake gap list --account {account}` names the range. If the platform keeps more, correct `retention` of the account."),
	}
	GapsGrew = &Kind{
		Name: "gaps-grew", Rule: "ChatlakeGapsGrew", Severity: ticket, Source: SourceLake, For: time.Hour, Within: 24 * time.Hour,
		what: say("The copy of {account} has {count} more gaps in {about} than a day ago."),
		do:   say("`chatlake gap list --account {account}` names each, with the command that copies it."),
	}
	Incomplete = &Kind{
		Name: "incomplete", Rule: "ChatlakeIncomplete", Severity: ticket, Source: SourceTemporal, For: time.Hour,
		what: say("For an hour, no {about} of {account} has ended complete."),
		do:   say("`chatlake status --account {account}` says how the last one ended."),
	}
	ScheduleMissed = &Kind{
		Name: "schedule-missed", Rule: "ChatlakeScheduleMissed", Severity: ticket, Source: SourceTemporal, Within: time.Hour,
		what: say("The schedule {about}/{account} has missed {count} runs in an hour."),
		do:   say("The Temporal server was down when they were due. The next run does their work as well."),
	}
	ScheduleLate = &Kind{
		Name: "schedule-late", Rule: "ChatlakeScheduleLate", Severity: ticket, Source: SourceTemporal, For: 5 * time.Minute,
		what: say("The schedule {about}/{account} should have started a run at {at}."),
		do:   say("Look whether the Temporal server runs, and at `chatlake schedule list`."),
	}
	PushSilent = &Kind{
		Name: "push-silent", Rule: "ChatlakePushSilent", Severity: ticket, Source: SourceLake, For: 10 * time.Minute, Within: 6 * time.Hour,
		what: say("The platform of {account} announced none of the changes of the last 6 hours."),
		do:   say("Nothing is lost, because syncs find the changes. `chatlake doctor --account {account}` tries whether announcements arrive."),
	}
	VerifyFailed = &Kind{
		Name: "verify-failed", Rule: "ChatlakeVerifyFailed", Severity: page, Source: SourceLake, For: 5 * time.Minute,
		what: say("The last verify that covers {account} found that the lake is not whole."),
		do:   say("Run `chatlake verify --account {account}`. It lists what is wrong, and what to do about each."),
	}
	VerifyOld = &Kind{
		Name: "verify-old", Rule: "ChatlakeVerifyOld", Severity: ticket, Source: SourceLake, For: time.Hour,
		what: say("The copy of {account} was last verified at {at}."),
		do:   say("Run `chatlake verify`, or `chatlake verify --deep` if it was never read completely, and let a scheduler repeat it."),
	}
	Unreadable = &Kind{
		Name: "unreadable", Rule: "ChatlakeMetricsOld", Severity: page, For: 15 * time.Minute,
		what: say("A worker cannot read the {about}, so nobody knows how the accounts are."),
		do:   say("`/readyz` of a worker and its log say why."),
	}
)

// Kinds are all kinds, in the order of the documentation.
var Kinds = []*Kind{
	Stale, Blocked, AccountStopped, Retention, Loss, GapsGrew, Incomplete, ScheduleMissed, ScheduleLate, PushSilent, VerifyFailed, VerifyOld, Unreadable,
}

// kindOf returns a kind by its name, or one that says no more than the name, if a later release has found the alert.
func kindOf(name string) *Kind {
	for _, k := range Kinds {
		if k.Name == name {
			return k
		}
	}
	return &Kind{Name: name, Severity: page, what: say("Something is wrong: " + name + " {account} {about}."), do: say("Run `chatlake status`.")}
}

// Describe says in two sentences what is wrong, and what to do.
func Describe(a activities.AlertState) (summary, advice, severity string) {
	k := kindOf(a.Kind)
	return k.Summary(a), k.Advice(a), k.Severity
}
