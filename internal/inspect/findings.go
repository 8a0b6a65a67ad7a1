package inspect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// A Damage is a file that is not as the ledger says.
type Damage struct {
	Finding
	Command string `json:"command,omitempty"` // that copies its window once more
}

// A Gap is a time that no committed window covers.
type Gap struct {
	Account string         `json:"account"`
	Stream  schemas.Stream `json:"stream"`
	Window  schemas.Window `json:"window"`
}

// An AcceptedGap is a time that no committed window covers, or that one covers which was listed too late, and that a person has accepted.
type AcceptedGap struct {
	Gap
	Reason string    `json:"reason"`
	At     time.Time `json:"accepted_at"`
	// Late is true if committed windows cover it, which were listed after the platform had begun to delete.
	Late bool `json:"late,omitempty"`
}

// accepted splits gaps into those that stand and those that a person has accepted.
func accepted(gaps []Gap, all []ledger.Acceptance) (open []Gap, ok []AcceptedGap) {
	for _, g := range gaps {
		left := g.Window.Without(ledger.AcceptedWindows(all, g.Account, g.Stream))
		for _, w := range left {
			open = append(open, Gap{g.Account, g.Stream, w})
		}
		for _, a := range all {
			if a.Account != g.Account || a.Stream != g.Stream {
				continue
			}
			for _, w := range g.Window.Without(g.Window.Without([]schemas.Window{a.Window})) {
				ok = append(ok, AcceptedGap{Gap: Gap{g.Account, g.Stream, w}, Reason: a.Reason, At: a.AcceptedAt})
			}
		}
	}
	return open, ok
}

// Command is the command that copies it.
func (g Gap) Command() string {
	if g.Stream.IsByChange() || g.Stream == schemas.StreamDirectory {
		return trigger("sync", g.Account) // a sync begins where the changes have their first gap
	}
	return ExportCommand(g.Account, g.Window)
}

// A ShardCount is a number of conversations of a window.
type ShardCount struct {
	Shard   string `json:"shard"`
	Count   int64  `json:"count"`
	Command string `json:"command,omitempty"` // that copies the window once more
}

// ShardFlags are the notes that a window was committed with.
type ShardFlags struct {
	Shard string   `json:"shard"`
	Flags []string `json:"flags"`
	// Mismatched is how many conversations have another number of messages than the platform states.
	Mismatched int64  `json:"mismatched,omitempty"`
	Command    string `json:"command,omitempty"` // that copies the window once more
}

// A Contradiction is about a window whose record does not agree with itself, with its files, or with the generations before.
type Contradiction struct {
	Shard   string `json:"shard"`
	Problem string `json:"problem"`
	Command string `json:"command,omitempty"` // that copies the window once more; empty where nothing is wrong with its rows
}

// An Overlap is a pair of windows that have time in common.
type Overlap struct {
	Shard string `json:"shard"`
	Other string `json:"other"`
}

// An Undecrypted is a window with texts that no key of the account opened.
type Undecrypted struct {
	Shard   string `json:"shard"`
	Count   int64  `json:"count"`   // of texts and other values
	Allowed bool   `json:"allowed"` // by allow_unreadable of the account: no gap
	Command string `json:"command"` // that copies the window once more
}

// undecryptedOf are those windows. Whether they are allowed is for the configuration of today to say.
func undecryptedOf(c worker.Config, records []ledger.Record) []Undecrypted {
	all := []Undecrypted{}
	for _, r := range records {
		if n := r.Counts.Unreadable; n > 0 {
			account := r.Shard.Account
			all = append(all, Undecrypted{r.Shard.String(), n, c.Accounts[account].AllowUnreadable, againOf(r)})
		}
	}
	return all
}

// An Unwitnessed is a list of an account for which only the platform's own word speaks.
type Unwitnessed struct {
	Account string `json:"account"`
	List    string `json:"list"`
	Windows int    `json:"windows"` // that were read from it
}

