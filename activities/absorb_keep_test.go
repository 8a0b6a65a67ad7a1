package activities_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// hoarder keeps every document that is not among those read.
type hoarder struct{ err error }

func (h hoarder) Keep(had, read []schemas.Document) ([]schemas.Document, error) {
	return slices.DeleteFunc(slices.Clone(had), func(doc schemas.Document) bool {
		return slices.ContainsFunc(read, func(r schemas.Document) bool { return bytes.Equal(r.Body, doc.Body) })
	}), h.err
}

func (hoarder) Adds([]schemas.Document, []schemas.Document) (bool, error) { return false, nil }

// TestAbsorbKeepsDocumentsThatOthersDidNotSee: of an account with a Keeper, a shard is not absorbed by one that was made at the same time and
// lacks a document of it.
func TestAbsorbKeepsDocumentsThatOthersDidNotSee(t *testing.T) {
	at := func(minutes int) time.Time { return epoch.Add(time.Duration(minutes) * time.Minute) }
	for name, c := range map[string]struct {
		narrow, wide standing
		opened       int // when the wide window was opened, in minutes; the narrow one is committed after an hour
		err          error
		absorbed     bool
	}{
		"opened before the narrow one was committed": {narrow: standing{"a", 1, at(1)}, wide: standing{"a", 2, at(59)}, opened: 59},
		"as far as clocks may differ":                {narrow: standing{"a", 1, at(1)}, wide: standing{"a", 2, at(63)}, opened: 63},
		"opened later":                               {narrow: standing{"a", 1, at(1)}, wide: standing{"a", 2, at(66)}, opened: 66, absorbed: true},
		"the same document":                          {narrow: standing{"a", 1, at(1)}, wide: standing{"a", 1, at(1)}, opened: 59, absorbed: true},
		"a dead letter":                              {narrow: standing{"a", -1, at(1)}, wide: standing{"a", 2, at(59)}, opened: 59},
		"a dead letter that still cannot be read": {
			narrow: standing{"a", -1, at(1)}, wide: standing{"a", 2, at(59)}, opened: 59, err: errors.New("malformed"), absorbed: true,
		},
		"rows whose documents cannot be read": {narrow: standing{"a", 1, at(1)}, wide: standing{"a", 2, at(59)}, opened: 59, err: errors.New("malformed")},
		"a tombstone":                         {narrow: standing{"a", 0, at(1)}, wide: standing{"a", 0, at(59)}, opened: 59, absorbed: true},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpkeep(t)
			of := u.do.Account
			u.do.Account = func(ctx context.Context, name string) (activities.Account, error) {
				account, err := of(ctx, name)
				account.Keeper = hoarder{c.err}
				return account, err
			}
			u.now = at(60)
			u.commit(schemas.StreamChanges, hourly(0, 1), ledger.CauseSync, c.narrow)
			u.now = at(c.opened + 60)
			u.commit(schemas.StreamCreated, hourly(-24, 24), ledger.CauseSettle, c.wide)
			u.mustNotChange("absorb", func() {
				if out := u.absorb(u.shard(schemas.StreamChanges, hourly(0, 24))); (out.Absorbed == 1) != c.absorbed {
					t.Errorf("%+v, want absorbed %t", out, c.absorbed)
				}
			})
		})
	}
}
