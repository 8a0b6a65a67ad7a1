package redact

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// canary is the secret in the tests.
const canary = "canary7f3a"

func TestErrorQuotesNothing(t *testing.T) {
	quoting := errors.New("parse failed of process output: " + canary)
	login := "user:" + strings.Clone(canary) // a linter would notice that the constant is not a URL
	_, badURL := url.Parse("http://" + login + "@host:bad/")
	_, badNumber := strconv.Atoi(canary)
	_, badTime := time.Parse(time.RFC3339, canary)
	badKind := json.Unmarshal([]byte(`{"a": "`+canary+`"}`), &struct{ A int }{})
	badJSON := json.Unmarshal([]byte(canary), new(int))
	for _, tt := range []struct {
		err  error
		want string
	}{
		{quoting, "is not shown"},
		{fmt.Errorf("%w: %s", quoting, canary), "is not shown"},
		{errors.Join(errors.New(canary), quoting), "is not shown"},
		{fmt.Errorf("read %s: %w", canary, io.ErrUnexpectedEOF), "closed before the answer was complete"},
		{fmt.Errorf("%s: %w", canary, context.DeadlineExceeded), "no answer in time"},
		{&url.Error{Op: "Get", URL: "http://u:" + canary + "@h/", Err: quoting}, "is not shown"},
		{badURL, "the address is invalid"},
		{fmt.Errorf("invalid proxy address %q: %v", "http://u:"+canary+"@", badURL), "HTTPS_PROXY is invalid"},
		{badNumber, "a number is invalid"},
		{badTime, "a time is invalid"},
		{badKind, "unexpected JSON"},
		{badJSON, "invalid JSON"},
		{&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, Err: syscall.ECONNREFUSED}, "dial 127.0.0.1:1: connection refused"},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: errors.New(canary)}, "proxyconnect: "},
		{&fs.PathError{Op: "open", Path: "lake/x", Err: errors.New(canary)}, "open lake/x: "},
		{&fs.PathError{Op: "open", Path: "lake/x", Err: syscall.ENOSPC}, "no space left on device"},
		{x509.UnknownAuthorityError{Cert: &x509.Certificate{}}, "SSL_CERT_FILE"},
		{http.ErrSchemeMismatch, "does not speak TLS"},
	} {
		got := Error(tt.err)
		if strings.Contains(got.Error(), canary) || !strings.Contains(got.Error(), tt.want) {
			t.Errorf("%T: %q, want %q and nothing quoted", tt.err, got, tt.want)
		}
		if !errors.Is(got, tt.err) {
			t.Errorf("%T: the error is not behind its words", tt.err)
		}
	}
	if Error(nil) != nil {
		t.Error("nil became an error")
	}
	if again := Error(fmt.Errorf("%s: %w", canary, Because("known words", nil))); again.Error() != "known words" {
		t.Errorf("words that are ready became %q", again)
	}
}

// TestErrorOfAnswers tests errors of the HTTP client as servers cause them.
func TestErrorOfAnswers(t *testing.T) {
	for _, answer := range []string{
		canary + "\r\n\r\n", "HTTP/1.1 " + canary + " OK\r\n\r\n", "HTTP/1.1 200 OK\r\n" + canary + "\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://user:" + canary + "@ho st/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + canary + "\r\n\r\n",
	} {
		server := raw(t, answer)
		resp, err := http.Get(server)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), canary) {
			t.Errorf("the answer %q proves nothing: %v", answer, err)
			continue
		}
		if got := Error(err).Error(); strings.Contains(got, canary) {
			t.Errorf("the answer %q is quoted: %s", answer, got)
		}
	}
}

