package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// wait is what some windows of an export, or the export itself, wait for.
type wait struct {
	workflows.Waiting
	Windows int `json:"windows,omitempty"` // 0 is the export itself
}

// addWait adds one to those that are for the same party and reason.
func addWait(all []wait, w workflows.Waiting, windows int) []wait {
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
	return append(all, wait{w, windows})
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
}

// brief says what is waited for and until when.
func (w wait) brief() string {
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
func (w wait) String() string {
	text := w.brief()
	if w.Windows > 0 {
		text = plural(int64(w.Windows), "window") + " " + text
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

// healthOf asks a server whether it is there.
func healthOf(ctx context.Context, c client.Client) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		_, err := c.CheckHealth(ctx, &client.CheckHealthRequest{})
		return err
	}
}

// checkFolderEvery is how often the state folder is tried, and enough the bytes that the embedded server needs there to go on.
const (
	checkFolderEvery = 5 * time.Second
	enough           = 1 << 20
)

// folderWatch looks whether the embedded server can still write to the state folder.
type folderWatch struct {
	folder string // empty where the server is elsewhere
	try    func(folder string) error
	looked time.Time
	wait   *workflows.Waiting
}

func newFolderWatch(c worker.Config) *folderWatch {
	w := &folderWatch{try: tryRoom}
	if c.Temporal == nil {
		w.folder = c.StateDir
	}
	return w
}

// look is what the embedded server waits for: nil while its folder can be written.
func (f *folderWatch) look(now time.Time) *workflows.Waiting {
	if f.folder == "" || now.Sub(f.looked) < checkFolderEvery {
		return f.wait
	}
	f.looked = now
	err := f.try(f.folder)
	if err == nil {
		f.wait = nil
		return nil
	}
	since := now
	if f.wait != nil {
		since = f.wait.Since
	}
	f.wait = &workflows.Waiting{For: workflows.ForStateFolder, Why: fmt.Sprintf("%s cannot be written: %v", f.folder, err), Since: since}
	return f.wait
}

// tryRoom writes a file into a folder, and removes it.
func tryRoom(folder string) error {
	f, err := os.CreateTemp(folder, ".room-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, enough))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
