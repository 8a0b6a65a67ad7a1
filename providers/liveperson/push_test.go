package liveperson

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
)

func TestPushIsVerified(t *testing.T) {
	const (
		older, newer = "older-secret-of-the-app", "newer-secret-of-the-app"
		body         = `{"kind":"notification","body":{"changes":[{"sequence":8,"conversationId":"` +
			`b7d0a1f0-0001","event":{"type":"ContentEvent","message":"Grüße"}},{"conversationId":"b7d0a1f0-0001"},{"conversationId":"b7d0a1f0-0002"}]},"type":"ms.MessagingEventNotification"}`
	)
	keys := []string{newer, older}
	sum1 := func(key, body string) []byte {
		mac := hmac.New(sha1.New, []byte(key))
		mac.Write([]byte(body))
		return mac.Sum(nil)
	}
	sum256 := func(key, body string) []byte {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(body))
		return mac.Sum(nil)
	}
	b64, to16 := base64.StdEncoding.EncodeToString, hex.EncodeToString
	for name, test := range map[string]struct {
		signature, body string
		keys            []string
		reason          providers.Reason
		signed          bool
	}{
		"sha1, base64":    {"sha1=" + b64(sum1(newer, body)), body, keys, "", true},
		"sha1, hex":       {"sha1=" + to16(sum1(newer, body)), body, keys, "", true},
		"sha256, base64":  {"sha256=" + b64(sum256(newer, body)), body, keys, "", true},
		"sha256, hex":     {"sha256=" + to16(sum256(older, body)), body, keys, "", true},
		"unsigned":        {"", body, keys, "", false},
		"no keys":         {"sha1=AAAA", body, nil, "", false},
		"another key":     {"sha256=" + b64(sum256("another", body)), body, keys, providers.BadSignature, false},
		"another body":    {"sha256=" + b64(sum256(newer, body)), strings.Replace(body, "ü", `\u00fc`, 1), keys, providers.BadSignature, false},
		"the wrong hash":  {"sha256=" + b64(sum1(newer, body)), body, keys, providers.BadSignature, false},
		"no hash at all":  {b64(sum1(newer, body)), body, keys, providers.BadAlgorithm, false},
		"unknown hash":    {"none=", body, keys, providers.BadAlgorithm, false},
		"empty signature": {"sha1=", body, keys, providers.BadSignature, false},
	} {
		header := http.Header{"X-Liveperson-Account-Id": {"12345678"}}
		if test.signature != "" {
			header.Set("X-Liveperson-Signature", test.signature)
		}
		got, err := push.Read(providers.Notice{Method: "POST", Header: header, Body: []byte(test.body), AccountID: "12345678"}, test.keys, time.Now())
		if reason := providertest.Refused(t, err); reason != test.reason || got.Signed != test.signed {
			t.Errorf("%s: refused %q, signed %t; want %q, %t", name, reason, got.Signed, test.reason, test.signed)
		}
		if err == nil && strings.Join(got.Conversations, " ") != "b7d0a1f0-0001 b7d0a1f0-0002" {
			t.Errorf("%s: %v", name, got.Conversations)
		}
	}
}

func TestPushNamesTheConversation(t *testing.T) {
	for _, test := range []struct{ account, body, want string }{
		{"1", `{"body":{"changes":[{"type":"UPSERT","result":{"convId":"c-1","effectiveTTR":-1}}]},"type":"cqm.ExConversationChangeNotification"}`, "c-1"},
		{"1", `{"body":{"changes":[]},"type":"cqm.ExConversationChangeNotification"}`, "-"},
		{"1", `{"body":{"userId":"x"},"type":"something.Else"}`, "-"},
		{"1", `{"body":{"changes":[{"conversationId":"a b"}]},"type":"ms.MessagingEventNotification"}`, string(providers.Unreadable)},
		{"1", `{"body":{}}`, string(providers.Unreadable)},
		{"1", `<html>`, string(providers.Unreadable)},
		{"2", `{"body":{"changes":[]},"type":"x"}`, string(providers.OtherAccount)},
	} {
		header := http.Header{"X-Liveperson-Account-Id": {test.account}}
		got, err := push.Read(providers.Notice{Method: "POST", Header: header, Body: []byte(test.body), AccountID: "1"}, nil, time.Now())
		if said := providertest.Announced(t, got, err); said != test.want {
			t.Errorf("%s: %s, want %s", test.body, said, test.want)
		}
	}
}

func TestPushProbes(t *testing.T) {
	providertest.Probes(t, push, "12345678", "older-secret-of-the-app", "newer-secret-of-the-app")
}