// raw is the address of a server that gives one answer.
func raw(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, answer)
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"The AWS Access Key Id you provided does not exist in our records.":                                         "The AWS Access Key Id you provided does not exist in our records.",
		`User: arn:aws:iam::123456789012:user/ann is not authorized to perform: s3:PutObject on resource: "canary"`: "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: s3:PutObject on resource: [redacted]",
		"isn't it the store's 'canary' word":                                                                        "isn't it the store's [redacted] word",
		"see https://ann:canary@store.example/canary?sig=canary now":                                                "see https://store.example now",
		"token wJalrXUtnFEMI7MDENGbPxRfiCYEXAMPLEKEY ends":                                                          "token [redacted] ends",
		"key AKIAIOSFODNN7EXAMPLE":                                                                                  "key [redacted]",
		"password=canary, more":                                                                                     "password=[redacted], more",
		`{"SecretAccessKey": "canary"}`:                                                                             "[redacted]",
		"<html>a\n<b>page":                                                                                          "a page",
		"Authorization: Token canary rest":                                                                          "Authorization: [redacted]",
		"it said bearer abcdefgh.canary here":                                                                       "it said bearer [redacted] here",
		"mail ann@canary.example today":                                                                             "mail [redacted] today",
		"the bucket acme-conversations-production-2026 is full":                                                     "the bucket acme-conversations-production-2026 is full",
		"a\x00b\x1b[31mc":                                                                                           "a b [31mc",
		"data: \"canary\\n\"":                                                                                       "data: [redacted]",
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%q)\n got %q\nwant %q", in, got, want)
		}
	}
	if got := []rune(Text(strings.Repeat("word ", 500))); len(got) > maxText+3 {
		t.Errorf("%d characters are left", len(got))
	}
}

func TestMask(t *testing.T) {
	Learn("a-learned-secret\n")
	Learn("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END PRIVATE KEY-----\n")
	for in, want := range map[string]string{
		"it is a-learned-secret, yes":                          "it is [redacted], yes",
		"line MIIEvQIBADANBgkqhkiG":                            "line [redacted]",
		"s3://key:secret@bucket/prefix":                        "s3://[redacted]@bucket/prefix",
		`{"SecretAccessKey": "abc", "Version": 1}`:             `{"SecretAccessKey": [redacted], "Version": 1}`,
		`{\"SecretAccessKey\": \"abc\"}`:                       `{\"SecretAccessKey\": [redacted]}`,
		"aws_secret_access_key = abc":                          "aws_secret_access_key = [redacted]",
		"api_key: env:TEMPORAL_KEY":                            "api_key: env:TEMPORAL_KEY",
		"accounts.acme.token: the variable T is not set":       "accounts.acme.token: the variable T is not set",
		"the lake's secret_key does not fit the access_key":    "the lake's secret_key does not fit the access_key",
		"temporal.api_key: missing":                            "temporal.api_key: missing",
		"data/messages/provider=chatwoot/part-9f86d081884c7d6": "data/messages/provider=chatwoot/part-9f86d081884c7d6",
	} {
		if got := Mask(in); got != want {
			t.Errorf("Mask(%q)\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestAttr(t *testing.T) {
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: Attr})).Error("password="+canary, "error", errors.New(`data: "`+canary+`"`), "url", "http://u:"+canary+"@h", "n", 5)
	if strings.Contains(out.String(), canary) || !strings.Contains(out.String(), "n=5") {
		t.Errorf("logged %s", out.String())
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"AccessDenied": "AccessDenied", "KMS.DisabledException": "KMS.DisabledException", "eu-central-1": "eu-central-1",
		"tx00000-0065": "tx00000-0065", "two words": "", "<b>": "", "": "", strings.Repeat("a", 100): "",
	} {
		if got := Code(in); got != want {
			t.Errorf("Code(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestProxyAnswer(t *testing.T) {
	for status, want := range map[string]string{"407 " + canary: "requires a login", "403 " + canary: "does not allow", "502 " + canary: "did not connect"} {
		proxy := raw(t, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
		behind, err := url.Parse(strings.Replace(proxy, "http://", "http://user:"+canary+"@", 1))
		if err != nil {
			t.Fatal(err)
		}
		client := http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(behind), OnProxyConnectResponse: ProxyAnswer}}
		server := httptest.NewTLSServer(http.NotFoundHandler())
		defer server.Close()
		_, err = client.Get(server.URL)
		if err == nil {
			t.Fatal("the proxy let it through")
		}
		got := Error(err).Error()
		if strings.Contains(got, canary) || !strings.Contains(got, want) || !strings.Contains(got, behind.Host) {
			t.Errorf("status %s: %q, want %q and the proxy's host", status, got, want)
		}
	}
}
