package lake

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/schemas"
)

func openFolder(t *testing.T) *Lake {
	t.Helper()
	l, err := Open(t.Context(), ledger.Config{URL: "file:" + t.TempDir()}, Config{Scratch: t.TempDir(), Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// on returns the location of a lake on a test server.
func on(server s3test.Server) ledger.Config {
	return ledger.Config{
		URL: "s3://" + server.Bucket, Endpoint: server.Endpoint, Region: server.Region, PathStyle: true,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	}
}

// over returns a lake in another store with the same scratch folder.
func (l *Lake) over(store ledger.Store) *Lake {
	return New(ledger.New(store, "", nil), Config{Scratch: l.scratch, Writer: l.writer})
}

func may(account string) ledger.Shard {
	return ledger.Shard{Provider: "chatwoot", Account: account, Stream: "created", Window: schemas.Window{
		From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
	}}
}

func put(t *testing.T, s ledger.Store, key, content string, ifAbsent bool) error {
	t.Helper()
	return s.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), ifAbsent)
}

func mustPut(t *testing.T, s ledger.Store, key, content string) {
	t.Helper()
	if err := put(t, s, key, content, false); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s ledger.Store, key string) string {
	t.Helper()
	body, err := s.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// failing is a store that returns an error for some keys.
type failing struct {
	ledger.Store
	key string
	err error
}

func (f failing) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if key == f.key {
		return nil, f.err
	}
	return f.Store.Get(ctx, key, offset, length)
}
