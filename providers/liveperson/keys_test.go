package liveperson

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

// with secrets, and without a token.
func secrets(pairs ...string) func(*providers.Account) {
	return func(a *providers.Account) {
		a.Token, a.Secrets = "", map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			a.Secrets[pairs[i]] = pairs[i+1]
		}
	}
}

var (
	oauth2Secrets = secrets(secretClientID, fake.ClientID, secretClientSecret, fake.ClientSecret)
	loginSecrets  = secrets(secretUsername, fake.Username, secretPassword, fake.Password)
	oauth1Secrets = secrets(secretAppKey, fake.AppKey, secretAppSecret, fake.AppSecret, secretAccessToken, fake.AccessToken, secretAccessSecret, fake.AccessSecret)
)

func TestCheck(t *testing.T) {
	fine := providers.Account{BaseURL: "https://api.liveperson.net", AccountID: "12345678", Token: "x"}
	tests := []struct {
		key    string // "" if nothing is wrong
		change func(*providers.Account)
	}{
		{"", func(*providers.Account) {}},
		{"", oauth2Secrets}, {"", oauth1Secrets}, {"", loginSecrets},
		{"", with(map[string]string{"mode": "consumer", "state": "close,archive", "sort": "end:desc", "page_size": "100", "consumer_scheme": ""})},
		{"", with(map[string]string{"mode": "account", "source": "A_1", "content": "campaign, pageViews", "sde_version": "1", "status": "CLOSE", "offset_cap": "100"})},
		{"base_url", func(a *providers.Account) { a.BaseURL = "" }},
		{"base_url", func(a *providers.Account) { a.BaseURL = "ftp://x" }},
		{"base_url", func(a *providers.Account) { a.BaseURL = "https://a:b@x" }},
		{"account_id", func(a *providers.Account) { a.AccountID = "" }},
		{"account_id", func(a *providers.Account) { a.AccountID = "1/../2" }},
		{"secrets", secrets()},
		{"token", func(a *providers.Account) { a.Token, a.Options = "", map[string]string{"mode": "consumer"} }},
		{"token", func(a *providers.Account) { oauth2Secrets(a); a.Options = map[string]string{"mode": "consumer"} }},
		{"secrets.client_secret", secrets(secretClientID, "x")},
		{"secrets.access_token_secret", secrets(secretAppKey, "x", secretAppSecret, "x", secretAccessToken, "x")},
		{"secrets.username", secrets(secretPassword, "x")},
		{"secrets", secrets(secretClientID, "x", secretClientSecret, "x", secretUsername, "x", secretPassword, "x")},
		{"secrets", func(a *providers.Account) { oauth2Secrets(a); a.Token = "x" }},
		{"options.colour", with(map[string]string{"colour": "red"})},
		{"options.mode", with(map[string]string{"mode": "both"})},
		{"options.source", with(map[string]string{"source": ""})},
		{"options.source", with(map[string]string{"source": "a-b"})},
		{"options.source", with(map[string]string{"source": "a23456789012345678901"})},
		{"options.content", with(map[string]string{"content": "a b"})},
		{"options.sde_version", with(map[string]string{"sde_version": "3"})},
		{"options.status", with(map[string]string{"status": "open"})},
		{"options.status", with(map[string]string{"status": ""})},
		{"options.offset_cap", with(map[string]string{"offset_cap": "99"})},
		{"options.state", with(map[string]string{"state": "gone"})},
		{"options.sort", with(map[string]string{"sort": "start"})},
		{"options.page_size", with(map[string]string{"page_size": "101"})},
		{"options.consumer_scheme", with(map[string]string{"consumer_scheme": "Bearer x"})},
	}
	for i, tt := range tests {
		a := fine
		tt.change(&a)
		err := Definition.Check(a)
		if tt.key == "" {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
			continue
		}
		var setting *providers.Setting
		if !errors.As(err, &setting) || setting.Key != tt.key {
			t.Errorf("%d: the error is %v, want one about %s", i, err, tt.key)
		}
		if _, err := Definition.Open(a); err == nil {
			t.Errorf("%d: the account was opened", i)
		}
	}
	// Check sees only names; Open needs values.
	names := fine
	secrets(secretClientID, "", secretClientSecret, "")(&names)
	if err := Definition.Check(names); err != nil {
		t.Error(err)
	}
	if _, err := Definition.Open(names); err == nil {
		t.Error("an account with empty secrets was opened")
	}
}

