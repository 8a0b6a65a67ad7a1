package activities

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// PushSettings say how announcements are compared with what syncs find.
type PushSettings struct {
	// EndsOnly is providers.Push.EndsOnly.
	EndsOnly bool
	// Patience is how long after the begin of a sync a push may begin that brings what the sync found. What was announced by then counts
	// as announced late. What is not was missed.
	Patience time.Duration
	// After is how long after its begin a sync is compared. By then, pushes that began within Patience have ended.
	After time.Duration
}

const (
	// pushPatience is longer than an announcement waits in the inbox, even if the push before it takes minutes.
	pushPatience = 5 * time.Minute
	// pushComparedAfter is how long after its begin a sync is compared with announcements.
	pushComparedAfter = 10 * time.Minute
	// mostFound is how many changes a sync remembers for the comparison. A sync with more is not compared.
	mostFound = 50_000
	// pushGap is how old a gap between two syncs must be for the comparison to pass over it.
	pushGap = 24 * time.Hour
)

// NewPushSettings returns the usual settings.
func NewPushSettings(endsOnly bool) *PushSettings {
	return &PushSettings{EndsOnly: endsOnly, Patience: pushPatience, After: pushComparedAfter}
}

// comparePushes compares earlier syncs of an account with its pushes, and returns what the sync of a shard knows of announcements then.
// Each sync is compared once, by a later one, so that what is announced late does not count as missed.
//
// It reads first generations only. Later ones are of other causes, and do not say what was found or named.
func (a *Activities) comparePushes(ctx context.Context, shard ledger.Shard, settings PushSettings) (*ledger.Push, error) {
	f := ledger.Filter{Provider: shard.Provider, Account: shard.Account, Stream: schemas.StreamChanges}
	before, err := a.Lake.Newest(ctx, f)
	if err != nil {
		return nil, err
	}
	before = slices.DeleteFunc(before, func(g ledger.Generation) bool { return g.Shard == shard || g.Shard.Window.To.After(shard.Window.From) })
	slices.SortStableFunc(before, func(a, b ledger.Generation) int { return a.Shard.Window.To.Compare(b.Shard.Window.To) })
	next := &ledger.Push{Since: shard.Window.To, Until: shard.Window.To}
	if last, err := a.lastSync(ctx, before); err != nil || last == nil || last.Push == nil {
		return next, err // announcements are expected from now on
	} else {
		next.Since, next.Until = last.Push.Since, last.Push.Until
	}
	before = slices.DeleteFunc(before, func(g ledger.Generation) bool { return !g.Shard.Window.To.After(next.Until) })
	syncs, err := a.firstGenerations(ctx, before)
	if err != nil {
		return nil, err
	}
	syncs = ripe(syncs, next.Until, a.Lake.Now(), settings.After)
	if len(syncs) == 0 {
		return next, nil
	}
	until, from := syncs[len(syncs)-1].Shard.Window.To, next.Until
	latest := until
	for _, r := range syncs {
		for _, c := range r.Found {
			if c.At.Before(from) {
				from = c.At
			}
		}
		if at := openedAt(r).Add(settings.Patience); at.After(latest) {
			latest = at
		}
	}
	f.Stream, f.Window = schemas.StreamPushed, schemas.Window{From: from.Add(-time.Second), To: latest}
	named, err := a.Lake.Newest(ctx, f)
	if err != nil {
		return nil, err
	}
	pushes, err := a.firstGenerations(ctx, named)
	if err != nil {
		return nil, err
	}
	next.Days = comparePushes(syncs, pushes, schemas.Window{From: next.Until, To: until}, settings.Patience)
	next.Until = until
	return next, nil
}

// lastSync returns the first generation of the newest window of changes that a sync has made, or nil.
func (a *Activities) lastSync(ctx context.Context, before []ledger.Generation) (*ledger.Record, error) {
	for _, g := range slices.Backward(before) {
		r, err := a.Lake.Record(ctx, ledger.Generation{Shard: g.Shard, Number: 1})
		if err != nil || r != nil && r.Cause == ledger.CauseSync {
			return r, err
		}
	}
	return nil, nil
}

// firstGenerations reads the first generations of shards, in the order of their windows. Those that are gone are left out.
func (a *Activities) firstGenerations(ctx context.Context, of []ledger.Generation) ([]ledger.Record, error) {
	first := map[ledger.Shard]int{}
	for _, g := range of {
		first[g.Shard] = 1
	}
	records, err := a.records(ctx, first)
	slices.SortFunc(records, func(a, b ledger.Record) int {
		return cmp.Or(a.Shard.Window.To.Compare(b.Shard.Window.To), a.Shard.Window.From.Compare(b.Shard.Window.From))
	})
	return records, err
}

