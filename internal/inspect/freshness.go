package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// Freshness is how well an account's copy follows its platform, by the ledger.
type Freshness struct {
	Account string    `json:"account"`
	At      time.Time `json:"at"` // of the look
	// Watermark is the time up to which every change is in the lake; nil before the first sync. LagSeconds is how long ago that is.
	Watermark  *time.Time `json:"watermark,omitempty"`
	LagSeconds *float64   `json:"lag_seconds,omitempty"`
	// Copied is what the lake has of the history, from the oldest to the newest window. To go is what it does not have yet.
	Copied *schemas.Window `json:"copied,omitempty"`
	ToGo   *schemas.Window `json:"to_go,omitempty"`
	// Directory is when the newest snapshot of the directory was committed.
	Directory *time.Time `json:"directory,omitempty"`
	// Announced is what the platform announced of what changed; nil if no announcements are received.
	Announced *Announced    `json:"announced,omitempty"`
	Gaps      []Gap         `json:"gaps"`
	Accepted  []AcceptedGap `json:"accepted"`
	// Skipped are windows that a person gave up for now. As far as the lake does not have them, they are among Gaps, and the watermark
	// stays before those of changes.
	Skipped []SkippedWindow `json:"skipped"`
	Retained
	// Verified is the newest `chatlake verify` that covers the account; nil if the lake keeps none.
	Verified *LastVerify `json:"verified,omitempty"`
}

// Lag is how far the copy is behind, or false if no sync has ended.
func (f Freshness) Lag() (time.Duration, bool) {
	if f.Watermark == nil {
		return 0, false
	}
	return f.At.Sub(*f.Watermark), true
}

// Behind says how far the copy is behind.
func (f Freshness) Behind() string {
	lag, ok := f.Lag()
	if !ok {
		return "no sync has ended yet"
	}
	return fmt.Sprintf("up to date until %s, %s behind", words.Instant(*f.Watermark), words.Duration(lag))
}

// CopiedText says which part of the history the lake has.
func (f Freshness) CopiedText() string {
	var parts []string
	if f.Copied != nil {
		parts = append(parts, words.Span(*f.Copied))
	}
	if f.ToGo != nil {
		parts = append(parts, words.Span(*f.ToGo)+" to go")
	}
	return strings.Join(parts, "; ")
}

// FreshnessOf returns the freshness of accounts, in their order. A lake that does not exist yet has nothing of them.
func FreshnessOf(ctx context.Context, c worker.Config, accounts []string, now time.Time) ([]Freshness, error) {
	l, err := worker.ReadLake(ctx, c)
	if errors.Is(err, ledger.ErrNoLake) {
		l, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	var verifications []ledger.Verification
	if l != nil {
		if verifications, err = l.LastVerifications(ctx); err != nil {
			return nil, err
		}
	}
	all := []Freshness{}
	for _, account := range accounts {
		var records []ledger.Record
		var acceptances []ledger.Acceptance
		var skips []ledger.Skip
		if l != nil {
			if records, err = l.Current(ctx, ledger.Filter{Account: account}); err == nil {
				acceptances, err = l.Accepted(ctx, account)
			}
			if err == nil {
				skips, err = l.Skips(ctx, account)
			}
			if err != nil {
				return nil, err
			}
		}
		var from time.Time
		if s := c.Accounts[account].Sync; s != nil {
			from = s.From
		}
		f := freshnessOf(account, records, acceptances, skips, from, now)
		if f.Retained, err = retainedOf(ctx, l, c, account, records, acceptances, schemas.Window{}, now); err != nil {
			return nil, err
		}
		f.Accepted = append(f.Accepted, late(f.Late, f.Accepted)...)
		f.Verified = lastVerifyOf(account, verifications)
		if f.Gaps = without(f.Gaps, f.Lost); f.Gaps == nil {
			f.Gaps = []Gap{}
		}
		all = append(all, f)
	}
	return all, nil
}

// freshnessOf reads the freshness of an account from its current records. from is where its history begins.
func freshnessOf(account string, records []ledger.Record, acceptances []ledger.Acceptance, skips []ledger.Skip, from, now time.Time) Freshness {
	f := Freshness{Account: account, At: now.UTC()}
	for _, r := range records {
		w := r.Shard.Window
		switch r.Shard.Stream {
		case schemas.StreamCreated:
			if f.Copied == nil {
				f.Copied = &schemas.Window{From: w.From, To: w.To}
			}
			if w.From.Before(f.Copied.From) {
				f.Copied.From = w.From
			}
			if w.To.After(f.Copied.To) {
				f.Copied.To = w.To
			}
		case schemas.StreamDirectory:
			if f.Directory == nil || r.CommittedAt.After(*f.Directory) {
				at := r.CommittedAt
				f.Directory = &at
			}
		}
	}
	if slices.ContainsFunc(records, func(r ledger.Record) bool { return r.Shard.Stream == schemas.StreamChanges }) {
		at := ledger.Watermark(records, ledger.OpenedSince(records), ledger.AcceptedWindows(acceptances, account, schemas.StreamChanges)...)
		lag := f.At.Sub(at).Seconds()
		f.Watermark, f.LagSeconds = &at, &lag
	}
	switch {
	case from.IsZero():
	case f.Copied == nil:
		f.ToGo = &schemas.Window{From: from, To: f.At}
	case from.Before(f.Copied.From):
		left := schemas.Window{From: from, To: f.Copied.From}.Without(ledger.AcceptedWindows(acceptances, account, schemas.StreamCreated))
		if len(left) > 0 {
			f.ToGo = &schemas.Window{From: left[0].From, To: left[len(left)-1].To}
		}
	}
	f.Announced = AnnouncedOf(records)
	missing := absencesOf(records, ledger.Filter{}, acceptances, skips)
	f.Gaps, f.Accepted, f.Skipped = missing.open, missing.accepted, missing.skipped
	return f
}
