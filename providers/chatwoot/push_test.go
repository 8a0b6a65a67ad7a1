package chatwoot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
)

var pushedAt = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func signedBy(key, body string, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(stamp + "." + body))
	return http.Header{
		"X-Chatwoot-Signature": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}, "X-Chatwoot-Timestamp": {stamp},
		"X-Chatwoot-Delivery": {"0d5c29f2-5a5b-4a7c-a5f6-2f6b6a3f3f10"},
	}
}

func TestPushIsVerified(t *testing.T) {
	const (
		older, newer = "older-secret-of-the-webhook", "newer-secret-of-the-webhook"
		body         = `{"event":"message_created","id":10011,"content":"Grüße","account":{"id":1},"conversation":{"id":42}}`
	)
	keys := []string{newer, older}
	with := func(header http.Header, key, value string) http.Header {
		header = header.Clone()
		header.Set(key, value)
		return header
	}
	for name, test := range map[string]struct {
		header http.Header
		body   string
		keys   []string
		reason providers.Reason
		signed bool
	}{
		"newer key":                  {signedBy(newer, body, pushedAt), body, keys, "", true},
		"older key":                  {signedBy(older, body, pushedAt), body, keys, "", true},
		"unsigned":                   {nil, body, keys, "", false},
		"signed without keys":        {signedBy("of somebody else", body, pushedAt), body, nil, "", false},
		"another key":                {signedBy("of somebody else", body, pushedAt), body, keys, providers.BadSignature, false},
		"another body":               {signedBy(newer, body, pushedAt), body + " ", keys, providers.BadSignature, false},
		"encoded again":              {signedBy(newer, body, pushedAt), strings.Replace(body, "ü", `\u00fc`, 1), keys, providers.BadSignature, false},
		"another time":               {with(signedBy(newer, body, pushedAt), "X-Chatwoot-Timestamp", "1777777777"), body, keys, providers.BadSignature, false},
		"no time":                    {with(signedBy(newer, body, pushedAt), "X-Chatwoot-Timestamp", ""), body, keys, providers.BadSignature, false},
		"five minutes old":           {signedBy(newer, body, pushedAt.Add(-5*time.Minute)), body, keys, "", true},
		"older":                      {signedBy(newer, body, pushedAt.Add(-5*time.Minute-time.Second)), body, keys, providers.Expired, false},
		"from the future":            {signedBy(newer, body, pushedAt.Add(6*time.Minute)), body, keys, providers.Expired, false},
		"another algorithm":          {with(signedBy(newer, body, pushedAt), "X-Chatwoot-Signature", "md5=00"), body, keys, providers.BadAlgorithm, false},
		"a part of the signature":    {with(signedBy(newer, body, pushedAt), "X-Chatwoot-Signature", "sha256=00"), body, keys, providers.BadSignature, false},
		"no signature after all":     {with(signedBy(newer, body, pushedAt), "X-Chatwoot-Signature", "sha256="), body, keys, providers.BadSignature, false},
		"a signature that is no hex": {with(signedBy(newer, body, pushedAt), "X-Chatwoot-Signature", "sha256=zz"), body, keys, providers.BadSignature, false},
	} {
		got, err := push.Read(providers.Notice{Method: "POST", Header: test.header, Body: []byte(test.body), AccountID: "1"}, test.keys, pushedAt)
		if reason := providertest.Refused(t, err); reason != test.reason || got.Signed != test.signed || (got.Stamp != "") != test.signed {
			t.Errorf("%s: refused %q, signed %t, at %q; want %q, %t", name, reason, got.Signed, got.Stamp, test.reason, test.signed)
		}
		if want := []string{"42"}; err == nil && !cmp.Equal(got.Conversations, want) {
			t.Errorf("%s: %v", name, got.Conversations)
		}
	}
}

func TestPushNamesTheConversation(t *testing.T) {
	for body, want := range map[string]string{
		`{"event":"message_created","id":9,"conversation":{"id":42,"display_id":null},"account":{"id":1}}`: "42",
		`{"event":"message_updated","id":9,"conversation":{"display_id":"42"}}`:                            "42",
		`{"event":"conversation_created","id":42,"account_id":1}`:                                          "42",
		`{"event":"conversation_status_changed","id":42}`:                                                  "42",
		`{"event":"conversation_updated","id":42,"changed_attributes":[]}`:                                 "42",
		`{"event":"macro.executed","id":42}`:                                                               "42",
		`{"event":"conversation_typing_on","conversation":{"id":42}}`:                                      "-",
		`{"event":"contact_created","id":7}`:                                                               "-",
		`{"event":"webwidget_triggered","id":7}`:                                                           "-",
		`{"event":"message_created","conversation":{"id":42},"account":{"id":2}}`:                          string(providers.OtherAccount),
		`{"event":"message_created","conversation":{"id":"../4"}}`:                                         string(providers.Unreadable),
		`{"event":"message_created","conversation":{"id":042}}`:                                            string(providers.Unreadable),
		`{"event":"message_created","conversation":{"id":-1}}`:                                             string(providers.Unreadable),
		`{"event":"message_created"}`:                                                                      string(providers.Unreadable),
		`{}`:                                                                                               string(providers.Unreadable),
		`[]`:                                                                                               string(providers.Unreadable),
		``:                                                                                                 string(providers.Unreadable),
	} {
		got, err := push.Read(providers.Notice{Method: "POST", Body: []byte(body), AccountID: "1"}, nil, pushedAt)
		if said := providertest.Announced(t, got, err); said != want {
			t.Errorf("%s: %s, want %s", body, said, want)
		}
	}
	if _, err := push.Read(providers.Notice{Method: "GET"}, nil, pushedAt); providertest.Refused(t, err) != providers.Unreadable {
		t.Error("a GET is read")
	}
}

func TestPushProbes(t *testing.T) {
	providertest.Probes(t, push, "1", "older-secret-of-the-webhook", "newer-secret-of-the-webhook")
}