func TestWaysToSignIn(t *testing.T) {
	for name, way := range map[string]func(*providers.Account){"OAuth 2": oauth2Secrets, "OAuth 1": oauth1Secrets, "login": loginSecrets} {
		s, a, whole := site(t, simulator.CorpusConfig{Seed: 2, Conversations: 30}, fake.Options{}, way)
		for range 2 {
			if refs, _ := collect(t, a, whole); len(refs) != 30 {
				t.Errorf("%s: %d conversations", name, len(refs))
			}
		}
		if tokens := s.Stats().Tokens; tokens > 1 {
			t.Errorf("%s: %d tokens", name, tokens)
		}
		// A token that expired early is renewed once.
		s.Revoke()
		if refs, _ := collect(t, a, whole); len(refs) != 30 {
			t.Errorf("%s: %d conversations after the tokens ended", name, len(refs))
		}
		if tokens := s.Stats().Tokens; tokens > 2 || tokens < 2 && name != "OAuth 1" {
			t.Errorf("%s: %d tokens after they ended", name, tokens)
		}
	}
}

func TestWrongSecrets(t *testing.T) {
	for is, way := range map[error]func(*providers.Account){
		errClient: secrets(secretClientID, fake.ClientID, secretClientSecret, testToken),
		errLogin:  secrets(secretUsername, fake.Username, secretPassword, testToken),
		errKey:    secrets(secretAppKey, fake.AppKey, secretAppSecret, testToken, secretAccessToken, fake.AccessToken, secretAccessSecret, "x"),
	} {
		_, a, whole := site(t, simulator.CorpusConfig{Seed: 2, Conversations: 5}, fake.Options{}, way)
		wantError(t, "wrong secrets", listed(t, a, whole), providers.Denied, is)
	}
}

// A platform that refuses every token is asked twice, not more.
func TestRefusedAgain(t *testing.T) {
	var searches, tokens atomic.Int64
	a := stub(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/app/token") {
			fmt.Fprintf(w, `{"access_token":"t%d"}`, tokens.Add(1))
			return
		}
		searches.Add(1)
		providertest.Says(401, `{}`)(w, r)
	}, oauth2Secrets)
	wantError(t, "a refused token", listed(t, a, day(1)), providers.Denied, errRenewed)
	if searches.Load() != 2 || tokens.Load() != 2 {
		t.Errorf("%d searches with %d tokens", searches.Load(), tokens.Load())
	}
}

func TestAnswersWithoutToken(t *testing.T) {
	for _, body := range []string{`{}`, `[]`, `{"access_token":""}`, `{"bearer":null}`} {
		for _, way := range []func(*providers.Account){oauth2Secrets, loginSecrets} {
			wantError(t, body, listed(t, stub(t, providertest.Says(200, body), way), day(1)), providers.Malformed, errNoToken)
		}
	}
	wantError(t, "451", listed(t, stub(t, providertest.Says(451, `{}`), loginSecrets), day(1)), providers.Denied, errLegal)
}

// A token is renewed before it expires, one renewal at a time, and only the token that was refused.
func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetched := 0
		s := newSession(func(context.Context) (grant, error) {
			time.Sleep(time.Second)
			fetched++
			return grant{token: fmt.Sprint(fetched), life: time.Hour}, nil
		})
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if k, err := s.key(t.Context(), nil); err != nil || k != key(header("Bearer 1")) {
					t.Errorf("the key is %v, %v", k, err)
				}
			})
		}
		all.Wait()
		first, _ := s.key(t.Context(), nil)
		for range 5 {
			all.Go(func() {
				if k, err := s.key(t.Context(), first); err != nil || k != key(header("Bearer 2")) {
					t.Errorf("the key after a refusal is %v, %v", k, err)
				}
			})
		}
		all.Wait()
		time.Sleep(58 * time.Minute)
		if k, _ := s.key(t.Context(), nil); k != key(header("Bearer 2")) {
			t.Errorf("the key was renewed too early: %v", k)
		}
		time.Sleep(time.Minute)
		if k, _ := s.key(t.Context(), nil); k != key(header("Bearer 3")) {
			t.Errorf("the key was not renewed in time: %v", k)
		}
		if fetched != 3 {
			t.Errorf("%d tokens were fetched", fetched)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.taken <- struct{}{}
		if _, err := s.key(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("whoever gave up waiting got %v", err)
		}
	})
}

