package faults

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/workflows"
)

// corpora are the worlds that the fakes serve; they are immutable.
var corpora sync.Map

func corpusOf(config simulator.CorpusConfig) *simulator.Corpus {
	config.From, config.To = window.From, window.To
	if c, ok := corpora.Load(config); ok {
		return c.(*simulator.Corpus)
	}
	c, _ := corpora.LoadOrStore(config, simulator.NewCorpus(config))
	return c.(*simulator.Corpus)
}

var small = simulator.CorpusConfig{Seed: 4, Conversations: conversations}

// warm makes the pooled codec create its channels outside of all bubbles.
var warm = sync.OnceValue(func() error {
	out, err := parquet.NewWriter(io.Discard, schemas.Tombstones, parquet.Options{Writer: "faults"})
	if err == nil {
		err = out.Append(&schemas.Tombstone{ConversationID: "1"})
	}
	if err == nil {
		_, err = out.Close()
	}
	return err
})

// world is an account, a lake, and an export that is about to start.
type world struct {
	t *testing.T
	platform
	site
	do       *activities.Activities
	lake     *lake.Lake
	root     string
	began    time.Time
	requests atomic.Int64
	longest  atomic.Int64 // duration of the longest request, as measured at the site
	victim   victim
	struck   atomic.Int64 // how often the fault occurred
	repaired atomic.Bool  // the fault is repaired
}

// victim is the conversation affected by faults of single conversations.
type victim struct {
	id    string
	words string    // of one message; they need no escaping and occur only once in it
	said  time.Time // when
	began time.Time
}

// said is a message in the lake.
type said struct {
	id, text string
	at       *time.Time
}

var plain = regexp.MustCompile(`^[A-Za-z0-9 ,.!?]{20,}$`)

// choose returns a conversation from the middle that has such words.
func choose(s site) victim {
	for i, id := range s.ids {
		thread, _ := s.thread(id)
		if i < len(s.ids)/4 || len(thread.Messages) < 5 {
			continue
		}
		for _, m := range thread.Messages[1 : len(thread.Messages)-1] {
			if m.Text == nil || m.CreatedAt == nil || !plain.MatchString(*m.Text) {
				continue
			}
			same := func(other schemas.Message) bool {
				return other.MessageID != m.MessageID && (other.Text != nil && strings.Contains(*other.Text, *m.Text) || other.CreatedAt != nil && other.CreatedAt.Equal(*m.CreatedAt))
			}
			if !slices.ContainsFunc(thread.Messages, same) {
				return victim{id, *m.Text, *m.CreatedAt, *thread.Conversation.CreatedAt}
			}
		}
	}
	panic("nobody says anything plain")
}

// newWorld must be called in a bubble. wrap is between the client and the fake.
func newWorld(t *testing.T, p platform, config simulator.CorpusConfig, wrap spoil) *world {
	t.Helper()
	time.Sleep(time.Until(today))
	w := &world{t: t, platform: p, site: p.fake(corpusOf(config)), root: t.TempDir()}
	w.victim = choose(w.site)
	var front http.Handler = w.site
	if wrap != nil {
		spoiled := wrap(w, front)
		front = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if w.repaired.Load() {
				w.site.ServeHTTP(rw, r)
			} else {
				spoiled.ServeHTTP(rw, r)
			}
		})
	}
	base, end := serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.requests.Add(1)
		began := time.Now()
		defer func() { w.longest.Store(max(w.longest.Load(), int64(time.Since(began)))) }()
		front.ServeHTTP(rw, r)
	}))
	t.Cleanup(end)
	account := p.account
	account.Name, account.BaseURL, account.Rate.RequestsPerSecond = "acme", base, p.definition.RequestsPerSecond
	reader, err := p.definition.Open(account)
	if err != nil {
		t.Fatal(err)
	}
	mapper, err := p.definition.Mapper(providers.Settings{Options: account.Options, Secrets: account.Secrets})
	if err != nil {
		t.Fatal(err)
	}
	w.lake, err = lake.Open(t.Context(), ledger.Config{URL: "file:" + w.root}, lake.Config{Scratch: filepath.Join(t.TempDir(), "scratch"), Writer: "faults"})
	if err != nil {
		t.Fatal(err)
	}
	w.do = &activities.Activities{Lake: w.lake, Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{
			Reader: providertest.Reads(reader), Mapper: providertest.Maps(mapper), Name: p.name, Spec: "spec", Parallel: 4,
			Costs: p.definition.Prices(account.Options).Costs,
			Batch: p.definition.Batch, MetadataBatch: p.definition.MetadataBatch,
		}, nil
	}}
	w.began = time.Now()
	return w
}

