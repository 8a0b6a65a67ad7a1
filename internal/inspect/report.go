package inspect

import (
	"context"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// A Report is what can be shown to somebody who was not there when an account was exported: what was asked for, what the lake has, what it
// lacks and why, and how to check it.
type Report struct {
	Account  string `json:"account"`
	Provider string `json:"provider"`
	// Asked is the range of the report; a zero end is open. Exports are the exports of the account that have ended.
	Asked   schemas.Window `json:"asked"`
	Exports []Asked        `json:"exports"`
	At      time.Time      `json:"at"`
	Writer  string         `json:"writer"` // the program and version that made the report
	// Location is where the lake is.
	Location string `json:"location"`
	// Windows are the windows that count and have files or shortcomings. Absorbed is how many more there are, whose conversations are in other
	// windows.
	Windows  []ReportWindow `json:"windows"`
	Absorbed int            `json:"absorbed"`
	Tables   []TableSum     `json:"tables"`
	Files    []Located      `json:"files"`
	Sum      ReportSum      `json:"sum"`
	Verified Verified       `json:"verified"`
	Coverage Coverage       `json:"-"` // by month
	// Deadlines are those of what is not copied yet.
	Deadlines []Expiring `json:"expiring"`
}

// A ReportSum is the sum of the windows of creation. Those inside of others are left out.
type ReportSum struct {
	Windows       int   `json:"windows"`
	Listed        int64 `json:"listed"`
	Conversations int64 `json:"conversations"` // that have rows
	Gone          int64 `json:"gone"`
	Dead          int64 `json:"dead"`
	Messages      int64 `json:"messages"`
	Documents     int64 `json:"documents"`
	// CountedWindows are the windows that the platform itself counted, Counted is its count of them, and Compared how many conversations it
	// listed there.
	CountedWindows int   `json:"counted_windows"`
	Counted        int64 `json:"counted"`
	Compared       int64 `json:"compared"`
}

// An Asked is an export that has ended.
type Asked struct {
	Name     string         `json:"name"`
	Window   schemas.Window `json:"window"`
	Windows  int            `json:"windows"` // that the lake had for its range when it ended
	Manifest string         `json:"manifest"`
}

// A ReportWindow is a commit record that counts.
type ReportWindow struct {
	Shard        ledger.Shard  `json:"shard"`
	Generation   int           `json:"generation"`
	CommittedAt  time.Time     `json:"committed_at"`
	Cause        ledger.Cause  `json:"cause,omitempty"`
	Writer       string        `json:"writer"`
	Counts       ledger.Counts `json:"counts"`
	Counted      *int64        `json:"platform_counts,omitempty"`
	Shortcomings []string      `json:"shortcomings"`
	Files        int           `json:"files"`
	Bytes        int64         `json:"bytes"`
	Digest       string        `json:"digest"` // SHA-256 of the record's content
}

// Complete reports whether the lake has everything that was asked for. A lake without a single window of it proves nothing.
func (r Report) Complete() bool { return r.Verified.Whole() && r.Verified.Windows > 0 }

// Report verifies the account that the lake was opened for, and reports about it.
func (l *Lake) Report(ctx context.Context, within schemas.Window, o VerifyOptions) (Report, error) {
	r := Report{
		Account: l.account, Asked: within, At: l.lake.Now().UTC().Truncate(time.Second), Writer: l.lake.Writer(), Location: l.lake.Location(""),
		Exports: []Asked{}, Windows: []ReportWindow{}, Files: []Located{},
	}
	contents, err := l.Contents(ctx)
	if err != nil {
		return r, err
	}
	if r.Verified, err = l.Verify(ctx, within, o); err != nil {
		return r, err
	}
	exports, err := l.lake.Exports(ctx, l.account)
	if err != nil {
		return r, err
	}
	for _, e := range exports {
		r.Exports = append(r.Exports, Asked{e.Name, e.Window, e.Shards, e.Manifest})
	}
	r.Provider = contents.ProviderOf(l.account)
	r.Deadlines = r.Verified.Expiring
	r.Coverage = contents.Coverage(Question{Within: within, Scale: ScaleMonth})
	records := slices.DeleteFunc(slices.Clone(contents.records), func(one ledger.Record) bool { return !l.filter(within).Overlaps(one.Shard.Window) })
	r.Tables = sumTables(records)
	for _, one := range records {
		if one.AbsorbedBy != "" && len(one.Files) == 0 {
			r.Absorbed++
			continue
		}
		w := contents.window(one)
		for _, f := range one.Files {
			r.Files = append(r.Files, Located{l.lake.Location(f.Key), one.Shard.String(), f})
		}
		r.Windows = append(r.Windows, w)
	}
	for _, one := range contents.stretches(Question{}) {
		for _, s := range one.all {
			if one.stream.IsByCreation() && s.record != nil && !s.nested && l.filter(within).Overlaps(s.window) {
				r.Sum.add(s.record)
			}
		}
	}
	return r, nil
}

// window is a record as reports show it.
func (c *Contents) window(r ledger.Record) ReportWindow {
	w := ReportWindow{
		Shard: r.Shard, Generation: r.Generation, CommittedAt: r.CommittedAt.UTC(), Cause: r.Cause, Writer: r.Writer, Counts: r.Counts,
		Counted: countedOf(r), Shortcomings: append([]string{}, c.shortcomings(r)...), Files: len(r.Files), Digest: r.Digest,
	}
	for _, f := range r.Files {
		w.Bytes += f.Bytes
	}
	return w
}

// add counts a window of creation.
func (s *ReportSum) add(r *ledger.Record) {
	n := r.Counts
	s.Windows++
	s.Listed, s.Conversations, s.Gone, s.Dead = s.Listed+n.Listed, s.Conversations+n.Conversations+n.Kept, s.Gone+n.Gone, s.Dead+n.Dead
	s.Messages, s.Documents = s.Messages+n.Messages, s.Documents+n.Documents
	if counted := countedOf(*r); counted != nil {
		s.CountedWindows++
		s.Counted, s.Compared = s.Counted+*counted, s.Compared+n.Listed-n.Unlisted
	}
}
