package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
)

type verifyFlags struct {
	scope
	deep, totals bool
}

// verified is what a look at the lake found.
type verified struct {
	Windows     int              `json:"windows"`
	Files       int              `json:"files"`
	Bytes       int64            `json:"bytes"`
	Deep        bool             `json:"deep"`
	Unreadable  []ledger.Finding `json:"unreadable"` // objects of the ledger
	Damaged     []damage         `json:"damaged"`    // files that are not as the ledger says
	Broken      []contradiction  `json:"broken"`     // windows whose record contradicts itself or its files
	Gaps        []gap            `json:"gaps"`
	Dead        []shardCount     `json:"dead"`        // conversations that could not be copied
	Flagged     []shardFlags     `json:"flagged"`     // windows committed with a note
	Partial     []string         `json:"partial"`     // windows read with a token that sees only a part of the account
	Undecrypted []undecrypted    `json:"undecrypted"` // windows with texts that could not be decrypted
	Totals      []totals         `json:"totals"`      // what the platforms count now, when they were asked
	Overlaps    []overlap        `json:"overlaps"`    // readers have to choose between versions there; harmless
	Unwitnessed []unwitnessed    `json:"unwitnessed"` // lists for which only the platform's own word speaks; harmless
	Orphans     []string         `json:"orphans"`     // files that nobody reads; harmless
	Staged      leftovers        `json:"staged"`      // harmless

	seen *sightings // with Deep only
}

// whole says that all that should be in the lake is.
func (v verified) whole() bool {
	missing := 0
	for _, t := range v.Totals {
		missing += len(t.Missing) + len(t.Failed)
	}
	for _, u := range v.Undecrypted {
		if !u.Allowed {
			missing++
		}
	}
	return missing+len(v.Unreadable)+len(v.Damaged)+len(v.Broken)+len(v.Gaps)+len(v.Dead)+len(v.Flagged)+len(v.Partial) == 0
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that the lake is whole: every file as it was written, no gaps", Args: cobra.NoArgs,
		Long: "Opens every file that counts and compares it with the ledger, looks for gaps between windows, for conversations that\n" +
			"could not be copied, for texts that could not be decrypted and for windows committed with a note. Exit status 3 when there is any of these, each with what to do.\n" +
			"With --deep it reads all of the lake, and looks for conversations that are there twice or not at all. With --provider-totals it\n" +
			"asks the platform how many conversations each window holds now: a request or two a window, at the account's rate.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.verify(cmd.Context(), f) },
	}
	f.flags(cmd.Flags(), "beginning of the range that should be there (default the oldest window)", "end of the range that should be there (default the end of the newest window)")
	cmd.Flags().BoolVar(&f.deep, "deep", false, "read every file whole: compare digests, and look for conversations that are there twice")
	cmd.Flags().BoolVar(&f.totals, "provider-totals", false, "ask the platform how many conversations it counts in each window now; costs requests")
	return cmd
}

func (a *app) verify(ctx context.Context, f verifyFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	filter, err := f.filter()
	if err != nil {
		return err
	}
	if f.totals { // before hours of reading, not after
		if err := c.Secrets(accountsIn(c, f.account)...); err != nil {
			return err
		}
	}
	l, err := openLake(ctx, c, f.account)
	if err != nil {
		return err
	}
	read, err := readLedger(ctx, l, filter)
	if err != nil {
		return err
	}
	said := &sayings{note: a.note, every: sayEvery, clock: time.Now, last: time.Now()}
	v, err := inspect(ctx, l, read, filter, f.deep, said)
	if err != nil {
		return err
	}
	v.Undecrypted = undecryptedOf(c, read.current)
	if f.totals {
		if v.Totals, err = a.totals(ctx, c, read.current, said); err != nil {
			return err
		}
	}
	if a.json() {
		err = a.printJSON(v)
	} else {
		err = v.write(a.out)
	}
	if err == nil && !v.whole() {
		return &outcome{status: exitGaps}
	}
	return err
}

// inspect holds the lake against its ledger.
func inspect(ctx context.Context, l *lake.Lake, read ledgerState, filter ledger.Filter, deep bool, said *sayings) (verified, error) {
	v := verified{
		Deep: deep, Unreadable: []ledger.Finding{}, Damaged: []damage{}, Broken: []contradiction{}, Gaps: []gap{}, Dead: []shardCount{},
		Flagged: []shardFlags{}, Undecrypted: []undecrypted{}, Partial: []string{}, Totals: []totals{}, Overlaps: []overlap{}, Unwitnessed: []unwitnessed{}, Orphans: []string{},
	}
	v.Unreadable = append(v.Unreadable, read.unreadable...)
	v.Broken = append(v.Broken, holes(read.entries)...)
	v.Broken = append(v.Broken, forgotten(read.forgotten)...)
	for _, f := range read.manifests {
		v.Broken = append(v.Broken, contradiction{Shard: f.Key, Problem: f.Problem})
	}
	for i, r := range read.current {
		said.now("%d of %s verified, %s", i, words.Plural(int64(len(read.current)), "window"), words.Size(v.Bytes))
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
	v.Gaps = append(v.Gaps, gapsOf(read.current, filter)...)
	v.Overlaps = append(v.Overlaps, overlapsOf(read.current)...)
	v.Unwitnessed = append(v.Unwitnessed, unwitnessedOf(read.current)...)
	if len(read.unreadable) == 0 { // or nobody knows which files they name
		for object, err := range l.Unnamed(ctx, ledger.Filter{Account: filter.Account}, read.entries) {
			if err != nil {
				return v, err
			}
			v.Orphans = append(v.Orphans, object.Key)
		}
	}
	var err error
	v.Staged, err = leftoversOf(ctx, l, read.entries, filter.Account)
	return v, err
}

// record looks at one window that counts.
func (v *verified) record(ctx context.Context, l *lake.Lake, r ledger.Record) error {
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
		v.Damaged = append(v.Damaged, damage{f, again(r.Shard.Account, r.Shard.Window)})
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
		v.Broken = append(v.Broken, contradiction{r.Shard.String(), problem, again(r.Shard.Account, r.Shard.Window)})
	}
	if r.Counts.Dead > 0 {
		v.Dead = append(v.Dead, shardCount{r.Shard.String(), r.Counts.Dead, again(r.Shard.Account, r.Shard.Window)})
	}
	if len(r.Flags) > 0 {
		v.Flagged = append(v.Flagged, shardFlags{r.Shard.String(), r.Flags, r.Counts.Mismatched, again(r.Shard.Account, r.Shard.Window)})
	}
	if r.Visibility == "partial" {
		v.Partial = append(v.Partial, r.Shard.String())
	}
	return nil
}

// sayEvery is how often a command that takes long says how far it is.
const sayEvery = 5 * time.Second

// sayings are what a long command says of its progress, now and then.
type sayings struct {
	note  func(format string, args ...any)
	every time.Duration
	clock func() time.Time
	last  time.Time
}

// now says something, unless something was said a moment ago.
func (s *sayings) now(format string, args ...any) {
	if at := s.clock(); at.Sub(s.last) >= s.every {
		s.last = at
		s.note(format, args...)
	}
}
