package trial

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// platform is a provider whose conversations appear, grow and disappear during the export. It remembers their states over time.
type platform struct {
	w        *world
	pageSize int
	mu       sync.Mutex
	all      []*conversation // in the order of their making
	// poison are conversations whose messages cannot be fetched, cannot become rows, or break the process that fetches them.
	poison map[string]string
}

// conversation has n messages, which hold nothing but their sequence.
type conversation struct {
	id      string
	created time.Time // of the window
	life    []state
}

// state is what a conversation is from a time on.
type state struct {
	at       time.Time
	messages int
	gone     bool
}

// now is the state of a conversation at a time; ok is false before it appeared.
func (c *conversation) when(at time.Time) (s state, ok bool) {
	for _, st := range c.life {
		if !st.at.After(at) {
			s, ok = st, true
		}
	}
	return s, ok
}

func (c *conversation) last() state { return c.life[len(c.life)-1] }

func (p *platform) find(id string) *conversation {
	i := slices.IndexFunc(p.all, func(c *conversation) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return p.all[i]
}

// add makes a conversation appear now, with a creation time in the range.
func (p *platform) add(created time.Time, messages int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &conversation{id: fmt.Sprint(len(p.all) + 1), created: created}
	c.life = []state{{at: time.Now(), messages: messages}}
	p.all = append(p.all, c)
	p.w.note("platform: %s comes, created %s, %d messages", c.id, created.Format(time.DateTime), messages)
}

// change makes a conversation grow or disappear.
func (p *platform) change(i int, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) == 0 {
		return
	}
	c := p.all[i%len(p.all)]
	s := c.last()
	if s.gone {
		return
	}
	s.at, s.gone = time.Now(), gone
	if !gone {
		s.messages++
	}
	c.life = append(c.life, s)
	p.w.note("platform: %s has %d messages, gone %t", c.id, s.messages, gone)
}

// standing are the conversations of a window that are there now, ascending by (created, id).
func (p *platform) standing(w schemas.Window) []*conversation {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []*conversation
	for _, c := range p.all {
		if !c.last().gone && !c.created.Before(w.From) && c.created.Before(w.To) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *conversation) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(len(a.id), len(b.id)), strings.Compare(a.id, b.id))
	})
	return found
}

// request waits for a turn. The answer is read when the turn comes.
func request(ctx context.Context, w *world, what string) error {
	fail := func(kind providers.Kind) error {
		return &providers.Error{Kind: kind, Op: what, Err: errStore}
	}
	switch w.turn(ctx, what) {
	case fine:
		return nil
	case expire:
		return fail(providers.CursorExpired)
	case deny:
		return fail(providers.Denied)
	case tooBig:
		return fail(providers.WindowTooDense)
	case refuse:
		if err := ctx.Err(); err != nil {
			return &providers.Error{Kind: providers.Transient, Op: what, Err: err}
		}
	}
	return fail(providers.Transient)
}

// Conversations pages by (created, id). Conversations that appear before the cursor are missing from the list; no others are.
// Sometimes a page is empty, or a conversation is listed twice.
func (p *platform) Conversations(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for {
			if err := request(ctx, p.w, "list "+string(at)); err != nil {
				yield(providers.Page{}, err)
				return
			}
			page := p.page(w, at)
			if !yield(page, nil) || page.Next == "" {
				return
			}
			at = page.Next
		}
	}
}

func (p *platform) page(w schemas.Window, at providers.Cursor) providers.Page {
	standing := p.standing(w)
	mark := func(c *conversation) string { return c.created.Format(time.RFC3339) + "|" + fmt.Sprintf("%04s", c.id) }
	place, pause, _ := strings.Cut(string(at), "#")
	if pause == "" && p.w.hash("pause "+string(at)) < p.w.plan.pauses {
		return providers.Page{Next: providers.Cursor(place + "#pause")}
	}
	from, _ := slices.BinarySearchFunc(standing, place, func(c *conversation, place string) int {
		if mark(c) <= place {
			return -1
		}
		return 1
	})
	var page providers.Page
	if from > 0 && p.w.hash("again "+place) < p.w.plan.pauses {
		from-- // listed once more
	}
	to := min(from+p.pageSize, len(standing))
	for _, c := range standing[from:to] {
		page.Refs = append(page.Refs, providers.Ref{ID: c.id, CreatedAt: c.created})
		page.Documents = append(page.Documents, document("conversation", c.id, 200, []int{}))
	}
	if to < len(standing) && mark(standing[to-1]) > place {
		page.Next = providers.Cursor(mark(standing[to-1]))
	} else if to < len(standing) {
		page.Next = providers.Cursor(mark(standing[to])) // the page held only what was listed before
		page.Refs = append(page.Refs, providers.Ref{ID: standing[to].id, CreatedAt: standing[to].created})
		page.Documents = append(page.Documents, document("conversation", standing[to].id, 200, []int{}))
	}
	return page
}

