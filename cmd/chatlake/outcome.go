package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/workflows"
)

// outcome is an error that says how the process ends.
type outcome struct {
	status int
	text   string // for people; empty when everything was said already
	result any    // for machines; nil when it was printed already
}

func (o *outcome) Error() string { return o.text }

func usage(format string, args ...any) error {
	return &outcome{status: exitUsage, text: fmt.Sprintf(format, args...)}
}

// outcomeOf is how the process ends after an error that says so, whatever was joined to it.
func outcomeOf(err error) (*outcome, bool) {
	var said *outcome
	var end *operate.EndError
	var blocked *operate.BlockedError
	var order *operate.OrderError
	var refusal *demo.Refusal
	var unknown *inspect.UnknownAccountError
	var conflict *operate.ConflictError
	var foreign *operate.ForeignScheduleError
	var refused *inspect.AcceptError
	switch {
	case errors.As(err, &said):
		return said, true
	case errors.As(err, &end):
		return &outcome{status: exitFailed, text: endText(end)}, true
	case errors.As(err, &blocked):
		return blockedOutcome(blocked.Shards), true
	case errors.As(err, &order):
		return &outcome{status: exitUsage, text: orderText(order)}, true
	case errors.As(err, &refusal):
		return &outcome{status: exitUsage, text: refusal.Error()}, true
	case errors.As(err, &conflict):
		return &outcome{status: exitUsage, text: conflictText(conflict)}, true
	case errors.As(err, &foreign):
		return &outcome{status: exitUsage, text: foreign.Error()}, true
	case errors.As(err, &refused):
		return &outcome{status: exitUsage, text: refused.Error()}, true
	case errors.As(err, &unknown):
		return &outcome{status: exitUsage, text: unknown.Error()}, true
	}
	return nil, false
}

// endText puts the end of a run that gave no result into words.
func endText(e *operate.EndError) string {
	switch e.Kind {
	case operate.Canceled:
		return "The " + e.Word + " was cancelled. What it had committed stays in the lake. Run the command again to do the rest."
	case operate.Terminated:
		return "The " + e.Word + " was terminated. What it had committed stays in the lake. Run the command again to do the rest."
	case operate.Refused:
		return "The " + e.Word + " was refused: " + e.Detail + "."
	default:
		return "The " + e.Word + " failed: " + e.Detail + ". Run the command again to resume."
	}
}

// orderText says what is wrong with an order, and which flag puts it right.
func orderText(e *operate.OrderError) string {
	switch e.Kind {
	case operate.SeveralRun:
		return e.Error() + "; say which with --account, --name or --kind, or --all"
	case operate.OtherRange:
		return e.Error() + "; choose another --name"
	case operate.NoSchedule:
		return e.Error() + "; `chatlake schedule apply` makes those of the configuration"
	case operate.Unattended:
		return e.Error() + ". Run the command that began it again (`chatlake export` or `chatlake lake remap`), or `chatlake worker`, to resume it"
	default:
		return e.Error()
	}
}

// blockedOutcome says which windows wait for a person, why, and what to do.
func blockedOutcome(blocked []workflows.BlockedShard) *outcome {
	var b strings.Builder
	b.WriteString("Blocked: a person must act.\n")
	writeBlocked(&b, blocked)
	b.WriteString("Then run the command again (or `chatlake resume`, if a worker runs elsewhere). Nothing is lost meanwhile.")
	return &outcome{status: exitBlocked, text: b.String(), result: map[string]any{"blocked": blocked}}
}

// writeBlocked tells each cause once, with the windows that it keeps waiting.
func writeBlocked(w io.Writer, blocked []workflows.BlockedShard) {
	for _, c := range operate.Causes(blocked) {
		windows := c.Windows
		if n := len(windows); n > 3 {
			windows = append(windows[:2:2], fmt.Sprintf("%d more", n-2))
		}
		fmt.Fprintf(w, "  %s\n    %s\n    waiting: %s\n", c.Detail, c.Remedy, words.List(windows))
	}
}
