package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// A SkippedWindow is a window that a person gave up for now, and that nothing has made up for yet.
type SkippedWindow struct {
	Gap
	Kind   string    `json:"kind"` // why it was blocked
	Reason string    `json:"reason"`
	At     time.Time `json:"skipped_at"`
	// Older is true if the lake has a copy of the window from before.
	Older bool `json:"older_copy,omitempty"`
}

// Command is the command that copies it.
func (s SkippedWindow) Command() string {
	if s.Older {
		return again(ledger.Shard{Account: s.Account, Stream: s.Stream, Window: s.Window})
	}
	return s.Gap.Command()
}

// absences are what is missing in a ledger.
type absences struct {
	open     []Gap
	accepted []AcceptedGap
	skipped  []SkippedWindow
}

// absencesOf finds the gaps between the windows of records, and those that a person has skipped: these are gaps also where no window
// follows. Both are without what a person has accepted.
func absencesOf(records []ledger.Record, filter ledger.Filter, acceptances []ledger.Acceptance, skips []ledger.Skip) absences {
	found := absences{open: []Gap{}, accepted: []AcceptedGap{}, skipped: []SkippedWindow{}}
	gaps := gapsOf(records, filter)
	for _, s := range newestSkips(skips) {
		if s.Window = clipped(s.Window, filter.Window); !s.Window.From.Before(s.Window.To) {
			continue
		}
		made, older := s.MadeUpFor(records)
		if made {
			continue
		}
		of := SkippedWindow{Gap: Gap{s.Account, s.Stream, s.Window}, Kind: s.Kind, Reason: s.Reason, At: s.SkippedAt, Older: older}
		if older || !s.Stream.IsContinuous() {
			found.skipped = append(found.skipped, of)
			continue
		}
		left := missingFrom(s, records)
		gaps = append(gaps, missingFrom(s, records, gaps...)...)
		if open, _ := accepted(left, acceptances); len(open) > 0 {
			found.skipped = append(found.skipped, of)
		}
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Stream, b.Stream), a.Window.From.Compare(b.Window.From))
	})
	open, ok := accepted(gaps, acceptances)
	found.open, found.accepted = append(found.open, open...), append(found.accepted, ok...)
	return found
}

// missingFrom are the parts of a skipped window that neither records nor gaps have.
func missingFrom(s ledger.Skip, records []ledger.Record, gaps ...Gap) (left []Gap) {
	var have []schemas.Window
	for _, r := range records {
		if r.Shard.Account == s.Account && r.Shard.Stream == s.Stream {
			have = append(have, r.Shard.Window)
		}
	}
	for _, g := range gaps {
		if g.Account == s.Account && g.Stream == s.Stream {
			have = append(have, g.Window)
		}
	}
	for _, w := range s.Window.Without(have) {
		left = append(left, Gap{s.Account, s.Stream, w})
	}
	return left
}

// newestSkips leaves out skips of a window that was skipped again later.
func newestSkips(skips []ledger.Skip) (last []ledger.Skip) {
	for _, s := range skips {
		i := slices.IndexFunc(last, func(o ledger.Skip) bool {
			return o.Account == s.Account && o.Stream == s.Stream && o.Window == s.Window
		})
		switch {
		case i < 0:
			last = append(last, s)
		case s.SkippedAt.After(last[i].SkippedAt):
			last[i] = s
		}
	}
	return last
}

// clipped is the part of a window in a range whose ends may be open.
func clipped(w, to schemas.Window) schemas.Window {
	if w.From.Before(to.From) {
		w.From = to.From
	}
	if !to.To.IsZero() && w.To.After(to.To) {
		w.To = to.To
	}
	return w
}

// SkipWindow writes into the ledger that a blocked window is given up for now, and why. The name is that of status: account, stream and
// window.
func SkipWindow(ctx context.Context, c worker.Config, window, kind, reason string) (SkippedWindow, error) {
	shard, err := parseWindow(window)
	if err != nil {
		return SkippedWindow{}, err
	}
	if reason, err = checkReason(reason); err != nil {
		return SkippedWindow{}, err
	}
	l, err := worker.OpenLake(ctx, c) // a lake whose first window is blocked has no ledger yet
	if err != nil {
		return SkippedWindow{}, err
	}
	s, err := l.Skip(ctx, ledger.Skip{Account: shard.Account, Stream: shard.Stream, Window: shard.Window, Kind: kind, Reason: reason, Writer: l.Writer()})
	return SkippedWindow{Gap: Gap{s.Account, s.Stream, s.Window}, Kind: s.Kind, Reason: s.Reason, At: s.SkippedAt}, err
}

// CheckSkip returns an error unless SkipWindow can write that a window was skipped. It looks at nothing but the texts.
func CheckSkip(c worker.Config, window, reason string) error {
	shard, err := parseWindow(window)
	if err != nil {
		return err
	}
	if _, ok := c.Accounts[shard.Account]; !ok {
		return &AcceptError{fmt.Sprintf("window %s: the configuration has no account %s", window, shard.Account)}
	}
	_, err = checkReason(reason)
	return err
}

func parseWindow(name string) (ledger.Shard, error) {
	shard, err := ledger.ParseShard(name)
	if err == nil && !shard.Stream.Known() {
		err = fmt.Errorf("stream %s", shard.Stream)
	}
	if err != nil {
		return shard, &AcceptError{fmt.Sprintf("window %q: expected a blocked window as `chatlake status` names it, such as acme/created/20260501T000000Z~20260601T000000Z", name)}
	}
	return shard, nil
}
