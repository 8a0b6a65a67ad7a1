package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/chatlake/chatlake/schemas"
)

var errDisk = errors.New("disk is full")

// disk accepts writes and fails at one of them.
type disk struct {
	bytes.Buffer
	fault  fault
	at     int // number of the write that fails, from 0; -1 for none
	writes int
	after  int // writes after the one that failed
	closed bool
}

func (d *disk) Write(p []byte) (int, error) {
	d.writes++
	switch {
	case d.at < 0 || d.writes-1 < d.at:
	case d.writes-1 == d.at:
		return d.fault.first(&d.Buffer, p)
	default:
		d.after++
		if d.fault.stays {
			return 0, errDisk
		}
	}
	return d.Buffer.Write(p)
}

func (d *disk) Close() error {
	d.closed = true
	return nil
}

// fault is a way in which a write fails, and whether all later ones fail too.
type fault struct {
	name  string
	stays bool
	first func(to *bytes.Buffer, p []byte) (int, error)
}

var faults = []fault{
	{"error", true, func(_ *bytes.Buffer, _ []byte) (int, error) { return 0, errDisk }},
	{"error once", false, func(_ *bytes.Buffer, _ []byte) (int, error) { return 0, errDisk }},
	{"half and an error", true, func(to *bytes.Buffer, p []byte) (int, error) {
		n, _ := to.Write(p[:len(p)/2])
		return n, errDisk
	}},
	{"half and an error once", false, func(to *bytes.Buffer, p []byte) (int, error) {
		n, _ := to.Write(p[:len(p)/2])
		return n, errDisk
	}},
	{"half and no error", false, func(to *bytes.Buffer, p []byte) (int, error) { return to.Write(p[:len(p)/2]) }},
	{"all but one byte and no error", false, func(to *bytes.Buffer, p []byte) (int, error) { return to.Write(p[:len(p)-1]) }},
	{"nothing and no error", true, func(_ *bytes.Buffer, _ []byte) (int, error) { return 0, nil }},
	{"all and an error", false, func(to *bytes.Buffer, p []byte) (int, error) {
		n, _ := to.Write(p)
		return n, errDisk
	}},
	{"panic", false, func(_ *bytes.Buffer, _ []byte) (int, error) { panic(errDisk) }},
}

func faultRows() []schemas.Message {
	rows := make([]schemas.Message, 90)
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		rows[i] = schemas.Message{
			ConversationID: "1", MessageID: fmt.Sprint(i), ObservedAt: at, CreatedAt: &at, Kind: "message", Text: ptr(fmt.Sprint("text ", i)),
			Parts: []schemas.Part{{Type: "text"}}, Attributes: map[string]*string{"a": nil},
		}
	}
	return rows
}

// attempt writes rows to d, continues after errors as a careless caller would, and returns the result of Close.
func attempt(d *disk, rows []schemas.Message) error {
	w, err := NewWriter(d, schemas.Messages, Options{RowGroupBytes: 4500})
	if err != nil {
		return err
	}
	for i := range rows {
		_ = w.Append(&rows[i])
	}
	_ = w.Flush()
	_, err = w.Close()
	return err
}

// TestNoWriteErrorIsLost makes each single write of a file fail, in each way.
func TestNoWriteErrorIsLost(t *testing.T) {
	rows := faultRows()
	healthy := &disk{at: -1}
	if err := attempt(healthy, rows); err != nil {
		t.Fatal(err)
	}
	if healthy.closed {
		t.Error("the sink was closed; it is not the writer's")
	}
	info, err := Inspect(bytes.NewReader(healthy.Bytes()), int64(healthy.Len()))
	if err != nil || info.Rows != int64(len(rows)) || info.RowGroups < 3 {
		t.Fatalf("healthy file: %+v, error %v", info, err)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			for at := range healthy.writes {
				d := &disk{fault: f, at: at}
				err := attempt(d, rows)
				if err == nil {
					t.Errorf("write %d of %d went wrong and nobody said so", at, healthy.writes)
				}
				if f.stays && !errors.Is(err, errDisk) && !errors.Is(err, io.ErrShortWrite) {
					t.Errorf("write %d: error %v does not say what happened", at, err)
				}
				if d.after > 0 {
					t.Errorf("write %d: %d more writes after it", at, d.after)
				}
			}
		})
	}
	t.Logf("%d failure points", healthy.writes*len(faults))
}

// TestNoErrorIsLostInADictionary: when the library abandons a dictionary, it writes what it has and ignores errors.
func TestNoErrorIsLostInADictionary(t *testing.T) {
	rows := make([]schemas.Tombstone, 3000)
	for i := range rows {
		rows[i].Reason = fmt.Sprint(i, strings.Repeat("-", 800))
	}
	attempt := func(d *disk) error {
		w, err := NewWriter(d, schemas.Tombstones, Options{})
		if err != nil {
			return err
		}
		for i := range rows {
			_ = w.Append(&rows[i])
		}
		_, err = w.Close()
		return err
	}
	healthy := &disk{at: -1}
	if err := attempt(healthy); err != nil {
		t.Fatal(err)
	}
	for at := range healthy.writes {
		d := &disk{fault: faults[1], at: at}
		if err := attempt(d); !errors.Is(err, errDisk) && at > 0 {
			t.Errorf("write %d of %d: error %v", at, healthy.writes, err)
		}
		if d.after > 0 {
			t.Errorf("write %d: %d more writes after it", at, d.after)
		}
	}
}

