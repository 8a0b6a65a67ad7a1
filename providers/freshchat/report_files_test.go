package freshchat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

// spoiler damages the files of one report for a number of downloads.
type spoiler struct {
	http.Handler
	mu    sync.Mutex
	job   string // report whose file is damaged
	times int
	asked map[string]int // by job
	with  func([]byte) []byte
}

func (s *spoiler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(r.URL.Path, "/")
	if path[1] != "extracts" {
		s.Handler.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	if s.asked[path[2]]++; s.job == "" && len(s.asked) == 3 {
		s.job = path[2]
	}
	answer := httptest.NewRecorder()
	s.Handler.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	if path[2] == s.job && s.asked[s.job] <= s.times {
		body = s.with(body)
	}
	_, _ = w.Write(body)
}

func cut(body []byte) []byte { return body[:len(body)/2] }
func flipped(body []byte) []byte { // changes compressed bytes
	body = bytes.Clone(body)
	for i := len(body) / 3; i < len(body)/3+20; i++ {
		body[i] ^= 0xff
	}
	return body
}
func another([]byte) []byte { return []byte("id,name\n1,body-marker\n") }

// A report with a damaged file is downloaded again at once; no other report is.
func TestSpoiledDownload(t *testing.T) {
	for name, with := range map[string]func([]byte) []byte{"cut": cut, "flipped": flipped, "another table": another} {
		s := fake.New(simulator.NewCorpus(small(300)), fake.Options{Token: testToken})
		spoils := &spoiler{Handler: s, times: 2, with: with}
		server := httptest.NewServer(spoils)
		w := schemas.Window{From: march, To: march.AddDate(0, 0, 4)}
		refs := 0
		for page, err := range testAccount(t, server.URL).Conversations(t.Context(), w, "") {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			refs += len(page.Refs)
		}
		server.Close()
		for job, n := range spoils.asked {
			if want := map[bool]int{true: 3, false: 1}[job == spoils.job]; n != want {
				t.Errorf("%s: a report was downloaded %d times, want %d", name, n, want)
			}
		}
		if want := len(s.Conversations(w)); refs != want || len(spoils.asked) != 5 || s.Stats().Endpoints["reports/raw"] != 5 {
			t.Errorf("%s: %d conversations of %d, %d reports, %d orders", name, refs, want, len(spoils.asked), s.Stats().Endpoints["reports/raw"])
		}
	}
}

// A report whose file stays damaged is ordered again, and the others are kept. A file in another form is an error.
func TestSpoiledReport(t *testing.T) {
	s := fake.New(simulator.NewCorpus(small(300)), fake.Options{Token: testToken})
	spoils := &spoiler{Handler: s, times: 1000, with: cut}
	server := httptest.NewServer(spoils)
	defer server.Close()
	w := schemas.Window{From: march, To: march.AddDate(0, 0, 4)}
	refs := 0
	for page, err := range testAccount(t, server.URL).Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		refs += len(page.Refs)
	}
	var asked []int
	for _, n := range spoils.asked {
		asked = append(asked, n)
	}
	slices.Sort(asked)
	if want := []int{1, 1, 1, 1, 1, 3}; !slices.Equal(asked, want) || refs != len(s.Conversations(w)) || s.Stats().Endpoints["reports/raw"] != 6 {
		t.Errorf("the reports were downloaded %v times, want %v; %d conversations, %d orders", asked, want, refs, s.Stats().Endpoints["reports/raw"])
	}
	spoils.with, spoils.job, spoils.asked = another, "", nil
	a := testAccount(t, server.URL)
	at, _, err := step(a, t.Context(), w, "")
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.Malformed || !errors.Is(err, errTable) || strings.Contains(err.Error(), "marker") {
		t.Fatalf("%v", err)
	}
	spoils.times = 0
	if _, page, err := step(a, t.Context(), w, at); err != nil || len(page.Refs) == 0 {
		t.Errorf("the next attempt: %d conversations, %v", len(page.Refs), err)
	}
	for job, n := range spoils.asked {
		if want := map[bool]int{true: maxDownloads + 1, false: 1}[job == spoils.job]; n != want {
			t.Errorf("a report was downloaded %d times by two attempts, want %d", n, want)
		}
	}
}

// disk counts scratch files and the bytes written to them.
type disk struct {
	made, closed int
	written      int64
	full         bool
}

type countedFile struct {
	memoryFile
	of *disk
}

func (f *disk) make() (providers.File, error) {
	f.made++
	return &countedFile{of: f}, nil
}

func (c *countedFile) WriteAt(p []byte, at int64) (int, error) {
	if c.of.full {
		return 0, &fs.PathError{Op: "write", Path: "path-marker", Err: syscall.ENOSPC}
	}
	c.of.written += int64(len(p))
	return c.memoryFile.WriteAt(p, at)
}

func (c *countedFile) Close() error {
	c.of.closed++
	return nil
}

