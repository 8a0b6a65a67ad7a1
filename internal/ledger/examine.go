package ledger

import (
	"context"
	"fmt"
	"time"
)

// Level says what a check came to.
type Level string

const (
	LevelOK      Level = "ok"
	LevelNote    Level = "note"    // nothing is wrong, or nobody may ask
	LevelWarning Level = "warning" // exports work, and something may go wrong later
	LevelFailed  Level = "failed"  // exports do not work, or lose something
)

// Check is one thing that was looked at, and what to do about it.
type Check struct {
	Name  string `json:"name"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
}

// Examine tries all that exports need of the lake, and asks a bucket for settings that would harm it. It leaves nothing
// behind.
func (l *Ledger) Examine(ctx context.Context) []Check {
	t := l.try(ctx)
	if t.write != nil {
		return []Check{failed("write", t.write)}
	}
	conditional := step("conditional writes", t.again, "what stands is not written over")
	if t.overwritten {
		conditional = Check{"conditional writes", LevelFailed, "the store ignores If-None-Match, so that two exports could commit the same window: " + otherStore}
	}
	list := step("list", t.list, "what was just written is listed")
	if t.list == nil && !t.listed {
		list = Check{"list", LevelFailed, "what was just written is not listed, so that commits could be overlooked: " + otherStore}
	}
	checks := []Check{
		step("write", nil, "an object can be written"), conditional, step("read", t.read, "it can be read"), list,
		step("delete", t.remove, "it can be deleted"),
	}
	if b, ok := l.store.(*bucket); ok && t.remove == nil { // what cannot be deleted is not written
		checks = append(checks, b.examine(ctx)...)
	}
	return checks
}

// step is a check of something that works unless there is an error.
func step(name string, err error, works string) Check {
	if err != nil {
		return failed(name, err)
	}
	return Check{name, LevelOK, works}
}

func failed(name string, err error) Check { return Check{name, LevelFailed, err.Error()} }

// Differences between clocks: from the first on a person should know, from the second on signed requests are refused.
const (
	noticedSkew = 30 * time.Second
	refusedSkew = 15 * time.Minute
)

// Clock says what a difference between a server's clock and this machine's means.
func Clock(server, here time.Time) Check {
	skew := server.Sub(here)
	text := fmt.Sprintf("the server's clock is %s ahead of this machine's", skew.Abs().Round(time.Second))
	if skew < 0 {
		text = fmt.Sprintf("the server's clock is %s behind this machine's", skew.Abs().Round(time.Second))
	}
	switch {
	case skew.Abs() >= refusedSkew:
		return Check{"clock", LevelFailed, text + ": signed requests are refused when clocks are so far apart; set this machine's clock"}
	case skew.Abs() > noticedSkew:
		return Check{"clock", LevelWarning, text + ": an export up to now could end where the platform has not arrived yet; set this machine's clock"}
	}
	return Check{"clock", LevelOK, "the server's clock and this machine's agree"}
}
