package lake

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/schemas"
)

var update = flag.Bool("update", false, "write the table into docs/faults.md")

// life does everything that an export does with a lake: it stages, reads back, seals, commits, reads the ledger, verifies and
// cleans up. large is how many incompressible bytes it stages.
func life(ctx context.Context, l *Lake, large int) error {
	staged, err := staging(ctx, l, large)
	if err != nil {
		return err
	}
	seal, err := NewSeal(ctx, l.Store(), l.Scratch(), may("acme"), l.Writer())
	if err != nil {
		return err
	}
	defer seal.Discard()
	for doc, err := range l.ReadStaged(ctx, staged, nil) {
		if err == nil {
			doc.Body = []byte("{}") // the same files, however large the staged object is
			err = seal.Document(doc)
		}
		if err != nil {
			return err
		}
	}
	files, err := seal.Close(ctx)
	if err != nil {
		return err
	}
	outcome, _, err := l.Commit(ctx, ledger.Record{Shard: may("acme"), SpecDigest: "spec", Files: files})
	if err == nil && outcome != ledger.Committed {
		err = fmt.Errorf("the commit was %s although nothing else commits", outcome)
	}
	if err != nil {
		return err
	}
	records, err := l.Current(ctx, ledger.Filter{})
	if err != nil {
		return err
	}
	for _, r := range records {
		if findings, err := l.VerifyRecord(ctx, r, true); err != nil || len(findings) > 0 {
			return fmt.Errorf("verify: %w %v", err, findings)
		}
	}
	_, err = l.ClearStaging(ctx, may("acme"), 1)
	return err
}

func staging(ctx context.Context, l *Lake, large int) (ledger.Staged, error) {
	stage, err := l.Stage(may("acme"), 1, nil)
	if err != nil {
		return ledger.Staged{}, err
	}
	defer stage.Discard()
	noise := make([]byte, 1<<20)
	for i := range 20 {
		body := noise[:max(2, min(len(noise), large-i*len(noise)))]
		for j := range body {
			body[j] = byte(rand.Uint32())
		}
		if err := stage.Add(schemas.Document{Kind: "messages", ConversationID: fmt.Sprint(i), Status: 200, Body: body}); err != nil {
			return ledger.Staged{}, err
		}
	}
	return stage.Commit(ctx, "messages")
}

// whole fails the test unless the lake has the shard once and completely.
func whole(t *testing.T, l *Lake) {
	t.Helper()
	records, err := l.Current(t.Context(), ledger.Filter{})
	if err != nil || len(records) != 1 || records[0].Generation != 1 || len(records[0].Files) != 1 || records[0].Files[0].Rows != 20 {
		t.Fatalf("the ledger says %+v, error %v; want one shard of 20 documents, in its first generation", records, err)
	}
	if findings, err := l.VerifyRecord(t.Context(), records[0], true); err != nil || len(findings) > 0 {
		t.Errorf("verify: %v, %v", findings, err)
	}
}

// storeFault is one fault of the store, in the first times requests of one kind.
type storeFault struct {
	name  string
	what  func(*http.Request) bool
	times int64
	spoil func(w http.ResponseWriter, r *http.Request, next http.Handler)
	large int
	// says is a part of the expected error; empty if the store's client recovers by itself.
	says string
}

func asks(method, part string, query ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		for _, key := range query {
			if !r.URL.Query().Has(key) {
				return false
			}
		}
		return r.Method == method && strings.Contains(r.URL.Path, part)
	}
}

var (
	putStaged = asks("PUT", "/_staging/")
	putData   = asks("PUT", "/data/")
	putRecord = asks("PUT", "/_ledger/")
	getStaged = asks("GET", "/_staging/")
	getRecord = asks("GET", "/_ledger/")
	getData   = asks("GET", "/data/")
	putPart   = asks("PUT", "/_staging/", "partNumber", "uploadId")
	endParts  = asks("POST", "/_staging/", "uploadId")
	beginning = asks("POST", "/_staging/", "uploads")
	list      = asks("GET", "", "list-type")
	anything  = func(*http.Request) bool { return true }
)

// refused responds with an S3 error.
func refused(status int, code string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		s3test.Refuse(w, status, code, "the request")
	}
}

// unheard executes the request and loses the response.
func unheard(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// forgotten executes the request once and then denies it, as some stores do with uploads.
func forgotten() func(http.ResponseWriter, *http.Request, http.Handler) {
	var asked atomic.Bool
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if asked.Swap(true) {
			refused(404, "NoSuchUpload")(w, r, next)
			return
		}
		unheard(w, r, next)
	}
}

