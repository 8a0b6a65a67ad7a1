package trial

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// desk is a platform whose conversations go on changing while an account is kept up to date: replies, edits that no list shows,
// deletions, and deleted ones that come back. It lists conversations by when they were created and by when they changed. It remembers
// all of their states, and a fetched conversation says which of them it is.
type desk struct {
	w        *world
	settings activities.SyncSettings
	leapt    atomic.Int64 // how far the clock was put forward
	mu       sync.Mutex
	all      []*chat
	view     view                // what readers see
	seen     int                 // commits that view has
	files    cache               // of rows
	reported map[string][]string // the reports that rows ever had, by conversation
	closes   bool                // nothing happens any more but replies and deletions
	then     func()              // called once after the next of these
}

// chat is a conversation of a desk.
type chat struct {
	id      string
	created time.Time
	life    []moment
}

// moment is the state of a chat from a time on.
type moment struct {
	at       time.Time
	changed  time.Time // what the platform says; a blind change leaves it as it was
	messages int
	gone     bool
	blind    bool // no list shows that it came
}

func (c *chat) last() moment { return c.life[len(c.life)-1] }

// index is the number of the state at a time, or -1 before the first one.
func (c *chat) index(at time.Time) int {
	i, _ := slices.BinarySearchFunc(c.life, at, func(m moment, at time.Time) int {
		if m.at.After(at) {
			return 1
		}
		return -1
	})
	return i - 1
}

// before is the last state with another time of change, in which the conversation was there too, or -1.
func (c *chat) before(state int) int {
	for i := state - 1; i >= 0; i-- {
		if m := c.life[i]; m.changed.Before(c.life[state].changed) && !m.gone {
			return i
		}
	}
	return -1
}

// staleMark ends the subject of a conversation from a replica.
const staleMark = "~"

// step is the time of the desk that passes from one turn to the next. Several changes fit into a second.
const step = 200 * time.Millisecond

var (
	// deskOpens is when a desk begins to be watched. It has conversations of the two days before. The month ends meanwhile.
	deskOpens = time.Date(2026, 5, 31, 6, 0, 0, 0, time.UTC)
	history   = schemas.Window{From: time.Date(2026, 5, 29, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 5, 31, 0, 0, 0, 0, time.UTC)}
	// deskCloses is the end of the last day on which anything happens, and settled is when a window is settled for the last time. By
	// then no window has been settled too recently.
	deskCloses = time.Date(2026, 6, 3, 0, 0, 0, 0, time.UTC)
	settled    = 5 * 24 * time.Hour
)

func (d *desk) now() time.Time {
	turns := time.Since(d.w.born) / time.Millisecond
	return deskOpens.Add(turns*step + time.Duration(d.leapt.Load()))
}

// leap puts the clock forward.
func (d *desk) leap(by time.Duration) {
	d.w.note("%s pass", by)
	d.leapt.Add(int64(by))
}

func (d *desk) activities() *activities.Activities {
	w := d.w
	mismatch := "block"
	if w.plan.flag {
		mismatch = "flag"
	}
	var reader providers.Reader = d
	if !w.plan.counts {
		reader = struct {
			providers.Reader
			providers.Changer
		}{d, d}
	}
	return &activities.Activities{Lake: w.lake(), Account: func(context.Context, string) (activities.Account, error) {
		settings := d.settings
		settings.Settle = slices.Clone(settings.Settle)
		return activities.Account{
			Reader: providertest.Reads(reader), Mapper: providertest.Maps(d), Name: "chatwoot", Spec: "spec", RequestsPerSecond: w.plan.rate,
			Costs: providers.Costs{MessageRequests: w.plan.messages, MetadataRequests: w.plan.metadata}, Parallel: w.plan.parallel, Shards: 2,
			ChunksInFlight: w.plan.chunks, ChunkSize: w.plan.chunk, Window: w.plan.window, OnMismatch: mismatch,
			Sync: &settings, Blind: []string{"edits"}, Keeper: d.keeper(),
		}, nil
	}}
}

// add makes a conversation appear.
func (d *desk) add(created time.Time, messages int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	c := &chat{id: fmt.Sprint(len(d.all) + 1), created: created.Truncate(time.Microsecond)}
	c.life = []moment{{at: now, changed: d.changed(now), messages: messages}}
	d.all = append(d.all, c)
	d.w.note("desk: %s comes, created %s, %d messages", c.id, created.Format(time.DateTime), messages)
}