func (w *world) shard() workflows.ShardInput {
	return workflows.ShardInput{
		Shard: ledger.Shard{Provider: w.name, Account: "acme", Stream: schemas.StreamCreated, Window: window}, Spec: "spec", Visibility: "full",
		Lease: providers.Lease{RequestsPerSecond: w.definition.RequestsPerSecond}, ChunksInFlight: 3, ChunkSize: 8, Costs: w.definition.Prices(w.account.Options).Costs, Policy: workflows.NewPolicy(),
	}
}

// contents is the content of the lake by the reader rule.
type contents struct {
	digests  map[string]string // of the conversations, by id
	messages map[string][]said // by conversation, in their order
	gone     map[string]string // reasons, by conversation
	dead     map[string]schemas.DeadLetter
	counts   ledger.Counts
	flags    []string
}

func (w *world) contents() contents {
	w.t.Helper()
	c := contents{digests: map[string]string{}, messages: map[string][]said{}, gone: map[string]string{}, dead: map[string]schemas.DeadLetter{}}
	records, err := w.lake.Current(w.t.Context(), ledger.Filter{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range records {
		findings, err := w.lake.VerifyRecord(w.t.Context(), r, true)
		if err != nil || len(findings) > 0 {
			w.t.Errorf("%s: %v %v", r.Shard, findings, err)
		}
		c.counts, c.flags = r.Counts, r.Flags
		for _, f := range r.Files {
			switch f.Table {
			case "conversations":
				w.scan(f, func(cells []parquet.Cell) { c.digests[cells[0].Text] = cells[1].Text }, "conversation_id", "content_sha256")
			case "messages":
				w.scan(f, func(cells []parquet.Cell) {
					m := said{id: cells[1].Text, text: cells[2].Text}
					if !cells[3].Null {
						at := time.UnixMicro(cells[3].Integer).UTC()
						m.at = &at
					}
					c.messages[cells[0].Text] = append(c.messages[cells[0].Text], m)
				}, "conversation_id", "message_id", "text", "created_at")
			case "tombstones":
				w.scan(f, func(cells []parquet.Cell) {
					if cells[1].Null {
						c.gone[cells[0].Text] = cells[2].Text
					}
				}, "conversation_id", "message_id", "reason")
			case "dead_letters":
				w.scan(f, func(cells []parquet.Cell) {
					c.dead[cells[0].Text] = schemas.DeadLetter{Step: cells[1].Text, ErrorKind: cells[2].Text, Detail: &cells[3].Text, Attempts: cells[4].Integer}
				}, "conversation_id", "step", "error_kind", "detail", "attempts")
			}
		}
	}
	return c
}

func (w *world) scan(f ledger.File, row func([]parquet.Cell), columns ...string) {
	w.t.Helper()
	file, err := os.Open(filepath.Join(w.root, filepath.FromSlash(f.Key)))
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	err = parquet.Scan(file, f.Bytes, parquet.Query{Columns: columns}, func(r parquet.Row) error {
		row(append([]parquet.Cell(nil), r.Cells...))
		return nil
	})
	if err != nil {
		w.t.Errorf("read %s: %v", f.Key, err)
	}
}
