package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
)

// scope are the flags that narrow a look at the lake.
type scope struct{ account, from, to string }

func (s *scope) flags(flags *pflag.FlagSet, from, to string) {
	flags.StringVar(&s.account, "account", "", "only this account (default all in the lake)")
	flags.StringVar(&s.from, "from", "", from)
	flags.StringVar(&s.to, "to", "", to)
}

func (s scope) filter() (ledger.Filter, error) {
	f := ledger.Filter{Account: s.account}
	var err error
	if s.from != "" {
		if f.From, err = moment(s.from); err != nil {
			return f, usage("--from: %v", err)
		}
	}
	if s.to != "" {
		if f.To, err = moment(s.to); err != nil {
			return f, usage("--to: %v", err)
		}
	}
	if s.from != "" && s.to != "" && !f.From.Before(f.To) {
		return f, usage("the range is empty: --from %s is not before --to %s", words.Time(f.From), words.Time(f.To))
	}
	return f, nil
}

// ledgerState is what the ledger says of an account, or of all.
type ledgerState struct {
	entries []ledger.Entry  // every generation of every window
	current []ledger.Record // what counts, of the windows in the range
	// unreadable are entries that stand in the way: nobody knows what they say.
	unreadable []ledger.Finding
	// forgotten are generations that exports found and that are gone; manifests are those of exports that cannot be read.
	forgotten []ledger.Forgotten
	manifests []ledger.Finding
}

// readLedger applies the reader rule past what cannot be read: a window whose highest generation is damaged has nothing
// that counts.
func readLedger(ctx context.Context, l *lake.Lake, f ledger.Filter) (ledgerState, error) {
	var read ledgerState
	var err error
	if read.entries, err = l.Entries(ctx, ledger.Filter{Account: f.Account}); err != nil {
		return read, err
	}
	if read.forgotten, read.manifests, err = l.Forgotten(ctx, f.Account, read.entries); err != nil {
		return read, err
	}
	for i, e := range read.entries {
		if e.Problem != "" {
			read.unreadable = append(read.unreadable, ledger.Finding{Key: e.Key, Problem: e.Problem})
		}
		last := i == len(read.entries)-1 || read.entries[i+1].Shard != e.Shard // generations are neighbours
		w := e.Shard.Window
		within := (f.From.IsZero() || w.To.After(f.From)) && (f.To.IsZero() || w.From.Before(f.To))
		if e.Record != nil && last && within {
			read.current = append(read.current, *e.Record)
		}
	}
	return read, nil
}

// openLake opens the lake for a look at one account, or at all where none is named. One that neither the configuration nor the
// ledger has is a slip of the pen: an answer about it would look like a clean bill.
func openLake(ctx context.Context, c worker.Config, account string) (*lake.Lake, error) {
	l, err := worker.ReadLake(ctx, c)
	if _, configured := c.Accounts[account]; err != nil || configured || account == "" {
		return l, err
	}
	entries, err := l.Entries(ctx, ledger.Filter{Account: account})
	if err == nil && len(entries) == 0 {
		err = usage("there is no account %s: the configuration has %s, and the lake has nothing of it", account, words.List(accountNames(c)))
	}
	return l, err
}

// accountsIn are the accounts of the configuration that are meant: one, or all.
func accountsIn(c worker.Config, account string) []string {
	if _, ok := c.Accounts[account]; ok {
		return []string{account}
	}
	if account != "" {
		return nil
	}
	return accountNames(c)
}