func TestLifeOfTokens(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	for token, want := range map[string]time.Duration{
		jwt(`{"iat":1700000000,"exp":1700001800}`): 30 * time.Minute,
		jwt(`{"exp":1800000600}`):                  10 * time.Minute,
		jwt(`{"exp":1799999999}`):                  time.Second,
		jwt(`{"exp":1e300}`):                       0,
		jwt(`{"iat":1,"exp":99999999999}`):         longestLife,
		jwt(`{}`):                                  0,
		jwt(`[]`):                                  0,
		"e30.?.x":                                  0,
		"opaque":                                   0,
		"":                                         0,
	} {
		if got := lifeOfJWT(token, now); got != want {
			t.Errorf("the life of %s is %s, want %s", token, got, want)
		}
	}
	for body, want := range map[string]time.Duration{
		string(providertest.Sample(t, "oauth2_token_response.json")):            time.Hour,
		`{"access_token":"x","expires_in":"120"}`:                               2 * time.Minute,
		`{"access_token":"x"}`:                                                  0,
		`{"access_token":"` + jwt(`{"iat":1,"exp":601}`) + `"}`:                 10 * time.Minute,
		`{"access_token":"` + jwt(`{"iat":1,"exp":601}`) + `","expires_in":60}`: time.Minute,
	} {
		a := stub(t, providertest.Says(200, body))
		if g, err := a.clientCredentials("i", "s")(t.Context()); err != nil || g.life != want || g.token == "" {
			t.Errorf("%s: %+v, %v; want %s", body, g, err, want)
		}
	}
	a := stub(t, providertest.Says(200, string(providertest.Sample(t, "login_response.json"))))
	if g, err := a.login("u", "p")(t.Context()); err != nil || g.life != 3*time.Minute || g.token != "constructed-bearer" {
		t.Errorf("login: %+v, %v", g, err)
	}
}

// Tokens whose lifetime only they themselves contain, and short-lived ones, are renewed in time.
func TestShortTokens(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 2, Conversations: 20}, fake.Options{NoExpiresIn: true, TokenLife: 4 * time.Second}, oauth2Secrets)
	collect(t, a, whole)
	held := a.keys.(*session)
	if left := time.Until(held.until); left > 3*time.Second || left < time.Second {
		t.Errorf("a token of four seconds is held for %s", left)
	}
	if s.Stats().Tokens != 1 {
		t.Errorf("%d tokens", s.Stats().Tokens)
	}
}

// The example of RFC 5849, section 1.2: a request for a photo. Its base string and signature follow the rules of sections 3.4.1
// and 3.4.2; the RFC prints the signature.
func TestOAuth1Vector(t *testing.T) {
	o := oauth1{consumerKey: "dpf43f3p2l4k3l03", consumerSecret: "kd94hf93k423kf44", token: "nnch734d00sl2jdk", tokenSecret: "pfkkdhi9sl3r4s00"}
	r := httptest.NewRequest(http.MethodGet, "http://photos.example.net/photos?file=vacation.jpg&size=original", nil)
	header := o.header(r, "chapoH", time.Unix(137131202, 0))
	base := baseString(r, [][2]string{
		{"oauth_consumer_key", "dpf43f3p2l4k3l03"}, {"oauth_token", "nnch734d00sl2jdk"}, {"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", "137131202"}, {"oauth_nonce", "chapoH"},
	})
	want := "GET&http%3A%2F%2Fphotos.example.net%2Fphotos&file%3Dvacation.jpg%26oauth_consumer_key%3Ddpf43f3p2l4k3l03%26" +
		"oauth_nonce%3DchapoH%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131202%26oauth_token%3Dnnch734d00sl2jdk%26size%3Doriginal"
	if base != want {
		t.Errorf("the base string is\n%s, want\n%s", base, want)
	}
	if got := o.signature(base); got != "MdpQcU8iPSUjWoN/UDMsK2sui9I=" {
		t.Errorf("the signature is %s", got)
	}
	if !strings.HasPrefix(header, `OAuth oauth_consumer_key="dpf43f3p2l4k3l03", oauth_nonce="chapoH", oauth_signature_method="HMAC-SHA1", `) ||
		!strings.Contains(header, `oauth_version="1.0", oauth_signature="`) {
		t.Errorf("the header is %s", header)
	}
}

// Section 3.4.1 of RFC 5849: parameters are encoded, then sorted by name and value; the default port is left out.
func TestOAuth1BaseString(t *testing.T) {
	r := httptest.NewRequest("post", "http://EXAMPLE.com:80/request%20x?b5=%3D%253D&a3=a&c%40=&a2=r%20b&a3=2+q", nil)
	got := baseString(r, [][2]string{{"oauth_nonce", "7d8f3e4a"}})
	want := "POST&http%3A%2F%2Fexample.com%2Frequest%2520x&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26oauth_nonce%3D7d8f3e4a"
	if got != want {
		t.Errorf("the base string is\n%s, want\n%s", got, want)
	}
	if got := percent("Ladies + Gentlemen!~-._é"); got != "Ladies%20%2B%20Gentlemen%21~-._%C3%A9" {
		t.Errorf("encoded: %s", got)
	}
}