// unwitnessedOf are those lists that records name, each once an account.
func unwitnessedOf(records []ledger.Record) []Unwitnessed {
	windows := map[Unwitnessed]int{}
	for _, r := range records {
		for _, name := range r.Unwitnessed {
			windows[Unwitnessed{Account: r.Shard.Account, List: name}]++
		}
	}
	var all []Unwitnessed
	for one, n := range windows {
		one.Windows = n
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Unwitnessed) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.List, b.List))
	})
	return all
}

// An Omitted is a document of each conversation that was not requested, because a sample of them said no more than the list.
type Omitted struct {
	Account  string `json:"account"`
	Document string `json:"document"`
	Windows  int    `json:"windows"`
	Asked    int64  `json:"asked"`   // conversations of the sample
	Omitted  int64  `json:"omitted"` // conversations without it
}

// omittedOf are those documents, each once an account. If a sample of any window said more than the list, less are the windows without the
// document.
func omittedOf(records []ledger.Record) (all []Omitted, less []ShardCount) {
	type key struct{ account, document string }
	sums, more := map[key]*Omitted{}, map[key]bool{}
	for _, r := range records {
		for _, o := range r.Omitted {
			k := key{r.Shard.Account, o.Document}
			more[k] = more[k] || o.More
			if o.Omitted == 0 {
				continue
			}
			if sums[k] == nil {
				sums[k] = &Omitted{Account: k.account, Document: k.document}
			}
			sums[k].Windows++
			sums[k].Asked += o.Asked
			sums[k].Omitted += o.Omitted
		}
	}
	for _, r := range records {
		for _, o := range r.Omitted {
			if o.Omitted > 0 && more[key{r.Shard.Account, o.Document}] {
				less = append(less, ShardCount{r.Shard.String(), o.Omitted, againOf(r)})
			}
		}
	}
	for k, sum := range sums {
		if !more[k] {
			all = append(all, *sum)
		}
	}
	slices.SortFunc(all, func(a, b Omitted) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Document, b.Document))
	})
	return all, less
}

// Leftovers are staged objects that nobody has removed yet.
type Leftovers struct {
	Objects int   `json:"objects"` // of committed windows: no longer needed
	Bytes   int64 `json:"bytes"`
	Open    int   `json:"open"` // of windows that are not: an export is under way, was cancelled or waits
}

// series are the shards of one account and stream.
type series struct {
	provider, account string
	stream            schemas.Stream
}

func seriesOf(s ledger.Shard) series { return series{s.Provider, s.Account, s.Stream} }

// holes are generations that are not in the ledger though later ones are.
func holes(entries []ledger.Entry) []Contradiction {
	var found []Contradiction
	newest := map[ledger.Shard]int{}
	for _, e := range entries {
		newest[e.Shard] = max(newest[e.Shard], e.Generation)
	}
	for _, e := range ledger.Missing(entries) {
		found = append(found, Contradiction{Shard: e.Shard.String(), Problem: fmt.Sprintf(
			"the record of generation %d is gone from the ledger, and generation %d is there; find out who deletes below _ledger/", e.Generation, newest[e.Shard])})
	}
	return found
}

// forgotten are windows that an export found committed when it ended, and that the ledger does not have so any more.
func forgotten(missing []ledger.Forgotten) []Contradiction {
	var found []Contradiction
	for _, f := range missing {
		c := Contradiction{Shard: f.Shard.String(), Problem: fmt.Sprintf("%s names generation %d of it, and the ledger has ", f.Manifest, f.Generation)}
		if f.Newest == 0 {
			c.Problem += "none; find out who deletes below _ledger/"
		} else {
			c.Problem += fmt.Sprintf("only %d; find out who deletes below _ledger/", f.Newest)
		}
		c.Command = again(f.Shard)
		found = append(found, c)
	}
	return found
}

// An Unchecked is a stream of an account that this build does not know. The files of its windows are compared with their records like
// all others; nobody knows whether its windows must adjoin, nor what its counts mean.
type Unchecked struct {
	Account string         `json:"account"`
	Stream  schemas.Stream `json:"stream"`
	Windows int            `json:"windows"`
	Writer  string         `json:"writer"` // the build that committed the last of them
}

