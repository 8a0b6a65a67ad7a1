package inspect

import (
	"context"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// A Committed is the commit record of a window that counts, and its files.
type Committed struct {
	ReportWindow
	Objects       []Located
	TotalBefore   *int64 // the platform's count before the window was listed, by the list itself, and after
	TotalListed   *int64
	TotalAfter    *int64
	Visibility    string
	SchemaVersion int
	OpenedAt      *time.Time
	ListedAt      *time.Time
	Flags         []string
	Unwitnessed   []string
	Omitted       []ledger.Omission
	// AbsorbedBy is the window that has its conversations, or the digest of that record if it counts no longer.
	AbsorbedBy string
	Workflow   string // id and run that committed it
	Run        string
	// Again is the command that copies the window once more; empty if there is none.
	Again string
}

// Committed returns the record of a window, named account/stream/window, or false if none counts.
func (c *Contents) Committed(name string) (Committed, bool) {
	i := slices.IndexFunc(c.records, func(r ledger.Record) bool { return r.Shard.String() == name })
	if i < 0 {
		return Committed{}, false
	}
	r := c.records[i]
	found := Committed{
		ReportWindow: c.window(r), TotalBefore: r.TotalBefore, TotalListed: r.TotalListed, TotalAfter: r.TotalAfter, Visibility: r.Visibility,
		SchemaVersion: r.SchemaVersion, OpenedAt: r.OpenedAt, ListedAt: r.ListedAt, Flags: r.Flags, Unwitnessed: r.Unwitnessed, Omitted: r.Omitted,
		AbsorbedBy: r.AbsorbedBy, Workflow: r.WorkflowID, Run: r.RunID, Again: againOf(r),
	}
	for _, f := range r.Files {
		found.Objects = append(found.Objects, Located{c.lake.Location(f.Key), name, f})
	}
	if j := slices.IndexFunc(c.records, func(other ledger.Record) bool { return r.AbsorbedBy != "" && other.Digest == r.AbsorbedBy }); j >= 0 {
		found.AbsorbedBy = c.records[j].Shard.String()
	}
	return found, true
}

// A DeadConversation is a conversation that could not be copied.
type DeadConversation struct {
	ID string
	DeadLetter
}

// Dead reads the dead letters of a committed window, and how many more there are than most.
func (c *Contents) Dead(ctx context.Context, name string, most int) (all []DeadConversation, more int, err error) {
	i := slices.IndexFunc(c.records, func(r ledger.Record) bool { return r.Shard.String() == name })
	if i < 0 {
		return nil, 0, nil
	}
	for _, f := range c.records[i].Files {
		if f.Table != schemas.DeadLetters.Table {
			continue
		}
		_, err := c.lake.Scan(ctx, f, lake.Query{Columns: telling[f.Table]}, func(row lake.Row) { // a damaged file is for verify to find
			if len(all) == most {
				more++
				return
			}
			cells := row.Cells
			all = append(all, DeadConversation{cells[0].Text, DeadLetter{cells[1].Text, cells[2].Text, cells[3].Text, cells[4].Integer}})
		})
		if err != nil {
			return all, more, err
		}
	}
	return all, more, nil
}

// Weak are the committed windows with shortcomings, and how many more there are than most. An empty account is all.
func (c *Contents) Weak(account string, most int) (all []Committed, more int) {
	for _, r := range c.records {
		if account != "" && r.Shard.Account != account || len(c.shortcomings(r)) == 0 {
			continue
		}
		if len(all) == most {
			more++
			continue
		}
		all = append(all, Committed{ReportWindow: c.window(r), Again: againOf(r)})
	}
	return all, more
}

// A Gone is how many conversations a platform listed and had no longer, in the committed windows of a stream.
type Gone struct {
	Account string
	Stream  schemas.Stream
	Windows int
	Count   int64
	Kept    int64 // of these and of those that could not be copied, how many keep the rows of their last version
}

// Gone are the tombstones of the lake.
func (c *Contents) Gone() (all []Gone) {
	for _, r := range c.records {
		if r.Counts.Gone == 0 {
			continue
		}
		i := slices.IndexFunc(all, func(g Gone) bool { return g.Account == r.Shard.Account && g.Stream == r.Shard.Stream })
		if i < 0 {
			i = len(all)
			all = append(all, Gone{Account: r.Shard.Account, Stream: r.Shard.Stream})
		}
		all[i].Windows++
		all[i].Count, all[i].Kept = all[i].Count+r.Counts.Gone, all[i].Kept+r.Counts.Kept
	}
	return all
}

// A Holding is what the lake holds of an account.
type Holding struct {
	Account   string
	Provider  string
	Windows   int // that count
	Absorbed  int // of these, without files: other windows have what they had
	Tables    []TableSum
	Files     int
	Bytes     int64
	Newest    time.Time // when the last record was committed
	Retention schemas.Retention
	// Expiring are parts that are not copied and that the platform begins to delete soon; Lost are parts that it may have deleted.
	Expiring []Expiring
	Lost     []Lost
}

// Holdings are what the lake holds, by account.
func (c *Contents) Holdings() (all []Holding) {
	for _, account := range c.Accounts() {
		h := Holding{Account: account, Provider: c.ProviderOf(account)}
		var records []ledger.Record
		for _, r := range c.records {
			if r.Shard.Account != account {
				continue
			}
			records = append(records, r)
			h.Windows++
			if r.AbsorbedBy != "" {
				h.Absorbed++
			}
			if r.CommittedAt.After(h.Newest) {
				h.Newest = r.CommittedAt.UTC()
			}
		}
		h.Tables = sumTables(records)
		for _, t := range h.Tables {
			h.Files, h.Bytes = h.Files+t.Files, h.Bytes+t.Bytes
		}
		if _, configured := c.config.Accounts[account]; configured {
			h.Retention = c.config.Retention(account, schemas.StreamCreated)
		}
		h.Expiring = slices.DeleteFunc(slices.Clone(c.Missing.Expiring), func(e Expiring) bool { return e.Account != account })
		h.Lost = Joined(slices.DeleteFunc(slices.Clone(c.Missing.Lost), func(l Lost) bool { return l.Account != account }))
		all = append(all, h)
	}
	return all
}
