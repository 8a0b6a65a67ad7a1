package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
)

// Waiting is what a workflow or an activity waits for.
type Waiting struct {
	// For is whom or what it waits for: one of the For constants.
	For string `json:"for"`
	// Kind is the kind of the error; empty if there was none.
	Kind string `json:"kind,omitempty"`
	// Why is the error or the reason, without texts or names of a conversation.
	Why string `json:"why"`
	// Since is the time of the first of the failures in a row.
	Since time.Time `json:"since"`
	// Until is the time of the next try; nil if it is not known.
	Until *time.Time `json:"until,omitempty"`
}

// The values of Waiting.For, from package activities.
const (
	ForPlatform    = activities.ForPlatform
	ForSchedule    = activities.ForSchedule
	ForLake        = activities.ForLake
	ForStateFolder = activities.ForStateFolder
	ForTemporal    = activities.ForTemporal
	ForWorker      = activities.ForWorker
	ForBudget      = activities.ForBudget
	ForExport      = activities.ForExport
	ForSync        = activities.ForSync
)

// WaitingAfter is what a workflow waits for after an activity has failed.
func WaitingAfter(err error) Waiting {
	_, kind := remedyOf(err)
	w := Waiting{For: activities.ForPlatform, Kind: kind, Why: detailOf(err)}
	var application *temporal.ApplicationError
	var said activities.Wait
	if errors.As(err, &application) && application.HasDetails() {
		_ = application.Details(&said) // the details may be those of an earlier release or of the SDK
	}
	switch {
	case said.For != "":
		w.For = said.For
	case isCrash(kind), kind == "Unknown", kind == activities.Interrupted:
		w.For = activities.ForWorker
	case kind == activities.Unavailable, kind == activities.StagingLost, kind == activities.FilesLost, kind == activities.Incomplete:
		w.For = activities.ForLake
	}
	return w
}

// streak remembers failures in a row. The zero value has none.
type streak struct {
	began   time.Time
	passing int // the last ones in a row that may pass by themselves
}

// passes reports whether a failure may pass by itself, so that a person need not be asked yet. Failures is the number of failures in a
// row before it. A platform that was down before does not use up the tries.
func (s *streak) passes(p Policy, kind string, failures int) bool {
	if failures > 0 && p.Behaviour >= 1 {
		failures = s.passing
	}
	return mayPass(kind) && failures < p.TriesBeforeBlock
}

// after is what the workflow waits for after a failure. Failures is the number of failures in a row before it.
func (s *streak) after(ctx workflow.Context, err error, failures int) Waiting {
	if failures == 0 || s.began.IsZero() {
		s.began, s.passing = workflow.Now(ctx), 0
	}
	if _, kind := remedyOf(err); mayPass(kind) {
		s.passing++
	} else {
		s.passing = 0
	}
	w := WaitingAfter(err)
	w.Since = s.began
	return w
}

// sleep waits on a durable timer. People see it; retry_blocked and resume do not shorten it.
func (c *control) sleep(ctx workflow.Context, d time.Duration, w Waiting) error {
	now := workflow.Now(ctx)
	if w.Since.IsZero() {
		w.Since = now
	}
	w.Until = new(now.Add(d))
	c.waiting = &w
	defer func() { c.waiting = nil }()
	workflow.GetLogger(ctx).Warn("waiting", "workflow", c.self, "for", w.For, "kind", w.Kind, "why", w.Why, "since", w.Since, "until", *w.Until)
	return workflow.Sleep(ctx, d)
}
