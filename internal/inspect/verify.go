package inspect

import (
	"context"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// A Verified is what a look at the lake found.
type Verified struct {
	BeganAt    time.Time       `json:"began_at"`
	Windows    int             `json:"windows"`
	Files      int             `json:"files"`
	Bytes      int64           `json:"bytes"`
	Deep       bool            `json:"deep"`
	Unreadable []Finding       `json:"unreadable"` // objects of the ledger
	Damaged    []Damage        `json:"damaged"`    // files that are not as the ledger says
	Broken     []Contradiction `json:"broken"`     // windows whose record contradicts itself or its files
	Gaps       []Gap           `json:"gaps"`
	Retained
	Skipped     []SkippedWindow `json:"skipped"`     // windows that a person gave up for now
	Dead        []ShardCount    `json:"dead"`        // conversations that could not be copied
	Flagged     []ShardFlags    `json:"flagged"`     // windows committed with a note
	Partial     []string        `json:"partial"`     // windows read with a token that sees only a part of the account
	Undecrypted []Undecrypted   `json:"undecrypted"` // windows with texts that could not be decrypted
	Totals      []Totals        `json:"totals"`      // what the platforms count now, when they were asked
	Unchecked   []Unchecked     `json:"unchecked"`   // streams that this build does not know
	Accepted    []AcceptedGap   `json:"accepted"`    // gaps that a person has accepted; harmless
	Overlaps    []Overlap       `json:"overlaps"`    // readers have to choose between versions there; harmless
	Less        []ShardCount    `json:"less"`        // conversations without a document that, as later samples show, says more than the list
	Unwitnessed []Unwitnessed   `json:"unwitnessed"` // lists for which only the platform's own word speaks; harmless
	Omitted     []Omitted       `json:"omitted"`     // documents that say no more than lists; harmless
	Orphans     []string        `json:"orphans"`     // files that nobody reads; harmless
	Staged      Leftovers       `json:"staged"`      // harmless

	seen          *sightings // with Deep only
	ranged, asked bool       // whether a range was given, and whether platforms were asked for their counts
}

// Whole reports whether everything that should be in the lake is there. A lake of which something could not be checked is not known
// to be whole.
func (v Verified) Whole() bool { return v.Problems() == 0 && len(v.Unchecked) == 0 }

// Problems is how many things keep the lake from being whole. What could not be checked is not among them.
func (v Verified) Problems() int {
	missing := 0
	for _, t := range v.Totals {
		missing += len(t.Missing) + len(t.Failed)
	}
	for _, u := range v.Undecrypted {
		if !u.Allowed {
			missing++
		}
	}
	return missing + len(v.Unreadable) + len(v.Damaged) + len(v.Broken) + len(v.Gaps) + len(v.Lost) + len(v.Skipped) + len(v.Dead) + len(v.Flagged) + len(v.Partial) + len(v.Less)
}

// VerifyOptions are what Verify looks at beside the ledger and the ends of files.
type VerifyOptions struct {
	Deep   bool // reads every file whole, and looks for conversations that are there twice
	Totals bool // asks the platforms how many conversations they count now; costs requests
	// Progress is called before each window that is looked at; nil tells nobody.
	Progress func(Progress)
}

// Progress is how far a look at windows is.
type Progress struct {
	Account  string // whose platform counts; empty while files are read
	Done     int
	Windows  int   // of all
	Bytes    int64 // of the files that were looked at
	Requests int64 // that counting took
}

// Verify holds the windows that a range touches against the ledger. The zero time at either end of the range leaves it open.
func (l *Lake) Verify(ctx context.Context, within schemas.Window, o VerifyOptions) (Verified, error) {
	tell := o.Progress
	if tell == nil {
		tell = func(Progress) {}
	}
	filter, began := l.filter(within), time.Now().UTC()
	read, err := readLedger(ctx, l.lake, filter)
	if err != nil {
		return Verified{}, err
	}
	v, err := verify(ctx, l.lake, read, filter, o.Deep, tell)
	if err != nil {
		return v, err
	}
	v.BeganAt, v.ranged, v.asked = began, within != schemas.Window{}, o.Totals
	v.Undecrypted = undecryptedOf(l.config, read.current)
	acceptances, err := l.lake.Accepted(ctx, l.account)
	if err != nil {
		return v, err
	}
	if v.Retained, err = l.retained(ctx, read.current, acceptances, within); err != nil {
		return v, err
	}
	v.Gaps = append([]Gap{}, without(v.Gaps, v.Lost)...)
	v.Accepted = append(v.Accepted, late(v.Late, v.Accepted)...)
	if o.Totals {
		v.Totals, err = totalsOf(ctx, l.config, read.current, tell)
	}
	return v, err
}

// verify holds the lake against its ledger.
func verify(ctx context.Context, l *lake.Lake, read reading, filter ledger.Filter, deep bool, tell func(Progress)) (Verified, error) {
	v := Verified{
		Deep: deep, Unreadable: []Finding{}, Damaged: []Damage{}, Broken: []Contradiction{}, Dead: []ShardCount{},
		Flagged: []ShardFlags{}, Undecrypted: []Undecrypted{}, Partial: []string{}, Totals: []Totals{}, Unchecked: []Unchecked{}, Overlaps: []Overlap{}, Unwitnessed: []Unwitnessed{}, Less: []ShardCount{}, Omitted: []Omitted{}, Orphans: []string{},
	}
	v.Unreadable = append(v.Unreadable, read.unreadable...)
	v.Broken = append(v.Broken, holes(read.entries)...)
	v.Broken = append(v.Broken, forgotten(read.forgotten)...)
	checkpoints, err := l.CheckpointFindings(ctx, ledger.Filter{Account: filter.Account}, read.entries)
	if err != nil {
		return v, err
	}
	for _, f := range slices.Concat(read.manifests, checkpoints) {
		v.Broken = append(v.Broken, Contradiction{Shard: f.Key, Problem: f.Problem})
	}
	for i, r := range read.current {
		tell(Progress{Done: i, Windows: len(read.current), Bytes: v.Bytes})
		if err := v.record(ctx, l, r); err != nil {
			return v, err
		}
	}
	if v.seen != nil {
		twice, err := v.seen.twice(ctx, l)
		if err != nil {
			return v, err
		}
		v.Broken = append(v.Broken, twice...)
	}
	missing := absencesOf(read.current, filter, read.acceptances, read.skips)
	v.Gaps, v.Accepted, v.Skipped = missing.open, missing.accepted, missing.skipped
	v.Unchecked = append(v.Unchecked, uncheckedOf(read.current)...)
	v.Overlaps = append(v.Overlaps, overlapsOf(read.current)...)
	v.Unwitnessed = append(v.Unwitnessed, unwitnessedOf(read.current)...)
	omitted, less := omittedOf(read.current)
	v.Omitted, v.Less = append(v.Omitted, omitted...), append(v.Less, less...)
	if len(read.unreadable) == 0 { // or nobody knows which files they name
		for object, err := range l.Unnamed(ctx, ledger.Filter{Account: filter.Account}, read.entries) {
			if err != nil {
				return v, err
			}
			v.Orphans = append(v.Orphans, object.Key)
		}
	}
	v.Staged, err = leftoversOf(ctx, l, read.entries, filter.Account)
	return v, err
}

// record looks at one window that counts.
func (v *Verified) record(ctx context.Context, l *lake.Lake, r ledger.Record) error {
	v.Windows++
	v.Files += len(r.Files)
	for _, f := range r.Files {
		v.Bytes += f.Bytes
	}
	findings, err := l.VerifyRecord(ctx, r, v.Deep)
	if err != nil {
		return err
	}
	for _, f := range findings {
		v.Damaged = append(v.Damaged, Damage{f, againOf(r)})
	}
	problems := addUp(r)
	if v.Deep && len(findings) == 0 {
		twice, err := v.identities(ctx, l, r)
		if err != nil {
			return err
		}
		problems = append(problems, twice...)
	}
	for _, problem := range problems {
		v.Broken = append(v.Broken, Contradiction{r.Shard.String(), problem, againOf(r)})
	}
	if r.Counts.Dead > 0 {
		v.Dead = append(v.Dead, ShardCount{r.Shard.String(), r.Counts.Dead, againOf(r)})
	}
	if len(r.Flags) > 0 {
		v.Flagged = append(v.Flagged, ShardFlags{r.Shard.String(), r.Flags, r.Counts.Mismatched, againOf(r)})
	}
	if r.Visibility == "partial" {
		v.Partial = append(v.Partial, r.Shard.String())
	}
	return nil
}
