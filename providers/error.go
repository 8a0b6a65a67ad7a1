package providers

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what an error means for the export, on every platform.
type Kind string

const (
	Transient      Kind = "Transient"      // a network error or a 5xx: retry
	Throttled      Kind = "Throttled"      // too many requests: retry after After
	Pending        Kind = "Pending"        // the answer is not ready: ask again after After
	Denied         Kind = "Denied"         // credentials or permissions are wrong: a person must act
	Stopped        Kind = "Stopped"        // the platform refused the account too often in a row: no more requests until a person acts
	Malformed      Kind = "Malformed"      // the answer differs from the platform's documentation: a retry does not help
	NotFound       Kind = "NotFound"       // the requested object does not exist
	Failed         Kind = "Failed"         // the platform failed several times to do the work: a person decides when to retry
	CursorExpired  Kind = "CursorExpired"  // the cursor is no longer valid: list the window again from its beginning
	WindowTooDense Kind = "WindowTooDense" // the window has more results than the platform can page through: split it
)

// ErrCursor means that a cursor is invalid, or was made by another provider.
var ErrCursor = errors.New("the cursor was not made by this provider")

// Error is the only error type that leaves a provider. Op and Err never contain a body, a token, a name or the text of a
// conversation, only ids, statuses, counts and kinds.
type Error struct {
	Kind   Kind
	Op     string        // the operation: "list conversations", "messages of conversation 42"
	Status int           // HTTP status, 0 if there was no answer
	After  time.Duration // how long to wait before the next attempt, 0 if unknown
	Awaits Awaited       // what to wait for; empty means the platform
	Err    error
}

func (e *Error) Error() string {
	s := e.Op
	if e.Status != 0 {
		s += fmt.Sprintf(": status %d", e.Status)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }
