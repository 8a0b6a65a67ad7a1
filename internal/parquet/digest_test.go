package parquet

import (
	"bytes"
	"testing"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// TestDigestIsOfTheRows compares files of messages: the build and the grouping of rows do not matter, but every value does.
func TestDigestIsOfTheRows(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	rows := func() []schemas.Conversation {
		var all []schemas.Conversation
		for _, id := range []string{"a", "b", "c"} {
			all = append(all, schemas.Conversation{
				ConversationID: id, ObservedAt: at, CreatedAt: &at, Subject: new("about " + id), Tags: []string{"x", id}, IsEncrypted: new(id == "b"),
				Attributes: map[string]*string{"k": new(id), "none": nil}, StoredMessages: 3, SourceVersion: new(int64(7)),
			})
		}
		return all
	}
	digest := func(all []schemas.Conversation, o Options) string {
		t.Helper()
		var b bytes.Buffer
		w, err := NewWriter(&b, schemas.Conversations, o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			if err := w.Append(&all[i]); err != nil {
				t.Fatal(err)
			}
			if o.RowGroupBytes == 1 {
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		d, err := Digest(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := digest(rows(), Options{Writer: "one", RowGroupBytes: 1 << 20})
	if got := digest(rows(), Options{Writer: "another", RowGroupBytes: 1}); got != want {
		t.Error("the same rows have another digest when another build groups them otherwise")
	}
	for name, change := range map[string]func([]schemas.Conversation){
		"text":           func(r []schemas.Conversation) { r[1].Subject = new("about B") },
		"null":           func(r []schemas.Conversation) { r[1].Subject = nil },
		"number":         func(r []schemas.Conversation) { r[2].StoredMessages++ },
		"truth":          func(r []schemas.Conversation) { r[2].IsEncrypted = new(true) },
		"instant":        func(r []schemas.Conversation) { r[0].ObservedAt = at.Add(time.Microsecond) },
		"list":           func(r []schemas.Conversation) { r[0].Tags = []string{"x"} },
		"attribute":      func(r []schemas.Conversation) { r[0].Attributes["k"] = nil },
		"order":          func(r []schemas.Conversation) { r[0], r[1] = r[1], r[0] },
		"another column": func(r []schemas.Conversation) { r[0].Priority = new("high") },
	} {
		all := rows()
		change(all)
		if digest(all, Options{Writer: "one", RowGroupBytes: 1 << 20}) == want {
			t.Errorf("another %s has the same digest", name)
		}
	}
	if _, err := Digest(bytes.NewReader([]byte("PAR1 no file PAR1")), 17); err == nil {
		t.Error("what is no file has a digest")
	}
}
