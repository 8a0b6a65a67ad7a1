package ledger

import (
	"context"
	"fmt"
	"time"
)

// Level is the outcome of a check.
type Level string

const (
	LevelOK      Level = "ok"
	LevelNote    Level = "note"    // nothing is wrong, or the credentials may not ask
	LevelWarning Level = "warning" // exports work now, but something may go wrong later
	LevelFailed  Level = "failed"  // exports do not work, or lose data
)

// Check is the result of one check, and what to do about it.
type Check struct {
	Name  string `json:"name"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
}

// Examine checks every operation that exports need, and the settings of a bucket that could harm the lake. It leaves nothing
// behind.
func (l *Ledger) Examine(ctx context.Context) []Check {
	t := l.try(ctx)
	if t.write != nil {
		return []Check{failed("write", t.write)}
	}
	conditional := step("conditional writes", t.again, "an existing object is not overwritten")
	if t.overwritten {
		conditional = Check{"conditional writes", LevelFailed, "the store ignores If-None-Match, so two exports could commit the same window: " + otherStore}
	}
	list := step("list", t.list, "a new object is listed at once")
	if t.list == nil && !t.listed {
		list = Check{"list", LevelFailed, "a new object is not listed, so commits could be missed: " + otherStore}
	}
	checks := []Check{
		step("write", nil, "an object can be written"), conditional, step("read", t.read, "it can be read"), list,
		step("delete", t.remove, "it can be deleted"),
	}
	if b, ok := l.store.(*bucket); ok && t.remove == nil { // write nothing that could not be deleted
		checks = append(checks, b.examine(ctx)...)
	}
	return checks
}

// step is the check of an operation that is OK unless it returned an error.
func step(name string, err error, works string) Check {
	if err != nil {
		return failed(name, err)
	}
	return Check{name, LevelOK, works}
}

func failed(name string, err error) Check { return Check{name, LevelFailed, err.Error()} }

// noticedSkew is the clock difference that deserves a warning. S3 refuses signed requests from refusedSkew on.
const (
	noticedSkew = 30 * time.Second
	refusedSkew = 15 * time.Minute
)

// Clock reports what the difference between a server's clock and this machine's clock means.
func Clock(server, here time.Time) Check {
	skew := server.Sub(here)
	text := fmt.Sprintf("the server's clock is %s ahead of this machine's", skew.Abs().Round(time.Second))
	if skew < 0 {
		text = fmt.Sprintf("the server's clock is %s behind this machine's", skew.Abs().Round(time.Second))
	}
	switch {
	case skew.Abs() >= refusedSkew:
		return Check{"clock", LevelFailed, text + ": the store refuses signed requests when clocks differ this much; set this machine's clock"}
	case skew.Abs() > noticedSkew:
		return Check{"clock", LevelWarning, text + ": an export up to now could end at a time that the platform has not reached; set this machine's clock"}
	}
	return Check{"clock", LevelOK, "the server's clock and this machine's clock agree"}
}
