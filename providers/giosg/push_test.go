package giosg

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
)

const (
	pushedOrg  = "7f9e9580-095b-42c7-838c-c04e667b26f7"
	pushedChat = "26534820-0aa1-11ee-9b63-0242ac120009"
)

func TestTriggerIsVerified(t *testing.T) {
	const older, newer = "older-secret-of-the-app", "newer-secret-of-the-app"
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	claims := func(expires time.Duration) jwt.MapClaims {
		return jwt.MapClaims{"sub": "service.giosg.com", "exp": now.Add(expires).Unix(), "org_id": pushedOrg, "chat_id": pushedChat, "app_user_id": nil}
	}
	sign := func(method jwt.SigningMethod, claims jwt.MapClaims, key any) string {
		text, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := sign(jwt.SigningMethodHS256, claims(10*time.Minute), []byte(newer))
	other := claims(10 * time.Minute)
	other["org_id"] = "00000000-095b-42c7-838c-c04e667b26f7"
	noChat := claims(10 * time.Minute)
	noChat["chat_id"] = ""
	forever := claims(0)
	delete(forever, "exp")
	parts := strings.Split(good, ".")
	for name, test := range map[string]struct {
		kind, data string
		keys       []string
		want       string
	}{
		"newer key":         {"chat_end", good, []string{newer, older}, pushedChat},
		"older key":         {"chat_end", sign(jwt.SigningMethodHS256, claims(time.Minute), []byte(older)), []string{newer, older}, pushedChat},
		"a chat that began": {"chat_start", good, []string{newer}, "-"},
		"installation":      {"install", good, []string{newer}, "-"},
		"no keys":           {"chat_end", good, nil, string(providers.Unsigned)},
		"another key":       {"chat_end", good, []string{older}, string(providers.BadSignature)},
		"expired":           {"chat_end", sign(jwt.SigningMethodHS256, claims(-time.Second), []byte(newer)), []string{newer}, string(providers.Expired)},
		"valid too long":    {"chat_end", sign(jwt.SigningMethodHS256, claims(48*time.Hour), []byte(newer)), []string{newer}, string(providers.Expired)},
		"never expires":     {"chat_end", sign(jwt.SigningMethodHS256, forever, []byte(newer)), []string{newer}, string(providers.Expired)},
		"none":              {"chat_end", sign(jwt.SigningMethodNone, claims(time.Minute), jwt.UnsafeAllowNoneSignatureType), []string{newer}, string(providers.BadAlgorithm)},
		"HS512":             {"chat_end", sign(jwt.SigningMethodHS512, claims(time.Minute), []byte(newer)), []string{newer}, string(providers.BadAlgorithm)},
		"RS256":             {"chat_end", sign(jwt.SigningMethodRS256, claims(time.Minute), private), []string{newer}, string(providers.BadAlgorithm)},
		"no signature":      {"chat_end", parts[0] + "." + parts[1] + ".", []string{newer}, string(providers.BadSignature)},
		"other claims":      {"chat_end", parts[0] + "." + strings.Split(sign(jwt.SigningMethodHS256, other, []byte(older)), ".")[1] + "." + parts[2], []string{newer}, string(providers.BadSignature)},
		"another account":   {"chat_end", sign(jwt.SigningMethodHS256, other, []byte(newer)), []string{newer}, string(providers.OtherAccount)},
		"no chat":           {"chat_end", sign(jwt.SigningMethodHS256, noChat, []byte(newer)), []string{newer}, string(providers.Unreadable)},
		"no token":          {"chat_end", "", []string{newer}, string(providers.Unreadable)},
		"garbage":           {"chat_end", "a.b.c", []string{newer}, string(providers.Unreadable)},
		"no type":           {"", good, []string{newer}, string(providers.Unreadable)},
	} {
		query := url.Values{"data": {test.data}, "token": {"not looked at"}}
		if test.kind != "" {
			query.Set("type", test.kind)
		}
		got, err := push.Read(providers.Notice{Method: "GET", Query: query, AccountID: pushedOrg}, test.keys, now)
		if said := providertest.Announced(t, got, err); said != test.want || err == nil && !got.Signed {
			t.Errorf("%s: %s, signed %t; want %s", name, said, got.Signed, test.want)
		}
	}
}

// TestTriggerSample reads the trigger of the platform's own test.
func TestTriggerSample(t *testing.T) {
	text, err := os.ReadFile("testdata/trigger_chat_end.json")
	if err != nil {
		t.Fatal(err)
	}
	var sample struct {
		Secret string            `json:"app_secret"`
		Query  map[string]string `json:"query"`
	}
	if err := json.Unmarshal(text, &sample); err != nil {
		t.Fatal(err)
	}
	query := url.Values{}
	for key, value := range sample.Query {
		query.Set(key, value)
	}
	at := time.Unix(1893456600, 0).Add(-10 * time.Minute)
	got, err := push.Read(providers.Notice{Method: "GET", Query: query, AccountID: pushedOrg}, []string{sample.Secret}, at)
	if said := providertest.Announced(t, got, err); said != pushedChat {
		t.Error(said)
	}
}

func TestWebhookNamesTheChat(t *testing.T) {
	const chat = "e1549f4d-d2a6-4efb-b64c-e977b0a5ba96"
	for body, want := range map[string]string{
		`{"channel":"/api/v5/orgs/` + pushedOrg + `/owned_chats","action":"changed","resource_id":"` + chat + `","app_user_auth":{"access_token":"x"},"resource":{}}`: chat,
		`{"channel":"/api/v5/orgs/` + pushedOrg + `/owned_chats","action":"removed","resource_id":"` + chat + `"}`:                                                    chat,
		`{"channel":"/api/v5/orgs/` + pushedOrg + `/owned_chats/` + chat + `/messages","action":"added","resource_id":"9dc79944-0aa1-11ee-afb4-0242ac120008"}`:        chat,
		`{"channel":"/api/v5/orgs/` + pushedOrg + `/rooms","action":"added","resource_id":"9dc79944-0aa1-11ee-afb4-0242ac120008"}`:                                    "-",
		`{"channel":"/api/v5/orgs/00000000-095b-42c7-838c-c04e667b26f7/owned_chats","action":"changed","resource_id":"` + chat + `"}`:                                 string(providers.OtherAccount),
		`{"channel":"/api/v5/orgs/` + pushedOrg + `/owned_chats","action":"changed","resource_id":"` + strings.ToUpper(chat) + `"}`:                                   string(providers.Unreadable),
		`{"channel":"/api/v5/orgs/` + pushedOrg + `/owned_chats","action":"changed"}`:                                                                                 string(providers.Unreadable),
		`{"action":"changed"}`: string(providers.Unreadable),
		`{"channel":5}`:        string(providers.Unreadable),
		`no JSON`:              string(providers.Unreadable),
	} {
		got, err := push.Read(providers.Notice{Method: "POST", Body: []byte(body), AccountID: pushedOrg}, []string{"a secret of the app"}, time.Now())
		if said := providertest.Announced(t, got, err); said != want || got.Signed {
			t.Errorf("%s: %s, signed %t; want %s", body, said, got.Signed, want)
		}
	}
}

func TestPushProbes(t *testing.T) {
	providertest.Probes(t, push, pushedOrg, "older-secret-of-the-app", "newer-secret-of-the-app")
}
