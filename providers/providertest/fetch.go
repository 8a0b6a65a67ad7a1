package providertest

import (
	"context"
	"iter"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

func documents(t *testing.T, docs iter.Seq2[schemas.Document, error]) []schemas.Document {
	t.Helper()
	var all []schemas.Document
	for doc, err := range docs {
		if err != nil {
			t.Error(err)
			return all
		}
		all = append(all, doc)
	}
	return all
}

func testDocuments(t *testing.T, c Case) {
	p, _ := c.start(t)
	fetchAll(t, c, p, pages(t, p, c.Window, ""))
}

// fetchAll fetches all listed conversations, several at the same time, and maps them.
func fetchAll(t *testing.T, c Case, p providers.Reader, list []providers.Page) {
	t.Helper()
	byID := map[string][]schemas.Document{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, page := range list {
		ofRefs(t, page.Documents, page.Refs)
		all.Go(func() {
			messages := documents(t, p.Messages(t.Context(), page.Refs))
			metadata := documents(t, p.Metadata(t.Context(), page.Refs))
			ofRefs(t, messages, page.Refs)
			ofRefs(t, metadata, page.Refs)
			mu.Lock()
			defer mu.Unlock()
			for _, ref := range page.Refs {
				if !slices.ContainsFunc(messages, func(d schemas.Document) bool { return d.ConversationID == ref.ID }) {
					t.Errorf("conversation %s has no document of messages", ref.ID)
				}
			}
			for _, doc := range slices.Concat(page.Documents, messages, metadata) {
				byID[doc.ConversationID] = append(byID[doc.ConversationID], doc)
			}
		})
	}
	all.Wait()
	for _, ref := range Refs(list) {
		testThread(t, c.Mapper, ref, byID[ref.ID])
	}
}

func testThread(t *testing.T, mapper providers.Mapper, ref providers.Ref, docs []schemas.Document) {
	t.Helper()
	thread, err := mapper.Thread(docs)
	if err != nil {
		t.Errorf("rows of conversation %s: %v", ref.ID, err)
		return
	}
	again, err := mapper.Thread(slices.Clone(docs))
	if err != nil || !reflect.DeepEqual(thread, again) {
		t.Errorf("the same documents of conversation %s give different rows, error %v", ref.ID, err)
	}
	conversation := thread.Conversation
	if conversation.ConversationID != ref.ID || conversation.CreatedAt == nil || !conversation.CreatedAt.Equal(ref.CreatedAt) {
		t.Errorf("conversation %s, created at %s, has a row with id %s, created at %v", ref.ID, ref.CreatedAt, conversation.ConversationID, conversation.CreatedAt)
	}
	ids := map[string]bool{}
	for i, m := range thread.Messages {
		if m.Sequence != int64(i) || m.ConversationID != ref.ID || m.MessageID == "" || ids[m.MessageID] || m.Kind == "" || m.ObservedAt.IsZero() {
			t.Errorf("message %d of conversation %s: sequence %d, id %q, kind %q", i, ref.ID, m.Sequence, m.MessageID, m.Kind)
		}
		ids[m.MessageID] = true
	}
}

// walks makes each kind of walk, one after the other, and returns the errors with which they ended.
func walks(ctx context.Context, p providers.Reader, w schemas.Window, refs []providers.Ref, find bool) map[string]error {
	ends := map[string]error{"list": nil, "messages": nil, "metadata": nil}
	for _, err := range p.Conversations(ctx, w, "") {
		ends["list"] = err
	}
	for _, err := range p.Messages(ctx, refs) {
		ends["messages"] = err
	}
	for _, err := range p.Metadata(ctx, refs) {
		ends["metadata"] = err
	}
	if finder, ok := p.(providers.Finder); ok && find {
		ends["find"] = nil
		for _, err := range finder.Find(ctx, idsOf(refs)) {
			ends["find"] = err
		}
	}
	return ends
}

func isDirectory(p providers.Reader) bool {
	_, ok := p.(providers.Directory)
	return ok
}

func testDirectory(t *testing.T, c Case) {
	p, _ := c.start(t)
	directory := p.(providers.Directory)
	read := func(at providers.Cursor) (docs []schemas.Document, cursors []providers.Cursor) {
		for page, err := range directory.Directory(t.Context(), at) {
			if err != nil {
				t.Fatalf("directory from %q: %v", at, err)
			}
			if len(page.Refs) > 0 {
				t.Errorf("the page before %q lists conversations", page.Next)
			}
			docs, cursors = append(docs, page.Documents...), append(cursors, page.Next)
		}
		return docs, cursors
	}
	docs, cursors := read("")
	if len(cursors) == 0 || cursors[len(cursors)-1] != "" {
		t.Fatalf("the directory has %d pages and no end", len(cursors))
	}
	for i, at := range cursors[:len(cursors)-1] {
		if rest, _ := read(at); len(rest) == 0 || len(rest) > len(docs)-1 || rest[len(rest)-1].Kind != docs[len(docs)-1].Kind {
			t.Errorf("the cursor after page %d lists %d of %d documents", i, len(rest), len(docs))
		}
	}
	mapper := c.Mapper.(providers.SnapshotMapper)
	for _, doc := range docs {
		rows, err := mapper.Snapshot(doc)
		again, _ := mapper.Snapshot(doc)
		if err != nil || !reflect.DeepEqual(rows, again) {
			t.Errorf("rows of %s %d: %v", doc.Kind, doc.Sequence, err)
		}
	}
}