// changed is a time of change as the platform gives it.
func (d *desk) changed(at time.Time) time.Time {
	if d.w.plan.versions == "fine" {
		return at.Truncate(time.Microsecond)
	}
	return at.Truncate(time.Second)
}

// happen makes something happen at the desk.
func (d *desk) happen() {
	dice := d.w.dice
	if d.closes && len(d.all) == 0 {
		return
	}
	if !d.closes && (len(d.all) == 0 || dice.IntN(4) == 0) {
		d.add(d.now(), dice.IntN(3))
		return
	}
	c := d.all[dice.IntN(len(d.all))]
	if dice.IntN(3) == 0 { // what changed last changes again, perhaps in the same second
		c = slices.MaxFunc(d.all, func(a, b *chat) int { return a.last().at.Compare(b.last().at) })
	}
	if then := d.then; then != nil {
		d.then = nil
		defer then()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	m := c.last()
	m.blind = false
	now := d.now()
	what := "has a reply"
	kind := dice.IntN(8)
	if d.closes && kind%2 == 0 {
		kind = 0
	} else if d.closes {
		kind = 7
	}
	switch {
	case m.gone && kind < 3:
		m.gone, m.changed, what = false, d.changed(now), "comes back"
	case m.gone:
		return
	case kind == 0:
		m.gone, what = true, "is deleted"
	case kind < 3:
		m.blind, what = true, "is edited, and no list shows it"
	default:
		m.messages++
		m.changed = d.changed(now)
	}
	if !m.at.Before(now) {
		return // one change at a time
	}
	m.at = now
	c.life = append(c.life, m)
	d.w.note("desk: %s %s: state %d, changed %s", c.id, what, len(c.life)-1, m.changed.Format("02 15:04:05.0"))
}

// listed are the conversations that are there now, ascending by (created, id), as far as they are wanted.
func (d *desk) listed(wanted func(*chat) bool) []*chat {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []*chat
	for _, c := range d.all {
		if !c.last().gone && wanted(c) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *chat) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(len(a.id), len(b.id)), strings.Compare(a.id, b.id))
	})
	return found
}

func (d *desk) Conversations(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return d.list(ctx, "list created ", at, d.w.plan.stale, func(c *chat) bool { return w.Contains(c.created) })
}

// Changes lists what changed last in the window.
func (d *desk) Changes(ctx context.Context, w schemas.Window, _ providers.Known, at providers.Cursor) iter.Seq2[providers.Page, error] {
	pages := d.list(ctx, "list changed ", at, 0, func(c *chat) bool { return w.Contains(c.last().changed) })
	if !d.w.plan.keeps {
		return pages
	}
	return func(yield func(providers.Page, error) bool) {
		for page, err := range pages {
			var all []schemas.Document
			for _, doc := range page.Documents {
				all = append(all, doc, d.report(doc.ConversationID, w))
			}
			page.Documents = all
			if !yield(page, err) {
				return
			}
		}
	}
}

// list pages by (created, id). What no longer belongs to the list when a page is asked for is missing. Stale is the chance that the
// list has a conversation, and then everything about it, from a replica that lacks its last change.
func (d *desk) list(ctx context.Context, what string, at providers.Cursor, stale float64, wanted func(*chat) bool) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for {
			if err := request(ctx, d.w, what+string(at)); err != nil {
				yield(providers.Page{}, err)
				return
			}
			page := d.page(d.listed(wanted), at, stale)
			if !yield(page, nil) || page.Next == "" {
				return
			}
			at = page.Next
		}
	}
}