// Messages fetches two messages at a time, so that a conversation can change between two requests.
func (p *platform) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			docs, err := p.thread(ctx, ref.ID)
			if err != nil {
				yield(schemas.Document{}, err)
				return
			}
			for _, doc := range docs {
				if !yield(doc, nil) {
					return
				}
			}
		}
	}
}

func (p *platform) thread(ctx context.Context, id string) (docs []schemas.Document, err error) {
	for from := 0; ; from += 2 {
		doc, more, err := p.messages(ctx, id, from)
		if err != nil || doc.Status == 404 {
			return []schemas.Document{doc}, err
		}
		docs = append(docs, doc)
		if !more {
			return docs, nil
		}
	}
}

func (p *platform) messages(ctx context.Context, id string, from int) (_ schemas.Document, more bool, err error) {
	if err := request(ctx, p.w, fmt.Sprintf("messages %s from %d", id, from)); err != nil {
		return schemas.Document{}, false, err
	}
	switch p.poison[id] {
	case "malformed":
		return schemas.Document{}, false, &providers.Error{Kind: providers.Malformed, Op: "messages of conversation " + id}
	case "panic":
		panic("conversation " + id)
	}
	p.mu.Lock()
	c := p.find(id)
	p.mu.Unlock()
	if c == nil {
		p.w.t.Errorf("somebody asks for conversation %q, which never was", id)
		return schemas.Document{}, false, &providers.Error{Kind: providers.Malformed, Op: "messages of conversation " + id}
	}
	p.mu.Lock()
	s := c.last()
	p.mu.Unlock()
	if s.gone {
		return document("messages", id, 404, nil), false, nil
	}
	var numbers []int
	for i := from; i < min(from+2, s.messages); i++ {
		numbers = append(numbers, i)
	}
	return document("messages", id, 200, numbers), from+2 < s.messages, nil
}

// Metadata has one document of each.
func (p *platform) Metadata(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			if err := request(ctx, p.w, "metadata "+ref.ID); err != nil {
				yield(schemas.Document{}, err)
				return
			}
			if !yield(document("details", ref.ID, 200, nil), nil) {
				return
			}
		}
	}
}

func document(kind, id string, status int64, messages []int) schemas.Document {
	body, _ := json.Marshal(messages)
	return schemas.Document{Kind: kind, ConversationID: id, Status: status, ObservedAt: time.Now().UTC(), Body: body}
}

// Thread joins what the documents say.
func (p *platform) Thread(docs []schemas.Document) (schemas.Thread, error) {
	id := docs[0].ConversationID
	if p.poison[id] == "breaks the decoder" {
		panic("conversation " + id)
	}
	if p.poison[id] == "illegible" {
		return schemas.Thread{}, &providers.Error{Kind: providers.Malformed, Op: "read conversation " + id}
	}
	thread := schemas.Thread{Conversation: schemas.Conversation{
		ConversationID: id, ObservedAt: docs[0].ObservedAt, CreatedAt: &docs[0].ObservedAt,
	}}
	for _, doc := range docs {
		var numbers []int
		if err := json.Unmarshal(doc.Body, &numbers); err != nil {
			return schemas.Thread{}, &providers.Error{Kind: providers.Malformed, Op: "read conversation " + id}
		}
		for _, n := range numbers {
			thread.Messages = append(thread.Messages, schemas.Message{
				ConversationID: id, MessageID: fmt.Sprint(id, "-", n), ObservedAt: doc.ObservedAt, Sequence: int64(n), Kind: "message",
			})
		}
	}
	return thread, nil
}

// Count is how many conversations of a window are there now.
func (p *platform) Count(ctx context.Context, w schemas.Window) (int64, error) {
	if err := request(ctx, p.w, "count"); err != nil {
		return 0, err
	}
	return int64(len(p.standing(w))), nil
}