func cut(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// half sends half of a response and closes the connection. If short is true, Content-Length matches the half.
func half(short bool) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		whole := httptest.NewRecorder()
		next.ServeHTTP(whole, r)
		for key, values := range whole.Header() {
			w.Header()[key] = values
		}
		body := whole.Body.Bytes()
		if short {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)/2))
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(body[:len(body)/2])
		if !short {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}
}

// replied responds 200 with a body.
func replied(body string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(w, body) }
}

func unchecked(r *http.Request) bool {
	return r.Method == http.MethodPut && r.Header.Get("Content-MD5") == "" && r.Header.Get("X-Amz-Checksum-Crc32") == ""
}

func locked(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	s3test.Refuse(w, http.StatusBadRequest, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters")
}

func encoded(w http.ResponseWriter, r *http.Request, next http.Handler) {
	r.Header.Set("Accept-Encoding", "gzip, x-proxy")
	next.ServeHTTP(w, r)
}

const (
	often  = 2       // faults that the store's client recovers from
	always = 1 << 30 // times
	parts  = 20 << 20
)

var storeFaults = []storeFault{
	{name: "503 SlowDown to everything, twice", what: anything, times: often, spoil: refused(503, "SlowDown")},
	{name: "503 SlowDown, for ever", what: anything, times: always, spoil: refused(503, "SlowDown"), says: "SlowDown status 503"},
	{name: "500 to a staged object, twice", what: putStaged, times: often, spoil: refused(500, "InternalError")},
	{name: "500 to a data file, twice", what: putData, times: often, spoil: refused(500, "InternalError")},
	{name: "500 to a commit record, twice", what: putRecord, times: often, spoil: refused(500, "InternalError")},
	{name: "500 to a commit record, ten times", what: putRecord, times: 10, spoil: refused(500, "InternalError"), says: "InternalError status 500"},
	{name: "409 ConditionalRequestConflict to a commit record, twice", what: putRecord, times: often, spoil: refused(409, "ConditionalRequestConflict")},
	{name: "412 to a commit record that is not there", what: putRecord, times: 1, spoil: refused(412, "PreconditionFailed"), says: "no such object"},
	{name: "the response to a staged object is lost", what: putStaged, times: 1, spoil: unheard},
	{name: "the response to a data file is lost", what: putData, times: 1, spoil: unheard},
	{name: "the response to a commit record is lost", what: putRecord, times: 1, spoil: unheard},
	{name: "every response to a commit record is lost", what: putRecord, times: always, spoil: unheard},
	{name: "the response to the start of a multipart upload is lost", what: beginning, times: 1, spoil: unheard, large: parts},
	{name: "the response to a part is lost", what: putPart, times: 1, spoil: unheard, large: parts},
	{name: "the response to the end of a multipart upload is lost", what: endParts, times: 1, spoil: unheard, large: parts},
	{name: "the response to the end of a multipart upload is lost, and then there is no such upload", what: endParts, times: 2, spoil: forgotten(), large: parts},
	{name: "500 to a part, twice", what: putPart, times: often, spoil: refused(500, "InternalError"), large: parts},
	{name: "500 to the end of a multipart upload, ten times", what: endParts, times: 10, spoil: refused(500, "InternalError"), large: parts, says: "InternalError status 500"},
	{name: "the connection is cut before a response, twice", what: anything, times: often, spoil: cut},
	{name: "the connection is cut in a staged object", what: getStaged, times: 1, spoil: half(false), says: "unexpected EOF"},
	{name: "the connection is cut in a commit record", what: getRecord, times: 1, spoil: half(false), says: "unexpected EOF"},
	{name: "the connection is cut in a list", what: list, times: 1, spoil: half(false), says: "the response cannot be read"},
	{name: "half of a staged object, as if it were all", what: getStaged, times: 1, spoil: half(true)},
	{name: "half of a commit record, as if it were all", what: getRecord, times: 1, spoil: half(true), says: "is damaged"},
	{name: "half of a data file, as if it were all", what: getData, times: 1, spoil: half(true), says: "verify"},
	{name: "a list says that more follow, and has no token", what: list, times: 1, spoil: replied("<ListBucketResult><Name>lake</Name><KeyCount>0</KeyCount>" +
		"<IsTruncated>true</IsTruncated></ListBucketResult>"), says: "the list is incomplete"},
	{name: "a list is answered with nothing", what: list, times: 1, spoil: replied(""), says: "the list is incomplete"},
	{name: "writes without a checksum are refused, as in a bucket with Object Lock", what: unchecked, times: always, spoil: locked},
	{name: "Accept-Encoding is changed on the way", what: anything, times: always, spoil: encoded},
	{name: "the clocks differ", what: anything, times: always, spoil: refused(403, "RequestTimeTooSkewed"), says: "set this machine's clock"},
	{name: "the disk of the store is full", what: putStaged, times: always, spoil: refused(507, "XStorageFull"), says: "XStorageFull status 507"},
}

// TestFaultsOfTheLake runs the life of an export in a lake with each fault. If the store's client does not recover, the error
// must say what was attempted, and the next attempt without the fault must succeed.
func TestFaultsOfTheLake(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	lakeAt := func(s s3test.Server, i int) *Lake {
		c := on(s)
		c.URL = fmt.Sprintf("%s/fault-%d", c.URL, i)
		c.LongestBackoff = 20 * time.Millisecond
		l, err := Open(t.Context(), c, Config{Scratch: t.TempDir(), Writer: "faults"})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	met := make([]atomic.Int64, len(storeFaults))
	ended := make([]error, len(storeFaults))
	var lives sync.WaitGroup
	for i, f := range storeFaults {
		l := lakeAt(s3test.Proxy(t, server, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if f.what(r) && met[i].Add(1) <= f.times {
				f.spoil(w, r, next)
				return
			}
			next.ServeHTTP(w, r)
		}), i)
		lives.Go(func() { ended[i] = life(t.Context(), l, f.large) })
	}
	lives.Wait()
	for i, f := range storeFaults {
		t.Run(f.name, func(t *testing.T) {
			err := ended[i]
			if met[i].Load() == 0 {
				t.Error("the fault never occurred")
			}
			if (err == nil) != (f.says == "") || err != nil && !strings.Contains(err.Error(), f.says) {
				t.Errorf("it ended with %v, want an error containing %q", err, f.says)
			}
			if err != nil && strings.Contains(err.Error(), server.SecretKey) {
				t.Errorf("the error %q contains a key", err)
			}
			straight := lakeAt(server, i)
			if err != nil {
				if err := life(t.Context(), straight, 0); err != nil {
					t.Fatalf("the next attempt ended with %v", err)
				}
			}
			whole(t, straight)
		})
	}
}

// TestListThatFailsOnItsSecondPage: half of a list is never taken for the whole list.
func TestListThatFailsOnItsSecondPage(t *testing.T) {
	server := s3test.Start(t)
	const objects = 1100 // a page has 1000
	for i := range objects {
		name := filepath.Join(server.Dir, "_ledger", fmt.Sprintf("k%04d", i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, times := range []int64{often, always} {
		var met atomic.Int64
		front := s3test.Proxy(t, server, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.URL.Query().Has("continuation-token") && met.Add(1) <= times {
				refused(500, "InternalError")(w, r, next)
				return
			}
			next.ServeHTTP(w, r)
		})
		n, last := 0, error(nil)
		c := on(front)
		c.LongestBackoff = 20 * time.Millisecond
		l, err := ledger.Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range l.Store().List(t.Context(), "_ledger/") {
			if last = err; err == nil {
				n++
			}
		}
		if times == always && (last == nil || !strings.Contains(last.Error(), "InternalError status 500")) || times == often && (last != nil || n != objects) {
			t.Errorf("%d failures: %d of %d objects, and %v", times, n, objects, last)
		}
	}
}

// localFaults have tests of their own: a list, a full disk, a read-only folder.
var localFaults = [][3]string{
	{"an error on the second page of a list, twice", "all objects", ""},
	{"an error on the second page of a list, for ever", "a clear error, never half of a list", "InternalError status 500"},
	{"a folder that takes no more bytes, of the lake or of the files in progress", "a clear error; nothing stands under a name of the lake, and the next attempt is complete", "file too large"},
	{"a folder that may not be written", "a clear error", "permission denied"},
}

// TestFaultsOfTheLakeAreWrittenDown compares the table in docs/faults.md with the tests.
func TestFaultsOfTheLakeAreWrittenDown(t *testing.T) {
	const path = "../../docs/faults.md"
	const begins, ends = "<!-- The table of the lake is written by: go test ./internal/lake -run TestFaultsOfTheLakeAreWrittenDown -update -->\n", "<!-- end of the table of the lake -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(page), begins)
	stands, foot, ok2 := strings.Cut(rest, ends)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	var b strings.Builder
	b.WriteString("\n| what goes wrong | the end | the error says |\n|---|---|---|\n")
	for _, f := range storeFaults {
		end, says := "complete", ""
		if f.says != "" {
			end, says = "a clear error; the next attempt is complete", "“"+f.says+"”"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f.name, end, says)
	}
	for _, f := range localFaults {
		if f[2] != "" {
			f[2] = "“" + f[2] + "”"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f[0], f[1], f[2])
	}
	b.WriteString("\n")
	if *update {
		if err := os.WriteFile(path, []byte(head+begins+b.String()+ends+foot), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(b.String(), stands); diff != "" {
		t.Errorf("the table is not that of the tests; write it with -update (-want +got):\n%s", diff)
	}
}
