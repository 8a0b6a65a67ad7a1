package parquet

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

func ptr[T any](v T) *T { return &v }

// write returns a file with the rows.
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

// read returns the content of a file according to arrow's own reader, which does not depend on our levels.
func read(t *testing.T, data []byte) []any {
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
	var rows []any
	for records.Next() {
		printed, err := records.Record().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		decode := json.NewDecoder(bytes.NewReader(printed))
		decode.UseNumber()
		var some []any
		if err := decode.Decode(&some); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, some...)
	}
	if err := records.Err(); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return rows
}

// told returns what the reader should find for a value, determined by reflection over the row instead of the table's columns.
func told(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Time:
		s := strings.TrimRight(x.UTC().Truncate(time.Microsecond).Format("2006-01-02 15:04:05.000000"), "0")
		return strings.TrimSuffix(s, ".") + "Z"
	case []byte:
		return base64.StdEncoding.EncodeToString(x)
	case string:
		return strings.ToValidUTF8(x, "\uFFFD")
	case map[string]*string:
		entries := []any{}
		for _, key := range slices.Sorted(maps.Keys(x)) {
			entries = append(entries, map[string]any{"key": told(reflect.ValueOf(key)), "value": told(reflect.ValueOf(x[key]))})
		}
		return entries
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return told(v.Elem())
	case reflect.Slice:
		entries := []any{}
		for i := range v.Len() {
			entries = append(entries, told(v.Index(i)))
		}
		return entries
	case reflect.Struct:
		fields := map[string]any{}
		for i := range v.NumField() {
			fields[snake(v.Type().Field(i).Name)] = told(v.Field(i))
		}
		if d, ok := v.Interface().(schemas.Document); ok {
			if d.ConversationID == "" {
				fields["conversation_id"] = nil
			}
			if fields["body_text"] = nil; utf8.Valid(d.Body) {
				fields["body"], fields["body_text"] = nil, string(d.Body)
			}
		}
		return fields
	case reflect.Bool:
		return v.Bool()
	case reflect.Float64:
		printed, _ := json.Marshal(v.Float())
		return json.Number(printed)
	default:
		return json.Number(fmt.Sprint(v.Interface()))
	}
}

var wordEnd = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

func snake(name string) string {
	return strings.ToLower(wordEnd.ReplaceAllString(name, "${1}${3}_${2}${4}"))
}

// The values in the generated rows: extremes rather than typical values.
var (
	someTexts = []string{
		"", "x", "open", "a\xff\xfeb", "\xc3", "nul\x00nul", "zwölf Boxkämpfer", "\U0001F680", "\uFFFD", strings.Repeat("long ", 2000),
	}
	someTimes = []time.Time{
		{}, time.Unix(0, 0), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		time.Date(2026, 5, 17, 12, 30, 0, 123456789, time.FixedZone("east", 2*3600)), time.Date(1969, 12, 31, 23, 59, 59, 1999, time.UTC),
	}
	someIntegers = []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 404}
	someNumbers  = []float64{0, 1, -0.5, math.MaxFloat64, math.SmallestNonzeroFloat64, 4.2}
	someBytes    = [][]byte{nil, {}, []byte("{}"), {0xff, 0, 0xfe}, bytes.Repeat([]byte(`{"content":"…"}`), 3000)}
)

// make up a value: one in three optional values is nil, one in three lists and maps is nil or empty.
func makeUp(r *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(someTimes[r.IntN(len(someTimes))]))
		return
	case []byte:
		v.SetBytes(someBytes[r.IntN(len(someBytes))])
		return
	case map[string]*string:
		if r.IntN(6) == 0 {
			return
		}
		m := map[string]*string{}
		for i := range r.IntN(6) {
			m[fmt.Sprint("key.", i*i)] = nil
			if r.IntN(3) > 0 {
				m[fmt.Sprint("key.", i)] = &someTexts[r.IntN(len(someTexts))]
			}
		}
		v.Set(reflect.ValueOf(m))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			makeUp(r, v.Elem())
		}
	case reflect.Slice:
		if r.IntN(6) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), r.IntN(5), 5))
			for i := range v.Len() {
				makeUp(r, v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			makeUp(r, v.Field(i))
		}
	case reflect.String:
		v.SetString(someTexts[r.IntN(len(someTexts))])
	case reflect.Int64:
		v.SetInt(someIntegers[r.IntN(len(someIntegers))])
	case reflect.Float64:
		v.SetFloat(someNumbers[r.IntN(len(someNumbers))])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	}
}

// somewhere is what the rows of a file share.
var somewhere = schemas.Partition{Provider: "chatwoot", Account: "42", Stream: schemas.StreamCreated, Month: "2026-05"}