// library writes the rows as the library's documentation recommends, and checks every error that it returns.
func library(d io.Writer, rows []schemas.Message) (err error) {
	root, err := rootOf(schemas.Messages.Shape)
	if err != nil {
		return err
	}
	w := file.NewParquetWriter(d, root, file.WithWriterProps(properties(root, schemas.Messages.Leaves())))
	for from := 0; from < len(rows); from += 30 {
		leaves := schemas.Messages.Leaves()
		for i := range rows[from : from+30] {
			schemas.Messages.Shred(&rows[from+i], leaves)
		}
		group := w.AppendRowGroup()
		for i := range leaves {
			column, err := group.NextColumn()
			if err != nil {
				return err
			}
			if leaves[i].Partition != "" {
				err = new(columnWriter).repeat(column, "", 30)
			} else {
				err = new(columnWriter).write(column, &leaves[i])
			}
			if err != nil {
				return err
			}
		}
		if err := group.Close(); err != nil {
			return err
		}
	}
	return w.Close()
}

// TestGuardsMatter shows what would happen without the guards. If it fails, the library has improved, and some guards can be
// removed.
func TestGuardsMatter(t *testing.T) {
	if err := useCodec(); err != nil {
		t.Fatal(err)
	}
	rows := faultRows()
	healthy := &disk{at: -1}
	if err := library(healthy, rows); err != nil {
		t.Fatal(err)
	}
	if !healthy.closed {
		t.Error("the library left the sink open")
	}
	lost, panicked, broken := map[string]int{}, map[string]int{}, 0
	for _, f := range faults {
		if f.name != "error" && f.name != "error once" && f.name != "half and no error" {
			continue
		}
		for at := range healthy.writes {
			d := &disk{fault: f, at: at}
			err, panics := recovered(func() error { return library(d, rows) })
			switch {
			case panics:
				panicked[f.name]++
			case err == nil:
				lost[f.name]++
				if _, err := Inspect(bytes.NewReader(d.Bytes()), int64(d.Len())); err != nil {
					broken++
				}
			}
		}
	}
	t.Logf("%d writes; errors lost: %v; panics: %v; broken files called good: %d", healthy.writes, lost, panicked, broken)
	if len(lost) != 3 {
		t.Errorf("errors lost: %v; some kind never was", lost)
	}
	if len(panicked) == 0 {
		t.Error("the library alone never panicked")
	}
	if broken == 0 {
		t.Error("no broken file was called good")
	}
}

func recovered(f func() error) (err error, panics bool) {
	defer func() {
		if p := recover(); p != nil {
			panics = true
		}
	}()
	return f(), false
}

// TestEveryRowCounts: a table whose shredding skips a column must not become a file.
func TestEveryRowCounts(t *testing.T) {
	w, err := NewWriter(io.Discard, schemas.Tombstones, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.Append(&schemas.Tombstone{}); err != nil {
			t.Fatal(err)
		}
	}
	w.leaves[2].Definitions = w.leaves[2].Definitions[:2]
	if _, err := w.Close(); err == nil {
		t.Error("a column is one row short and the file was called good")
	}
	if _, again := w.Close(); again == nil {
		t.Error("the second Close forgot the error")
	}
}

func TestInspectRefuses(t *testing.T) {
	data, _ := write(t, schemas.Messages, faultRows(), Options{RowGroupBytes: 4500})
	inspect := func(data []byte) error {
		_, err := Inspect(bytes.NewReader(data), int64(len(data)))
		return err
	}
	if err := inspect(data); err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if inspect(data[:n]) == nil {
			t.Errorf("cut to %d of %d bytes: no error", n, len(data))
		}
	}
	if inspect(append([]byte{0}, data...)) == nil || inspect(append(bytes.Clone(data), 0)) == nil || inspect(data[1:]) == nil {
		t.Error("shifted by a byte: no error")
	}
	for from := 4; from < len(data)/2; from += 97 {
		if inspect(append(bytes.Clone(data[:from]), data[from+50:]...)) == nil {
			t.Errorf("50 bytes from %d on are missing: no error", from)
		}
	}
	var foreign bytes.Buffer
	if err := library(&foreign, faultRows()); err != nil {
		t.Fatal(err)
	}
	if inspect(foreign.Bytes()) == nil {
		t.Error("a file without our metadata: no error")
	}
}

// TestRowsAreCopied: callers may reuse the memory of a row as soon as Append has returned.
func TestRowsAreCopied(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, schemas.Documents, Options{})
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("first")
	row := schemas.Document{Body: body, Kind: "a"}
	for _, said := range []string{"first", "other", "\xff\xfe!!!"} {
		copy(body, said)
		if err := w.Append(&row); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var got []any
	for _, r := range read(t, b.Bytes()) {
		got = append(got, r.(map[string]any)["body_text"], r.(map[string]any)["body"])
	}
	if want := []any{"first", nil, "other", nil, nil, "//4hISE="}; !reflect.DeepEqual(got, want) {
		t.Errorf("bodies %v, want %v", got, want)
	}
}

func FuzzInspect(f *testing.F) {
	data, _ := write(f, schemas.Tombstones, []schemas.Tombstone{{ConversationID: "1"}}, Options{})
	f.Add(data)
	f.Add(data[:len(data)-4])
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := Inspect(bytes.NewReader(data), int64(len(data)))
		if err != nil && info != (Info{}) {
			t.Errorf("error %v, and yet %+v", err, info)
		}
	})
}
