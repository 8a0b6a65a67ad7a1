package chatwoot

import (
	"context"
	"errors"
	"iter"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Messages fetches all messages of refs, in id windows of which each is known to be whole.
func (a *account) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			r := reader{account: a, id: ref.ID, yield: yield, aim: windowAim}
			err := r.read(ctx, 0)
			if last, bad := strconv.ParseInt(ref.Hint, 10, 64); err == nil && bad == nil && last > r.highest {
				err = r.read(ctx, r.highest+1) // the list names a message that did not come
			}
			if err != nil {
				if !errors.Is(err, errStop) {
					yield(schemas.Document{}, err)
				}
				return
			}
		}
	}
}

const (
	maxID       = math.MaxInt64 // above every message id
	windowCap   = 1000          // rows of a window with both bounds
	windowAim   = 700           // rows that a window should have when a conversation needs several
	afterCap    = 100           // rows of a window with only a lower bound
	latestCap   = 20            // rows without one
	windowRound = 50            // a multiple of it may be the cap of a fork
)

// errStop ends a walk that its reader has left.
var errStop = errors.New("the walk was left")

// reader reads the messages of one conversation.
type reader struct {
	*account
	id      string
	yield   func(schemas.Document, error) bool
	next    int64 // sequence of the next document
	aim     int   // rows that a window should have
	highest int64 // id of a message that came; maxID where the conversation is gone
}

// batch is one answer of the messages endpoint.
type batch struct {
	status int
	doc    schemas.Document
	ids    []int64 // ascending
}

// ask makes one request; bounds below 0 are left out.
// app/finders/message_finder.rb: both bounds give id >= after and id < before, up to 1000; after alone id > after, up to
// 100; before alone id < before, up to 20.
func (r *reader) ask(ctx context.Context, after, before int64) (batch, error) {
	query := url.Values{}
	if after >= 0 {
		query.Set("after", strconv.FormatInt(after, 10))
	}
	if before >= 0 {
		query.Set("before", strconv.FormatInt(before, 10))
	}
	op := "messages of conversation " + r.id
	answer, err := r.get(ctx, op, "/conversations/"+url.PathEscape(r.id)+"/messages", query)
	b := batch{status: answer.Status, doc: rest.Document(kindMessages, r.id, answer)}
	if err != nil || b.status != http.StatusOK {
		return b, err
	}
	rows, _, err := envelope(answer.Body)
	if err != nil {
		return b, rest.Malformed(op, err)
	}
	for _, row := range rows {
		id := integer(wire.Field(row, "id"))
		if id == nil {
			return b, rest.Malformed(op, errors.New("a message has no id"))
		}
		b.ids = append(b.ids, *id)
	}
	slices.Sort(b.ids)
	return b, nil
}

// keep hands a batch to the caller.
func (r *reader) keep(b batch) error {
	if len(b.ids) > 0 {
		r.highest = max(r.highest, b.ids[len(b.ids)-1])
	}
	b.doc.Sequence = r.next
	r.next++
	if !r.yield(b.doc, nil) {
		return errStop
	}
	return nil
}

