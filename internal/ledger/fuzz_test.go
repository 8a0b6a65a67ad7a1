package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// FuzzLedger parses arbitrary keys and records. A key is refused, or it equals the key that is built from its parts. A record is
// damaged, or it belongs to its key. Accepted records survive a round trip.
func FuzzLedger(f *testing.F) {
	shard := Shard{Provider: "chatwoot", Account: "acme", Stream: "created", Window: schemas.Window{
		From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
	}}
	key := ledgerKey(shard, 3)
	record, err := json.Marshal(Record{FormatVersion: formatVersion, Shard: shard, Generation: 3, Files: []File{{Table: "messages", Key: "data/a.parquet"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key, record)
	f.Add(strings.Replace(key, "g0003", "g3", 1), record)
	f.Add(strings.Replace(key, "account=", "account=../", 1), []byte(`{"format_version":1,"files":[null]}`))
	f.Add("_ledger/v1/provider=/account=/stream=//g0001.json", []byte(`null`))
	f.Fuzz(func(t *testing.T, key string, body []byte) {
		if shard, generation, err := parseLedgerKey(key); err == nil && ledgerKey(shard, generation) != key {
			t.Errorf("the key %q was taken", key)
		}
		if checkKey(key) != nil {
			return
		}
		if !filepath.IsLocal(key) {
			t.Fatalf("the key %q leads out of the lake", key)
		}
		l := New(one{key: key, body: body}, "", nil)
		r, err := l.record(t.Context(), key)
		if err != nil {
			if damaged := new(damagedError); !errors.As(err, &damaged) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		if ledgerKey(r.Shard, r.Generation) != key {
			t.Errorf("the record of another key than %q was taken", key)
		}
		if _, err := r.digest(); err != nil {
			t.Errorf("no digest: %v", err)
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := New(one{key: key, body: again}, "", nil).record(t.Context(), key)
		if diff := cmp.Diff(r, twice); err != nil || diff != "" {
			t.Errorf("written and read again, error %v (-was +is):\n%s", err, diff)
		}
	})
}

// one is a store with one object.
type one struct {
	Store
	key  string
	body []byte
}

func (o one) Get(_ context.Context, key string, _, _ int64) (io.ReadCloser, error) {
	if key != o.key {
		return nil, ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(o.body)), nil
}
