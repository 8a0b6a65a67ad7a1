package lake

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/schemas"
)

// someBodies are bodies at the border between text and bytes.
var someBodies = [][]byte{
	nil, {}, []byte("{}"), []byte("ü🚀"), []byte("nul\x00nul"), {0}, []byte("\ufeff{}"), []byte("\ufffd"), []byte("\uffff"), []byte("\r\n \t"),
	{0xff, 0, 0xfe}, []byte("\xc3"), []byte("{\"a\":\"\xe4\"}"), []byte("\xed\xa0\x80"), []byte("\xc0\x80"), []byte("\xf4\x90\x80\x80"), []byte("\xef\xbb"),
	bytes.Repeat([]byte("long "), 300_000), append(bytes.Repeat([]byte("long "), 300_000), 0xe2, 0x82),
}

// handMade is a file of the table documents with the columns of an earlier build, with one row for each of someBodies. Column body
// has it if hasBody says so. If withText, there is a column body_text, which has it if it is valid UTF-8.
func handMade(t *testing.T, version int, withText bool, hasBody func([]byte) bool) []byte {
	t.Helper()
	fields := []arrow.Field{
		{Name: "conversation_id", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "kind", Type: arrow.BinaryTypes.String},
		{Name: "sequence", Type: arrow.PrimitiveTypes.Int64}, {Name: "status", Type: arrow.PrimitiveTypes.Int64},
		{Name: "observed_at", Type: arrow.FixedWidthTypes.Timestamp_us}, {Name: "body", Type: arrow.BinaryTypes.Binary, Nullable: true},
	}
	if withText {
		fields = append(fields, arrow.Field{Name: "body_text", Type: arrow.BinaryTypes.String, Nullable: true})
	}
	meta := arrow.MetadataFrom(map[string]string{
		"chatlake.table": "documents", "chatlake.schema_version": fmt.Sprint(version), "chatlake.writer": "an earlier build",
	})
	schema := arrow.NewSchema(fields, &meta)
	rows := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rows.Release()
	for i, body := range someBodies {
		rows.Field(0).(*array.StringBuilder).Append("1")
		rows.Field(1).(*array.StringBuilder).Append("messages")
		rows.Field(2).(*array.Int64Builder).Append(int64(i))
		rows.Field(3).(*array.Int64Builder).Append(200)
		rows.Field(4).(*array.TimestampBuilder).Append(0)
		if hasBody(body) {
			rows.Field(5).(*array.BinaryBuilder).Append(append([]byte{}, body...)) // nil would be null
		} else {
			rows.Field(5).AppendNull()
		}
		switch {
		case withText && utf8.Valid(body):
			rows.Field(6).(*array.StringBuilder).Append(string(body))
		case withText:
			rows.Field(6).AppendNull()
		}
	}
	var b bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &b, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	record := rows.NewRecord()
	defer record.Release()
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// committedFile is the record of a lake that has one file with documents.
func committedFile(t *testing.T, l *Lake, data []byte) ledger.Record {
	t.Helper()
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	key := "data/documents/" + sum + ".parquet"
	mustPut(t, l.Store(), key, string(data))
	return ledger.Record{Shard: may("acme"), Files: []ledger.File{{
		Table: "documents", Key: key, SHA256: sum, Bytes: int64(len(data)), Rows: int64(len(someBodies)), RowGroups: 1,
	}}}
}

// sameBodies checks that a record has documents with someBodies, byte for byte.
func sameBodies(t *testing.T, l *Lake, r ledger.Record) {
	t.Helper()
	n := 0
	for doc, err := range l.Documents(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(doc.Body, someBodies[n]) || doc.Sequence != int64(n) || doc.Kind != "messages" || doc.ConversationID != "1" {
			t.Errorf("document %d has the body %.20q, want %.20q: %+.100v", n, doc.Body, someBodies[n], doc)
		}
		n++
	}
	if n != len(someBodies) {
		t.Errorf("%d documents read, want %d", n, len(someBodies))
	}
}

// TestDocumentsOfEveryVersion reads documents from files in which bodies are bytes only (version 1), both bytes and text (early builds
// of version 2), and text or else bytes.
func TestDocumentsOfEveryVersion(t *testing.T) {
	always := func([]byte) bool { return true }
	t.Run("version 1", func(t *testing.T) {
		l := openFolder(t)
		sameBodies(t, l, committedFile(t, l, handMade(t, 1, false, always)))
	})
	t.Run("version 2 with both", func(t *testing.T) {
		l := openFolder(t)
		sameBodies(t, l, committedFile(t, l, handMade(t, 2, true, always)))
	})
	t.Run("this build", func(t *testing.T) {
		l := openFolder(t)
		seal, err := NewSeal(t.Context(), l.Store(), l.scratch, may("acme"), "test")
		if err != nil {
			t.Fatal(err)
		}
		for i, body := range someBodies {
			if err := seal.Document(schemas.Document{Kind: "messages", ConversationID: "1", Sequence: int64(i), Status: 200, Body: body}); err != nil {
				t.Fatal(err)
			}
		}
		files, err := seal.Close(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sameBodies(t, l, ledger.Record{Shard: may("acme"), Files: files})
	})
}

// TestDocumentsWithoutBody: a row without body and body_text, or a file of version 2 without the column body_text, is no document with
// an empty body.
func TestDocumentsWithoutBody(t *testing.T) {
	never := func([]byte) bool { return false }
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"version 1":            {handMade(t, 1, false, never), "body and body_text are null"},
		"version 2":            {handMade(t, 2, true, never), "document messages 10 of conversation \"1\": body and body_text are null"},
		"version 2, no column": {handMade(t, 2, false, utf8.Valid), "there is no column body_text"},
	} {
		t.Run(name, func(t *testing.T) {
			l := openFolder(t)
			var failed error
			for _, err := range l.Documents(t.Context(), committedFile(t, l, tt.data)) {
				failed = err
			}
			if !errors.Is(failed, ErrDamaged) || !strings.Contains(failed.Error(), tt.want) {
				t.Errorf("error %v, want %s", failed, tt.want)
			}
		})
	}
}

// FuzzBody writes documents with any bodies and reads them: each body is stored once, as text if it is valid UTF-8, and comes back
// byte for byte.
func FuzzBody(f *testing.F) {
	for i, body := range someBodies[:len(someBodies)-2] {
		f.Add(body, someBodies[len(someBodies)-3-i])
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var b bytes.Buffer
		w, err := parquet.NewWriter(&b, schemas.Documents, parquet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		written := [][]byte{first, second, first}
		for _, body := range written {
			if err := w.Append(&schemas.Document{Body: body}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := parquet.Scan(bytes.NewReader(b.Bytes()), int64(b.Len()), Query{Columns: documentColumns}, func(row Row) error {
			body, text := row.Cells[5], row.Cells[6]
			if isText := utf8.Valid(written[n]); body.Null != isText || text.Null == isText {
				t.Errorf("%q is in body: %v, in body_text: %v", written[n], !body.Null, !text.Null)
			}
			doc, err := documentOf(row)
			if err != nil || !bytes.Equal(doc.Body, written[n]) {
				t.Errorf("%q was read as %q, %v", written[n], doc.Body, err)
			}
			n++
			return nil
		}); err != nil || n != len(written) {
			t.Errorf("%d of %d documents, %v", n, len(written), err)
		}
	})
}
