package liveperson

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

var (
	errTooSoon = errors.New("the platform's clock has not reached the end of the window")
	errFewer   = errors.New("the platform lists fewer conversations than it counts")
)

// versionOf returns the Ref.Version of a record: when the platform updated it, or else, for a conversation that is over, when it ended.
// An open one has no version then, because info does not show its messages. Its duration changes with every request and shows nothing.
func versionOf(info object, updated *time.Time) string {
	if updated == nil && info.word("status") == "CLOSE" && info.word("fullDialogStatus") != "OPEN" {
		for _, name := range []string{"endTime", "conversationEndTime", "fullDialogEndTime"} {
			if at := info.moment(name); at != nil && (updated == nil || at.After(*updated)) {
				updated = at
			}
		}
	}
	if updated == nil {
		return ""
	}
	return versionAt(*updated)
}

// consumerVersion is versionOf for a row of the consumer's list, whose rating may come after the end.
func consumerVersion(o object) string {
	at := o.moment("endTs")
	if at == nil || o.word("state") == "OPEN" || o.word("stage") == "OPEN" {
		return ""
	}
	rated := 0
	if o.object("csat") != nil {
		rated = 1
	}
	return fmt.Sprintf("%s.%d", versionAt(*at), rated)
}

func versionAt(t time.Time) string { return fmt.Sprintf("%016d", max(0, t.UnixMilli())) }

// sweepDays is how long before a window the start times are searched for its changes. The platform keeps thirteen months, and five
// searches cover no less than this.
const sweepDays = 5 * 88

// longestSweep is the length of a span of start times, in steps of the platform's rounding.
const longestSweep = int(88 * 24 * time.Hour / widening)

// Changes lists the conversations that were updated since w began. latestUpdateTime needs a window of start times, so Changes searches
// all of them, from the oldest on. The platform rounds the time down to ten minutes, so the list also has what was updated a little
// before w, and it has what was updated since; the versions tell what the lake has already. The consumer's API has no such search;
// there Changes lists everything that the platform keeps.
func (a *account) Changes(ctx context.Context, w schemas.Window, _ providers.Known, at providers.Cursor) iter.Seq2[providers.Page, error] {
	if a.consumer {
		return a.changesOfConsumer(ctx, w, at)
	}
	return func(yield func(providers.Page, error) bool) {
		s, err := startSweep(w, at)
		if err != nil {
			yield(providers.Page{}, rest.Malformed(opList, err))
			return
		}
		for {
			out, more, err := a.sweepOn(ctx, &s)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			if more && len(out.Refs) == 0 {
				continue // a span without changes is not worth a page
			}
			if more {
				out.Next = s.cursor()
			}
			if !yield(out, nil) || !more {
				return
			}
		}
	}
}

// sweep is where Changes continues: in a span of start times. Times are in steps of the platform's rounding.
type sweep struct {
	from, to, end int
	place         placeInList
	tally         *tally // of the span
	repeated      int    // how often the span was listed again
}

// tally compares what a span has with what it lists.
type tally struct {
	listed int64
	count  int64 // the platform's lowest count so far; -1 if it gave none
}

// add counts the rows of a page. Conversations that are updated in the meantime raise the platform's count, and are not missed if they
// are not listed.
func (t *tally) add(p page, rows []row) {
	t.listed += int64(len(rows))
	if p.count != nil && (t.count < 0 || *p.count < t.count) {
		t.count = *p.count
	}
}

func startSweep(w schemas.Window, at providers.Cursor) (sweep, error) {
	step := int64(widening / time.Second)
	// Some margin for start times that are later than the first update.
	end := int(w.To.Add(2*widening-1).Unix() / step)
	begin := end - sweepDays*24*int(time.Hour/widening)
	s := sweep{from: begin, to: begin + longestSweep, end: end, tally: &tally{count: -1}}
	if at != "" {
		parts := strings.SplitN(string(at), "/", 3)
		if len(parts) != 3 {
			return s, providers.ErrCursor
		}
		var err error
		if s.place, err = parseCursor(providers.Cursor(parts[2])); err != nil {
			return s, err
		}
		_, err1 := fmt.Sscanf(parts[0], "%d-%d", &s.from, &s.to)
		_, err2 := fmt.Sscanf(parts[1], "%d-%d", &s.tally.listed, &s.tally.count)
		if err1 != nil || err2 != nil || s.from < begin || s.from >= s.to || s.to > end || s.tally.count < -1 || s.cursor() != at {
			return s, providers.ErrCursor
		}
	}
	s.place.changes, s.place.tally = &w, s.tally
	return s, nil
}

