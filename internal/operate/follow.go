package operate

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/workflows"
)

// lookEvery is how often an export that is followed is asked for its progress.
const lookEvery = 500 * time.Millisecond

// A Watcher is told of an export while it is followed.
type Watcher interface {
	// Show is called with each look at it.
	Show(s Snapshot)
	// Ended is called once it has ended, and not when it is left.
	Ended()
}

// Follow shows an export until it ends. One that ends without a result is an EndError. One that only people can help is left with a
// BlockedError: the workflow waits, nobody else must.
func (s *Session) Follow(ctx context.Context, run *Run, w Watcher) (workflows.ExportOutput, error) {
	type end struct {
		out workflows.ExportOutput
		err error
	}
	ended := make(chan end, 1)
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		var e end
		e.err = await(watching, run.run, &e.out)
		ended <- e
	}()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	blocked := 0 // looks in a row
	var seen Snapshot
	var mute hush
	room := newRoomWatch(s.config)
	for {
		select {
		case e := <-ended:
			w.Ended()
			return e.out, endOf("export", e.err)
		case err := <-s.failed:
			s.failed <- err
			return workflows.ExportOutput{}, err
		case <-ctx.Done():
			return workflows.ExportOutput{}, ctx.Err()
		case <-ticker.C:
			snap, err := s.observe(ctx, run.run.GetID())
			full := room.look(time.Now())
			missed := mute.heard(err, time.Now(), s.health(ctx))
			if err == nil {
				seen = snap
			}
			seen.At = time.Now()
			switch {
			case full != nil:
				w.Show(seen.standsFor(*full))
			case missed != nil:
				w.Show(seen.standsFor(*missed))
			case err == nil:
				w.Show(snap)
			}
			if err != nil {
				continue // the worker is not there yet, or busy; the next look tells more
			}
			if snap.State != workflows.StateBlocked {
				blocked = 0
			} else if blocked++; blocked > 2 {
				return workflows.ExportOutput{}, &BlockedError{snap.Blocked}
			}
		}
	}
}

// endOf tells the end of a workflow that gave no result from other errors. The word is for what the workflow does.
func endOf(word string, err error) error {
	var canceled *temporal.CanceledError
	var terminated *temporal.TerminatedError
	var failed *temporal.ApplicationError
	switch {
	case errors.As(err, &canceled):
		return &EndError{Word: word, Kind: Canceled}
	case errors.As(err, &terminated):
		return &EndError{Word: word, Kind: Terminated}
	case errors.As(err, &failed) && failed.Type() == workflows.InvalidInput:
		return &EndError{word, Refused, failed.Message()}
	case errors.As(err, &failed):
		return &EndError{word, Failed, failed.Message()}
	default:
		return err
	}
}
