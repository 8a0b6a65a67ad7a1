package inspect

import (
	"context"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
)

// reading is what the ledger says of an account, or of all.
type reading struct {
	entries []ledger.Entry  // every generation of every window
	current []ledger.Record // what counts, of the windows in the range
	// unreadable are entries that stand in the way: nobody knows what they say.
	unreadable []Finding
	// forgotten are generations that exports found and that are gone; manifests are those of exports that cannot be read.
	forgotten []ledger.Forgotten
	manifests []Finding
	// acceptances are gaps that a person has accepted.
	acceptances []ledger.Acceptance
	skips       []ledger.Skip
}

// readLedger applies the reader rule past what cannot be read: a window whose highest generation is damaged has nothing
// that counts.
func readLedger(ctx context.Context, l *lake.Lake, f ledger.Filter) (reading, error) {
	var read reading
	var err error
	if read.entries, err = l.Entries(ctx, ledger.Filter{Account: f.Account}); err != nil {
		return read, err
	}
	if read.forgotten, read.manifests, err = l.Forgotten(ctx, f.Account, read.entries); err != nil {
		return read, err
	}
	if read.acceptances, err = l.Accepted(ctx, f.Account); err != nil {
		return read, err
	}
	if read.skips, err = l.Skips(ctx, f.Account); err != nil {
		return read, err
	}
	for i, e := range read.entries {
		if e.Problem != "" {
			read.unreadable = append(read.unreadable, Finding{Key: e.Key, Problem: e.Problem})
		}
		last := i == len(read.entries)-1 || read.entries[i+1].Shard != e.Shard // generations are neighbours
		if e.Record != nil && last && f.Overlaps(e.Shard.Window) {
			read.current = append(read.current, *e.Record)
		}
	}
	return read, nil
}
