package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// Contents is what the ledger says of accounts at one time. It answers from memory, so that several questions get answers that agree.
type Contents struct {
	// At is when the ledger was read.
	At time.Time
	// Unreadable are objects of the ledger that cannot be read. Their windows do not count.
	Unreadable []Finding
	// Missing is what the windows do not cover, and what a person decided about it.
	Missing Gaps

	config  worker.Config
	lake    *lake.Lake
	records []ledger.Record // that count, sorted by provider, account, stream and window
}

// Contents reads the ledger. A record that cannot be read is among Unreadable and not an error.
func (l *Lake) Contents(ctx context.Context) (*Contents, error) {
	records, err := l.lake.Current(ctx, l.filter(schemas.Window{}))
	var unreadable []Finding
	if err != nil {
		read, all := readLedger(ctx, l.lake, l.filter(schemas.Window{})) // slower: it reads every generation
		if all != nil || len(read.unreadable) == 0 {
			return nil, err
		}
		records, unreadable = read.current, read.unreadable
	}
	return l.contentsOf(ctx, records, unreadable)
}

// contentsOf adds to records what people decided.
func (l *Lake) contentsOf(ctx context.Context, records []ledger.Record, unreadable []Finding) (*Contents, error) {
	missing, err := l.gapsOf(ctx, records)
	config := l.config
	if l.account != "" { // what the configuration asks for other accounts is not in question
		config.Accounts = map[string]worker.AccountConfig{}
		if account, ok := l.config.Accounts[l.account]; ok {
			config.Accounts[l.account] = account
		}
	}
	return &Contents{At: l.lake.Now().UTC(), Unreadable: unreadable, Missing: missing, config: config, lake: l.lake, records: records}, err
}

// Accounts are the accounts of the configuration and those that only the ledger has, sorted.
func (c *Contents) Accounts() []string {
	var names []string
	for name := range c.config.Accounts {
		names = append(names, name)
	}
	for _, r := range c.records {
		names = append(names, r.Shard.Account)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ProviderOf is the provider of an account, by the configuration or the ledger.
func (c *Contents) ProviderOf(account string) string {
	if configured, ok := c.config.Accounts[account]; ok {
		return configured.Provider
	}
	for _, r := range c.records {
		if r.Shard.Account == account {
			return r.Shard.Provider
		}
	}
	return ""
}

// shortcomings say what is not whole in a committed window, for people. What verify counts among the problems of a record is here.
func (c *Contents) shortcomings(r ledger.Record) (all []string) {
	n := r.Counts
	if n.Dead > 0 {
		all = append(all, words.Plural(n.Dead, "conversation")+" could not be copied")
	}
	if counted := countedOf(r); counted != nil && *counted > n.Listed {
		all = append(all, fmt.Sprintf("the platform counted %s, %s were listed", words.Grouped(*counted), words.Grouped(n.Listed)))
	}
	if n.Mismatched > 0 {
		all = append(all, words.Plural(n.Mismatched, "conversation")+" with another number of messages than the platform states")
	}
	if n.Unreadable > 0 && !c.config.Accounts[r.Shard.Account].AllowUnreadable {
		all = append(all, words.Plural(n.Unreadable, "text")+" could not be decrypted")
	}
	if r.Visibility == "partial" {
		all = append(all, "read with a token that does not see the whole account")
	}
	if len(all) == 0 && len(r.Flags) > 0 {
		all = append(all, "committed with the note "+words.List(r.Flags))
	}
	return all
}

// countedOf is the platform's own last count of a window; nil if it has none.
func countedOf(r ledger.Record) *int64 { return cmp.Or(r.TotalAfter, r.TotalListed, r.TotalBefore) }