// cursor has the span, what was listed and counted of it, and the place in it.
func (s sweep) cursor() providers.Cursor {
	return providers.Cursor(fmt.Sprintf("%d-%d/%d-%d/%s", s.from, s.to, s.tally.listed, s.tally.count, s.place.cursor()))
}

func (s sweep) span() schemas.Window {
	at := func(steps int) time.Time { return time.Unix(int64(steps)*int64(widening/time.Second), 0).UTC() }
	return schemas.Window{From: at(s.from), To: at(s.to)}
}

// restart moves to the beginning of the span.
func (s *sweep) restart() {
	*s.tally = tally{count: -1}
	s.place = placeInList{changes: s.place.changes, tally: s.tally}
}

// next moves to the next span, which is twice as long. It returns false after the last.
func (s *sweep) next() bool {
	if s.to >= s.end {
		return false
	}
	length := min(longestSweep, 2*(s.to-s.from))
	s.from, s.to, s.repeated = s.to, min(s.end, s.to+length), 0
	s.restart()
	return true
}

// halve shortens the span, without the part that was listed already. It returns false if it cannot.
func (s *sweep) halve() bool {
	if s.to-s.from < 2 {
		return false
	}
	if done := int(s.place.done / int64(widening/time.Second)); !s.place.plain && done > s.from && done < s.to-1 {
		s.from = done
	}
	s.to = s.from + (s.to-s.from)/2
	s.restart()
	return true
}

// mostRepeats is how often a span is listed again because it has fewer rows than the platform counts.
const mostRepeats = 3

// sweepOn reads one page and moves s. It returns false after the last page.
func (a *account) sweepOn(ctx context.Context, s *sweep) (providers.Page, bool, error) {
	for {
		out, next, err := a.walk(ctx, s.span(), s.place)
		var e *providers.Error
		if errors.As(err, &e) && e.Kind == providers.WindowTooDense && s.halve() {
			continue
		}
		if err != nil {
			return out, false, err
		}
		out.Dropped, out.Total = 0, nil
		switch {
		case next != nil:
			s.place = *next
			return out, true, nil
		case s.tally.listed >= s.tally.count:
			return out, s.next(), nil
		}
		if s.repeated++; s.repeated > mostRepeats {
			return out, false, &providers.Error{Kind: providers.Transient, Op: opList, Err: errFewer}
		}
		s.restart()
		return out, true, nil
	}
}

// read reads a page. A page of changes must have conversations of its span only, or it is the answer to another request.
func (a *account) read(ctx context.Context, span schemas.Window, o order) (page, error) {
	for range witness.Most {
		p, err := a.page(ctx, span, o)
		if err != nil || o.changes == nil || !slices.ContainsFunc(p.rows, func(r row) bool { return r.at.Before(span.From) || r.at.After(span.To) }) {
			return p, err
		}
	}
	return page{}, &providers.Error{Kind: providers.Transient, Op: opList, Err: witness.ErrFickle}
}

// changed prepares the rows of a page of changes since a time: it withholds the version of a row that is listed although its time of
// update is older, because this change is one that the row does not show.
func changed(rows []row, since time.Time) []row {
	rows = slices.Clone(rows)
	for i, r := range rows {
		if r.updated == nil || r.updated.Before(since.Truncate(widening)) {
			rows[i].version = ""
		}
	}
	return rows
}

// changesOfConsumer lists all conversations that the platform keeps.
func (a *account) changesOfConsumer(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	kept := schemas.Window{From: w.To.AddDate(0, -retentionMonths, 0), To: w.To}
	return func(yield func(providers.Page, error) bool) {
		for out, err := range a.Conversations(ctx, kept, at) {
			out.Dropped, out.Total = 0, nil
			if !yield(out, err) {
				return
			}
		}
	}
}

var _ providers.Changer = (*account)(nil)
