package operate

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/workflows"
)

// A Wait is what some windows of an export, or the export itself, wait for.
type Wait struct {
	workflows.Waiting
	Windows int `json:"windows,omitempty"` // 0 is the export itself
}

// addWait adds one to those that are for the same party and reason.
func addWait(all []Wait, w workflows.Waiting, windows int) []Wait {
	for i, other := range all {
		if other.For != w.For || other.Kind != w.Kind || other.Why != w.Why {
			continue
		}
		all[i].Windows += windows
		if w.Since.Before(other.Since) {
			all[i].Since = w.Since
		}
		if w.Until != nil && (other.Until == nil || w.Until.Before(*other.Until)) {
			all[i].Until = w.Until
		}
		return all
	}
	return append(all, Wait{w, windows})
}

// parties are those that are waited for, in words.
var parties = map[string]string{
	workflows.ForPlatform:    "the platform",
	workflows.ForSchedule:    "the account's schedule",
	workflows.ForLake:        "the lake",
	workflows.ForStateFolder: "the state folder",
	workflows.ForTemporal:    "Temporal",
	workflows.ForWorker:      "a worker",
	workflows.ForBudget:      "a share of the account's budget",
	workflows.ForExport:      "another export",
	workflows.ForSync:        "a sync of the account",
}

// Brief says what is waited for and until when.
func (w Wait) Brief() string {
	party := parties[w.For]
	if party == "" {
		party = w.For
	}
	text := "waiting for " + party
	if w.Until != nil {
		text += " until " + w.Until.UTC().Format(time.TimeOnly) + " UTC"
	}
	return text
}

// String says also since when and why, in one line.
func (w Wait) String() string {
	text := w.Brief()
	if w.Windows > 0 {
		text = words.Plural(int64(w.Windows), "window") + " " + text
	}
	if !w.Since.IsZero() {
		text += ", since " + w.Since.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return text + ": " + strings.Join(strings.Fields(w.Why), " ")
}

// quiet is how long an export may give no answer before that is shown: a worker is busy now and then.
const quiet = 5 * time.Second

// hush remembers since when an export gives no answer. The zero value is ready.
type hush struct{ since time.Time }

// heard is called with what a look at the export came to; the wait is nil while nothing is to be shown. healthy asks the server
// whether it is there.
func (h *hush) heard(err error, now time.Time, healthy func() error) *workflows.Waiting {
	if err == nil {
		h.since = time.Time{}
		return nil
	}
	if h.since.IsZero() {
		h.since = now
	}
	if now.Sub(h.since) < quiet {
		return nil
	}
	return silence(err, h.since, healthy)
}

// silence is what is waited for while an export gives no answer.
func silence(err error, since time.Time, healthy func() error) *workflows.Waiting {
	w := &workflows.Waiting{For: workflows.ForTemporal, Since: since}
	switch gone := healthy(); {
	case gone != nil:
		w.Why = "it does not answer: " + gone.Error()
	case errors.Is(err, context.DeadlineExceeded), strings.Contains(err.Error(), "deadline exceeded"):
		w.For, w.Why = workflows.ForWorker, "Temporal runs, and no worker answers"
	default:
		w.Why = err.Error()
	}
	return w
}

// health asks the server whether it is there.
func (s *Session) health(ctx context.Context) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		_, err := s.client().CheckHealth(ctx, &client.CheckHealthRequest{})
		return err
	}
}
