package freshchat

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
)

var pushedAt = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func newKey(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func signedBy(t *testing.T, key *rsa.PrivateKey, body string) http.Header {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return http.Header{"X-Freshchat-Signature": {base64.StdEncoding.EncodeToString(signature)}, "X-Retry-Count": {"0"}}
}

func TestPushIsVerified(t *testing.T) {
	older, olderText := newKey(t)
	newer, newerText := newKey(t)
	other, _ := newKey(t)
	keys := []string{newerText, olderText}
	bare := strings.Join(strings.Split(strings.TrimSpace(olderText), "\n")[1:len(strings.Split(strings.TrimSpace(olderText), "\n"))-1], "")
	body := func(at time.Time) string {
		return `{"actor":{},"action":"message_create","action_time":"` + at.Format("2006-01-02T15:04:05.000Z") +
			`","data":{"message":{"message_parts":[{"text":{"content":"Grüße"}}],"conversation_id":"ac2175df14d36caf64e9a578fad89070"}}}`
	}
	now := body(pushedAt)
	for name, test := range map[string]struct {
		header http.Header
		body   string
		keys   []string
		reason providers.Reason
		signed bool
	}{
		"newer key":         {signedBy(t, newer, now), now, keys, "", true},
		"older key":         {signedBy(t, older, now), now, keys, "", true},
		"key without lines": {signedBy(t, older, now), now, []string{bare}, "", true},
		"unsigned":          {nil, now, keys, "", false},
		"no keys":           {signedBy(t, other, now), now, nil, "", false},
		"another key":       {signedBy(t, other, now), now, keys, providers.BadSignature, false},
		"encoded again":     {signedBy(t, newer, now), strings.Replace(now, "ü", `\u00fc`, 1), keys, providers.BadSignature, false},
		"no base64":         {http.Header{"X-Freshchat-Signature": {"!"}}, now, keys, providers.BadSignature, false},
		"retried":           {signedBy(t, newer, body(pushedAt.Add(-50*time.Minute))), body(pushedAt.Add(-50 * time.Minute)), keys, "", true},
		"old":               {signedBy(t, newer, body(pushedAt.Add(-2*time.Hour))), body(pushedAt.Add(-2 * time.Hour)), keys, providers.Expired, false},
		"from the future":   {signedBy(t, newer, body(pushedAt.Add(time.Hour))), body(pushedAt.Add(time.Hour)), keys, providers.Expired, false},
	} {
		got, err := push.Read(providers.Notice{Method: "POST", Header: test.header, Body: []byte(test.body)}, test.keys, pushedAt)
		if reason := providertest.Refused(t, err); reason != test.reason || got.Signed != test.signed {
			t.Errorf("%s: refused %q, signed %t; want %q, %t", name, reason, got.Signed, test.reason, test.signed)
		}
		if err == nil && (len(got.Conversations) != 1 || got.Conversations[0] != "ac2175df14d36caf64e9a578fad89070") {
			t.Errorf("%s: %v", name, got.Conversations)
		}
	}
}

func TestPushNamesTheConversation(t *testing.T) {
	for body, want := range map[string]string{
		`{"action":"conversation_resolution","data":{"resolve":{"conversation":{"conversation_id":"aecf3cc7-138a-4b40-9723-5bf4d1abb97b"}}}}`: "aecf3cc7-138a-4b40-9723-5bf4d1abb97b",
		`{"action":"conversation_reopen","data":{"reopen":{"conversation":{"conversation_id":"a"}}}}`:                                         "a",
		`{"action":"conversation_assignment","data":{"assignment":{"conversation":{"conversation_id":"a"}}}}`:                                 "a",
		`{"action":"something_new","data":{}}`:                                        "-",
		`{"action":"message_create","data":{"message":{"conversation_id":"a/../b"}}}`: string(providers.Unreadable),
		`{"action":"message_create","data":null}`:                                     string(providers.Unreadable),
		`{"data":{}}`: string(providers.Unreadable),
		`nothing`:     string(providers.Unreadable),
	} {
		got, err := push.Read(providers.Notice{Method: "POST", Body: []byte(body)}, nil, pushedAt)
		if said := providertest.Announced(t, got, err); said != want {
			t.Errorf("%s: %s, want %s", body, said, want)
		}
	}
}

func TestPushKeys(t *testing.T) {
	_, good := newKey(t)
	if err := push.CheckKey(good); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "secret", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if push.CheckKey(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestPushProbes(t *testing.T) { providertest.Probes(t, push, "") }
