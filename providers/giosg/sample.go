package giosg

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

const (
	// leastRequests is how many requests the sample of a list may take at least.
	leastRequests = 20
	// stride is how many rows a cursor skips. Django REST framework skips no more.
	stride = 1000
	// strata is the number of parts that are measured apart if not everything can be counted.
	strata = 8
	// refsApart is how far apart those chats of a page are that may be read as a sample.
	refsApart = 8
)

// Sample counts chats by bisecting the list. The platform has no count, but its cursors are those of Django REST framework: a time, and
// how many rows to skip after it, up to a thousand. So one request finds the time of the thousandth chat after another one. If the
// requests suffice, the count is exact. Otherwise parts of the windows are measured, and the rest is estimated by the slowest and the
// fastest rate that was seen. If the server accepts no such cursors, the newest pages are counted.
func (a *account) Sample(ctx context.Context, windows []schemas.Window, requests int) (providers.Sample, error) {
	out := providers.Sample{Windows: make([]float64, len(windows)), How: "positions in the list"}
	if len(windows) == 0 {
		return out, nil
	}
	whole := schemas.Window{From: windows[0].From, To: windows[len(windows)-1].To}
	for _, l := range a.lists {
		s := a.newSampler(l, whole, max(leastRequests, requests/len(a.lists)))
		if err := s.run(ctx); err != nil {
			return out, err
		}
		out.Total = out.Total.Plus(s.total())
		for i, w := range windows {
			out.Windows[i] += s.within(w)
		}
		if s.since.After(out.Since) {
			out.Since = s.since
		}
		if s.walked {
			out.How = "the newest pages of the list"
		}
		out.Refs = append(out.Refs, s.refs...)
	}
	slices.SortFunc(out.Refs, func(x, y providers.Ref) int { return x.CreatedAt.Compare(y.CreatedAt) })
	if a.leaveOpen {
		out.How += ", with the chats that are still open"
	}
	return out, nil
}

// Size counts the open chats. An organization has few rooms, users and teams, so the directory has a page of each.
func (a *account) Size(ctx context.Context) (providers.Size, error) {
	if a.open == nil {
		return providers.Size{}, nil
	}
	s := a.newSampler(a.open, schemas.Window{From: time.Unix(0, 0).UTC(), To: time.Now().UTC().Add(time.Hour)}, leastRequests)
	if err := s.run(ctx); err != nil {
		return providers.Size{}, err
	}
	return providers.Size{Open: int64(s.total().Least), AtLeast: !s.since.IsZero() || s.total().Least < s.total().Most}, nil
}

// sampler samples one list, newest first.
type sampler struct {
	*account
	list   *list
	whole  schemas.Window
	left   int // requests
	jump   jumper
	parts  []*stratum
	refs   []providers.Ref
	since  time.Time // if not zero, chats before it are not known
	walked bool
}

func (a *account) newSampler(l *list, whole schemas.Window, requests int) *sampler {
	query := maps.Clone(l.query)
	query.Set(optionOrdering, defaultOrdering)
	return &sampler{account: a, list: newList(l.path, query), whole: whole, left: requests}
}

// stratum is a part of the range, whose rows are counted from its end to its beginning.
type stratum struct {
	schemas.Window
	at    time.Time // rows before it are not counted yet
	steps []counted
}

// counted is a part of a stratum whose rows are counted.
type counted struct {
	schemas.Window
	rows providers.Figure
}

func (c counted) rate() float64 { return c.rows.About / max(1, c.To.Sub(c.From).Seconds()) }

