package activities_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// chat is a conversation of a chats platform.
type chat struct {
	created, changed time.Time
	text             string
	report           string // what only a report says; empty if the list has none
	version          string // as the list shows it
	gone, unlisted   bool
	unreadable       bool // its documents cannot be mapped
	failing          bool // its messages cannot be fetched
}

// chats is a platform whose conversations change. Its lists and answers are of the time at which they are asked for, and its clock moves
// with every answer.
type chats struct {
	all   map[string]*chat
	now   time.Time
	asked []string // what was asked about single conversations, in order
	open  []string // what the lake said is open, when changes were listed
	count int64    // of the window; 0 means that of what is listed
	total *int64   // that the list itself says at its end
	// omitted is what its lists leave out, by page, and anew is what they say of each Ref.
	omitted []providers.Omission
	anew    bool
	// counted is how often the platform was asked for its count.
	counted int
}

func newChats(n int) *chats {
	p := &chats{all: map[string]*chat{}, now: epoch.AddDate(0, 1, 1)}
	for i := range n {
		p.put(fmt.Sprint("c", i), i)
	}
	return p
}

// put adds a conversation that was created a number of minutes after epoch.
func (p *chats) put(id string, minutes int) *chat {
	c := &chat{created: epoch.Add(time.Duration(minutes) * time.Minute), text: "hello"}
	p.all[id] = c
	p.touch(id, c.text)
	return c
}

// touch changes a conversation.
func (p *chats) touch(id, text string) {
	c := p.all[id]
	c.text, c.changed = text, p.tick()
	c.version = c.changed.Format(time.RFC3339)
}

func (p *chats) tick() time.Time {
	p.now = p.now.Add(time.Second)
	return p.now
}

func (p *chats) ids(which func(*chat) bool) (ids []string) {
	for id, c := range p.all {
		if !c.gone && !c.unlisted && which(c) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(p.all[a].created.Compare(p.all[b].created), cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	return ids
}

func (p *chats) pages(ids []string, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		from := 0
		_, _ = fmt.Sscan(string(at), &from)
		for {
			var page providers.Page
			if n := from / perPage; n < len(p.omitted) {
				page.Omitted = p.omitted[n : n+1]
			}
			for _, id := range ids[from:min(from+perPage, len(ids))] {
				page.Refs = append(page.Refs, providers.Ref{ID: id, CreatedAt: p.all[id].created, Version: p.all[id].version, Messages: new(int64(1)), Anew: p.anew})
				page.Documents = append(page.Documents, p.document("conversation", id))
				if said := p.all[id].report; said != "" {
					page.Documents = append(page.Documents, schemas.Document{Kind: "report", ConversationID: id, Status: 200, ObservedAt: p.tick(), Body: []byte(said)})
				}
			}
			if from += perPage; from < len(ids) {
				page.Next = providers.Cursor(fmt.Sprint(from))
			} else {
				page.Total = p.total
			}
			if !yield(page, nil) || page.Next == "" {
				return
			}
		}
	}
}

func (p *chats) Conversations(_ context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return p.pages(p.ids(func(c *chat) bool { return w.Contains(c.created) }), at)
}

func (p *chats) Changes(ctx context.Context, w schemas.Window, had providers.Known, at providers.Cursor) iter.Seq2[providers.Page, error] {
	p.open = nil
	for ref, err := range had.Open(ctx) {
		if err != nil {
			return func(yield func(providers.Page, error) bool) { yield(providers.Page{}, err) }
		}
		p.open = append(p.open, ref.ID+" "+ref.Version)
	}
	return p.pages(p.ids(func(c *chat) bool { return w.Contains(c.changed) }), at)
}

func (p *chats) Count(_ context.Context, w schemas.Window) (int64, error) {
	p.counted++
	if p.count > 0 {
		return p.count, nil
	}
	return int64(len(p.ids(func(c *chat) bool { return w.Contains(c.created) }))), nil
}

type chatBody struct {
	Text       string    `json:"text"`
	Created    time.Time `json:"created"`
	Changed    time.Time `json:"changed"`
	Unreadable bool      `json:"unreadable,omitempty"`
}

func (p *chats) document(kind, id string) schemas.Document {
	c := p.all[id]
	doc := schemas.Document{Kind: kind, ConversationID: id, Status: 200, ObservedAt: p.tick()}
	if c.gone {
		doc.Status = 404
		return doc
	}
	doc.Body, _ = json.Marshal(chatBody{c.text, c.created, c.changed, c.unreadable})
	return doc
}

func (p *chats) answer(kind string, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			p.asked = append(p.asked, kind+" "+ref.ID)
			if p.all[ref.ID].failing {
				yield(schemas.Document{}, &providers.Error{Kind: providers.Malformed, Op: "fetch"})
				return
			}
			if !yield(p.document(kind, ref.ID), nil) {
				return
			}
		}
	}
}

func (p *chats) Messages(_ context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return p.answer("messages", refs)
}

func (p *chats) Metadata(_ context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return p.answer("details", refs)
}

