package inspect

import (
	"context"
	"fmt"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
)

// A Totals is what a platform counts now in the windows of an account that are committed.
type Totals struct {
	Account  string    `json:"account"`
	Windows  int       `json:"windows"`  // that were counted
	Requests int64     `json:"requests"` // that it cost
	Note     string    `json:"note,omitempty"`
	Missing  []Missing `json:"missing"` // windows in which it counts more than were listed
	Failed   []string  `json:"failed"`  // that could not be counted
}

// A Missing is a window in which the platform counts more conversations than were listed.
type Missing struct {
	Shard   string `json:"shard"`
	Listed  int64  `json:"listed"`
	Counted int64  `json:"counted"`
	Command string `json:"command"` // that copies the window once more
}

// totalsOf asks the platforms of the accounts that have windows.
func totalsOf(ctx context.Context, c worker.Config, records []ledger.Record, tell func(Progress)) ([]Totals, error) {
	all := []Totals{}
	byAccount := map[string][]ledger.Record{}
	var accounts []string
	for _, r := range records {
		if !r.Shard.Stream.IsByCreation() {
			continue
		}
		if byAccount[r.Shard.Account] == nil {
			accounts = append(accounts, r.Shard.Account)
		}
		byAccount[r.Shard.Account] = append(byAccount[r.Shard.Account], r)
	}
	for _, account := range accounts {
		t := Totals{Account: account, Missing: []Missing{}, Failed: []string{}}
		if err := t.count(ctx, c, byAccount[account], tell); err != nil {
			return all, err
		}
		all = append(all, t)
	}
	return all, nil
}

// count goes through the windows of an account. Its error is that of an interruption only.
func (t *Totals) count(ctx context.Context, c worker.Config, records []ledger.Record, tell func(Progress)) error {
	if c.Accounts[t.Account].Provider != records[0].Shard.Provider {
		t.Note = "is not in the configuration, so its platform was not asked"
		return nil
	}
	platform, err := c.Totals(t.Account)
	switch {
	case err != nil:
		t.Failed = append(t.Failed, err.Error())
		return nil
	case platform == nil:
		t.Note = fmt.Sprintf("is on %s, which cannot count conversations", records[0].Shard.Provider)
		return nil
	}
	for i, r := range records {
		tell(Progress{Account: t.Account, Done: i, Windows: len(records), Requests: platform.Requests()})
		n, err := platform.Count(ctx, r.Shard.Window)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.Requests = platform.Requests()
		if err != nil {
			t.Failed = append(t.Failed, err.Error())
			if len(t.Failed) == 3 { // it is not the windows
				t.Note = fmt.Sprintf("gave no more answers: %s not counted", words.Plural(int64(len(records)-i-1), "window"))
				return nil
			}
			continue
		}
		t.Windows++
		if listed := r.Counts.Listed - r.Counts.Unlisted; n > listed {
			t.Missing = append(t.Missing, Missing{r.Shard.String(), listed, n, again(r.Shard)})
		}
	}
	return nil
}
