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

// Messages fetches all messages of refs in windows of ids. Each window is known to be complete. If Metadata fetches nothing, it also
// fetches the details that are wanted. Where pages are known to have all messages, it fetches the page alone.
func (a *account) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			if err := a.messages(ctx, ref, yield); err != nil {
				if !errors.Is(err, errStop) {
					yield(schemas.Document{}, err)
				}
				return
			}
		}
	}
}

// messages fetches all messages of a conversation.
func (a *account) messages(ctx context.Context, ref providers.Ref, yield func(schemas.Document, error) bool) error {
	h := readHint(ref.Hint)
	var page *schemas.Document
	if h.carries() && !a.sampled.pages.isOut() {
		doc, whole, err := a.fromPage(ctx, ref)
		if err != nil {
			return err
		}
		if page = &doc; whole {
			return passTo(yield, doc)
		}
	}
	var read []schemas.Document
	r := reader{account: a, id: ref.ID, aim: windowAim, yield: func(doc schemas.Document, err error) bool {
		if page != nil {
			read = append(read, doc)
		}
		return yield(doc, err)
	}}
	err := r.read(ctx, 0)
	if last, bad := strconv.ParseInt(h.last, 10, 64); err == nil && bad == nil && last > r.highest {
		err = r.read(ctx, r.highest+1) // the list has a newer message than the last one received
	}
	switch {
	case err != nil || r.highest == maxID:
		return err
	case page != nil:
		a.noteMessages(*page, read)
		return passTo(yield, *page)
	case h.page == pageBoth, a.wantsDetails(ref) && !a.hasMetadata(): // nothing else fetches them
		if _, ok := a.describe(ctx, ref.ID, yield); !ok {
			return errStop // describe has passed its error on
		}
	}
	return nil
}

func passTo(yield func(schemas.Document, error) bool, doc schemas.Document) error {
	if !yield(doc, nil) {
		return errStop
	}
	return nil
}

const (
	maxID       = math.MaxInt64 // above every message id
	windowCap   = 1000          // most rows of a window with both bounds
	windowAim   = 700           // rows that a window should have if a conversation needs several
	afterCap    = 100           // most rows of a window with only a lower bound
	latestCap   = 20            // most rows without a lower bound
	windowRound = 50            // the cap of a fork may be a multiple of this
)

// errStop ends a walk after the caller has stopped reading.
var errStop = errors.New("the caller has stopped the walk")

// reader reads the messages of one conversation.
type reader struct {
	*account
	id      string
	yield   func(schemas.Document, error) bool
	next    int64 // sequence of the next document
	aim     int   // rows that a window should have
	highest int64 // message id received so far; maxID if the conversation is gone
}

// batch is one answer of the messages endpoint.
type batch struct {
	status int
	doc    schemas.Document
	ids    []int64 // ascending
}

// ask sends one request. A negative bound is left out.
// app/finders/message_finder.rb: with both bounds, up to 1000 rows with id >= after and id < before; with after alone, up to 100
// rows with id > after; with before alone, up to 20 rows with id < before.
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

// keep passes a batch to the caller.
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

// read reads windows of ids upwards. It discards a full window and requests a narrower one, because the server selects the rows of
// a full window by time and not by id: any id between them may be missing.
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
		if from == 0 && to == maxID && r.maybeCapped(n) {
			return r.readAround(ctx, b)
		}
		if n > 0 && (b.ids[0] < from || b.ids[n-1] >= to) {
			return rest.Malformed(b.op(), errors.New("the server returns messages outside the requested window (it ignores after or before)"))
		}
		if n >= windowCap {
			if to = b.ids[windowAim*n/windowCap]; to <= from+1 {
				return rest.Malformed(b.op(), errors.New("the window of messages is full and cannot be split further"))
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

// upper returns the end of the window that begins at from, given the ids of the previous window. The window is as wide as r.aim
// rows take at the same density of ids. It is open if little or nothing seems to follow.
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

// narrow returns a smaller end for a window whose body is too large, which happens with long e-mails. It chooses the end from the
// next ids. If a single message is too large, it returns the original error.
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

// maybeCapped reports whether the server may have cut off an answer of n rows: a server may not support windows with both bounds, or
// may have another cap.
func (r *reader) maybeCapped(n int) bool {
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

// readAround reads the messages around an answer that may have been cut off: upwards until nothing follows, and also downwards if
// the answer may have contained only the latest rows.
func (r *reader) readAround(ctx context.Context, b batch) error {
	lowest, highest := b.ids[0], b.ids[len(b.ids)-1]
	onlyLatest := len(b.ids) == latestCap
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
	for onlyLatest {
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

// Find requests each conversation by its id. The answer is a row of the list, with the last message only.
// app/views/api/v1/conversations/partials/_conversation.json.jbuilder
func (a *account) Find(ctx context.Context, ids []string) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for _, id := range ids {
			op := "conversation " + id
			answer, err := a.get(ctx, op, "/conversations/"+url.PathEscape(id), nil)
			if rest.Gone(err) {
				continue
			}
			var page providers.Page
			if err == nil {
				r, ok := readRow(answer.Body)
				if !ok || r.id != id {
					err = rest.Malformed(op, wire.ErrShape)
				}
				r.observedAt = rest.Document(kindConversation, id, answer).ObservedAt
				page = output([]row{r})
				a.markRead(&page)
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// Metadata fetches the details, the participants and, if configured, the reporting events of refs. What no list has shown always gets its
// details; with details: auto, also what the hints do not spare. Only a refusal of the details is an error. Some versions do not have the others, and some users may not read them.
func (a *account) Metadata(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			if !a.metadata(ctx, ref, yield) {
				return
			}
		}
	}
}

// describe fetches the details of a conversation. It returns whether the conversation exists, and false if the walk must end.
func (a *account) describe(ctx context.Context, id string, yield func(schemas.Document, error) bool) (found, ok bool) {
	doc, err := a.ownPage(ctx, id)
	if err != nil && !rest.Gone(err) {
		yield(schemas.Document{}, err)
		return false, false
	}
	return err == nil, yield(doc, nil)
}

func (a *account) metadata(ctx context.Context, ref providers.Ref, yield func(schemas.Document, error) bool) bool {
	if !a.hasMetadata() {
		return true
	}
	id := ref.ID
	path := "/conversations/" + url.PathEscape(id)
	if a.wantsDetails(ref) {
		if found, ok := a.describe(ctx, id, yield); !found || !ok {
			return ok
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
		if err != nil && !isPartial(err) {
			yield(schemas.Document{}, err)
			return false
		}
		if !yield(rest.Document(part.kind, id, answer), nil) {
			return false
		}
	}
	return true
}