func (p *chats) Thread(docs []schemas.Document) (schemas.Thread, error) {
	var thread schemas.Thread
	var said []string
	for _, doc := range docs {
		if doc.Kind == "report" {
			said = append(said, string(doc.Body))
			continue
		}
		var body chatBody
		if err := json.Unmarshal(doc.Body, &body); err != nil || body.Unreadable || doc.Status != 200 {
			return thread, &providers.Error{Kind: providers.Malformed, Op: "decode " + doc.Kind}
		}
		thread.Conversation = schemas.Conversation{
			ConversationID: doc.ConversationID, ObservedAt: doc.ObservedAt, Subject: &body.Text, State: new("open"), CreatedAt: &body.Created,
			SourceVersion: new(body.Changed.UnixMicro()),
		}
		if body.Text == "bye" {
			thread.Conversation.State = new("closed")
		}
		thread.Messages = []schemas.Message{{ConversationID: doc.ConversationID, MessageID: doc.ConversationID + "-0", ObservedAt: doc.ObservedAt, Kind: "message", Text: &body.Text}}
	}
	slices.Sort(said)
	if len(said) > 0 {
		thread.Conversation.Status = new(strings.Join(slices.Compact(said), ","))
	}
	return thread, nil
}

// reporting keeps what reports said.
type reporting struct{}

func (reporting) Keep(had, read []schemas.Document) ([]schemas.Document, error) {
	return slices.DeleteFunc(slices.Clone(had), func(doc schemas.Document) bool { return !isNews(doc, read) }), nil
}

func (reporting) Adds(had, listed []schemas.Document) (bool, error) {
	return slices.ContainsFunc(listed, func(doc schemas.Document) bool { return isNews(doc, had) }), nil
}

// isNews reports whether a document is a report that is not among others.
func isNews(doc schemas.Document, others []schemas.Document) bool {
	return doc.Kind == "report" && !slices.ContainsFunc(others, func(o schemas.Document) bool { return o.Kind == "report" && string(o.Body) == string(doc.Body) })
}

// keeps gives the account a Keeper.
func (s *settling) keeps() *settling {
	of := s.do.Account
	s.do.Account = func(ctx context.Context, name string) (activities.Account, error) {
		account, err := of(ctx, name)
		account.Keeper = reporting{}
		return account, err
	}
	return s
}

// settling runs shards of a chats platform against a lake in a folder.
type settling struct {
	*bench
	p     *chats
	root  string
	depth activities.Depth // of the shard under way
}

func newSettling(t *testing.T, p *chats) *settling {
	t.Helper()
	root := t.TempDir()
	l, err := lake.Open(t.Context(), ledger.Config{URL: "file:" + root}, lake.Config{Scratch: t.TempDir(), Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, do: &activities.Activities{Lake: l, Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{Reader: providertest.Reads(p), Mapper: providertest.Maps(p), Name: "chatwoot", Spec: "spec", Costs: providers.Costs{MetadataRequests: 1}}, nil
	}}}
	b.env = (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	b.env.RegisterActivity(b.do)
	b.Shard = ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamCreated, Window: schemas.Window{From: epoch, To: epoch.AddDate(0, 1, 0)}}
	return &settling{bench: b, p: p, root: root}
}

// changes returns the shard of what changed since a time.
func (s *settling) changes(since time.Time) ledger.Shard {
	shard := s.Shard
	shard.Stream, shard.Window = schemas.StreamChanges, schemas.Window{From: since, To: s.p.now.Add(time.Second)}
	s.p.tick()
	s.p.tick()
	return shard
}

// attempt is a shard under way.
type attempt struct {
	*settling
	activities.Target
	open     activities.OpenShardOutput
	receipts activities.Receipts
}

func (s *settling) begin(shard ledger.Shard, refresh string) *attempt {
	s.t.Helper()
	open := must(s.bench, s.do.OpenShard, activities.OpenShardInput{Shard: shard, Spec: "spec", Refresh: refresh, Depth: s.depth})
	if open.Adopted != nil || open.OpenedAt == nil {
		s.t.Fatalf("opened %+v, want a generation to make", open)
	}
	return &attempt{settling: s, Target: activities.Target{Shard: shard, Generation: open.Generation}, open: open}
}

// collect lists and fetches everything, as the workflow does.
func (a *attempt) collect(depth activities.Depth) *attempt {
	a.t.Helper()
	in := activities.ListPageInput{Target: a.Target, Limit: 7, Depth: depth}
	for {
		out := must(a.bench, a.do.ListPage, in)
		a.fetch(out.Page)
		if out.Next == "" {
			break
		}
		in.Cursor, in.Number = out.Next, in.Number+1
	}
	if depth != activities.DepthWhole {
		a.unlisted(depth, in.Number+1)
	}
	return a
}

// unlisted fetches what the list did not have, two conversations a page.
func (a *attempt) unlisted(depth activities.Depth, number int) {
	a.t.Helper()
	in := activities.ListUnlistedInput{Target: a.Target, Number: number, Limit: 2, Depth: depth, Receipts: activities.Receipts{Pages: slices.Clone(a.receipts.Pages)}}
	for {
		out := must(a.bench, a.do.ListUnlisted, in)
		a.fetch(out.Page)
		if out.Next == "" {
			return
		}
		in.Cursor, in.Number = out.Next, in.Number+1
	}
}

