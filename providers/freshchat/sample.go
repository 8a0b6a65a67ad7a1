package freshchat

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

const (
	// mostSampledReports is how many reports a sample orders. The platform makes one a minute.
	mostSampledReports = 4
	// refsOfReport and refsOfUser are how many conversations may be read as a sample.
	refsOfReport = 12
	refsOfUser   = 2
)

// Sample estimates conversations by the rows of Conversation-Created of some months, or, in the enumeration users, by the conversations of
// some users.
func (a *account) Sample(ctx context.Context, windows []schemas.Window, requests int) (providers.Sample, error) {
	if len(windows) == 0 {
		return providers.Sample{}, nil
	}
	if a.users {
		return a.sampleUsers(ctx, windows, requests)
	}
	return a.sampleReports(ctx, windows)
}

// sampleReports counts the rows of the windows that were chosen, and takes the others to be between those.
func (a *account) sampleReports(ctx context.Context, windows []schemas.Window) (providers.Sample, error) {
	out := providers.Sample{Windows: make([]float64, len(windows))}
	chosen := spread(len(windows), mostSampledReports)
	reports := 0
	for _, i := range chosen {
		seen := map[string]time.Time{}
		for _, part := range months(windows[i]) {
			s, err := a.sampleReport(ctx, order{eventCreated, part})
			if err != nil {
				return out, err
			}
			reports++
			for _, e := range s.entries {
				if at := e.first; windows[i].Contains(at) && seen[e.id].IsZero() {
					seen[e.id] = at
				}
			}
		}
		out.Windows[i] = float64(len(seen))
		ids := make([]string, 0, len(seen))
		for id := range seen {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, j := range spread(len(ids), refsOfReport) {
			out.Refs = append(out.Refs, providers.Ref{ID: ids[j], CreatedAt: seen[ids[j]], Unlisted: true})
		}
	}
	length := func(w schemas.Window) float64 { return w.To.Sub(w.From).Seconds() }
	least, most := math.Inf(1), 0.0 // conversations a second
	for _, i := range chosen {
		rate := out.Windows[i] / length(windows[i])
		least, most = min(least, rate), max(most, rate)
	}
	for i := range windows {
		if _, counted := slices.BinarySearch(chosen, i); counted {
			out.Total = out.Total.Plus(providers.Exactly(out.Windows[i]))
			continue
		}
		after, _ := slices.BinarySearch(chosen, i) // chosen has the first and the last window
		low, high := chosen[after-1], chosen[after]
		share := float64(i-low) / float64(high-low)
		rate := out.Windows[low]/length(windows[low])*(1-share) + out.Windows[high]/length(windows[high])*share
		out.Windows[i] = rate * length(windows[i])
		chance := 2 * math.Sqrt(out.Windows[i]) // by which months of the same rate differ
		out.Total = out.Total.Plus(providers.Figure{
			About: out.Windows[i], Least: max(0, least*length(windows[i])-chance), Most: most*length(windows[i]) + chance,
		})
	}
	out.How = fmt.Sprintf("the rows of %d reports", reports)
	return out, nil
}

// spread returns up to so many of n indexes, ascending, at equal distances, with the first and the last.
func spread(n, most int) (all []int) {
	for i := range min(n, most) {
		all = append(all, i*(n-1)/max(1, min(n, most)-1))
	}
	return all
}

// sampleReport orders a report and reads it. It waits until the platform has made it.
func (a *account) sampleReport(ctx context.Context, o order) (*spool, error) {
	var id string
	err := patiently(ctx, func() (err error) {
		id, err = a.placeOrder(ctx, o, false)
		return err
	})
	if err != nil {
		return nil, err
	}
	var s *spool
	err = patiently(ctx, func() (err error) {
		s, err = a.report(ctx, o, id, a.readCreated)
		return err
	})
	if errors.Is(err, errFailed) {
		err = &providers.Error{Kind: providers.Failed, Op: o.op(), Err: errFailed}
	}
	return s, err
}

// longestWait is the longest time that the platform may ask to wait at once.
const longestWait = 10 * time.Minute

// patiently calls do until the platform does not ask to wait any more.
func patiently(ctx context.Context, do func() error) error {
	for {
		err := do()
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != providers.Throttled && e.Kind != providers.Pending || e.After > longestWait {
			return err
		}
		timer := time.NewTimer(max(time.Second, e.After))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctxError(ctx, opList)
		}
	}
}

