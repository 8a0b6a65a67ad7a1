package worker_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
)

// TestErrorsAreWordless reads everything from every platform repeatedly, with responses corrupted in all ways. No error may
// contain the canary or a secret.
func TestErrorsAreWordless(t *testing.T) {
	for name, secret := range secrets {
		t.Setenv(name, secret)
	}
	r := &aviary{state: t.TempDir(), root: t.TempDir(), wires: map[string]*wire{}}
	config := r.configure(t, append(append([]way{}, lasting...), passing...))
	t.Run("platform", func(t *testing.T) {
		for name := range platforms {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e := &asker{t: t, config: config, account: name, wire: r.wires[name], errors: map[string]int{}}
				e.ask()
			})
		}
	})
}

// asker reads everything from one account, and collects the errors.
type asker struct {
	t       *testing.T
	config  worker.Config
	account string
	wire    *wire
	mu      sync.Mutex
	errors  map[string]int
}

// askedFor is how long to read from a platform, and askers is with how many goroutines.
const (
	askedFor = 4 * time.Second
	askers   = 8
)

func (e *asker) ask() {
	e.wire.spoil.Store(true)
	mapper, err := e.config.Mapper(e.account)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(e.t.Context(), askedFor)
	defer cancel()
	var all sync.WaitGroup
	for range askers {
		all.Go(func() {
			for ctx.Err() == nil {
				_, p, err := e.config.Open(e.account) // again each time, so that nothing is cached
				if err != nil {
					e.t.Error(err)
					return
				}
				e.everything(ctx, p, mapper)
			}
		})
	}
	all.Wait()
	kinds := map[string]bool{}
	for text := range e.errors {
		kinds[anyNumber.ReplaceAllString(text, "0")] = true
		for what, needle := range needles() {
			if strings.Contains(strings.ToLower(text), strings.ToLower(string(needle))) {
				e.t.Errorf("%s is in an error: %s", what, text)
			}
		}
	}
	e.t.Logf("%d answers spoiled, %d errors that differ in more than numbers", e.wire.spoiled.Load(), len(kinds))
	if len(kinds) < 8 || e.wire.spoiled.Load() < 50 {
		e.t.Error("hardly anything was tried")
	}
}

var anyNumber = regexp.MustCompile(`[0-9a-f-]*[0-9][0-9a-f-]*`)

func (e *asker) note(err error) {
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.errors[err.Error()]++
}

var fortnight = schemas.Window{From: from, To: from.AddDate(0, 0, 14)}

func (e *asker) everything(ctx context.Context, p providers.Reader, mapper providers.Mapper) {
	if c, ok := p.(providers.Prober); ok {
		_, err := c.Probe(ctx)
		e.note(err)
	}
	if c, ok := p.(providers.Counter); ok {
		_, err := c.Count(ctx, fortnight)
		e.note(err)
	}
	docs := map[string][]schemas.Document{}
	refs := e.pages(docs, p.Conversations(ctx, fortnight, ""))
	if len(refs) == 0 { // so that messages and metadata are requested at all
		for i := range 5 {
			refs = append(refs, providers.Ref{ID: fmt.Sprint(simulator.Number(i)), CreatedAt: from})
		}
	}
	for len(refs) > 0 && ctx.Err() == nil {
		part := refs[:min(5, len(refs))]
		refs = refs[len(part):]
		e.documents(docs, p.Messages(ctx, part))
		e.documents(docs, p.Metadata(ctx, part))
	}
	for _, thread := range docs {
		_, err := mapper.Thread(thread)
		e.note(err)
	}
	if d, ok := p.(providers.Directory); ok {
		e.snapshots(d.Directory(ctx, ""), mapper.(providers.SnapshotMapper).Snapshot)
	}
	if d, ok := p.(providers.Reporter); ok {
		e.snapshots(d.Reports(ctx, fortnight, ""), mapper.(providers.ReportMapper).Report)
	}
}

func (e *asker) pages(docs map[string][]schemas.Document, pages iter.Seq2[providers.Page, error]) (refs []providers.Ref) {
	for page, err := range pages {
		e.note(err)
		refs = append(refs, page.Refs...)
		for _, doc := range page.Documents {
			docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
		}
	}
	return refs
}

func (e *asker) documents(docs map[string][]schemas.Document, documents iter.Seq2[schemas.Document, error]) {
	for doc, err := range documents {
		e.note(err)
		if err == nil {
			docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
		}
	}
}

func (e *asker) snapshots(pages iter.Seq2[providers.Page, error], read func(schemas.Document) (schemas.Snapshot, error)) {
	for page, err := range pages {
		e.note(err)
		for _, doc := range page.Documents {
			_, err := read(doc)
			e.note(err)
		}
	}
}
