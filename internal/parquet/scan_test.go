package parquet

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// counted counts the bytes that are read.
type counted struct {
	*bytes.Reader
	bytes int
}

func (c *counted) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.Reader.ReadAt(p, offset)
	c.bytes += n
	return n, err
}

func letters(n int) []schemas.DeadLetter {
	rows := make([]schemas.DeadLetter, n)
	for i := range rows {
		detail := strings.Repeat("detail ", 20) + fmt.Sprint(i)
		rows[i] = schemas.DeadLetter{
			ConversationID: fmt.Sprintf("%06d", i), ObservedAt: time.UnixMicro(int64(i)), Step: "FetchMessages", ErrorKind: "Timeout",
			Detail: &detail, Attempts: int64(i % 7),
		}
		if i%3 == 0 {
			rows[i].Detail = nil
		}
	}
	return rows
}

func scan(t *testing.T, data []byte, q Query) (rows []Row, read int) {
	t.Helper()
	r := &counted{Reader: bytes.NewReader(data)}
	if err := Scan(r, int64(len(data)), q, func(row Row) error {
		row.Cells = append([]Cell(nil), row.Cells...)
		rows = append(rows, row)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows, r.bytes
}

func TestScanReadsWhatWasWritten(t *testing.T) {
	written := letters(30_000)
	data, summary := write(t, schemas.DeadLetters, written, Options{RowGroupBytes: 1 << 20})
	rows, _ := scan(t, data, Query{Columns: []string{"conversation_id", "observed_at", "detail", "attempts"}})
	if len(rows) != len(written) || summary.RowGroups < 3 {
		t.Fatalf("%d rows in %d row groups, want %d in several", len(rows), summary.RowGroups, len(written))
	}
	group, index := 0, int64(0)
	for i, row := range rows {
		if row.Group != group {
			group, index = group+1, 0
		}
		want := Row{group, index, []Cell{{Text: written[i].ConversationID}, {Integer: int64(i)}, {Null: true}, {Integer: int64(i % 7)}}}
		if written[i].Detail != nil {
			want.Cells[2] = Cell{Text: *written[i].Detail}
		}
		if diff := cmp.Diff(want, row); diff != "" {
			t.Fatalf("row %d (-want +got):\n%s", i, diff)
		}
		index++
	}
	if group != summary.RowGroups-1 {
		t.Errorf("rows of %d row groups, want %d", group+1, summary.RowGroups)
	}
}

func TestScanForAValueReadsLittle(t *testing.T) {
	written := letters(30_000)
	data, _ := write(t, schemas.DeadLetters, written, Options{RowGroupBytes: 1 << 20})
	_, nothing := scan(t, data, Query{Columns: []string{"conversation_id", "detail"}, Value: new("a")})
	_, ids := scan(t, data, Query{Columns: []string{"conversation_id"}})
	for _, i := range []int{0, 17_001, 29_999} {
		rows, read := scan(t, data, Query{Columns: []string{"conversation_id", "attempts"}, Value: &written[i].ConversationID})
		if len(rows) != 1 || rows[0].Cells[0].Text != written[i].ConversationID || rows[0].Cells[1].Integer != int64(i%7) {
			t.Errorf("row %d: found %+v", i, rows)
		}
		if read-nothing > (ids-nothing)*2/3 {
			t.Errorf("row %d: %d bytes were read beyond the footer, all ids are %d", i, read-nothing, ids-nothing)
		}
	}
	rows, read := scan(t, data, Query{Columns: []string{"conversation_id", "detail"}, Value: new("0170015")})
	_, alone := scan(t, data, Query{Columns: []string{"conversation_id"}, Value: new("0170015")})
	if len(rows) > 0 || read != alone || read == nothing {
		t.Errorf("found %+v, which nobody wrote, with %d bytes; the ids of one row group alone are %d", rows, read-nothing, alone-nothing)
	}
}

func TestScanFindsRowsWhoseColumnMayBeNull(t *testing.T) {
	written := []schemas.Document{{Kind: "report"}, {ConversationID: "b", Kind: "x"}, {Kind: "report"}, {ConversationID: "a", Status: 404}, {ConversationID: "b"}}
	data, _ := write(t, schemas.Documents, written, Options{})
	rows, _ := scan(t, data, Query{Columns: []string{"conversation_id", "status"}, Value: new("a")})
	want := []Row{{0, 3, []Cell{{Text: "a"}, {Integer: 404}}}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if rows, _ := scan(t, data, Query{Columns: []string{"conversation_id"}, Value: new("")}); len(rows) > 0 {
		t.Errorf("found %+v: a null is no empty text", rows)
	}
}

func TestScanRefusesOtherColumns(t *testing.T) {
	data, _ := write(t, schemas.Conversations, make([]schemas.Conversation, 1), Options{})
	for _, column := range []string{"nothing", "tags", "attributes", "is_encrypted"} {
		err := Scan(bytes.NewReader(data), int64(len(data)), Query{Columns: []string{column}}, func(Row) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "column "+column) {
			t.Errorf("column %s: error %v", column, err)
		}
	}
}

// TestScanOfADamagedFileEnds: the result is an error or rows, never a panic or a hang.
func TestScanOfADamagedFileEnds(t *testing.T) {
	data, _ := write(t, schemas.DeadLetters, letters(2000), Options{RowGroupBytes: 64 << 10})
	r := rand.New(rand.NewPCG(1, 2))
	failed := 0
	for range 300 {
		broken := bytes.Clone(data)
		for range 1 + r.IntN(4) {
			broken[r.IntN(len(broken))] ^= byte(1 + r.IntN(255))
		}
		if Scan(bytes.NewReader(broken), int64(len(broken)), Query{Columns: []string{"conversation_id", "detail", "attempts"}}, func(Row) error { return nil }) != nil {
			failed++
		}
	}
	if failed < 100 {
		t.Errorf("only %d of 300 damaged files were noticed", failed)
	}
	stop := io.ErrUnexpectedEOF
	if err := Scan(bytes.NewReader(data), int64(len(data)), Query{Columns: []string{"step"}}, func(Row) error { return stop }); err == nil {
		t.Error("an error of the caller is lost")
	}
}
