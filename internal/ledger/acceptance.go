package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Acceptance is a person's decision that a part of a stream stays out of the lake. It is written once and never changed. A window that is
// committed there later counts as any other.
type Acceptance struct {
	FormatVersion int            `json:"format_version"`
	Account       string         `json:"account"`
	Stream        schemas.Stream `json:"stream"`
	Window        schemas.Window `json:"window"`
	// Reason says why, in the person's words.
	Reason     string    `json:"reason"`
	AcceptedAt time.Time `json:"accepted_at"`
	// Writer is the program and version that wrote it, such as "chatlake 0.3.0".
	Writer string `json:"writer"`
}

var acceptances = decisions[Acceptance]{
	root: gapsRoot, what: "accepted gap", bad: "it is not the acceptance of that window; restore it, or delete it to have the gap reported again",
	key: func(a Acceptance) string {
		return fmt.Sprintf("%saccount=%s/stream=%s/%s.json", gapsRoot, a.Account, a.Stream, a.Window)
	},
	says: func(a Acceptance) (int, string) { return a.FormatVersion, a.Reason },
}

// Accept writes an acceptance, or returns the one that exists for the same stream and window: the first reason stands.
func (l *Ledger) Accept(ctx context.Context, a Acceptance) (Acceptance, error) {
	a.FormatVersion, a.AcceptedAt = formatVersion, l.now().UTC().Truncate(time.Second)
	return acceptances.write(ctx, l, a)
}

// Accepted returns the acceptances of an account, or of all if account is empty, sorted by account, stream and window.
func (l *Ledger) Accepted(ctx context.Context, account string) ([]Acceptance, error) {
	return acceptances.list(ctx, l, account)
}

// AcceptedWindows returns the windows of one stream among acceptances.
func AcceptedWindows(all []Acceptance, account string, stream schemas.Stream) (windows []schemas.Window) {
	for _, a := range all {
		if a.Account == account && a.Stream == stream {
			windows = append(windows, a.Window)
		}
	}
	return windows
}