// run counts as much as the requests allow.
func (s *sampler) run(ctx context.Context) error {
	first, err := s.ask(ctx, "")
	if err != nil {
		return err
	}
	works := false
	if s.jump, works = newJumper(first.next); works {
		works, err = s.skips(ctx)
	}
	if err != nil {
		return err
	}
	one := &stratum{Window: s.whole, at: s.whole.To}
	s.parts = []*stratum{one}
	if !works {
		return s.walk(ctx, first, one)
	}
	if err := s.advance(ctx, one); err != nil {
		return err
	}
	if rest := one.at.Sub(one.From).Seconds(); rest > 0 && one.steps[0].rate()*rest/stride > float64(s.left-leastRequests/2) {
		s.split(one)
	}
	for s.left > 0 {
		next := s.largest()
		if next == nil {
			return nil
		}
		if err := s.advance(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// ask requests a page, newest first.
func (s *sampler) ask(ctx context.Context, link string) (listPage, error) {
	s.left--
	p, err := s.page(ctx, s.list, link)
	if err == nil && len(p.rows) == 0 && p.next != "" && p.next != link && s.left > 0 {
		return s.ask(ctx, p.next) // pages may be empty
	}
	if err != nil {
		return p, err
	}
	if !slices.IsSortedFunc(p.rows, falling.compare) {
		return p, rest.Malformed(opList, errOrder)
	}
	for i, r := range p.rows {
		if i%refsApart == 0 && s.whole.Contains(r.createdAt) {
			ref := r.ref()
			ref.Version, ref.Unlisted = "", true
			s.refs = append(s.refs, ref)
		}
	}
	return p, nil
}

// skips reports whether the server obeys cursors that chatlake makes: it answers with rows before the time of the cursor, and with
// others if some are skipped.
func (s *sampler) skips(ctx context.Context) (bool, error) {
	refused := func(err error) bool {
		var e *providers.Error
		return errors.As(err, &e) && (e.Kind == providers.CursorExpired || e.Kind == providers.Malformed)
	}
	near, err := s.ask(ctx, s.jump.to(s.whole.To, 0))
	if err != nil {
		if refused(err) {
			return false, nil
		}
		return false, err
	}
	if len(near.rows) < 2 {
		return len(near.rows) == 0 && near.next == "", nil
	}
	far, err := s.ask(ctx, s.jump.to(s.whole.To, 1))
	if err != nil {
		if refused(err) {
			return false, nil
		}
		return false, err
	}
	return near.rows[0].createdAt.Before(s.whole.To) && len(far.rows) > 0 && far.rows[0].id == near.rows[1].id, nil
}

// advance counts the next rows of a stratum: as many as a cursor skips, or those down to its beginning.
func (s *sampler) advance(ctx context.Context, st *stratum) error {
	p, err := s.ask(ctx, s.jump.to(st.at, stride))
	if err != nil {
		return err
	}
	if len(p.rows) == 0 || p.rows[0].createdAt.Before(st.From) {
		return s.bisect(ctx, st)
	}
	at, n := p.rows[0].createdAt, stride
	if !at.Before(st.at) {
		return rest.Malformed(opList, errOrder)
	}
	for _, r := range p.rows {
		if r.createdAt.Equal(at) {
			n++
		}
	}
	st.steps = append(st.steps, counted{schemas.Window{From: at, To: st.at}, providers.Exactly(float64(n))})
	st.at = at
	return nil
}

// bisect counts the last rows of a stratum, which are fewer than a cursor skips.
func (s *sampler) bisect(ctx context.Context, st *stratum) error {
	low, high := 0, stride
	for low < high && s.left > 0 {
		mid := max(low, (low+high-rowsPerPage)/2)
		p, err := s.ask(ctx, s.jump.to(st.at, mid))
		if err != nil {
			return err
		}
		inside := 0
		for _, r := range p.rows {
			if !r.createdAt.Before(st.From) {
				inside++
			}
		}
		switch {
		case inside == 0:
			high = mid
		case inside < len(p.rows) || p.next == "":
			low = mid + inside
			high = low
		default:
			low = mid + inside
		}
	}
	rows := providers.Figure{About: float64(low+high) / 2, Least: float64(low), Most: float64(high)}
	st.steps = append(st.steps, counted{schemas.Window{From: st.From, To: st.at}, rows})
	st.at = st.From
	return nil
}

// split cuts what is not counted yet into parts.
func (s *sampler) split(one *stratum) {
	length := one.at.Sub(one.From) / strata
	for i := range strata {
		part := &stratum{Window: schemas.Window{From: one.From.Add(time.Duration(i) * length), To: one.From.Add(time.Duration(i+1) * length)}}
		if i == strata-1 {
			part.To = one.at
		}
		part.at = part.To
		s.parts = append(s.parts, part)
	}
	one.From = one.at
}

// largest returns the stratum with the most rows that are not counted, as far as is known, or nil.
func (s *sampler) largest() (found *stratum) {
	most := 0.0
	for _, st := range s.parts {
		if left := st.at.Sub(st.From).Seconds(); left > 0 {
			expected := left
			if len(st.steps) > 0 {
				about, _, _ := rates(st.steps)
				expected *= about
			} else {
				expected *= 1e6 // one that was never looked at goes first
			}
			if expected > most {
				found, most = st, expected
			}
		}
	}
	return found
}

// walk counts the rows of pages, from the newest on.
func (s *sampler) walk(ctx context.Context, p listPage, one *stratum) error {
	s.walked = true
	for {
		n := 0
		for _, r := range p.rows {
			if s.whole.Contains(r.createdAt) {
				n++
			}
		}
		last := one.at
		if len(p.rows) > 0 {
			last = p.rows[len(p.rows)-1].createdAt
		}
		done := p.next == "" || last.Before(one.From)
		if done {
			last = one.From
		}
		if last.Before(one.at) || n > 0 {
			one.steps = append(one.steps, counted{schemas.Window{From: last, To: one.at}, providers.Exactly(float64(n))})
			one.at = last
		}
		if done {
			return nil
		}
		if s.left <= 0 {
			s.since, one.From = one.at, one.at
			return nil
		}
		var err error
		if p, err = s.ask(ctx, p.next); err != nil {
			return err
		}
	}
}

// rates returns the mean, the slowest and the fastest rate of counted parts, in rows a second.
func rates(steps []counted) (mean, least, most float64) {
	rows, seconds := 0.0, 0.0
	for i, c := range steps {
		rows, seconds = rows+c.rows.About, seconds+c.To.Sub(c.From).Seconds()
		r := c.rate()
		if i == 0 || r < least {
			least = r
		}
		most = max(most, r)
	}
	return rows / max(1, seconds), least, most
}

// rest returns the rate of what is not counted of a stratum.
func (s *sampler) rest(st *stratum) providers.Figure {
	var all []counted
	for _, of := range s.parts {
		all = append(all, of.steps...)
	}
	mean, least, most := rates(all)
	if len(st.steps) > 0 {
		mean, _, _ = rates(st.steps)
	}
	return providers.Figure{About: mean, Least: least, Most: most}
}

func (s *sampler) total() (all providers.Figure) {
	for _, st := range s.parts {
		for _, c := range st.steps {
			all = all.Plus(c.rows)
		}
		if left := st.at.Sub(st.From).Seconds(); left > 0 {
			all = all.Plus(s.rest(st).Times(providers.Exactly(left)))
		}
	}
	return all
}

// within estimates the rows of a window.
func (s *sampler) within(w schemas.Window) (n float64) {
	share := func(of schemas.Window) float64 {
		from, to := of.From, of.To
		if from.Before(w.From) {
			from = w.From
		}
		if to.After(w.To) {
			to = w.To
		}
		return max(0, to.Sub(from).Seconds()) / max(1, of.To.Sub(of.From).Seconds())
	}
	for _, st := range s.parts {
		for _, c := range st.steps {
			n += c.rows.About * share(c.Window)
		}
		if rest := (schemas.Window{From: st.From, To: st.at}); rest.From.Before(rest.To) {
			n += s.rest(st).About * rest.To.Sub(rest.From).Seconds() * share(rest)
		}
	}
	return n
}

var (
	_ providers.Sampler = (*account)(nil)
	_ providers.Sizer   = (*account)(nil)
)
