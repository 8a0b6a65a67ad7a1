package liveperson

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// grant is a bearer token and its lifetime; 0 if unknown.
type grant struct {
	token string
	life  time.Duration
}

// session keeps a bearer token and gets another before it expires, one at a time.
type session struct {
	fetch func(context.Context) (grant, error)
	taken chan struct{} // held while the other fields are used
	held  header
	until time.Time
}

func newSession(fetch func(context.Context) (grant, error)) *session {
	return &session{fetch: fetch, taken: make(chan struct{}, 1)}
}

const (
	defaultLife = time.Hour   // the lifetime of the example token in "OAuth 2.0 client credentials"
	renewMargin = time.Minute // before the end, but at most a quarter of the lifetime
)

// key returns the current token, or a new one if it was refused or is about to expire.
func (s *session) key(ctx context.Context, refused key) (key, error) {
	select {
	case s.taken <- struct{}{}:
		defer func() { <-s.taken }()
	case <-ctx.Done():
		return nil, &providers.Error{Kind: providers.Transient, Op: "sign in", Err: context.Cause(ctx)}
	}
	if s.held != "" && key(s.held) != refused && time.Now().Before(s.until) {
		return s.held, nil
	}
	s.held = ""
	g, err := s.fetch(ctx)
	if err != nil {
		return nil, err
	}
	if g.life <= 0 {
		g.life = defaultLife
	}
	s.held, s.until = header("Bearer "+g.token), time.Now().Add(g.life-min(renewMargin, g.life/4))
	return s.held, nil
}

var (
	errClient  = error(&providers.Setting{Key: "secrets." + secretClientSecret, Reason: "the platform does not know the client, or its secret is wrong; check client_id and client_secret"})
	errLogin   = error(&providers.Setting{Key: "secrets." + secretPassword, Reason: "the platform does not accept the user name or the password; correct them"})
	errNoToken = errors.New("the response contains no token")
)

// clientCredentials gets a token for a registered application. "OAuth 2.0 client credentials", version 2 of the token address:
// version 1 is for another API.
func (a *account) clientCredentials(id, secret string) func(context.Context) (grant, error) {
	return func(ctx context.Context) (grant, error) {
		const op = "get a token"
		answer, err := a.signIn(ctx, serviceTokens, errClient, rest.Request{
			Op: op, Method: http.MethodPost, Path: "/sentinel/api/v2/account/" + a.id + "/app/token", Repeatable: true,
			Form: url.Values{"client_id": {id}, "client_secret": {secret}, "grant_type": {"client_credentials"}},
		})
		if err != nil {
			return grant{}, err
		}
		o, _ := decodeObject(answer.Body)
		g := grant{token: o.word("access_token")}
		if g.token == "" {
			return g, rest.Malformed(op, errNoToken)
		}
		if seconds := o.integer("expires_in"); seconds != nil && *seconds > 0 {
			g.life = lifeOf(*seconds)
		} else {
			g.life = lifeOfJWT(g.token, time.Now())
		}
		return g, nil
	}
}

// login signs a user in. "Login", Login Service API: sessionTTl is a text, in seconds. "Retry policy recommendations": wait five
// seconds after a 429.
func (a *account) login(name, password string) func(context.Context) (grant, error) {
	return func(ctx context.Context) (grant, error) {
		const op = "log in"
		answer, err := a.signIn(ctx, serviceLogin, errLogin, rest.Request{
			Op: op, Method: http.MethodPost, Path: "/api/account/" + a.id + "/login", Query: url.Values{"v": {"1.3"}},
			JSON: map[string]string{"username": name, "password": password}, LeastPause: 5 * time.Second,
		})
		if err != nil {
			return grant{}, err
		}
		o, _ := decodeObject(answer.Body)
		g := grant{token: o.word("bearer")}
		if g.token == "" {
			return g, rest.Malformed(op, errNoToken)
		}
		if seconds := o.integer("sessionTTl"); seconds != nil && *seconds > 0 {
			g.life = lifeOf(*seconds)
		}
		return g, nil
	}
}

// signIn sends a request without a key. A 400 or 401 means that the secrets are wrong.
func (a *account) signIn(ctx context.Context, service string, why error, r rest.Request) (rest.Response, error) {
	client, err := a.hosts.of(ctx, service)
	if err != nil {
		return rest.Response{}, err
	}
	answer, err := client.Do(ctx, r)
	if err == nil && (answer.Status == http.StatusBadRequest || answer.Status == http.StatusUnauthorized) {
		return answer, &providers.Error{Kind: providers.Denied, Op: r.Op, Status: answer.Status, Err: why}
	}
	return checked(r.Op, answer, err)
}

const longestLife = 24 * time.Hour // a token is renewed once a day, whatever its lifetime

func lifeOf(seconds int64) time.Duration {
	return time.Duration(min(seconds, int64(longestLife/time.Second))) * time.Second
}

// lifeOfJWT returns the lifetime of a JWT: if it has both times, their difference, so our clock does not matter.
func lifeOfJWT(token string, now time.Time) time.Duration {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return 0
	}
	var sent struct {
		Expires float64 `json:"exp"`
		Issued  float64 `json:"iat"`
	}
	if json.Unmarshal(claims, &sent) != nil || sent.Expires <= 0 || sent.Expires > wire.MaxUnix {
		return 0
	}
	if sent.Issued <= 0 {
		sent.Issued = float64(now.Unix())
	}
	return lifeOf(int64(max(1, sent.Expires-sent.Issued)))
}