func (d *desk) page(all []*chat, at providers.Cursor, stale float64) (page providers.Page) {
	mark := func(c *chat) string { return c.created.Format(micros) + "|" + fmt.Sprintf("%04s", c.id) }
	for i, c := range all {
		if mark(c) <= string(at) {
			continue
		}
		ref := providers.Ref{ID: c.id, CreatedAt: c.created}
		state := len(c.life) - 1
		if old := c.before(state); old >= 0 && d.w.hash(fmt.Sprint("stale ", c.id, d.now().UnixNano())) < stale {
			state, ref.Hint = old, fmt.Sprint(old)
		}
		// More may happen in a second that is not over.
		if changed := c.life[state].changed; d.w.plan.versions == "fine" || d.w.plan.versions == "seconds" && d.now().Sub(changed) >= time.Second {
			ref.Version = changed.Format(micros)
		}
		page.Refs = append(page.Refs, ref)
		page.Documents = append(page.Documents, d.document("conversation", c.id, 200, note{}))
		if len(page.Refs) == d.w.plan.pageSize && i+1 < len(all) {
			page.Next = providers.Cursor(mark(c))
			return page
		}
	}
	return page
}

// micros is a format of times that sort as texts.
const micros = "2006-01-02T15:04:05.000000"

// note is the body of a document. A fetched conversation says which state it is in.
type note struct {
	State    int       `json:"state"`
	Messages int       `json:"messages"`
	Changed  time.Time `json:"changed"`
	Created  time.Time `json:"created"`
	Stale    bool      `json:"stale,omitempty"` // from a replica
}

func (d *desk) document(kind, id string, status int64, body note) schemas.Document {
	b, _ := json.Marshal(body)
	return schemas.Document{Kind: kind, ConversationID: id, Status: status, ObservedAt: d.now().UTC(), Body: b}
}

// Messages fetches a conversation with one request, so that it is in one state.
func (d *desk) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return d.fetch(ctx, "messages", refs)
}

// Metadata has one document of each.
func (d *desk) Metadata(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return d.fetch(ctx, "details", refs)
}

func (d *desk) fetch(ctx context.Context, kind string, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			if err := request(ctx, d.w, kind+" "+ref.ID); err != nil {
				yield(schemas.Document{}, err)
				return
			}
			if !yield(d.answer(kind, ref), nil) {
				return
			}
		}
	}
}

func (d *desk) answer(kind string, ref providers.Ref) schemas.Document {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.find(ref.ID)
	state := len(c.life) - 1
	if ref.Hint != "" {
		state, _ = strconv.Atoi(ref.Hint)
	}
	m := c.life[state]
	if m.gone {
		return d.document(kind, ref.ID, 404, note{})
	}
	if kind == "details" {
		return d.document(kind, ref.ID, 200, note{})
	}
	return d.document(kind, ref.ID, 200, note{state, m.messages, m.changed, c.created, ref.Hint != ""})
}

func (d *desk) find(id string) *chat {
	i := slices.IndexFunc(d.all, func(c *chat) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return d.all[i]
}

// Thread says in the subject which state was fetched.
func (d *desk) Thread(docs []schemas.Document) (thread schemas.Thread, err error) {
	reports := reportsIn(docs)
	for _, doc := range docs {
		if doc.Kind != "messages" || doc.Status != 200 {
			continue
		}
		var body note
		if err := json.Unmarshal(doc.Body, &body); err != nil {
			return thread, &providers.Error{Kind: providers.Malformed, Op: "read conversation " + doc.ConversationID}
		}
		source := body.Changed.UnixMicro()
		subject := fmt.Sprint(body.State)
		if body.Stale {
			subject += staleMark
		}
		thread.Conversation = schemas.Conversation{
			ConversationID: doc.ConversationID, ObservedAt: doc.ObservedAt, Subject: &subject, CreatedAt: &body.Created, SourceVersion: &source,
		}
		if len(reports) > 0 {
			thread.Conversation.Status = new(strings.Join(reports, " "))
		}
		for n := range body.Messages {
			thread.Messages = append(thread.Messages, schemas.Message{
				ConversationID: doc.ConversationID, MessageID: fmt.Sprint(doc.ConversationID, "-", n), ObservedAt: doc.ObservedAt, Sequence: int64(n), Kind: "message",
			})
		}
		return thread, nil
	}
	return thread, &providers.Error{Kind: providers.Malformed, Op: "read conversation " + docs[0].ConversationID}
}

// Count is how many conversations of a window are there now.
func (d *desk) Count(ctx context.Context, w schemas.Window) (int64, error) {
	if err := request(ctx, d.w, "count"); err != nil {
		return 0, err
	}
	return int64(len(d.listed(func(c *chat) bool { return w.Contains(c.created) }))), nil
}