// read walks id windows upwards. A full window is thrown away and asked for again up to an id that leaves fewer rows:
// its rows are chosen by time, not by id, so nothing can be said of the ids above or between them.
func (r *reader) read(ctx context.Context, from int64) error {
	to := int64(maxID)
	for {
		b, err := r.ask(ctx, from, to)
		if rest.Gone(err) {
			r.highest = maxID
			return r.keep(b)
		}
		if errors.Is(err, rest.ErrTooLarge) {
			if to, err = r.narrow(ctx, from, to, err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		n := len(b.ids)
		if from == 0 && to == maxID && r.doubtful(n) {
			return r.distrust(ctx, b)
		}
		if n > 0 && (b.ids[0] < from || b.ids[n-1] >= to) {
			return rest.Malformed(b.op(), errors.New("the server ignores the bounds of a message window"))
		}
		if n >= windowCap {
			if to = b.ids[windowAim*n/windowCap]; to <= from+1 {
				return rest.Malformed(b.op(), errors.New("a message window cannot be split"))
			}
			continue
		}
		if err := r.keep(b); err != nil || to == maxID {
			return err
		}
		from, to = to, r.upper(to, b.ids)
	}
}

func (b batch) op() string { return "messages of conversation " + b.doc.ConversationID }

// upper is the end of the window after one that ended at from: as wide as would hold the aim if ids go on as densely,
// or open where little or nothing seems to follow.
func (r *reader) upper(from int64, ids []int64) int64 {
	n := len(ids)
	if n == 0 || r.aim == windowAim && n < r.aim/2 {
		return maxID
	}
	each := (ids[n-1]-ids[0])/int64(n) + 1
	if each > (maxID-from)/int64(r.aim) {
		return maxID
	}
	return from + each*int64(r.aim)
}

// narrow finds a smaller end for a window whose body is too large, as those of long e-mails are, from the ids that come
// next. A single message that is too large is the error that it was.
func (r *reader) narrow(ctx context.Context, from, to int64, tooLarge error) (int64, error) {
	b, err := r.ask(ctx, max(0, from-1), -1)
	if err != nil {
		return 0, err
	}
	r.aim = max(1, r.aim/8)
	for _, id := range slices.Backward(b.ids[:min(len(b.ids), r.aim+1)]) {
		if id > from && id < to {
			return id, nil
		}
	}
	return 0, tooLarge
}

// doubtful says that a number of rows may be a cap rather than all there is: a server may know no window with both
// bounds, or have another cap.
func (r *reader) doubtful(n int) bool {
	if n > afterCap && n%windowRound != 0 {
		r.windowed.Store(true)
	}
	switch {
	case n == 0 || n >= windowCap:
		return false
	case n == latestCap || n == afterCap:
		return !r.windowed.Load()
	}
	return n > afterCap && n%windowRound == 0
}

// distrust goes on from an answer that may have been cut off, upwards until nothing comes any more, and downwards where
// it may have been the latest rows only.
func (r *reader) distrust(ctx context.Context, b batch) error {
	lowest, highest := b.ids[0], b.ids[len(b.ids)-1]
	wasLatest := len(b.ids) == latestCap
	if err := r.keep(b); err != nil {
		return err
	}
	for {
		b, err := r.ask(ctx, highest, -1)
		if err != nil {
			return err
		}
		if len(b.ids) == 0 || b.ids[len(b.ids)-1] <= highest {
			break
		}
		highest = b.ids[len(b.ids)-1]
		if err := r.keep(b); err != nil {
			return err
		}
	}
	for wasLatest {
		b, err := r.ask(ctx, -1, lowest)
		if err != nil {
			return err
		}
		if len(b.ids) == 0 || b.ids[0] >= lowest {
			return nil
		}
		lowest = b.ids[0]
		if err := r.keep(b); err != nil {
			return err
		}
	}
	return nil
}

// Metadata fetches the details, the participants and, where asked for, the reporting events of refs. Only a refusal of
// the details is an error: the others are missing on some versions and closed to some users.
func (a *account) Metadata(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			if !a.metadata(ctx, ref.ID, yield) {
				return
			}
		}
	}
}

func (a *account) metadata(ctx context.Context, id string, yield func(schemas.Document, error) bool) bool {
	path := "/conversations/" + url.PathEscape(id)
	if a.details {
		// app/views/api/v1/conversations/partials/_conversation.json.jbuilder: its messages are the last one at most.
		answer, err := a.get(ctx, "details of conversation "+id, path, nil)
		if err == nil && wire.Fields(answer.Body) == nil {
			err = rest.Malformed("details of conversation "+id, errShape)
		}
		if err != nil && !rest.Gone(err) {
			yield(schemas.Document{}, err)
			return false
		}
		if !yield(rest.Document(kindDetails, id, answer), nil) {
			return false
		}
		if rest.Gone(err) {
			return true
		}
	}
	for _, part := range []struct {
		kind   string
		wanted bool
	}{{kindParticipants, a.participants}, {kindReporting, a.reporting}} {
		if !part.wanted {
			continue
		}
		op := strings.ReplaceAll(part.kind, "_", " ") + " of conversation " + id
		answer, err := a.get(ctx, op, path+"/"+part.kind, nil)
		if err == nil {
			if _, _, shape := envelope(answer.Body); shape != nil {
				err = rest.Malformed(op, shape)
			}
		}
		if err != nil && !survivable(err) {
			yield(schemas.Document{}, err)
			return false
		}
		if !yield(rest.Document(part.kind, id, answer), nil) {
			return false
		}
	}
	return true
}
