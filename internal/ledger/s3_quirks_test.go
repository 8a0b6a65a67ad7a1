package ledger

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// Proxies and Google's front ends change Accept-Encoding in transit, so no request may sign it.
func TestAcceptEncodingIsNotSigned(t *testing.T) {
	server := s3test.Start(t)
	front := s3test.Proxy(t, server, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
		signed, _, _ = strings.Cut(signed, ",")
		if names := strings.Split(signed, ";"); slices.Contains(names, "accept-encoding") || !slices.Contains(names, "host") {
			t.Errorf("%s %s: the headers %q are signed", r.Method, r.URL, names)
		}
		if got := r.Header.Get("Accept-Encoding"); r.Method != http.MethodHead && r.Method != http.MethodDelete && got != "identity" {
			t.Errorf("%s %s: Accept-Encoding is %q", r.Method, r.URL, got)
		}
		r.Header.Set("Accept-Encoding", "gzip, x-proxy")
		next.ServeHTTP(w, r)
	})
	l, err := Open(t.Context(), on(front))
	if err != nil {
		t.Fatal(err)
	}
	if err := life(t.Context(), l, onePutBytes+1); err != nil { // a multipart upload too
		t.Error(err)
	}
	for _, c := range l.Examine(t.Context()) {
		if c.Level == LevelFailed {
			t.Errorf("%s: %s", c.Name, c.Text)
		}
	}
}

// A proxy that asks the store for gzip on the client's behalf passes the compressed response on.
func TestAnswersThatAProxyPacksAreUnpacked(t *testing.T) {
	server := s3test.Start(t)
	front := s3test.Proxy(t, server, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(answer.Code)
		pack := gzip.NewWriter(w)
		_, _ = pack.Write(answer.Body.Bytes())
		_ = pack.Close()
	})
	l, err := Open(t.Context(), on(front))
	if err != nil {
		t.Fatal(err)
	}
	if err := life(t.Context(), l, 1<<20); err != nil {
		t.Error(err)
	}
	proveRanges(t, l.store)
	proveAbsence(t, l.store)
	head := &s3test.Fake{Intercept: func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", "7")
		return r.Method == http.MethodHead
	}}
	if object, err := openBucket(t, on(head.Start(t))).Stat(t.Context(), "k"); err == nil || !strings.Contains(err.Error(), "does not report the object's size") {
		t.Errorf("%+v, error %v; want an error: the size is not that of the object", object, err)
	}
}

// lockedBucket refuses writes without a checksum, as a bucket with Object Lock does, and counts the refusals.
func lockedBucket(refused *atomic.Int64, code, message string) *s3test.Fake {
	return &s3test.Fake{Intercept: func(w http.ResponseWriter, r *http.Request) bool {
		known := r.Header.Get("Content-MD5") != "" || r.Header.Get("X-Amz-Checksum-Crc32") != ""
		if r.Method != http.MethodPut || known {
			return false
		}
		refused.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		s3test.Refuse(w, http.StatusBadRequest, code, message)
		return true
	}}
}

