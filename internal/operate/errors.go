package operate

import (
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// An EndError is the end of a run that gave no result. What it has committed stays in the lake.
type EndError struct {
	Word   string // what the run is: an export, a remap, a sync
	Kind   EndKind
	Detail string // why it was refused or failed
}

// EndKind is how a run ended.
type EndKind string

// The ends without a result.
const (
	Canceled   EndKind = "canceled"
	Terminated EndKind = "terminated"
	Refused    EndKind = "refused" // its input is invalid
	Failed     EndKind = "failed"
)

func (e *EndError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("the %s was %s", e.Word, e.Kind)
	}
	return fmt.Sprintf("the %s %s: %s", e.Word, e.Kind, e.Detail)
}

// A BlockedError is an export or a remap that continues only after a person has acted. Nothing is lost meanwhile.
type BlockedError struct {
	Shards []workflows.BlockedShard
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("%s blocked: a person must act", words.Plural(int64(len(e.Shards)), "window"))
}

// An OrderError is an order that cannot be carried out as it was given. Nothing was done.
type OrderError struct {
	Kind   OrderKind
	Run    string         // name or workflow id of the run that is meant, or what none runs of
	Runs   []string       // workflow ids, where several run
	Range  schemas.Window // of the one that runs, where it is another
	Folder string         // where no process works
}

// OrderKind is what is wrong with an order.
type OrderKind string

// What can be wrong with an order.
const (
	NoneRuns   OrderKind = "none runs"
	SeveralRun OrderKind = "several run" // and none was named
	NotRunning OrderKind = "not running"
	NotBlocked OrderKind = "not blocked" // so it cannot be skipped
	OtherRange OrderKind = "other range" // another export runs under the name
	Unattended OrderKind = "unattended"  // nobody works on it, so nobody would take the order
	NoSchedule OrderKind = "no schedule" // of this id, of this account, or at all
)

func (e *OrderError) Error() string {
	switch e.Kind {
	case NoneRuns:
		if e.Run == "" {
			return "nothing is running"
		}
		return "no " + e.Run + " is running"
	case SeveralRun:
		return "more than one runs: " + words.List(e.Runs)
	case NotBlocked:
		return e.Run + " is not blocked: only a window that waits for a person can be skipped"
	case OtherRange:
		return fmt.Sprintf("an export named %s runs already, from %s to %s", e.Run, words.Time(e.Range.From), words.Time(e.Range.To))
	case NoSchedule:
		if e.Run == "" {
			return "there are no schedules"
		}
		if strings.Contains(e.Run, "/") {
			return "there is no schedule " + e.Run
		}
		return "account " + e.Run + " has no schedules"
	case Unattended:
		return fmt.Sprintf("%s is not being worked on: no chatlake process runs on %s", e.Run, e.Folder)
	default:
		return e.Run + " is not running"
	}
}
