package parquet

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

func ptr[T any](v T) *T { return &v }

var (
	year0    = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	year9999 = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	may      = time.Date(2026, 5, 17, 12, 30, 0, 123456789, time.FixedZone("east", 2*3600))
)

// write is a file of the rows.
func write[R any](t testing.TB, table *schemas.Table[R], rows []R, o Options) ([]byte, Summary) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, table, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Append(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	summary, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), summary
}

// read is what arrow's own reader, which knows nothing of our levels, makes of a file: one JSON object per row.
func read(t *testing.T, data []byte) string {
	t.Helper()
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 64}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	records, err := r.GetRecordReader(context.Background(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer records.Release()
	var lines bytes.Buffer
	encode := json.NewEncoder(&lines)
	encode.SetEscapeHTML(false)
	for records.Next() {
		rows, err := records.Record().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var each []json.RawMessage
		if err := json.Unmarshal(rows, &each); err != nil {
			t.Fatal(err)
		}
		for _, row := range each {
			if err := encode.Encode(row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := records.Err(); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return lines.String()
}

func TestRoundTrip(t *testing.T) {
	data, _ := write(t, schemas.Conversations, []schemas.Conversation{
		{},
		{
			ConversationID: "a\xff\xfeb\x00", ObservedAt: may, Subject: ptr(""), IsEncrypted: ptr(false), CreatedAt: &year0, UpdatedAt: &year9999,
			StatedMessages: ptr(int64(math.MinInt64)), StoredMessages: math.MaxInt64, Tags: []string{"x", ""},
			Attributes: map[string]*string{"n": nil, "b": ptr(""), "\xff": ptr("1"), "\xfe": ptr("2"), "\uFFFD": ptr("3")},
		},
		{Tags: []string{}, Attributes: map[string]*string{}},
		{Tags: []string{"one"}, Attributes: map[string]*string{"k": nil}},
	}, Options{})
	t.Log(read(t, data))
	data, _ = write(t, schemas.Messages, []schemas.Message{
		{},
		{Parts: []schemas.Part{{}}},
		{Parts: []schemas.Part{{Type: "image", URL: ptr("u"), Bytes: ptr(int64(-1))}, {Type: "text", Text: ptr("")}, {Type: "x", Payload: ptr("{}")}}, IsDeleted: true},
		{Parts: []schemas.Part{}},
	}, Options{})
	t.Log(read(t, data))
	data, _ = write(t, schemas.Ratings, []schemas.Rating{
		{},
		{Score: ptr(math.MaxFloat64), Answers: []schemas.Answer{{}, {Question: ptr("q")}, {Answer: ptr("a")}}},
		{Score: ptr(math.SmallestNonzeroFloat64), AnsweredAt: &may},
		{Score: ptr(-0.5)},
	}, Options{})
	t.Log(read(t, data))
	data, _ = write(t, schemas.Documents, []schemas.Document{
		{},
		{ConversationID: "7", Body: []byte("\xff\x00{")},
		{ConversationID: "7", Body: []byte{}, Sequence: -1, Status: 404},
	}, Options{})
	t.Log(read(t, data))
	_ = cmp.Diff
	_ = strings.Cut
}