// Downloads are in scratch files while they are read. Spools are in files only if they are large.
func TestScratch(t *testing.T) {
	s, _, w := site(t, small(60), fake.Options{}, nil)
	server := httptest.NewServer(s)
	defer server.Close()
	f := &disk{}
	a := testAccount(t, server.URL, func(p *providers.Account) { p.Scratch = f.make })
	if _, page, err := step(a, t.Context(), w, ""); err != nil || len(page.Refs) == 0 {
		t.Fatal(err)
	}
	if f.made != 5 || f.closed != 5 || f.written == 0 {
		t.Errorf("%d files made, %d closed, %d bytes", f.made, f.closed, f.written)
	}
	kept := &keptFile{make: f.make}
	var want []byte
	for i := range 40 {
		part := bytes.Repeat([]byte{byte(i)}, 50_000)
		if _, err := kept.WriteAt(part, int64(len(want))); err != nil {
			t.Fatal(err)
		}
		want = append(want, part...)
		got := make([]byte, len(want))
		if _, err := kept.ReadAt(got, 0); err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(got, want) {
			t.Fatalf("after %d bytes, reading returns different bytes, error %v", len(want), err)
		}
	}
	if f.made != 6 {
		t.Errorf("%d files for two megabytes", f.made-5)
	}
	f.full = true
	a = testAccount(t, server.URL, func(p *providers.Account) { p.Scratch = f.make })
	var e *providers.Error
	if _, _, err := step(a, t.Context(), w, ""); !errors.As(err, &e) || e.Kind != providers.Transient || strings.Contains(err.Error(), "marker") {
		t.Errorf("a full disk: %v", err)
	}
}

// Reading a report stops at the limits for all of its files, for one row, and for an archive's central directory.
func TestReportBounds(t *testing.T) {
	endless := &endlessCSV{}
	left := int64(1 << 40)
	err := readTable(endless, 1<<39, columnConversation, &left, func(record) error { return nil })
	if !errors.Is(err, errRecord) || endless.read > maxRecord+1<<20 {
		t.Errorf("a row without end: %v after %d bytes", err, endless.read)
	}
	var many []string
	for i := range 25_000 {
		many = append(many, fmt.Sprintf("%05d", i), "")
	}
	if _, err := rowsOf(zipped(t, many...), 1000); !errors.Is(err, errArchive) {
		t.Errorf("an archive of 25,000 files: %v", err)
	}
	_, a, w := site(t, small(60), fake.Options{}, nil)
	a.maxUnpacked = 5000
	var e *providers.Error
	if _, _, err := step(a, t.Context(), w, ""); !errors.As(err, &e) || e.Kind != providers.Malformed || !errors.Is(err, errUnpacked) {
		t.Errorf("files that are too large together: %v", err)
	}
	_, a, w = site(t, small(60), fake.Options{}, nil)
	a.maxPacked = 100
	if _, _, err := step(a, t.Context(), w, ""); !errors.As(err, &e) || e.Kind != providers.Malformed {
		t.Errorf("a download that is too large: %v", err)
	}
}

// endlessCSV is a header followed by a cell without an end.
type endlessCSV struct{ read int }

func (e *endlessCSV) ReadAt(p []byte, at int64) (int, error) {
	e.read += len(p)
	const begin = "conversation_id,value\nc1,\""
	for i := range p {
		p[i] = 'x'
		if j := at + int64(i); j < int64(len(begin)) {
			p[i] = begin[j]
		}
	}
	return len(p), nil
}

// The rows of a large report are grouped in parts and keep their order.
func TestLargeReport(t *testing.T) {
	const conversations, rows = 7, 40_000
	var b bytes.Buffer
	b.WriteString("conversation_id,created_time,n,words\n")
	for i := range rows {
		fmt.Fprintf(&b, "c%d,2025-03-01 00:00:00.0,%d,%s\n", i%conversations, i, strings.Repeat("x", 300))
	}
	a := testAccount(t, "https://acme.freshchat.com")
	s := &spool{file: &memoryFile{}}
	body := bytes.NewReader(b.Bytes())
	if err := a.readConversations(s, order{event: eventTranscript}, []download{{nopFile{body}, body.Size()}}); err != nil {
		t.Fatal(err)
	}
	if err := s.seal(); err != nil {
		t.Fatal(err)
	}
	all := merge([]order{{event: eventTranscript}}, []*spool{s})
	if len(all.entries) != conversations {
		t.Fatalf("%d conversations", len(all.entries))
	}
	for k, e := range all.entries {
		if len(e.rows[0].spans) < 2 {
			t.Error("the report was not read in parts")
		}
		array, err := a.blocks.read(e.rows)
		if err != nil || !wire.Valid(array) {
			t.Fatal(err)
		}
		n := k
		for _, row := range wire.Items(array) {
			if got := wire.Word(wire.Field(row, "n")); got != fmt.Sprint(n) || wire.Word(wire.Field(row, "conversation_id")) != e.id {
				t.Fatalf("row %s of %s, want %d", got, e.id, n)
			}
			n += conversations
		}
		if n < rows {
			t.Errorf("%s ends at %d", e.id, n)
		}
	}
}

type nopFile struct{ *bytes.Reader }

func (nopFile) WriteAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }
func (nopFile) Close() error                       { return nil }
