package freshchat

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxUnpacked is the cap of one report's files, unpacked.
const maxUnpacked = 4 << 30

var (
	errTable    = errors.New("the report's file is no CSV with a known header")
	errArchive  = errors.New("the report's archive cannot be read")
	errUnpacked = errors.New("the report's files are larger than the cap")
	errRecord   = errors.New("a row of the report's file is larger than the cap")
)

// header is the first row of a table: the columns as sent, and what they mean. The order is not fixed, the case varies,
// and one column is misspelt at times.
type header struct {
	sent  [][]byte // as JSON
	names []string
}

// misspelt columns, seen in the code of a dashboard, and what they mean.
var misspelt = map[string]string{"abel_sub_category_name": "label_sub_category_name", "abel_category_name": "label_category_name"}

var blanks = strings.NewReplacer(" ", "_", "-", "_")

func columnName(s string) string {
	const longest = 64
	if len(s) > longest {
		return s
	}
	s = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(s, "\ufeff")))
	s = blanks.Replace(s)
	if meant, ok := misspelt[s]; ok {
		return meant
	}
	return s
}

func newHeader(record []string) header {
	var h header
	for _, cell := range record {
		name, err := json.Marshal(strings.TrimPrefix(cell, "\ufeff"))
		if err != nil {
			name = []byte(`""`)
		}
		h.sent, h.names = append(h.sent, name), append(h.names, columnName(cell))
	}
	return h
}

// repeated says that a record is a header once more: files are put together from several that each have one.
func (h header) repeated(record []string) bool {
	names := 0
	for i, cell := range record {
		if slices.Contains(h.names, columnName(cell)) && cell != "" {
			names++
		} else if i == 0 {
			return false
		}
	}
	return names > len(h.names)/2
}

// record is one row of a report.
type record struct {
	header
	cells []string
}

// get is the first cell that is not empty of the columns with these meanings.
func (r record) get(names ...string) string {
	for _, name := range names {
		for i, column := range r.names {
			if column == name && i < len(r.cells) && r.cells[i] != "" {
				return r.cells[i]
			}
		}
	}
	return ""
}

// json is the row as an object with the columns as sent, in their order. Cells beyond the header are column_<n>.
func (r record) json(to []byte) []byte {
	to = append(to, '{')
	for i, cell := range r.cells {
		if i > 0 {
			to = append(to, ',')
		}
		if i < len(r.sent) {
			to = append(to, r.sent[i]...)
		} else {
			to = fmt.Appendf(to, `"column_%d"`, i+1)
		}
		to = append(to, ':')
		to = appendQuoted(to, cell)
	}
	return append(to, '}')
}

func appendQuoted(to []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= utf8.RuneSelf }) {
		return append(append(append(to, '"'), s...), '"')
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return append(to, `""`...)
	}
	return append(to, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// readTable reads what a report's link leads to: a ZIP of CSV files although CSV was asked for (told by its first bytes),
// or the CSV itself. Nothing at all, an empty archive, empty files and files of a header only are no rows. key is a column
// that a header must have; left is how many bytes the report's files may still have, unpacked; yield may keep nothing of the record.
func readTable(file io.ReaderAt, size int64, key string, left *int64, yield func(record) error) error {
	whole := io.NewSectionReader(file, 0, size)
	var magic [4]byte
	if _, err := file.ReadAt(magic[:min(size, int64(len(magic)))], 0); err != nil && !errors.Is(err, io.EOF) {
		return &scratchError{err}
	}
	switch {
	case bytes.HasPrefix(magic[:], []byte("PK\x03\x04")), bytes.HasPrefix(magic[:], []byte("PK\x05\x06")):
		if directorySize(file, size) > maxDirectory {
			return errArchive
		}
		archive, err := zip.NewReader(whole, size)
		if err != nil {
			return errArchive
		}
		for _, f := range archive.File {
			if f.FileInfo().IsDir() {
				continue
			}
			if err := readMember(f, key, left, yield); err != nil {
				return err
			}
		}
		return nil
	case bytes.HasPrefix(magic[:], []byte("\x1f\x8b")):
		unpacked, err := gzip.NewReader(whole)
		if err != nil {
			return errArchive
		}
		return readCSV(&capped{r: unpacked, left: left}, key, yield)
	}
	return readCSV(&capped{r: whole, left: left}, key, yield)
}

// maxDirectory is the cap of an archive's list of files, which is read into memory at once.
const maxDirectory = 1 << 20

// directorySize is how long an archive says that its list of files is, 0 where it does not say: that is no archive.
func directorySize(file io.ReaderAt, size int64) int64 {
	const record, longestComment, at = 22, 1<<16 - 1, 12 // the end of the central directory record (APPNOTE 4.3.16)
	tail := make([]byte, min(size, record+longestComment))
	if n, err := file.ReadAt(tail, size-int64(len(tail))); n < len(tail) && err != nil {
		return 0
	}
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || i+record > len(tail) {
		return 0
	}
	return int64(binary.LittleEndian.Uint32(tail[i+at:]))
}

func readMember(f *zip.File, key string, left *int64, yield func(record) error) error {
	r, err := f.Open()
	if err != nil {
		return errArchive
	}
	defer r.Close()
	return readCSV(&capped{r: r, left: left}, key, yield)
}

// maxRecord is the cap of one row, which is held in memory.
const maxRecord = 16 << 20

// capped reads no more than is left over all files of a report, nor of one row, and says what is wrong with an archive in our words.
type capped struct {
	r    io.Reader
	left *int64
	row  int64 // bytes since the last row was whole
}

func (c *capped) Read(p []byte) (int, error) {
	switch {
	case *c.left <= 0:
		return 0, errUnpacked
	case c.row > maxRecord:
		return 0, errRecord
	}
	n, err := c.r.Read(p[:min(int64(len(p)), *c.left)])
	*c.left -= int64(n)
	c.row += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errArchive
	}
	return n, err
}

func readCSV(r *capped, key string, yield func(record) error) error {
	reader := csv.NewReader(r)
	reader.FieldsPerRecord, reader.LazyQuotes, reader.ReuseRecord = -1, true, true
	var h *header
	for {
		cells, err := reader.Read()
		r.row = 0
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errUnpacked), errors.Is(err, errArchive), errors.Is(err, errRecord):
			return err
		case err != nil:
			return errTable
		case blankRecord(cells):
			continue
		case h == nil:
			first := newHeader(cells)
			if !has(first.names, key) {
				return errTable
			}
			h = &first
			continue
		case h.repeated(cells):
			again := newHeader(cells)
			h = &again
			continue
		}
		if err := yield(record{*h, cells}); err != nil {
			return err
		}
	}
}

func blankRecord(cells []string) bool {
	for _, cell := range cells {
		if strings.Trim(cell, " \ufeff\t") != "" {
			return false
		}
	}
	return true
}

// has says whether a header has a column. The conversation's has two names (seen in a dashboard's code), and a report on
// agents has none of it.
func has(names []string, key string) bool {
	for _, name := range names {
		if name == key || key == columnConversation && name == columnInteraction {
			return true
		}
	}
	return false
}

const (
	columnConversation = "conversation_id"
	columnInteraction  = "interaction_id"
)