// uncheckedOf are those streams.
func uncheckedOf(records []ledger.Record) []Unchecked {
	type line struct {
		account string
		stream  schemas.Stream
	}
	found := map[line]Unchecked{}
	last := map[line]time.Time{}
	for _, r := range records {
		if r.Shard.Stream.Known() {
			continue
		}
		key := line{r.Shard.Account, r.Shard.Stream}
		one := found[key]
		one.Account, one.Stream = key.account, key.stream
		if one.Windows++; one.Windows == 1 || r.CommittedAt.After(last[key]) {
			one.Writer, last[key] = r.Writer, r.CommittedAt
		}
		found[key] = one
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Unchecked) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Stream, b.Stream))
	})
}

// gapsOf is the time that no window covers, for each account and each stream whose windows must adjoin: between its oldest and its newest
// window, or within the range asked for. It says nothing of streams that this build does not know: see uncheckedOf.
func gapsOf(records []ledger.Record, filter ledger.Filter) []Gap {
	type line struct {
		account string
		stream  schemas.Stream
	}
	windows := map[line][]schemas.Window{}
	for _, r := range records {
		if r.Shard.Stream.IsContinuous() {
			key := line{r.Shard.Account, r.Shard.Stream}
			windows[key] = append(windows[key], r.Shard.Window)
		}
	}
	if filter.Account != "" && len(windows) == 0 && !filter.Window.From.IsZero() && !filter.Window.To.IsZero() {
		return []Gap{{filter.Account, schemas.StreamCreated, filter.Window}}
	}
	var gaps []Gap
	for key, covered := range windows {
		whole := covered[0]
		for _, w := range covered {
			if w.From.Before(whole.From) {
				whole.From = w.From
			}
			if w.To.After(whole.To) {
				whole.To = w.To
			}
		}
		if !filter.Window.From.IsZero() {
			whole.From = filter.Window.From
		}
		if !filter.Window.To.IsZero() {
			whole.To = filter.Window.To
		}
		for _, w := range whole.Without(covered) {
			gaps = append(gaps, Gap{key.account, key.stream, w})
		}
	}
	slices.SortFunc(gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Stream, b.Stream), a.Window.From.Compare(b.Window.From))
	})
	return gaps
}

// overlapsOf are windows that have time in common with one before them, of the same account and stream.
func overlapsOf(records []ledger.Record) []Overlap {
	sorted := slices.DeleteFunc(slices.Clone(records), func(r ledger.Record) bool { return r.AbsorbedBy != "" }) // it has no rows
	slices.SortStableFunc(sorted, func(a, b ledger.Record) int { return a.Shard.Window.From.Compare(b.Shard.Window.From) })
	furthest := map[series]ledger.Shard{}
	var found []Overlap
	for _, r := range sorted {
		key := seriesOf(r.Shard)
		before, ok := furthest[key]
		if ok && r.Shard.Window.From.Before(before.Window.To) {
			found = append(found, Overlap{r.Shard.String(), before.String()})
		}
		if !ok || r.Shard.Window.To.After(before.Window.To) {
			furthest[key] = r.Shard
		}
	}
	slices.SortStableFunc(found, func(a, b Overlap) int { return cmp.Compare(a.Shard, b.Shard) })
	return found
}

// leftoversOf counts staged objects.
func leftoversOf(ctx context.Context, l *lake.Lake, entries []ledger.Entry, account string) (Leftovers, error) {
	type generation struct {
		account string
		stream  schemas.Stream
		window  string
		number  int
	}
	committed := map[generation]bool{}
	for _, e := range entries {
		committed[generation{e.Shard.Account, e.Shard.Stream, e.Shard.Window.String(), e.Generation}] = true
	}
	var found Leftovers
	for left, err := range l.Leftovers(ctx, account) {
		if err != nil {
			return found, err
		}
		if !committed[generation{left.Account, left.Stream, left.Window, left.Generation}] {
			found.Open++
			continue
		}
		found.Objects++
		found.Bytes += left.Bytes
	}
	return found, nil
}
