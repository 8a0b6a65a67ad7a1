package ledger

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// on returns the configuration of a lake on a test server.
func on(server s3test.Server) Config {
	return Config{
		URL: "s3://" + server.Bucket, Endpoint: server.Endpoint, Region: server.Region, PathStyle: true,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	}
}

func openBucket(t *testing.T, c Config) Store {
	t.Helper()
	store, err := newBucket(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestBucketKeepsThePromisesOfAStore(t *testing.T) {
	server := s3test.Start(t)
	var stores atomic.Int64
	storeSuite(t, func(t *testing.T) Store {
		c := on(server)
		c.URL += fmt.Sprintf("/some/prefix-%d/", stores.Add(1))
		return openBucket(t, c)
	})
}

func TestBucketWithoutPrefixAndWithEncryption(t *testing.T) {
	server := s3test.Start(t)
	c := on(server)
	c.SSE = "AES256"
	store := openBucket(t, c)
	for _, size := range []int64{3, onePutBytes + 1} {
		if err := store.Put(t.Context(), "k", pattern(0).body(size), size, false); err != nil {
			t.Errorf("put %d bytes: %v", size, err)
		}
	}
	if found := keys(t, store, ""); len(found) != 1 || found[0] != "k" {
		t.Errorf("keys %v, want k", found)
	}
}

// ignoresConditions starts a proxy that removes If-None-Match from every request, as some S3-compatible servers ignore it, and
// returns its address.
func ignoresConditions(t *testing.T, server s3test.Server) string {
	t.Helper()
	behind, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	keys := aws.Credentials{AccessKeyID: server.AccessKey, SecretAccessKey: server.SecretKey}
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Header.Del("If-None-Match")
		// The header was part of the signature.
		r.Out.Header.Del("Authorization")
		hash := r.Out.Header.Get("X-Amz-Content-Sha256")
		if err := v4.NewSigner().SignHTTP(r.Out.Context(), keys, r.Out, hash, "s3", server.Region, time.Now()); err != nil {
			t.Error(err)
		}
	}})
	t.Cleanup(front.Close)
	return front.URL
}

func TestConditionsThatAreIgnoredAreSeen(t *testing.T) {
	server := s3test.Start(t)
	c := on(server)
	for _, test := range []struct{ what, endpoint, want string }{
		{"a store that honours them", c.Endpoint, ""},
		{"a store that ignores them", ignoresConditions(t, server), "ignores conditional writes"},
	} {
		c.Endpoint = test.endpoint
		l, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		err = l.Probe(t.Context())
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error containing %q", test.what, err, test.want)
		}
		if found := keys(t, l.Store(), ""); found != nil {
			t.Errorf("%s: the probe left %v", test.what, found)
		}
	}
}

// says is a server that gives every request the same response.
func says(t *testing.T, status int, header http.Header, body string) Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return on(s3test.Server{Endpoint: server.URL, Region: "us-east-1", AccessKey: accessKey, SecretKey: secretKey, Bucket: "lake"})
}

const accessKey, secretKey = "AKIDFORTESTS", "secret-for-tests"

// failure is an S3 error body. Its message contains the access key, as on some servers.
func failure(code string) string {
	return `<?xml version="1.0"?><Error><Code>` + code + `</Code><Message>what ` + accessKey + ` asked</Message></Error>`
}

func TestErrorsSayWhatToDo(t *testing.T) {
	region := http.Header{"X-Amz-Bucket-Region": {"eu-central-1"}}
	for _, test := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   string
	}{
		{"no bucket", 404, nil, failure("NoSuchBucket"), "there is no such bucket"},
		{"access denied", 403, nil, failure("AccessDenied"), "s3:ListBucket"},
		{"forbidden without a body", 403, nil, "", "s3:ListBucket"},
		{"unknown access key", 403, nil, failure("InvalidAccessKeyId"), "access_key"},
		{"wrong secret", 403, nil, failure("SignatureDoesNotMatch"), "secret_key"},
		{"session ended", 400, nil, failure("ExpiredToken"), "renew the credentials"},
		{"clock", 403, nil, failure("RequestTimeTooSkewed"), "clock"},
		{"another region", 301, region, failure("PermanentRedirect"), "in the region eu-central-1, not in us-east-1"},
		{"another region in the signature", 400, region, failure("AuthorizationHeaderMalformed"), "in the region eu-central-1"},
		{"another region, not named", 301, nil, failure("PermanentRedirect"), "correct the lake's region"},
		{"no encryption", 501, nil, failure("NotImplemented"), "sse"},
		{"key of KMS", 400, nil, failure("KMS.DisabledException"), "kms_key_id"},
		{"a web site", 405, nil, "<html>405</html>", "does not answer as S3 does"},
		{"a web site that finds nothing", 404, nil, "<html><body>404</body></html>", "does not answer as S3 does"},
		{"a full disk", 507, nil, failure("XStorageFull"), "XStorageFull status 507"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := says(t, test.status, test.header, test.body)
			store := openBucket(t, c)
			err := put(t, store, "key", "content", true)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range []string{test.want, "write key", "lake", c.Endpoint} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want one containing %q", err, want)
				}
			}
			if strings.Contains(err.Error(), secretKey) || strings.Contains(err.Error(), accessKey) {
				t.Errorf("error %q contains a key", err)
			}
			if strings.Contains(test.body, "<Message>") && !strings.Contains(err.Error(), "(the store says: what [redacted] asked)") {
				t.Errorf("error %q does not have the store's own words", err)
			}
			if errors.Is(err, ErrExists) || errors.Is(err, ErrNotExist) || errors.Unwrap(err) == nil {
				t.Errorf("error %v should be a storageError and wrap its cause", err)
			}
		})
	}
}

