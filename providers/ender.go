package providers

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Ender is a Reader that can end conversations which would stay open for ever. Nothing else in this contract changes anything on a
// platform.
type Ender interface {
	// Unended lists the conversations that have not ended and were last updated before a time, starting at the cursor. One that it
	// misses is found by the next walk, so its pages need no witness.
	Unended(ctx context.Context, before time.Time, at Cursor) iter.Seq2[UnendedPage, error]
	// State returns a conversation as the platform has it now. A conversation that does not exist is an error of the kind NotFound.
	State(ctx context.Context, id string) (State, error)
	// End asks the platform to end a conversation, and returns what it answers. It asks once: an error for which Uncertain is true may
	// have come after the conversation had ended, so the caller looks before it asks again. A platform that does not let this one
	// conversation end is an error of the kind Malformed or NotFound, with the status of the refusal.
	End(ctx context.Context, id string) (State, error)
}

// UnendedPage is one page of Unended.
type UnendedPage struct {
	Stale []State // of the conversations that were last updated before the time
	Open  int     // conversations on the page, whenever they were updated
	Next  Cursor  // where to continue; empty after the last page
}

// State is what a platform says of a conversation besides its content.
type State struct {
	ID         string
	Version    string // as in Ref; equal texts mean that nothing changed that the platform shows
	Ended      bool
	UpdatedAt  time.Time
	ObservedAt time.Time
	// Messages is how many messages the conversation has; nil if the platform does not say.
	Messages *int64
	// Facts is what it says in its own words, without texts, names and addresses.
	Facts map[string]string
}

// Uncertain reports whether a request that was to change something may have been carried out although it failed: there was no answer, or
// one that does not come from the platform's own refusal.
func Uncertain(err error) bool {
	if err == nil {
		return false
	}
	var e *Error
	if !errors.As(err, &e) {
		return true
	}
	switch e.Kind {
	case Throttled, Stopped, Denied, NotFound:
		return false // it was refused, or not sent
	}
	return e.Status < 400 || e.Status >= 500 || e.Kind == Transient
}
