package s3test

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Fake is an in-process S3 server with what the lake uses: small objects, paged lists, ranges, conditional writes and multipart
// uploads. It does not check signatures. Its fields make it misbehave; set them before the first request.
type Fake struct {
	// PageKeys is the maximum number of keys on a page of a list; 0 means 1000.
	PageKeys int
	// Page may change a page of a list before it is sent.
	Page func(*ListPage)
	// Intercept sees every request first. It answers the request and returns true, or returns false to let the server answer.
	Intercept func(w http.ResponseWriter, r *http.Request) bool
	// IgnoresRange makes every GET return the whole object.
	IgnoresRange bool
	// Unlisted reports keys that lists omit, as a lagging list does.
	Unlisted func(key string) bool
	// HeadAt, if set, is the modification time that HEAD and GET return for every object.
	HeadAt time.Time
	// Path precedes the bucket in the path of every request, as behind a gateway.
	Path string

	mu      sync.Mutex
	objects map[string]fakeObject
	parts   map[string]map[int][]byte // by upload id
}

type fakeObject struct {
	body []byte
	at   time.Time
}

// ListPage is the response to ListObjectsV2. Nil fields are omitted.
type ListPage struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  *string
	Prefix                string
	KeyCount              *int
	MaxKeys               int
	IsTruncated           *bool
	NextContinuationToken *string
	Contents              []ListedObject
}

// ListedObject is an object in a ListPage.
type ListedObject struct {
	Key          string
	LastModified string
	Size         int
}

// Start starts the server with an empty bucket. It runs until t ends.
func (f *Fake) Start(t testing.TB) Server {
	t.Helper()
	f.objects, f.parts = map[string]fakeObject{}, map[string]map[int][]byte{}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return Server{Endpoint: server.URL + f.Path, Region: region, AccessKey: accessKey, SecretKey: secretKey, Bucket: bucket}
}

// Keys returns the keys of all objects, sorted.
func (f *Fake) Keys() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.objects))
}

// SetTime changes the modification time of an object.
func (f *Fake) SetTime(key string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.objects[key]
	o.at = at
	f.objects[key] = o
}

func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.Intercept != nil && f.Intercept(w, r) {
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, f.Path+"/"+bucket)
	if !ok {
		Refuse(w, http.StatusNotFound, "NoSuchBucket", "")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key, query := strings.TrimPrefix(path, "/"), r.URL.Query()
	switch {
	case key == "" && query.Get("list-type") == "2":
		f.list(w, query.Get("prefix"), max(query.Get("start-after"), query.Get("continuation-token")), query.Get("max-keys"))
	case key == "":
		Refuse(w, http.StatusNotImplemented, "NotImplemented", "")
	case query.Has("uploads") || query.Has("uploadId"):
		f.upload(w, r, key)
	case r.Method == http.MethodPut:
		f.put(w, r, key)
	case r.Method == http.MethodDelete:
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		f.get(w, r, key)
	}
}

// Refuse responds with an S3 error.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

func (f *Fake) list(w http.ResponseWriter, prefix, after, maxKeys string) {
	limit := cmp.Or(f.PageKeys, 1000)
	if n, err := strconv.Atoi(maxKeys); err == nil {
		limit = min(limit, n)
	}
	name, truncated := bucket, false
	page := ListPage{Name: &name, Prefix: prefix, MaxKeys: limit, IsTruncated: &truncated}
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(key, prefix) || key <= after || f.Unlisted != nil && f.Unlisted(key) {
			continue
		}
		if len(page.Contents) == limit {
			truncated = true
			token := page.Contents[limit-1].Key
			page.NextContinuationToken = &token
			break
		}
		o := f.objects[key]
		page.Contents = append(page.Contents, ListedObject{key, o.at.UTC().Format("2006-01-02T15:04:05.000Z"), len(o.body)})
	}
	count := len(page.Contents)
	page.KeyCount = &count
	if f.Page != nil {
		f.Page(&page)
	}
	_ = xml.NewEncoder(w).Encode(page)
}

func (f *Fake) put(w http.ResponseWriter, r *http.Request, key string) {
	body, err := io.ReadAll(r.Body)
	_, taken := f.objects[key]
	switch {
	case err != nil:
		Refuse(w, http.StatusBadRequest, "IncompleteBody", "")
	case taken && r.Header.Get("If-None-Match") == "*":
		Refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "")
	default:
		f.objects[key] = fakeObject{body, time.Now()}
		w.Header().Set("ETag", `"1"`)
	}
}

func (f *Fake) get(w http.ResponseWriter, r *http.Request, key string) {
	o, ok := f.objects[key]
	if !ok {
		Refuse(w, http.StatusNotFound, "NoSuchKey", "")
		return
	}
	if f.IgnoresRange {
		r.Header.Del("Range")
	}
	if !f.HeadAt.IsZero() {
		o.at = f.HeadAt
	}
	// Times have whole seconds here and milliseconds in lists, as on AWS.
	http.ServeContent(w, r, "object.bin", o.at, strings.NewReader(string(o.body)))
}

func (f *Fake) upload(w http.ResponseWriter, r *http.Request, key string) {
	id := r.URL.Query().Get("uploadId")
	switch r.Method {
	case http.MethodPost:
		if id == "" {
			id = strconv.Itoa(len(f.parts) + 1)
			f.parts[id] = map[int][]byte{}
			fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
			return
		}
		var whole []byte
		for _, number := range slices.Sorted(maps.Keys(f.parts[id])) {
			whole = append(whole, f.parts[id][number]...)
		}
		f.objects[key] = fakeObject{whole, time.Now()}
		fmt.Fprint(w, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")
	case http.MethodPut:
		number, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
		f.parts[id][number], _ = io.ReadAll(r.Body)
		w.Header().Set("ETag", `"1"`)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