func TestWritesHaveChecksumsWhereTheStoreWantsThem(t *testing.T) {
	for code, message := range map[string]string{
		"InvalidRequest":    "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters",
		"MissingContentMD5": "Missing required header for this request: Content-Md5.",
	} {
		t.Run(code, func(t *testing.T) {
			var refused atomic.Int64
			fake := lockedBucket(&refused, code, message)
			store := openBucket(t, on(fake.Start(t)))
			for _, size := range []int64{3, onePutBytes + 1} {
				for _, ifAbsent := range []bool{true, false} {
					key := fmt.Sprint(size, ifAbsent)
					if err := store.Put(t.Context(), key, pattern(0).body(size), size, ifAbsent); err != nil {
						t.Errorf("%d bytes, only if absent %v: %v", size, ifAbsent, err)
					}
					if stored(t, store, key) != sum(t, pattern(0).body(size)) {
						t.Errorf("%s holds other bytes", key)
					}
				}
			}
			if n := refused.Load(); n != 1 {
				t.Errorf("%d writes without a checksum, want 1: what a store wants is remembered", n)
			}
			// A multipart upload may be the first write of a process.
			refused.Store(0)
			first := openBucket(t, on(lockedBucket(&refused, code, message).Start(t)))
			if err := first.Put(t.Context(), "large", pattern(0).body(onePutBytes+1), onePutBytes+1, false); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("doctor", func(t *testing.T) {
		var refused atomic.Int64
		for _, c := range examineFake(t, lockedBucket(&refused, "InvalidRequest", "Content-MD5 is required"), asIs) {
			if c.Level == LevelFailed {
				t.Errorf("%s: %s", c.Name, c.Text)
			}
		}
	})
}

func TestChecksumsThatDoNotFitAreErrors(t *testing.T) {
	var refused atomic.Int64
	store := openBucket(t, on(lockedBucket(&refused, "BadDigest", "The Content-MD5 you specified did not match").Start(t)))
	if err := put(t, store, "k", "x", false); err == nil || refused.Load() != 1 {
		t.Errorf("%v after %d requests, want the refusal", err, refused.Load())
	}
}

func TestSpellingsOfAURL(t *testing.T) {
	for url, want := range map[string]string{
		"s3://lake":               "s3://lake/k",
		"s3://lake/":              "s3://lake/k",
		"s3://lake//":             "s3://lake/k",
		"s3://lake//acme//":       "s3://lake/acme/k",
		"s3://lake/my%20lake":     "s3://lake/my lake/k",
		"s3://lake/my lake":       "s3://lake/my lake/k",
		"s3://lake/a%2Fb":         "s3://lake/a/b/k",
		"s3://lake/account=eu/x":  "s3://lake/account=eu/x/k",
		"s3://lake/100%25":        "s3://lake/100%/k",
		"s3://lake/a//b":          "",
		"s3://lake/a/../b":        "",
		"s3://lake/100%":          "",
		"s3://lake/what%3F":       "",
		"s3://lake/x?versionId=1": "",
		"s3://lake:9000/x":        "",
	} {
		t.Run(url, func(t *testing.T) {
			fake := &s3test.Fake{}
			c := on(fake.Start(t))
			c.URL = url
			l, err := Open(t.Context(), c)
			if want == "" {
				if err == nil {
					t.Error("it was opened")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			mustPut(t, l.store, "k", "x")
			if got := l.Location("k"); got != want {
				t.Errorf("the modification time is %s, want %s", got, want)
			}
			if diff := cmp.Diff([]string{strings.TrimPrefix(want, "s3://lake/")}, fake.Keys()); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"k"}, keys(t, l.store, "")); diff != "" || get(t, l.store, "k", 0, -1) != "x" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
			for _, check := range l.Examine(t.Context()) {
				if check.Level == LevelFailed {
					t.Errorf("%s: %s", check.Name, check.Text)
				}
			}
		})
	}
}

func TestFolderOfAURL(t *testing.T) {
	for url, want := range map[string]string{
		"file:./lake": "./lake", "file:///srv/lake": "/srv/lake", "file:/srv/my%20lake": "/srv/my%20lake", "file://lake": "lake",
	} {
		if got, ok := Folder(url); !ok || got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	if _, ok := Folder("s3://lake"); ok {
		t.Error("a bucket is taken for a folder")
	}
}

// An endpoint may come from the environment and have a path; every request must go there.
func TestEndpointsOfTheEnvironment(t *testing.T) {
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		t.Run(name, func(t *testing.T) {
			fake := &s3test.Fake{Path: "/storage/v1"}
			c := on(fake.Start(t))
			t.Setenv(name, c.Endpoint)
			want := c.Endpoint
			c.Endpoint, c.Region = "", ""
			t.Setenv("AWS_REGION", "")
			t.Setenv("AWS_DEFAULT_REGION", "")
			l, err := Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if err := life(t.Context(), l, onePutBytes+1); err != nil {
				t.Error(err)
			}
			if got, region := l.Server(); got != want || region != "us-east-1" {
				t.Errorf("the server is %s in %s, want %s", got, region, want)
			}
			for _, check := range l.Examine(t.Context()) {
				if check.Level == LevelFailed {
					t.Errorf("%s: %s", check.Name, check.Text)
				}
			}
			for _, address := range []string{"localhost:9000", "https://me:" + secretKey + "@localhost"} {
				t.Setenv(name, address)
				if _, err := newBucket(t.Context(), c); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), secretKey) {
					t.Errorf("%v, want an error that names %s and no secret", err, name)
				}
			}
		})
	}
}

func TestObjectsWithoutALengthAreErrors(t *testing.T) {
	fake := &s3test.Fake{Intercept: func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodHead {
			return false
		}
		w.Header().Set("Transfer-Encoding", "chunked")
		w.WriteHeader(http.StatusOK)
		return true
	}}
	store := openBucket(t, on(fake.Start(t)))
	if object, err := store.Stat(t.Context(), "k"); err == nil || errors.Is(err, ErrNotExist) {
		t.Errorf("%+v, error %v; want an error", object, err)
	}
}
