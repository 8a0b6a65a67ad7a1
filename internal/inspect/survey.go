package inspect

import (
	"context"
	"slices"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// A Survey is what the ledger has of an account, as exports of today's settings see it.
type Survey struct {
	Account string
	Windows int // of conversations and reports
	// Others are windows that were made with other settings than the account has today.
	Others      []string
	Left        []string // windows that no export makes
	Unreadable  []Finding
	Gaps        []Gap
	Changes     int    // windows of changes; syncs make them and continue after the last
	Directories int    // snapshots; they need nothing
	Note        string // why no export is to be run; empty where some are
	Adopt       []Run  // exports that adopt what stands
	Again       []Run  // exports that copy Others to today's settings
}

// Survey surveys accounts of the configuration, and after them those that only the ledger has.
func (l *Lake) Survey(ctx context.Context, accounts []string) ([]Survey, error) {
	read, err := readLedger(ctx, l.lake, ledger.Filter{Account: l.account})
	if err != nil {
		return nil, err
	}
	var all []Survey
	for _, account := range accounts {
		all = append(all, survey(l.config, read, account))
	}
	return append(all, strangers(l.config, read)...), nil
}

// survey sorts what the ledger has of an account, and reckons the exports that meet it.
func survey(c worker.Config, read reading, account string) Survey {
	r := Survey{Account: account, Others: []string{}, Left: []string{}, Unreadable: []Finding{}}
	known := map[schemas.Stream]map[schemas.Window]bool{schemas.StreamCreated: {}, schemas.StreamReports: {}}
	var records, changes []ledger.Record
	for _, record := range read.current {
		shard := record.Shard
		switch {
		case shard.Account != account, shard.Stream.IsOwn():
		case shard.Stream == schemas.StreamDirectory:
			r.Directories++
		case shard.Stream.IsByChange():
			changes = append(changes, record)
		case known[shard.Stream] == nil:
			r.Left = append(r.Left, shard.String())
		default:
			records = append(records, record)
			known[shard.Stream][shard.Window] = c.Made(record)
			if !c.Made(record) {
				r.Others = append(r.Others, shard.String())
			}
		}
	}
	r.Windows, r.Changes = len(records), len(changes)
	for _, e := range read.entries {
		if e.Problem != "" && (e.Shard.Account == account || e.Shard.Account == "") {
			r.Unreadable = append(r.Unreadable, Finding{Key: e.Key, Problem: e.Problem})
		}
	}
	of := func(s ledger.Skip) bool { return s.Account != account }
	r.Gaps = absencesOf(slices.Concat(records, changes), ledger.Filter{}, read.acceptances, slices.DeleteFunc(slices.Clone(read.skips), of)).open
	r.Adopt, r.Again = meet(known, true), meet(known, false)
	for _, w := range left(known, r.Adopt) {
		r.Left = append(r.Left, account+"/"+w)
	}
	return r
}

// meet are the runs over windows of all streams that are adopted, or over those that are not.
func meet(known map[schemas.Stream]map[schemas.Window]bool, adopted bool) []Run {
	var runs []Run
	for _, stream := range []schemas.Stream{schemas.StreamCreated, schemas.StreamReports} {
		chosen := map[schemas.Window]bool{}
		for w, adopts := range known[stream] {
			chosen[w] = adopts == adopted
		}
		runs = append(runs, newHolding(chosen).without(runs).runsOf()...)
	}
	slices.SortFunc(runs, func(a, b Run) int { return byBeginning(a.Range, b.Range) })
	return runs
}

// left are the windows that no run meets.
func left(known map[schemas.Stream]map[schemas.Window]bool, runs []Run) []string {
	var names []string
	for _, stream := range []schemas.Stream{schemas.StreamCreated, schemas.StreamReports} {
		for _, w := range newHolding(known[stream]).without(runs).adopted {
			names = append(names, string(stream)+"/"+w.String())
		}
	}
	return names
}

// strangers are accounts of the ledger that the configuration does not have.
func strangers(c worker.Config, read reading) []Survey {
	var names []string
	for _, r := range read.current {
		if _, ok := c.Accounts[r.Shard.Account]; !ok && !slices.Contains(names, r.Shard.Account) {
			names = append(names, r.Shard.Account)
		}
	}
	var all []Survey
	for _, name := range names {
		r := survey(c, read, name)
		r.Others, r.Adopt, r.Again = []string{}, nil, nil
		r.Note = "is in the ledger and not in the configuration: it stands as it is"
		all = append(all, r)
	}
	return all
}