// ripe returns the syncs after a time that can be compared now, in their order. It stops at one that is too new, and at a gap, in
// which another sync may still be under way.
func ripe(records []ledger.Record, until, now time.Time, after time.Duration) (syncs []ledger.Record) {
	for _, r := range records {
		if r.Cause != ledger.CauseSync {
			continue
		}
		gap := r.Shard.Window.From.After(until) && now.Sub(until) < pushGap
		if gap || now.Before(openedAt(r).Add(after)) {
			break
		}
		if r.Push != nil {
			syncs = append(syncs, r)
		}
		until = r.Shard.Window.To
	}
	return syncs
}

// comparePushes counts what syncs found by whether it was announced, and the changes that pushes with an end in a window have brought. A
// change was announced if a push that began after it, and soon after the sync at the latest, names its conversation. If such a push ended
// before the sync began, the sync has read the conversation again for another reason, and that is no change.
func comparePushes(syncs, pushes []ledger.Record, w schemas.Window, patience time.Duration) []ledger.PushDay {
	naming := map[string][]ledger.Record{} // pushes of each conversation
	days := map[time.Time]*ledger.PushDay{}
	day := func(at time.Time) *ledger.PushDay {
		at = at.UTC().Truncate(24 * time.Hour)
		if days[at] == nil {
			days[at] = &ledger.PushDay{Day: at}
		}
		return days[at]
	}
	for _, r := range pushes {
		if r.Cause != ledger.CausePush {
			continue
		}
		end := r.Shard.Window.To
		for _, id := range r.Named {
			naming[id] = append(naming[id], r)
		}
		if end.After(w.From) && !end.After(w.To) && r.Counts.Conversations > 0 {
			day(end.Add(-1)).Pushed += r.Counts.Conversations
		}
	}
	for _, r := range syncs {
		opened := openedAt(r)
		for _, c := range r.Found {
			announced, inTime := false, false
			for _, push := range naming[c.ID] {
				began := push.Shard.Window.To
				if !began.Before(c.At.Truncate(time.Second)) && !began.After(opened.Add(patience)) {
					announced, inTime = true, inTime || !push.CommittedAt.After(opened)
				}
			}
			switch {
			case !announced:
				day(c.At).Missed++
			case !inTime:
				day(c.At).Late++
			}
		}
	}
	var all []ledger.PushDay
	for _, d := range days {
		all = append(all, *d)
	}
	slices.SortFunc(all, func(a, b ledger.PushDay) int { return a.Day.Compare(b.Day) })
	return all
}

// announcing is what the pages of a shard say of announcements, and what the seal adds.
type announcing struct {
	push     *ledger.Push
	endsOnly bool
	window   schemas.Window
	found    []ledger.Found
	named    []string
}

// read reads a page. If a list was begun again, the comparison that came further counts.
func (a *announcing) read(header pageHeader) {
	if header.Push != nil && (a.push == nil || header.Push.Until.After(a.push.Until)) {
		a.push, a.endsOnly = header.Push, header.EndsOnly
	}
	a.named = append(a.named, header.Named...)
}

// expects reports whether what the shard finds is to be compared with announcements.
func (a *announcing) expects() bool {
	return a != nil && a.push != nil && !a.window.From.Before(a.push.Since) && len(a.found) <= mostFound
}

// note notes a conversation that is written, if an announcement should have named it.
func (a *announcing) note(c conversation, thread *schemas.Thread) {
	if !a.expects() {
		return
	}
	row, had := &thread.Conversation, c.had
	known := had != nil && had.Row && !had.Gone
	// A conversation may be read again although nothing has happened to it: for what a report says, or for a version that was not known.
	if known && (had.Listed != "" && had.Listed == c.ref.Version || had.Content != "" && had.Content == lake.ContentKey(row.ContentSHA256)) {
		return
	}
	at := a.window.From
	if changed := changedAt(row); changed != nil && changed.After(at) {
		at = *changed
	}
	if a.endsOnly {
		if closed := row.ClosedAt != nil || row.State != nil && *row.State == "closed"; !closed || known && had.Closed {
			return
		}
		if row.ClosedAt != nil {
			at = *row.ClosedAt
		}
	}
	if last := a.window.To.Add(-time.Microsecond); at.After(last) {
		at = last // it has changed again since, and a later sync finds that
	}
	a.found = append(a.found, ledger.Found{ID: c.ref.ID, At: at.UTC()})
}

// changedAt is when a conversation changed last, or nil if the platform does not say.
func changedAt(row *schemas.Conversation) *time.Time {
	if row.SourceVersion != nil {
		return new(time.UnixMicro(*row.SourceVersion))
	}
	return cmp.Or(row.UpdatedAt, row.LastActivityAt)
}

// record adds to the record of a shard what later syncs need.
func (a *announcing) record(r *ledger.Record) {
	if a == nil {
		return
	}
	slices.Sort(a.named)
	r.Push, r.Named = a.push, slices.Compact(a.named)
	if a.expects() {
		r.Found = a.found
	}
}
