package parquet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// TestSchemaInFile compares the schema in a file with the table: names, ids, types, and nullability.
func TestSchemaInFile(t *testing.T) {
	data, _ := write(t, schemas.Messages, make([]schemas.Message, 1), Options{})
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	root := f.MetaData().Schema.Root()
	if root.RepetitionType() != parquet.Repetitions.Required {
		t.Errorf("the root is %s", root.RepetitionType())
	}
	var compare func(path string, want []schemas.Node, got *schema.GroupNode)
	compare = func(path string, want []schemas.Node, got *schema.GroupNode) {
		if got.NumFields() != len(want) {
			t.Fatalf("%s has %d fields, want %d", path, got.NumFields(), len(want))
		}
		for i, n := range want {
			node, path := got.Field(i), path+"/"+n.Name
			if node.Name() != n.Name || node.FieldID() != n.ID || (node.RepetitionType() == parquet.Repetitions.Optional) != n.Optional {
				t.Errorf("%s is %s with id %d, %s", path, node.Name(), node.FieldID(), node.RepetitionType())
			}
			if got, want := node.LogicalType().String(), logicalTypes[n.Kind]; !strings.HasPrefix(got, want) || (want == "") != (got == "") {
				t.Errorf("%s has the logical type %q, want %q", path, got, want)
			}
			switch n.Kind {
			case schemas.KindList, schemas.KindMap:
				entries := node.(*schema.GroupNode).Field(0).(*schema.GroupNode)
				if entries.RepetitionType() != parquet.Repetitions.Repeated {
					t.Errorf("%s: entries are %s", path, entries.RepetitionType())
				}
				compare(path, n.Children, entries)
			case schemas.KindStruct:
				compare(path, n.Children, node.(*schema.GroupNode))
			}
		}
	}
	compare("", schemas.Messages.Columns, root)
}

var logicalTypes = map[schemas.Kind]string{
	schemas.KindText: "String", schemas.KindBytes: "None", schemas.KindInteger: "None", schemas.KindNumber: "None",
	schemas.KindBoolean: "None", schemas.KindInstant: "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds",
	schemas.KindList: "List", schemas.KindMap: "Map", schemas.KindStruct: "None",
}

// TestColumnsAreStoredAsSaid checks how each column of a file is compressed and encoded, and which columns have statistics.
func TestColumnsAreStoredAsSaid(t *testing.T) {
	data, _ := write(t, schemas.Messages, faultRows(), Options{})
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	group := f.MetaData().RowGroup(0)
	for i, leaf := range schemas.Messages.Leaves() {
		column, err := group.ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		path := column.PathInSchema().String()
		if column.Compression() != compress.Codecs.Zstd {
			t.Errorf("%s is compressed with %s", path, column.Compression())
		}
		if column.HasDictionaryPage() != leaf.Dictionary {
			t.Errorf("%s has a dictionary: %v", path, column.HasDictionaryPage())
		}
		if ok, err := column.StatsSet(); err != nil || ok != leaf.Statistics {
			t.Errorf("%s has statistics: %v, error %v", path, ok, err)
		}
	}
	if by := f.MetaData().GetCreatedBy(); by != createdBy {
		t.Errorf("created by %q", by)
	}
}

// TestLargeValues: bodies far beyond a page and beyond a row group, as text and as bytes.
func TestLargeValues(t *testing.T) {
	t.Run("body_text", func(t *testing.T) { testLargeValues(t, "body_text", 0) })
	t.Run("body", func(t *testing.T) { testLargeValues(t, "body", 0xff) })
}

