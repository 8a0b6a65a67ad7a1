package ledger

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/smithy-go/logging"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// quoted is a secret that must not be quoted anywhere.
const quoted = "canary7f3a"

// profile makes an AWS profile the only source of credentials.
func profile(t *testing.T, text string) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_PROFILE", "acme")
}

// TestCredentialsThatCannotBeHadQuoteNothing has every source of credentials fail with the canary in its output.
func TestCredentialsThatCannotBeHadQuoteNothing(t *testing.T) {
	process := func(script string) string {
		return "[profile acme]\nregion = us-east-1\ncredential_process = sh -c '" + script + "'\n"
	}
	keys := `{"Version":1,"AccessKeyId":"AKIA` + quoted + `","SecretAccessKey":"` + quoted + `"}`
	encoded := base64.StdEncoding.EncodeToString([]byte("hello\n" + keys))
	for _, test := range []struct{ name, profile, want string }{
		{"a line before the JSON", process("echo " + encoded + " | base64 -d"), "the output of the credential process is not JSON"},
		{"another version", process("echo {\\\"Version\\\":2,\\\"SecretAccessKey\\\":\\\"" + quoted + "\\\"}"), "wrong version in process output (not 1)"},
		{"it fails", process("echo " + quoted + "; exit 3"), "exit status 3"},
		{"no such command", "[profile acme]\nregion = us-east-1\ncredential_process = ./none-" + quoted + " 2>/dev/null\n", "the credential process failed"},
		{"no such profile", "[profile other]\naws_secret_access_key = " + quoted + "\n", "the shared AWS files have no profile acme"},
		{"a role without a source", "[profile acme]\nregion = us-east-1\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = nobody\naws_session_token = " + quoted + "\n", "the shared AWS files have no profile nobody"},
		{"a setting that is none", "[profile acme]\nregion = us-east-1\nretry_mode = " + quoted + "\n", "cannot be used"},
	} {
		t.Run(test.name, func(t *testing.T) {
			profile(t, test.profile)
			_, err := newBucket(t.Context(), Config{URL: "s3://lake"})
			if err == nil || strings.Contains(err.Error(), quoted) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q and nothing quoted", err, test.want)
			}
		})
	}
	t.Run("a variable", func(t *testing.T) {
		profile(t, "[profile acme]\n")
		t.Setenv("AWS_MAX_ATTEMPTS", quoted)
		_, err := newBucket(t.Context(), Config{URL: "s3://lake"})
		if err == nil || strings.Contains(err.Error(), quoted) || !strings.Contains(err.Error(), "the value of AWS_MAX_ATTEMPTS cannot be used") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("an endpoint of the environment", func(t *testing.T) {
		for endpoint, want := range map[string]string{
			"https://me:" + quoted + "@store.example": "without a login",
			"http://store.example":                    "allow_plaintext: true",
		} {
			t.Setenv("AWS_ENDPOINT_URL_S3", endpoint)
			_, err := newBucket(t.Context(), Config{URL: "s3://lake", Region: "us-east-1", AccessKey: accessKey, SecretKey: secretKey})
			if err == nil || strings.Contains(err.Error(), quoted) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", endpoint, err, want)
			}
		}
	})
}

// TestAnswersAreNotQuoted corrupts every part of a response, for every operation of a store.
func TestAnswersAreNotQuoted(t *testing.T) {
	long := strings.Repeat("0", 40) + quoted
	for i, test := range []struct {
		status int
		header http.Header
		body   string
	}{
		{400, nil, quoted},
		{403, nil, "<Error><Code>" + quoted + " it</Code><Message>'" + quoted + "' and \"" + quoted + "\"</Message></Error>"},
		{403, nil, "<Error><Code>X</Code><Message>" + long + " Authorization: " + quoted + "</Message></Error>"},
		{400, nil, "<Error><" + quoted + "></Error>"},
		{200, nil, "<html>" + quoted},
		{301, http.Header{"X-Amz-Bucket-Region": {"a " + quoted}, "Location": {"http://user:" + quoted + "@127.0.0.1:1/"}}, ""},
		{307, http.Header{"Location": {"http://user:" + quoted + "@ho st/"}}, ""},
		{416, http.Header{"X-Amz-Request-Id": {"a b " + quoted}}, quoted},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			store := openBucket(t, says(t, test.status, test.header, test.body))
			var all []error
			all = append(all, put(t, store, "k", "x", true), put(t, store, "k", "x", false), store.Delete(t.Context(), "k"))
			_, err := store.Stat(t.Context(), "k")
			all = append(all, err)
			body, err := store.Get(t.Context(), "k", 0, -1)
			if err == nil {
				_ = body.Close()
			}
			all = append(all, err)
			for _, err := range store.List(t.Context(), "") {
				all = append(all, err)
			}
			for _, check := range (&Ledger{store: store}).Examine(t.Context()) {
				all = append(all, errors.New(check.Text))
			}
			for _, check := range store.(*bucket).examine(t.Context()) {
				all = append(all, errors.New(check.Text))
			}
			for _, err := range all {
				if err != nil && strings.Contains(err.Error(), quoted) {
					t.Errorf("the answer is quoted: %v", err)
				}
			}
		})
	}
}

// TestBrokenBodyIsNotQuoted reads a body whose chunks the canary corrupts.
func TestBrokenBodyIsNotQuoted(t *testing.T) {
	body := redactedBody{io.NopCloser(brokenReader{})}
	_, err := io.ReadAll(body)
	if err == nil || strings.Contains(err.Error(), quoted) {
		t.Errorf("error %v", err)
	}
	if _, err := io.ReadAll(redactedBody{io.NopCloser(strings.NewReader("whole"))}); err != nil {
		t.Errorf("a whole body: %v", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("malformed chunk " + quoted) }

func TestProxyRefusals(t *testing.T) {
	for status, want := range map[int]string{407: "it requires a login", 403: "it does not allow the connection"} {
		proxy := says(t, status, nil, quoted)
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			behind, err := url.Parse(strings.Replace(proxy.Endpoint, "http://", "http://user:"+quoted+"@", 1))
			if err != nil {
				t.Fatal(err)
			}
			transport := explainer{httpClient().WithTransportOptions(func(t *http.Transport) { t.Proxy = http.ProxyURL(behind) })}
			b := openBucket(t, on(s3test.Server{Endpoint: "https://store.example", Region: "us-east-1", AccessKey: accessKey, SecretKey: secretKey, Bucket: "lake"})).(*bucket)
			_, err = transport.Do(request(t, "https://store.example/lake"))
			text := b.unanswered(err)
			if strings.Contains(text, quoted) || !strings.Contains(text, want) {
				t.Errorf("%s, want %q", text, want)
			}
		})
	}
	behind := says(t, 407, nil, quoted)
	_, err := openBucket(t, behind).Stat(t.Context(), "k")
	if err == nil || strings.Contains(err.Error(), quoted) || !strings.Contains(err.Error(), "it requires a login") {
		t.Errorf("of a plain endpoint: %v", err)
	}
}

func TestSDKLogsNothing(t *testing.T) {
	b := openBucket(t, says(t, 200, nil, "")).(*bucket)
	if _, silent := b.client.Options().Logger.(logging.Nop); !silent {
		t.Errorf("the SDK logs to %T", b.client.Options().Logger)
	}
}

func request(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
