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

// maxUnpackedBytes is the largest uncompressed size of one report's files.
const maxUnpackedBytes = 4 << 30

var (
	errTable    = errors.New("the report's file is not a CSV file with the expected header")
	errArchive  = errors.New("the report's archive is damaged")
	errUnpacked = fmt.Errorf("the report's uncompressed files are larger than %d GiB", maxUnpackedBytes>>30)
	errRecord   = fmt.Errorf("a row of the report's file is larger than %d MiB", maxRecord>>20)
)

// header is the first row of a table: the columns as sent, and their names. The order of columns is not fixed, their case varies, and
// some are sometimes misspelt.
type header struct {
	sent  [][]byte // as JSON
	names []string
}

// misspelt maps misspelt columns, seen in a dashboard's code, to their names.
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

// isRepeated reports whether a record repeats the header. The platform joins several files that each have a header.
func (h header) isRepeated(record []string) bool {
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

// get returns the first cell, of the named columns, that is not empty.
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

// json appends the row as an object, with the columns as sent and in their order. Cells beyond the header are called column_<n>.
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

// readTable reads the file behind a report's link: a ZIP of CSV files, although CSV was ordered, or gzip, or plain CSV. The first
// bytes show which. An empty file, an empty archive, empty files in it, and files with only a header have no rows. key is a column that
// a header must have. left is how many uncompressed bytes the report's files may still have. yield must not keep the record.
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
		return readCSV(&limitedReader{r: unpacked, left: left}, key, yield)
	}
	return readCSV(&limitedReader{r: whole, left: left}, key, yield)
}

// maxDirectory is the largest central directory of an archive, which is read into memory at once.
const maxDirectory = 1 << 20

// directorySize returns the size of an archive's central directory according to the archive, 0 if it is not a valid archive.
func directorySize(file io.ReaderAt, size int64) int64 {
	const record, longestComment, at = 22, 1<<16 - 1, 12 // end of central directory record (APPNOTE 4.3.16)
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
	return readCSV(&limitedReader{r: r, left: left}, key, yield)
}

// maxRecord is the largest row in bytes. A row is held in memory.
const maxRecord = 16 << 20

// limitedReader limits the bytes of all files of a report and of a single row. It replaces errors of the archive by our own.
type limitedReader struct {
	r    io.Reader
	left *int64
	row  int64 // bytes since the end of the last complete row
}

func (c *limitedReader) Read(p []byte) (int, error) {
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

func readCSV(r *limitedReader, key string, yield func(record) error) error {
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
			if !hasColumn(first.names, key) {
				return errTable
			}
			h = &first
			continue
		case h.isRepeated(cells):
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

// hasColumn reports whether a header has a column. The column of the conversation has two names (seen in a dashboard's code).
func hasColumn(names []string, key string) bool {
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
