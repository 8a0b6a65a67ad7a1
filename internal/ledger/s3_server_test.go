package ledger_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// The test server is tested here and not in its own package, because this package already uses the SDK. Importers of the server
// need not depend on it.

// client makes single attempts, without retries.
func client(s s3test.Server) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &s.Endpoint, Region: s.Region, UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials:                credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})
}

func put(c *s3.Client, bucket, key, body string) error {
	_, err := c.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)})
	return err
}

func get(t *testing.T, c *s3.Client, bucket, key string) string {
	t.Helper()
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestProxy(t *testing.T) {
	server := s3test.Start(t)
	var mu sync.Mutex
	var seen []string
	front := s3test.Proxy(t, server, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.URL.Path)
		mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/cut"):
			panic(http.ErrAbortHandler)
		case strings.HasSuffix(r.URL.Path, "/lost"):
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case strings.HasSuffix(r.URL.Path, "/slow"):
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			next.ServeHTTP(w, r)
		}
	})
	through, past := client(front), client(server)

	large := strings.Repeat("0123456789", 1<<19) // with Expect: 100-continue
	for _, key := range []string{"data/month=2026-05/a b+c", "large"} {
		body := key
		if key == "large" {
			body = large
		}
		if err := put(through, front.Bucket, key, body); err != nil {
			t.Fatalf("put %s: %v", key, err)
		}
		if get(t, through, front.Bucket, key) != body || get(t, past, front.Bucket, key) != body {
			t.Errorf("%s is not what was put", key)
		}
	}
	for _, key := range []string{"cut", "lost", "slow"} {
		if err := put(through, front.Bucket, key, "x"); err == nil {
			t.Errorf("put %s: no error", key)
		}
	}
	if get(t, past, front.Bucket, "lost") != "x" {
		t.Error("the request whose answer was lost was not carried out")
	}
	listed, err := past.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &server.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	if len(listed.Contents) != 3 {
		t.Errorf("%d objects, want the two that were put and the one whose answer was lost", len(listed.Contents))
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 7 || seen[0] != "PUT /lake/data/month=2026-05/a b+c" {
		t.Errorf("requests seen: %q", seen)
	}
}

func TestKilledServerStartsAgain(t *testing.T) {
	server := s3test.Start(t)
	front := s3test.Proxy(t, server, func(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) })
	body := string(bytes.Repeat([]byte("x"), 100))
	if err := put(client(front), front.Bucket, "before", body); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Kill()
	for _, s := range []s3test.Server{server, front} {
		if err := put(client(s), s.Bucket, "meanwhile", body); err == nil {
			t.Errorf("%s answers though it was killed", s.Endpoint)
		}
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []s3test.Server{server, front} {
		if get(t, client(s), s.Bucket, "before") != body {
			t.Errorf("what was put before is lost at %s", s.Endpoint)
		}
	}
	if err := put(client(front), front.Bucket, "after", body); err != nil {
		t.Fatal(err)
	}
}

func TestUploadsAreCounted(t *testing.T) {
	server := s3test.Start(t)
	c := client(server)
	count := func(want int) {
		t.Helper()
		listed, err := c.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &server.Bucket})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := server.Uploads(); err != nil || n != want || len(listed.Uploads) != want {
			t.Errorf("%d uploads, error %v, the server lists %d; want %d", n, err, len(listed.Uploads), want)
		}
	}
	count(0)
	var begun []*s3.CreateMultipartUploadOutput
	for _, key := range []string{"data/one", "data/one", "data/two"} {
		upload, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &server.Bucket, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		part := &s3.UploadPartInput{Bucket: &server.Bucket, Key: &key, UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")}
		if _, err := c.UploadPart(t.Context(), part); err != nil {
			t.Fatal(err)
		}
		begun = append(begun, upload)
	}
	count(3)
	for i, upload := range begun {
		if _, err := c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &server.Bucket, Key: upload.Key, UploadId: upload.UploadId}); err != nil {
			t.Fatal(err)
		}
		count(2 - i)
	}
}
