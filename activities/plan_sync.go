package activities

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// leastSince is how far the first sync of an empty lake looks back.
const leastSince = 15 * time.Minute

// leastReports is the shortest time between two reports of a sync: a report is a job of its own at the platforms that have them.
const leastReports = time.Hour

// planSync plans the sync with a nominal time: the changes since the watermark, and the directory and the reports if they are due.
func (p *planner) planSync(nominal time.Time) (plan []Planned) {
	to := nominal.Add(-p.settings.Lag).UTC().Truncate(time.Second)
	from := ledger.OpenedSince(p.current)
	if from.IsZero() {
		from = to.Add(-max(p.settings.Every, leastSince))
	}
	if p.lists[schemas.StreamDirectory] && p.settings.Directory > 0 && p.directoryIsDue(nominal) {
		day := nominal.UTC().Truncate(24 * time.Hour)
		shard := p.shard(schemas.StreamDirectory, schemas.Window{From: day, To: day.Add(24 * time.Hour)})
		shard.Cause, shard.Refresh = ledger.CauseSync, "sync/"+nominal.UTC().Format(time.RFC3339)
		plan = append(plan, shard)
	}
	if p.lists[schemas.StreamChanges] {
		plan = p.continued(plan, schemas.StreamChanges, ledger.Watermark(p.current, from, p.accepted...), to)
	}
	if p.lists[schemas.StreamReports] {
		done := p.end(schemas.StreamReports)
		if done.IsZero() {
			done = from
		}
		if to.Sub(done) >= leastReports {
			plan = p.continued(plan, schemas.StreamReports, done, to)
		}
	}
	return plan
}

// continued adds the windows of a stream from where it ends in the ledger, cut at the ends of months.
func (p *planner) continued(plan []Planned, stream schemas.Stream, from, to time.Time) []Planned {
	for _, w := range (schemas.Window{From: from.UTC().Truncate(time.Second), To: to}).Cut("month") {
		next := p.shard(stream, w)
		next.Cause = ledger.CauseSync
		plan = append(plan, next)
	}
	return plan
}

// end is the end of the newest window of a stream, zero if there is none.
func (p *planner) end(stream schemas.Stream) (end time.Time) {
	for _, r := range p.current {
		if r.Shard.Stream == stream && r.Shard.Window.To.After(end) {
			end = r.Shard.Window.To
		}
	}
	return end
}

// directoryIsDue reports whether the newest snapshot of the directory is old.
func (p *planner) directoryIsDue(now time.Time) bool {
	var newest time.Time
	for _, r := range p.current {
		if r.Shard.Stream != schemas.StreamDirectory {
			continue
		}
		if at := openedAt(r); at.After(newest) {
			newest = at
		}
	}
	return now.Sub(newest) >= p.settings.Directory
}

// openedAt is when a shard was opened, or committed if its record does not say.
func openedAt(r ledger.Record) time.Time {
	if r.OpenedAt != nil {
		return *r.OpenedAt
	}
	return r.CommittedAt
}

// planner knows what decides the plans of an account.
type planner struct {
	provider, account string
	settings          SyncSettings
	retention         schemas.Retention // of created conversations
	size              string            // of a window: month, week or day
	blind             bool              // some changes show only if everything is fetched
	current           []ledger.Record
	accepted          []schemas.Window // gaps in the changes that a person has accepted
	lists             map[schemas.Stream]bool
}

func (p *planner) shard(stream schemas.Stream, w schemas.Window) Planned {
	return Planned{Shard: ledger.Shard{Provider: p.provider, Account: p.account, Stream: stream, Window: w}}
}

// planner reads what decides the plans of an account.
func (a *Activities) planner(ctx context.Context, account string, settings Account, reader providers.Reader) (*planner, error) {
	p := &planner{
		provider: settings.Name, account: account, size: settings.Window, blind: len(settings.Blind) > 0, lists: streamsOf(reader),
		retention: settings.Retention[schemas.StreamCreated],
	}
	if settings.Sync != nil {
		p.settings = *settings.Sync
	}
	slices.Sort(p.settings.Settle)
	newest, err := a.Lake.Newest(ctx, ledger.Filter{Provider: settings.Name, Account: account})
	if err != nil {
		return p, err
	}
	if p.current, err = a.planned(ctx, newest); err != nil {
		return p, err
	}
	slices.SortFunc(p.current, func(a, b ledger.Record) int {
		return cmp.Or(a.Shard.Window.From.Compare(b.Shard.Window.From), a.Shard.Window.To.Compare(b.Shard.Window.To))
	})
	accepted, err := a.Lake.Accepted(ctx, account)
	p.accepted = ledger.AcceptedWindows(accepted, account, schemas.StreamChanges)
	return p, err
}

// planned returns records as far as plans need them: their shards, and when those were opened that were created or are the newest
// directory. A sync would otherwise read every record of the account. It reads each of them once in a process, because records do not
// change.
func (a *Activities) planned(ctx context.Context, newest []ledger.Generation) ([]ledger.Record, error) {
	var directory schemas.Window
	for _, g := range newest {
		if g.Shard.Stream == schemas.StreamDirectory && g.Shard.Window.From.After(directory.From) {
			directory = g.Shard.Window
		}
	}
	records := make([]ledger.Record, len(newest))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(recordsAtOnce)
	for i, g := range newest {
		records[i] = ledger.Record{Shard: g.Shard, Generation: g.Number}
		if !g.Shard.Stream.IsByCreation() && (g.Shard.Stream != schemas.StreamDirectory || g.Shard.Window != directory) {
			continue
		}
		group.Go(func() error {
			if read, ok := a.opened.Load(g); ok {
				records[i] = read.(ledger.Record)
				return nil
			}
			r, err := a.Lake.Record(groupCtx, g)
			if err != nil || r == nil {
				return err // a record that is gone is for verify to find
			}
			records[i] = ledger.Record{Shard: r.Shard, Generation: r.Generation, OpenedAt: r.OpenedAt, CommittedAt: r.CommittedAt}
			a.opened.Store(g, records[i])
			return nil
		})
	}
	return records, group.Wait()
}

// streamsOf returns the streams that a reader can list.
func streamsOf(r providers.Reader) map[schemas.Stream]bool {
	_, changes := r.(providers.Changer)
	_, reports := r.(providers.Reporter)
	_, directory := r.(providers.Directory)
	return map[schemas.Stream]bool{
		schemas.StreamCreated: true, schemas.StreamChanges: changes, schemas.StreamReports: reports, schemas.StreamDirectory: directory,
	}
}
