// Package inspect answers what is true of a lake: whether it is whole, where a conversation is, which files count, what rebuilding
// would adopt, and whether all that exports need is in order.
//
// It returns findings as data and prints nothing: a command and a page say the same things in their own ways. A finding holds keys, ids,
// counts, times and sentences about them, and no text of a conversation. It must not know Temporal; whether a server answers it has
// worker find out.
package inspect

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// What the ledger says of its objects and the worker of an installation is passed on as it is.
type (
	// A Finding is an object and what is wrong with it.
	Finding = ledger.Finding
	// A Check is one thing that was tried, and what came of it.
	Check = ledger.Check
	// Level is how bad that is.
	Level = ledger.Level
)

// The levels of a check.
const (
	LevelOK      = ledger.LevelOK
	LevelNote    = ledger.LevelNote
	LevelWarning = ledger.LevelWarning
	LevelFailed  = ledger.LevelFailed
)

// A Lake is a lake that is looked at, or one account of it.
type Lake struct {
	config  worker.Config
	account string // empty is all
	lake    *lake.Lake
}

// An UnknownAccountError is about an account that neither the configuration nor the ledger has. It is a slip of the pen: an answer about
// it would look like a clean bill.
type UnknownAccountError struct {
	Account    string
	Configured []string
}

func (e *UnknownAccountError) Error() string {
	return fmt.Sprintf("there is no account %s: the configuration has %s, and the lake has nothing of it", e.Account, words.List(e.Configured))
}

// Open opens the configured lake for a look at one account, or at all where none is named. It creates nothing. Where there is no lake the
// error is a worker.Problem.
func Open(ctx context.Context, c worker.Config, account string) (*Lake, error) {
	l, err := worker.ReadLake(ctx, c)
	if err != nil {
		return nil, err
	}
	if _, configured := c.Accounts[account]; !configured && account != "" {
		known, err := l.Shards(ctx, ledger.Filter{Account: account})
		if err != nil {
			return nil, err
		}
		if len(known) == 0 {
			return nil, &UnknownAccountError{account, slices.Sorted(maps.Keys(c.Accounts))}
		}
	}
	return &Lake{c, account, l}, nil
}

func (l *Lake) filter(within schemas.Window) ledger.Filter {
	return ledger.Filter{Account: l.account, Window: within}
}

// Swept is what a sweep did, or would do.
type Swept struct {
	Removed bool `json:"removed"`
	ledger.Swept
}

// Sweep looks for what killed processes left, which nobody reads, and removes it where it is told to.
func (l *Lake) Sweep(ctx context.Context, remove bool) (Swept, error) {
	swept, err := l.lake.Sweep(ctx, l.account, remove)
	return Swept{remove, swept}, err
}

// Vacuumed is what a vacuum found of files that only superseded generations name, and whether it removed them.
type Vacuumed struct {
	Removed bool `json:"removed"`
	ledger.Vacuumed
}

// Vacuum looks for data files that only superseded generations name, whose successors were committed longer ago than grace, and removes
// them where it is told to.
func (l *Lake) Vacuum(ctx context.Context, grace time.Duration, remove bool) (Vacuumed, error) {
	found, err := l.lake.Vacuum(ctx, l.account, grace, remove)
	return Vacuumed{remove, found}, err
}