// fetch fetches a page in chunks of three. A chunk that cannot be fetched becomes dead letters, one conversation at a time.
func (a *attempt) fetch(page activities.PageReceipt) {
	a.t.Helper()
	a.receipts.Pages = append(a.receipts.Pages, page)
	for _, step := range []struct {
		name string
		do   func(context.Context, activities.FetchInput) (activities.FetchOutput, error)
		to   *[]activities.ChunkReceipt
	}{{"FetchMessages", a.do.FetchMessages, &a.receipts.Messages}, {"FetchMetadata", a.do.FetchMetadata, &a.receipts.Metadata}} {
		for low := 0; low < page.Refs; low++ {
			out, err := try(a.bench, step.do, activities.FetchInput{Target: a.Target, Page: page, Low: low, High: low + 1})
			if err != nil {
				a.receipts.Dead = append(a.receipts.Dead, activities.DeadRef{Page: page.Number, Index: low, Step: step.name, Kind: "Malformed", Detail: "cannot be fetched", Attempts: 1})
				continue
			}
			*step.to = append(*step.to, out.Parts...)
		}
	}
}

func (a *attempt) seal() activities.SealShardOutput {
	a.t.Helper()
	cause := map[schemas.Stream]ledger.Cause{schemas.StreamCreated: ledger.CauseSettle, schemas.StreamChanges: ledger.CauseSync, schemas.StreamPushed: ledger.CausePush}
	return must(a.bench, a.do.SealShard, activities.SealShardInput{
		Target: a.Target, SpecDigest: a.open.SpecDigest, Receipts: a.receipts, TotalBefore: a.open.Total, Cause: cause[a.Target.Shard.Stream],
		Rewrites: a.open.Rewrites, OpenedAt: a.open.OpenedAt,
	})
}

func (a *attempt) commit() ledger.Record {
	a.t.Helper()
	sealed := a.seal()
	verified := must(a.bench, a.do.VerifyShard, activities.VerifyShardInput{Target: a.Target, Draft: sealed.Draft, Depth: a.depth})
	if verified.Missing > 0 || verified.BadFiles > 0 {
		a.t.Errorf("verified %+v, want nothing missing", verified)
	}
	must(a.bench, a.do.CommitShard, activities.CommitShardInput{Target: a.Target, Draft: sealed.Draft, TotalAfter: verified.Total, Guarded: true})
	return a.latest(a.Shard())
}

func (a *attempt) Shard() ledger.Shard { return a.Target.Shard }

func (s *settling) latest(shard ledger.Shard) ledger.Record {
	s.t.Helper()
	record, err := s.do.Lake.Latest(s.t.Context(), shard)
	if err != nil || record == nil {
		s.t.Fatalf("no commit record: %v", err)
	}
	return *record
}

// settle makes a generation of the window.
func (s *settling) settle(depth activities.Depth, refresh string) ledger.Record {
	s.t.Helper()
	s.p.asked, s.p.counted, s.depth = nil, 0, depth
	defer func() { s.depth = activities.DepthWhole }()
	return s.begin(s.Shard, refresh).collect(depth).commit()
}

// sync commits what changed since a time.
func (s *settling) sync(since time.Time) ledger.Record {
	s.t.Helper()
	shard := s.changes(since)
	s.p.asked = nil
	return s.begin(shard, "").collect(activities.DepthWhole).commit()
}

// keys are the files of a record: the same keys mean the same rows.
func keys(r ledger.Record) (all []string) {
	for _, f := range r.Files {
		all = append(all, f.Key)
	}
	return all
}

// cells reads columns of a table of a record, a line for each row.
func (s *settling) cells(r ledger.Record, table string, columns ...string) (lines []string) {
	s.t.Helper()
	for row, err := range s.do.Lake.Rows(s.t.Context(), r, table, columns...) {
		if err != nil {
			s.t.Fatal(err)
		}
		var line []string
		for _, c := range row.Cells {
			switch {
			case c.Null:
				line = append(line, "null")
			case c.Text != "":
				line = append(line, c.Text)
			default:
				line = append(line, time.UnixMicro(c.Integer).UTC().Format("02 15:04:05"))
			}
		}
		lines = append(lines, strings.Join(line, "|"))
	}
	return lines
}

// mended is a chats platform whose mapping was changed.
type mended struct{ *chats }

func (m *mended) Thread(docs []schemas.Document) (schemas.Thread, error) {
	thread, err := m.chats.Thread(docs)
	thread.Conversation.Subject = new("mended")
	return thread, err
}

// account returns the account with the mended mapping.
func (m *mended) account(of func(context.Context, string) (activities.Account, error)) func(context.Context, string) (activities.Account, error) {
	return func(ctx context.Context, name string) (activities.Account, error) {
		account, err := of(ctx, name)
		account.Mapper = providertest.Maps(m)
		return account, err
	}
}
