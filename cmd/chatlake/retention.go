package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// noteRetention says before an export what the platform may have deleted of its range, and what it deletes soon. What is wrong with the
// lake is for the export to say.
func (a *app) noteRetention(ctx context.Context, c worker.Config, in workflows.ExportInput) {
	found, err := inspect.RetentionOf(ctx, c, in.Account, in.Range(), time.Now())
	if err != nil {
		return
	}
	for _, l := range inspect.Joined(found.Lost) {
		a.note("%s.\n  To leave it out: %s", lostText(l), l.Command())
	}
	if len(found.Lost) > 0 {
		a.note("What the platform still lists there is copied. The export then ends as not complete (exit code %d), because nobody can tell what is\n"+
			"missing. If the platform keeps more, set accounts.%s.retention in the configuration.", exitGaps, in.Account)
	}
	for _, e := range found.Expiring {
		a.note("%s.", expiringText(e))
	}
}

// writeRetained says what was lost to a platform's retention, and what will be soon.
func writeRetained(w io.Writer, indent string, found inspect.Retained) {
	for _, l := range inspect.Joined(found.Lost) {
		fmt.Fprintf(w, "%slost: %s. To accept that: %s\n", indent, lostText(l), l.Command())
	}
	for _, e := range found.Expiring {
		fmt.Fprintf(w, "%ssoon lost: %s. Copy it: %s\n", indent, expiringText(e), e.Command())
	}
}

// retainedTexts are the same for a monitor.
func retainedTexts(found inspect.Retained) (lost, soon []string) {
	for _, l := range inspect.Joined(found.Lost) {
		lost = append(lost, "lost: "+lostText(l))
	}
	for _, e := range found.Expiring {
		soon = append(soon, expiringText(e))
	}
	return lost, soon
}

func lostText(l inspect.Lost) string {
	return fmt.Sprintf("%s/%s: %s may be lost: %s", l.Account, l.Stream, words.Span(l.Window), l.Reason)
}

func expiringText(e inspect.Expiring) string {
	return fmt.Sprintf("%s/%s: %s is not copied yet, and the platform begins to delete it on %s", e.Account, e.Stream, words.Span(e.Window), words.Time(e.Deadline))
}
