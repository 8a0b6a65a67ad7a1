package worker_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
)

// FuzzRows replaces one document of a conversation, or of the directory, with an arbitrary body, on every platform. Two readings
// must give the same rows, the rows must fit into Parquet, and an error must not contain a word of a body.
func FuzzRows(f *testing.F) {
	all := subjects(f)
	seen := map[string]bool{}
	for i, s := range all {
		for j, doc := range s.docs {
			if kind := fmt.Sprintf("%T %s", s.mapper, doc.Kind); !seen[kind] {
				seen[kind] = true
				f.Add(uint8(i), uint8(j), bytes.ReplaceAll(doc.Body, []byte(":1"), []byte(`:"`+canary+`"`)))
			}
		}
	}
	f.Fuzz(func(t *testing.T, which, document uint8, body []byte) {
		s := all[int(which)%len(all)]
		docs := slices.Clone(s.docs)
		docs[int(document)%len(docs)].Body = body
		if s.directory {
			docs = docs[int(document)%len(docs):][:1]
			rows, err := s.mapper.(providers.SnapshotMapper).Snapshot(docs[0])
			again, _ := s.mapper.(providers.SnapshotMapper).Snapshot(docs[0])
			same(t, rows, again, err)
			encode(t, rows.Agents, schemas.Agents)
			encode(t, rows.Contacts, schemas.Contacts)
			encode(t, rows.Groups, schemas.Groups)
			encode(t, rows.Channels, schemas.Channels)
			encode(t, rows.Labels, schemas.Labels)
			encode(t, rows.Fields, schemas.Fields)
			return
		}
		thread, err := s.mapper.Thread(docs)
		again, _ := s.mapper.Thread(docs)
		same(t, thread, again, err)
		if err != nil {
			return
		}
		if _, err := thread.Digest(); err != nil {
			t.Errorf("no digest: %v", err)
		}
		ids := map[string]bool{}
		for i, m := range thread.Messages {
			if m.Sequence != int64(i) || m.MessageID == "" || ids[m.MessageID] {
				t.Errorf("message %d has the sequence %d and the id %q", i, m.Sequence, m.MessageID)
			}
			ids[m.MessageID] = true
		}
		encode(t, []schemas.Conversation{thread.Conversation}, schemas.Conversations)
		encode(t, thread.Messages, schemas.Messages)
		encode(t, thread.Participants, schemas.Participants)
		encode(t, thread.Events, schemas.Events)
		encode(t, thread.Ratings, schemas.Ratings)
		encode(t, thread.Attachments, schemas.Attachments)
	})
}

// same wants two equal readings, and an error without a word of a body.
func same[T any](t *testing.T, rows, again T, err error) {
	t.Helper()
	if !reflect.DeepEqual(rows, again) {
		t.Error("the same documents gave other rows")
	}
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Errorf("a word of the body is in the error: %v", err)
	}
}

// encode writes rows to Parquet and counts them there.
func encode[R any](t *testing.T, rows []R, table *schemas.Table[R]) {
	t.Helper()
	if len(rows) == 0 {
		return
	}
	var b bytes.Buffer
	w, err := parquet.NewWriter(&b, table, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Append(&rows[i]); err != nil {
			t.Fatalf("a row of %s cannot be written: %v", table.Table, err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := parquet.Inspect(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || info.Rows != int64(len(rows)) {
		t.Errorf("%d rows of %s were written, %d are there, error %v", len(rows), table.Table, info.Rows, err)
	}
}

// subject is the input for a provider's rows: the documents of a conversation, or those of the directory.
type subject struct {
	mapper    providers.Mapper
	docs      []schemas.Document
	directory bool
}

// subjects reads a few conversations and the directory of every fake.
func subjects(f *testing.F) (all []subject) {
	for name, secret := range secrets {
		f.Setenv(name, secret)
	}
	for _, name := range slices.Sorted(maps.Keys(platforms)) {
		p := platforms[name]
		site := p.site(simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 6, From: from, To: to}))
		server := httptest.NewServer(site)
		config, err := worker.Parse("chatlake.yaml", fmt.Appendf(nil,
			"lake: {url: %q}\naccounts: {%s: {%s, base_url: %q, rate: {requests_per_second: 0}}}\n", "file:/none", name, p.account, server.URL))
		if err != nil {
			f.Fatal(err)
		}
		_, reader, err := config.Open(name)
		if err != nil {
			f.Fatal(err)
		}
		mapper, err := config.Mapper(name)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, threads(f, reader, mapper)...)
		all = append(all, directory(f, reader, mapper))
		server.Close()
	}
	return all
}

func threads(f *testing.F, p providers.Reader, mapper providers.Mapper) (all []subject) {
	documents := map[string][]schemas.Document{}
	var refs []providers.Ref
	for page, err := range p.Conversations(f.Context(), schemas.Window{From: from, To: to}, "") {
		if err != nil {
			f.Fatal(err)
		}
		refs = append(refs, page.Refs...)
		for _, doc := range page.Documents {
			documents[doc.ConversationID] = append(documents[doc.ConversationID], doc)
		}
	}
	for _, fetched := range []func(func(schemas.Document, error) bool){p.Messages(f.Context(), refs), p.Metadata(f.Context(), refs)} {
		for doc, err := range fetched {
			if err != nil {
				f.Fatal(err)
			}
			documents[doc.ConversationID] = append(documents[doc.ConversationID], doc)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(documents))[:2] {
		if _, err := mapper.Thread(documents[id]); err != nil {
			f.Fatalf("the documents that others are put among: %v", err)
		}
		all = append(all, subject{mapper: mapper, docs: documents[id]})
	}
	return all
}

func directory(f *testing.F, p providers.Reader, mapper providers.Mapper) subject {
	s := subject{mapper: mapper, directory: true}
	for page, err := range p.(providers.Directory).Directory(f.Context(), "") {
		if err != nil {
			f.Fatal(err)
		}
		s.docs = append(s.docs, page.Documents...)
	}
	return s
}
