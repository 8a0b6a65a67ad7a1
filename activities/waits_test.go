package activities

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
)

// TestErrorsNameWhomToWaitFor: errors tell the lake, the platform, the worker's machine and Temporal apart.
func TestErrorsNameWhomToWaitFor(t *testing.T) {
	scratch := filepath.Join(t.TempDir(), "scratch")
	a := &Activities{Lake: lake.New(ledger.New(nil, "memory:", nil), lake.Config{Scratch: scratch})}
	full := func(path string) error { return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC} }
	for name, test := range map[string]struct {
		err   error
		party string
		kind  string
		after time.Duration
	}{
		"the platform is down":        {&providers.Error{Kind: providers.Transient}, ForPlatform, "Transient", 0},
		"too many requests":           {&providers.Error{Kind: providers.Throttled, After: time.Minute}, ForPlatform, "Throttled", 0},
		"too many requests, for long": {&providers.Error{Kind: providers.Throttled, After: time.Hour}, ForPlatform, "Throttled", time.Hour},
		"outside of office hours":     {&providers.Error{Kind: providers.Throttled, After: time.Hour, Awaits: providers.AwaitSchedule}, ForSchedule, "Throttled", time.Hour},
		"Temporal counts no quota":    {&providers.Error{Kind: providers.Transient, Err: fmt.Errorf("%w: unavailable", ErrTemporal)}, ForTemporal, "Transient", 0},
		"the store refuses":           {errors.New("put data/x: ExpiredToken status 400"), ForLake, "Unavailable", 0},
		"the disk of the lake":        {full(filepath.Join(t.TempDir(), "data", "x")), ForLake, "Unavailable", 0},
		"the disk of the worker":      {fmt.Errorf("seal: %w", full(filepath.Join(scratch, "seal-1"))), ForStateFolder, "Unavailable", 0},
		"no scratch folder":           {full(scratch), ForStateFolder, "Unavailable", 0},
		"staging is lost":             {lake.ErrStagingLost, ForLake, StagingLost, 0},
	} {
		var application *temporal.ApplicationError
		var w Wait
		err := a.classify(t.Context(), test.err)
		if !errors.As(err, &application) || application.Details(&w) != nil {
			t.Errorf("%s: %v, want an error with a wait", name, err)
			continue
		}
		if w.For != test.party || w.After != test.after || application.Type() != test.kind {
			t.Errorf("%s: %s, %+v; want %s, for %s", name, application.Type(), w, test.kind, test.party)
		}
	}
}