// toldRow is what the reader should find for a row of a file of somewhere.
func toldRow(row any) any {
	fields := told(reflect.ValueOf(row)).(map[string]any)
	fields["provider"], fields["account"], fields["stream"], fields["month"] = "chatwoot", "42", "created", "2026-05"
	return fields
}

// roundTrip writes generated rows, the first of which is all zero, in several row groups and pages, and reads them back.
func roundTrip[R any](t *testing.T, table *schemas.Table[R]) {
	t.Run(table.Table, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		rows := make([]R, 700)
		want := []any{toldRow(rows[0])}
		for i := range rows[1:] {
			makeUp(r, reflect.ValueOf(&rows[i+1]).Elem())
			want = append(want, toldRow(rows[i+1]))
		}
		data, summary := write(t, table, rows, Options{Writer: "test", Partition: somewhere, RowGroupBytes: 3 << 20})
		got := read(t, data)
		if len(got) != len(want) {
			t.Fatalf("%d rows read, %d written", len(got), len(want))
		}
		for i := range want {
			if diff := cmp.Diff(want[i], got[i]); diff != "" {
				t.Fatalf("row %d (-written +read)\n%s", i, diff)
			}
		}
		info, err := Inspect(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		said := Info{Table: table.Table, SchemaVersion: schemas.Version, Writer: "test", Rows: int64(len(rows)), RowGroups: summary.RowGroups}
		if diff := cmp.Diff(said, info); diff != "" {
			t.Errorf("(-want +inside)\n%s", diff)
		}
	})
}

func TestRoundTrip(t *testing.T) {
	roundTrip(t, schemas.Conversations)
	roundTrip(t, schemas.Messages)
	roundTrip(t, schemas.Participants)
	roundTrip(t, schemas.Events)
	roundTrip(t, schemas.Ratings)
	roundTrip(t, schemas.Attachments)
	roundTrip(t, schemas.Documents)
	roundTrip(t, schemas.DeadLetters)
	roundTrip(t, schemas.Tombstones)
	roundTrip(t, schemas.Agents)
	roundTrip(t, schemas.Contacts)
	roundTrip(t, schemas.Groups)
	roundTrip(t, schemas.Channels)
	roundTrip(t, schemas.Labels)
	roundTrip(t, schemas.Fields)
}

// TestDictionaryFallsBack fills a dictionary until the library abandons it in the middle of a row group.
func TestDictionaryFallsBack(t *testing.T) {
	rows := make([]schemas.Event, 6000)
	for i := range rows {
		rows[i].Kind = fmt.Sprint(i/2, strings.Repeat("-", 400))
	}
	data, _ := write(t, schemas.Events, rows, Options{})
	for i, row := range read(t, data) {
		if got := row.(map[string]any)["kind"]; got != rows[i].Kind {
			t.Fatalf("row %d: kind %.20v, want %.20s", i, got, rows[i].Kind)
		}
	}
}

// TestUnorderedNumbers: scores that are NaN, or have no order, must not break a file.
func TestUnorderedNumbers(t *testing.T) {
	var rows []schemas.Rating
	for _, score := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)} {
		rows = append(rows, schemas.Rating{Score: &score})
	}
	data, _ := write(t, schemas.Ratings, rows, Options{})
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	column, err := f.RowGroup(0).Column(4)
	if err != nil {
		t.Fatal(err)
	}
	got, definitions := make([]float64, len(rows)), make([]int16, len(rows))
	if _, n, err := column.(*file.Float64ColumnChunkReader).ReadBatch(int64(len(rows)), got, definitions, nil); err != nil || n != len(rows) {
		t.Fatalf("%d numbers read: %v", n, err)
	}
	for i := range rows {
		if math.Float64bits(got[i]) != math.Float64bits(*rows[i].Score) {
			t.Errorf("score %v came back as %v", *rows[i].Score, got[i])
		}
	}
}

func TestSameRowsSameBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	rows := make([]schemas.Message, 500)
	for i := range rows {
		makeUp(r, reflect.ValueOf(&rows[i]).Elem())
	}
	files := make([][]byte, 6)
	t.Run("at once", func(t *testing.T) {
		for i := range files {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				files[i], _ = write(t, schemas.Messages, rows, Options{Writer: "test", RowGroupBytes: 1 << 20})
			})
		}
	})
	for i := range files {
		if !bytes.Equal(files[i], files[0]) {
			t.Errorf("file %d of the same rows differs from the first", i)
		}
	}
	other, _ := write(t, schemas.Messages, rows, Options{Writer: "another build", RowGroupBytes: 1 << 20})
	if bytes.Equal(other, files[0]) {
		t.Error("another build wrote the same bytes: its name is not in the file")
	}
}