// readCreated reads Conversation-Created without the rows of conversations that were opened again.
func (a *account) readCreated(s *spool, _ order, files []download) error {
	s.byID = map[string]*entry{}
	return a.readTables(files, columnConversation, func(r record) error {
		id, at := r.get(columnConversation, columnInteraction), instant(r.get(columnTimes...))
		l := reportRow{cells: map[string]string{"reopened": r.get("reopened")}}
		if id == "" || at == nil || l.reopens() || s.byID[id] != nil {
			return nil
		}
		e := &entry{id: id, period: period{first: *at, last: *at}}
		s.byID[id], s.entries = e, append(s.entries, e)
		if s.index() > maxIndex {
			return errDense
		}
		return nil
	})
}

// sampleUsers counts the users, and the conversations of some of them that began in the windows.
func (a *account) sampleUsers(ctx context.Context, windows []schemas.Window, requests int) (providers.Sample, error) {
	out := providers.Sample{Windows: make([]float64, len(windows))}
	whole := schemas.Window{From: windows[0].From, To: windows[len(windows)-1].To}
	s := userWalk{at: time.Now().Unix(), number: 1}
	first, err := a.agreed(ctx, opUsers, "/users", kindUsers, s.query(), s.number, never)
	if err != nil {
		return out, err
	}
	if first.more && first.last == 0 {
		return out, &providers.Error{Kind: providers.Malformed, Op: opUsers, Err: errNoPages}
	}
	pages := max(1, first.last)
	sampled, users := 0, len(first.rows)
	if pages > 1 {
		s.number = pages
		last, err := a.agreed(ctx, opUsers, "/users", kindUsers, s.query(), s.number, never)
		if err != nil {
			return out, err
		}
		users = (pages-1)*len(first.rows) + len(last.rows)
	}
	counts, found := make([]float64, 0, requests), 0 // in the windows, and at any time
	left := requests - 4
	for _, page := range spread(pages, 5) {
		p := first
		if s.number = page + 1; s.number > 1 {
			if p, err = a.agreed(ctx, opUsers, "/users", kindUsers, s.query(), s.number, never); err != nil {
				return out, err
			}
			left -= 2
		}
		for _, i := range spread(len(p.rows), max(1, requests/20)) {
			if left <= 0 {
				break
			}
			row := p.rows[i]
			listed, err := a.conversationsOf(ctx, []schemas.Document{{Kind: kindUser, Status: statusOK, Body: row}}, time.Now())
			if err != nil {
				return out, err
			}
			left--
			sampled++
			found += len(listed)
			n, examined := 0.0, 0
			for _, j := range spread(len(listed), refsOfUser) {
				c, err := a.examineOfUser(ctx, listed[j], nil)
				if err != nil {
					return out, err
				}
				left--
				examined++
				if c.at == nil || !whole.Contains(*c.at) {
					continue
				}
				n++
				out.Refs = append(out.Refs, providers.Ref{ID: c.id, CreatedAt: *c.at, Unlisted: true})
			}
			if examined > 0 {
				n *= float64(len(listed)) / float64(examined)
			}
			counts = append(counts, n)
		}
	}
	out.Total = providers.MeanOf(counts).Times(providers.Exactly(float64(users)))
	const answers = 2 // to the request for a page of users
	out.Walk = float64(answers*pages+users) + float64(users)*float64(found)/float64(max(1, sampled))
	// How the windows share them is known only of the few that were dated.
	for _, ref := range out.Refs {
		for i, w := range windows {
			if w.Contains(ref.CreatedAt) {
				out.Windows[i] += out.Total.About / float64(len(out.Refs))
			}
		}
	}
	out.How = "the conversations of " + strconv.Itoa(sampled) + " of " + strconv.Itoa(users) + " users"
	return out, nil
}

var errNoPages = errors.New("the platform does not say how many pages of users there are, so users cannot be sampled")

// Size counts the pages of users, which the directory reads, each twice.
func (a *account) Size(ctx context.Context) (providers.Size, error) {
	query := url.Values{"created_from": {usersSince}, "sort_order": {"asc"}, "page": {"1"}, "items_per_page": {strconv.Itoa(rowsPerPage)}}
	answer, err := a.get(ctx, opUsers, "/users", query)
	if err != nil {
		return providers.Size{}, err
	}
	rows, err := listRows(answer.Body, kindUsers)
	if err != nil {
		return providers.Size{}, err
	}
	const answers = 2
	return providers.Size{Directory: answers * float64(max(0, totalPages(answer.Body)-1)), AtLeast: totalPages(answer.Body) == 0 && len(rows) == rowsPerPage}, nil
}

var (
	_ providers.Sampler = (*account)(nil)
	_ providers.Sizer   = (*account)(nil)
)