// testLargeValues writes bodies that begin with a byte, and reads the column that should have them.
func testLargeValues(t *testing.T, name string, begin byte) {
	r := rand.New(rand.NewPCG(5, 6))
	var rows []schemas.Document
	for _, n := range []int{3 << 20, 10, 1, 1 << 20, 5 << 20} {
		body := make([]byte, n)
		for i := range body {
			body[i] = byte(r.IntN(64))
		}
		body[0] = begin
		rows = append(rows, schemas.Document{Body: body})
	}
	data, summary := write(t, schemas.Documents, rows, Options{RowGroupBytes: 4 << 20})
	if summary.RowGroups != 2 {
		t.Errorf("%d row groups, want 2", summary.RowGroups)
	}
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for g := range f.NumRowGroups() {
		column, err := f.RowGroup(g).Column(f.MetaData().Schema.ColumnIndexByName(name))
		if err != nil {
			t.Fatal(err)
		}
		values, levels := make([]parquet.ByteArray, 1), make([]int16, 1)
		for column.HasNext() {
			if _, n, err := column.(*file.ByteArrayColumnChunkReader).ReadBatch(1, values, levels, nil); err != nil || n != 1 {
				t.Fatalf("%d bodies read: %v", n, err)
			}
			if !bytes.Equal(values[0], rows[read].Body) {
				t.Errorf("body %d of %d bytes is not what was written", read, len(rows[read].Body))
			}
			read++
		}
	}
	if read != len(rows) {
		t.Errorf("%d bodies read, %d written", read, len(rows))
	}
}

func TestRowTooLarge(t *testing.T) {
	w, err := NewWriter(io.Discard, schemas.Documents, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.maxRowBytes = 1000
	if err := w.Append(&schemas.Document{Body: make([]byte, 400)}); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(&schemas.Document{Body: make([]byte, 1001)}); err == nil {
		t.Error("a row larger than allowed was taken")
	}
	if _, err := w.Close(); err == nil {
		t.Error("a file that lacks a row was called good")
	}
}

func TestSummary(t *testing.T) {
	at := func(year int) *time.Time {
		return ptr(time.Date(year, 2, 3, 4, 5, 6, 7, time.FixedZone("west", -3600)))
	}
	tests := []struct {
		name     string
		created  []*time.Time
		min, max *time.Time
	}{
		{"none", []*time.Time{nil, nil}, nil, nil},
		{"one", []*time.Time{nil, at(2026), nil}, at(2026), at(2026)},
		{"unordered", []*time.Time{at(2025), at(2027), nil, at(2024), at(2026)}, at(2024), at(2027)},
		{"beyond what JSON can say", []*time.Time{at(-5), at(12000)}, &firstCreatedAt, &lastCreatedAt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows := make([]schemas.Conversation, len(tt.created))
			for i := range rows {
				rows[i].CreatedAt = tt.created[i]
			}
			data, got := write(t, schemas.Conversations, rows, Options{})
			want := Summary{Rows: int64(len(rows)), RowGroups: 1, Bytes: int64(len(data)), MinCreatedAt: tt.min, MaxCreatedAt: tt.max}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Error(err)
			}
		})
	}
}

// BenchmarkWriter writes messages; MB/s refer to the shredded data.
func BenchmarkWriter(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	words := strings.Fields("hello order please where thanks parcel refund number address delivery invoice friday broken account password")
	rows := make([]schemas.Message, 2000)
	for i := range rows {
		var said strings.Builder
		for range 20 + r.IntN(40) {
			fmt.Fprintf(&said, "%s%d ", words[r.IntN(len(words))], r.IntN(100))
		}
		at := time.Unix(int64(1777593600+i*60), 0)
		rows[i] = schemas.Message{
			ConversationID: fmt.Sprint(i / 8), MessageID: fmt.Sprint(i), ObservedAt: at, Sequence: int64(i % 8), CreatedAt: &at,
			AuthorType: ptr("agent"), Direction: ptr("out"), Kind: "message", Text: ptr(said.String()),
			Parts: []schemas.Part{{Type: "text", Text: ptr(said.String())}}, Attributes: map[string]*string{"inbox_id": ptr("3"), "echo_id": nil},
		}
	}
	leaves, size := schemas.Messages.Leaves(), int64(0)
	for i := range rows {
		schemas.Messages.Shred(&rows[i], leaves)
	}
	for i := range leaves {
		size += int64(leaves[i].Bytes())
	}
	w, err := NewWriter(io.Discard, schemas.Messages, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size / int64(len(rows)))
	b.ReportAllocs()
	for i := range b.N {
		if err := w.Append(&rows[i%len(rows)]); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
