package providers

import (
	"fmt"
	"time"
)

// Kind says what an error means for the export, whatever the platform called it.
type Kind string

const (
	Transient      Kind = "Transient"      // try again: network, 5xx
	Throttled      Kind = "Throttled"      // too many requests: try again after After
	Pending        Kind = "Pending"        // the answer is not ready: come again after After
	Denied         Kind = "Denied"         // credentials or permissions: a person must act
	Stopped        Kind = "Stopped"        // the account was refused too often in a row: nothing more is asked until a person has acted
	Malformed      Kind = "Malformed"      // the answer is not what the platform says it sends; asking again will not help
	NotFound       Kind = "NotFound"       // what was asked for does not exist
	Failed         Kind = "Failed"         // the platform says that it could not do what was asked, several times: a person must decide when to ask again
	CursorExpired  Kind = "CursorExpired"  // list again from the beginning of the window
	WindowTooDense Kind = "WindowTooDense" // more results than the platform can page through: split the window
)

// Error is the only error that leaves a provider. Neither Op nor Err ever hold a body, a token, a name or a text of a
// conversation: ids, statuses, counts and kinds only.
type Error struct {
	Kind   Kind
	Op     string        // what was being done: "list conversations", "messages of conversation 42"
	Status int           // HTTP status, 0 when there was no answer
	After  time.Duration // how long to wait before the next try, 0 when not said
	Awaits Awaited       // what to wait for; empty is the platform
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
