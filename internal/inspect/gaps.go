package inspect

import (
	"context"
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// Gaps are the times that no committed window covers.
type Gaps struct {
	Open     []Gap         `json:"open"`
	Accepted []AcceptedGap `json:"accepted"`
	// Skipped are windows that a person gave up for now. As far as the lake does not have them, they are among Open.
	Skipped []SkippedWindow `json:"skipped"`
	Retained
}

// An AcceptError is an acceptance, or a window to be skipped, that makes no sense. Nothing was written.
type AcceptError struct{ Reason string }

func (e *AcceptError) Error() string { return e.Reason }

// longestReason keeps a reason on one line.
const longestReason = 500

// Gaps returns the gaps of the ledger, or of one account.
func (l *Lake) Gaps(ctx context.Context) (Gaps, error) {
	records, err := l.lake.Current(ctx, l.filter(schemas.Window{}))
	if err != nil {
		return Gaps{}, err
	}
	return l.gapsOf(ctx, records)
}

// gapsOf returns the gaps between current records.
func (l *Lake) gapsOf(ctx context.Context, records []ledger.Record) (Gaps, error) {
	acceptances, err := l.lake.Accepted(ctx, l.account)
	if err != nil {
		return Gaps{}, err
	}
	skips, err := l.lake.Skips(ctx, l.account)
	if err != nil {
		return Gaps{}, err
	}
	retained, err := l.retained(ctx, records, acceptances, schemas.Window{})
	if err != nil {
		return Gaps{}, err
	}
	missing := absencesOf(records, l.filter(schemas.Window{}), acceptances, skips)
	return Gaps{
		Open:     append([]Gap{}, without(missing.open, retained.Lost)...),
		Accepted: append(missing.accepted, late(retained.Late, missing.accepted)...),
		Skipped:  missing.skipped,
		Retained: retained,
	}, nil
}

// checkReason returns a reason without space around it, or why it cannot stand in the ledger.
func checkReason(reason string) (string, error) {
	switch reason = strings.TrimSpace(reason); {
	case reason == "":
		return "", &AcceptError{"the reason is missing: it stands in the ledger, for those who ask later"}
	case len(reason) > longestReason || strings.ContainsFunc(reason, func(r rune) bool { return r < ' ' }):
		return "", &AcceptError{fmt.Sprintf("the reason is too long: expected one line of at most %d bytes", longestReason)}
	}
	return reason, nil
}

// AcceptGap writes into the ledger that a part of a stream of an account stays out of the lake, and why. It returns the reason that
// stands, which is another one if the window was accepted before.
func AcceptGap(ctx context.Context, c worker.Config, account string, stream schemas.Stream, w schemas.Window, reason string) (AcceptedGap, error) {
	if !stream.IsContinuous() {
		return AcceptedGap{}, &AcceptError{fmt.Sprintf("stream %s: expected created, changes or reports; a snapshot of the directory and audits have no gaps", stream)}
	}
	reason, err := checkReason(reason)
	if err != nil {
		return AcceptedGap{}, err
	}
	l, err := worker.ReadLake(ctx, c)
	if err != nil {
		return AcceptedGap{}, err
	}
	records, err := l.Current(ctx, ledger.Filter{Account: account, Stream: stream, Window: w})
	if err != nil {
		return AcceptedGap{}, err
	}
	var covered []schemas.Window
	for _, r := range records {
		covered = append(covered, r.Shard.Window)
	}
	losses, err := l.Losses(ctx, ledger.Filter{Account: account, Stream: stream, Window: w}, records, c.Retention(account, stream), l.Now())
	if err != nil {
		return AcceptedGap{}, err
	}
	if len(w.Without(covered)) == 0 && len(losses) == 0 {
		return AcceptedGap{}, &AcceptError{fmt.Sprintf("there is no gap: committed windows of %s/%s cover %s", account, stream, words.Span(w))}
	}
	a, err := l.Accept(ctx, ledger.Acceptance{Account: account, Stream: stream, Window: w, Reason: reason, Writer: l.Writer()})
	return AcceptedGap{Gap{account, stream, a.Window}, a.Reason, a.AcceptedAt, len(w.Without(covered)) == 0}, err
}
