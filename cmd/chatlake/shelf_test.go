package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// shelf is a lake that a test fills by hand, and a configuration for it.
type shelf struct {
	t        *testing.T
	lake     *lake.Lake
	config   string
	provider string // of acme
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	return shelfAt(t, write(t, "http://127.0.0.1:1", t.TempDir(), t.TempDir()))
}

// shelfAt is the lake of a configuration.
func shelfAt(t *testing.T, config string) *shelf {
	t.Helper()
	c, err := worker.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	l, err := worker.OpenLake(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{t, l, config, "chatwoot"}
}

// content is what a window of the shelf holds; ids are of conversations.
type content struct {
	whole, gone, dead []string
	version           *int64
	spec              string
	early             bool                 // its conversations were read an hour before fetchedAt
	change            func(*ledger.Record) // before it is committed
}

// fetchedAt is when everything on a shelf was fetched.
var fetchedAt = time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)

// put commits a window of acme's.
func (s *shelf) put(stream schemas.Stream, w schemas.Window, c content) ledger.Record {
	s.t.Helper()
	shard := ledger.Shard{Provider: s.provider, Account: "acme", Stream: stream, Window: w}
	seal, err := lake.NewSeal(s.t.Context(), s.lake.Store(), s.lake.Scratch(), shard, "test")
	if err != nil {
		s.t.Fatal(err)
	}
	r := ledger.Record{Shard: shard, Generation: 1, SpecDigest: c.spec}
	readAt := fetchedAt
	if c.early {
		readAt = readAt.Add(-time.Hour)
	}
	must := func(err error) {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	for _, id := range c.whole {
		if stream == schemas.StreamReports { // which have rows, and no conversations
			must(seal.Snapshot(schemas.Snapshot{Ratings: []schemas.Rating{{ConversationID: id, RatingID: "late", ObservedAt: fetchedAt}}}))
			continue
		}
		must(seal.Thread(schemas.Thread{
			Conversation: schemas.Conversation{ConversationID: id, ObservedAt: readAt, CreatedAt: &w.From, SourceVersion: c.version, StoredMessages: 2},
			Messages:     []schemas.Message{{ConversationID: id, MessageID: "1", ObservedAt: fetchedAt}, {ConversationID: id, MessageID: "2", ObservedAt: fetchedAt}},
			Tombstones:   []schemas.Tombstone{{ConversationID: id, MessageID: new("3"), ObservedAt: fetchedAt, Reason: "message_deleted"}},
		}))
		must(seal.Document(schemas.Document{Kind: "messages", ConversationID: id, Status: 200, ObservedAt: fetchedAt, Body: []byte("a secret text")}))
	}
	for _, id := range c.gone {
		must(seal.Tombstone(schemas.Tombstone{ConversationID: id, ObservedAt: fetchedAt, Reason: "conversation_not_found"}))
		must(seal.Document(schemas.Document{Kind: "messages", ConversationID: id, Status: 404, ObservedAt: fetchedAt}))
	}
	for _, id := range c.dead {
		must(seal.DeadLetter(schemas.DeadLetter{ConversationID: id, ObservedAt: fetchedAt, Step: "FetchMessages", ErrorKind: "Timeout", Attempts: 4}))
	}
	r.Counts = ledger.Counts{
		Listed: int64(len(c.whole) + len(c.gone) + len(c.dead)), Conversations: int64(len(c.whole)), Gone: int64(len(c.gone)), Dead: int64(len(c.dead)),
		Messages: 2 * int64(len(c.whole)), Documents: int64(len(c.whole) + len(c.gone)),
	}
	if stream == schemas.StreamReports {
		r.Counts = ledger.Counts{}
	}
	r.Files, err = seal.Close(s.t.Context())
	must(err)
	if c.change != nil {
		c.change(&r)
	}
	_, standing, err := s.lake.Commit(s.t.Context(), r)
	must(err)
	return standing
}

// file is where a key of the shelf is.
func (s *shelf) file(key string) string { return s.lake.Location(key) }

// damage writes over an object.
func (s *shelf) damage(key, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.file(key)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.file(key), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// keyOf is the key of a record in the ledger.
func keyOf(shard ledger.Shard, generation int) string {
	return fmt.Sprintf("_ledger/v1/provider=%s/account=%s/stream=%s/%s/g%04d.json", shard.Provider, shard.Account, shard.Stream, shard.Window, generation)
}

// fileOf is the record's first file of a table.
func fileOf(t *testing.T, r ledger.Record, table string) ledger.File {
	t.Helper()
	for _, f := range r.Files {
		if f.Table == table {
			return f
		}
	}
	t.Fatalf("%s has no file of %s", r.Shard, table)
	return ledger.File{}
}

// rewriteLake puts the lake of a configuration into a bucket.
func rewriteLake(t *testing.T, config string, server s3test.Server) {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CHATLAKE_TEST_ACCESS", server.AccessKey)
	t.Setenv("CHATLAKE_TEST_SECRET", server.SecretKey)
	bucket := fmt.Sprintf("lake: {url: 's3://%s/chatlake', endpoint: '%s', region: %s, path_style: true, access_key: 'env:CHATLAKE_TEST_ACCESS', secret_key: 'env:CHATLAKE_TEST_SECRET'}",
		server.Bucket, server.Endpoint, server.Region)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "lake: ") {
			lines[i] = bucket
		}
	}
	if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}