func TestRealErrorsSayWhatToDo(t *testing.T) {
	server := s3test.Start(t)
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no bucket", func(c *Config) { c.URL = "s3://nowhere" }, "there is no such bucket"},
		{"unknown access key", func(c *Config) { c.AccessKey = "nobody" }, "access_key"},
		{"wrong secret", func(c *Config) { c.SecretKey = "wrong" }, "secret_key"},
		{"wrong region", func(c *Config) { c.Region = "eu-west-1" }, "correct the lake's region"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := on(server)
			test.change(&c)
			store := openBucket(t, c)
			listing := func() (last error) {
				for _, err := range store.List(t.Context(), "") {
					last = err
				}
				return last
			}
			for what, err := range map[string]error{"put": put(t, store, "k", "x", true), "list": listing()} {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: %v, want an error containing %q", what, err, test.want)
				}
			}
		})
	}
}

func TestServersThatDoNotAnswer(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://127.0.0.1:1":           "nothing answers there",
		"https://no-such-host.invalid": "no such host",
		secure(t).URL:                  "SSL_CERT_FILE to a PEM file with the authority's certificate, or in AWS_CA_BUNDLE",
		strings.Replace(httptest.NewServer(http.NotFoundHandler()).URL, "http:", "https:", 1): "does not speak TLS",
		strings.Replace(secure(t).URL, "https:", "http:", 1):                                  "the lake's endpoint should begin with https://",
	} {
		t.Run(want, func(t *testing.T) {
			c := on(s3test.Server{Endpoint: endpoint, AccessKey: accessKey, SecretKey: secretKey, Bucket: "lake"})
			c.LongestBackoff = time.Millisecond
			store := openBucket(t, c)
			err := put(t, store, "k", "content", true)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), endpoint) {
				t.Errorf("%v, want an error containing %q", err, want)
			}
		})
	}
}

// secure is a server with an untrusted certificate and no content.
func secure(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs clients that hang up
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestCertificatesOfTheEnvironmentAreTrusted(t *testing.T) {
	server := secure(t)
	file := filepath.Join(t.TempDir(), "authority.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", file)
	store := openBucket(t, on(s3test.Server{Endpoint: server.URL, AccessKey: accessKey, SecretKey: secretKey, Bucket: "lake"}))
	if _, err := store.Stat(t.Context(), "k"); !errors.Is(err, ErrNotExist) {
		t.Errorf("%v, want ErrNotExist", err)
	}
}

func TestBucketsThatAreNotOpened(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	for _, test := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.URL = "s3://me:" + secretKey + "@lake" }, "without a login"},
		{func(c *Config) { c.Endpoint = "localhost:9000" }, "https://s3.example.com"},
		{func(c *Config) { c.Endpoint = "https://me:" + secretKey + "@localhost" }, "https://s3.example.com"},
		{func(c *Config) { c.Endpoint = "http://s3.example.com" }, "allow_plaintext: true"},
		{func(c *Config) { c.Endpoint = "http://127.0.0.1.example.com" }, "allow_plaintext: true"},
		{func(c *Config) { c.SSE = "yes" }, "AES256 or aws:kms"},
		{func(c *Config) { c.SSE, c.KMSKeyID = "AES256", "key" }, "aws:kms"},
		{func(c *Config) { c.SecretKey = "" }, "secret key go together"},
		{func(c *Config) { c.Region, c.Endpoint = "", "" }, "AWS_REGION"},
	} {
		c := Config{URL: "s3://lake", Endpoint: "http://localhost:9000", Region: "us-east-1", AccessKey: accessKey, SecretKey: secretKey}
		test.change(&c)
		_, err := newBucket(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), secretKey) {
			t.Errorf("%v, want an error containing %q and no secret", err, test.want)
		}
	}
}

func TestWithoutCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if _, err := newBucket(t.Context(), Config{URL: "s3://lake", Region: "us-east-1"}); err == nil || !strings.Contains(err.Error(), "access_key") {
		t.Errorf("%v, want an error containing access_key", err)
	}
}

func TestWritesThatMetAnotherAreSentAgain(t *testing.T) {
	for _, test := range []struct {
		conflicts int64
		want      string
	}{{2, ""}, {100, "ConditionalRequestConflict"}} {
		var requests atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); string(body) != "content" || r.Header.Get("If-None-Match") != "*" {
				t.Errorf("request %d has the body %q and the condition %q", requests.Load(), body, r.Header.Get("If-None-Match"))
			}
			if requests.Add(1) <= test.conflicts {
				w.WriteHeader(http.StatusConflict)
				_, _ = io.WriteString(w, failure("ConditionalRequestConflict"))
			}
		}))
		defer server.Close()
		c := on(s3test.Server{Endpoint: server.URL, AccessKey: accessKey, SecretKey: secretKey, Bucket: "lake"})
		c.LongestBackoff = time.Millisecond
		err := put(t, openBucket(t, c), "k", "content", true)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("after %d conflicts: %v, want %q", test.conflicts, err, test.want)
		}
		if got, want := requests.Load(), min(test.conflicts+1, requestAttempts); got != want {
			t.Errorf("after %d conflicts: %d requests, want %d", test.conflicts, got, want)
		}
	}
}
