package liveperson

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// The secrets of an account.
const (
	secretClientID     = "client_id" // OAuth 2 client credentials
	secretClientSecret = "client_secret"
	secretAppKey       = "app_key" // OAuth 1.0a
	secretAppSecret    = "app_secret"
	secretAccessToken  = "access_token"
	secretAccessSecret = "access_token_secret"
	secretUsername     = "username" // a user's login
	secretPassword     = "password"
)

// way is a way to sign in. Its secrets belong together.
type way struct {
	name    string
	secrets []string // none for a ready token
}

var ways = []way{
	{"OAuth 2 client credentials", []string{secretClientID, secretClientSecret}},
	{"OAuth 1.0a API keys", []string{secretAppKey, secretAppSecret, secretAccessToken, secretAccessSecret}},
	{"a user's login", []string{secretUsername, secretPassword}},
}

const wayNames = "client_id and client_secret (OAuth 2), or app_key, app_secret, access_token and access_token_secret (OAuth 1.0a), or username and password, or a token"

// chooseSecrets returns the one way to sign in whose secrets are configured. It looks at their names only.
func chooseSecrets(a providers.Account, o options) (way, error) {
	given := map[string]bool{}
	for name := range maps.Keys(a.Secrets) {
		given[name] = true
	}
	var chosen []way
	for _, w := range ways {
		var missing []string
		for _, name := range w.secrets {
			if !given[name] {
				missing = append(missing, name)
			}
		}
		switch {
		case len(missing) == len(w.secrets):
			continue
		case len(missing) > 0:
			return way{}, &providers.Setting{Key: "secrets." + missing[0], Reason: "missing; " + w.name + " needs " + strings.Join(w.secrets, ", ")}
		}
		chosen = append(chosen, w)
	}
	if a.Token != "" {
		chosen = append(chosen, way{name: "a token"})
	}
	switch {
	case len(chosen) == 0 && o.consumer:
		return way{}, &providers.Setting{Key: "token", Reason: "missing; set it to the consumer's JWT"}
	case len(chosen) == 0:
		return way{}, &providers.Setting{Key: "secrets", Reason: "missing; set " + wayNames}
	case len(chosen) > 1:
		return way{}, &providers.Setting{Key: "secrets", Reason: "set the secrets of only one way to sign in, not of both " + chosen[0].name + " and " + chosen[1].name}
	case o.consumer && len(chosen[0].secrets) > 0:
		return way{}, &providers.Setting{Key: "token", Reason: "the mode consumer needs the consumer's JWT; set it as the token, without other secrets"}
	}
	return chosen[0], nil
}

// key signs requests.
type key interface {
	sign(*http.Request) error
}

// keyOfRequest is the context key under which a request has its key.
type keyOfRequest struct{}

// header is a key that is the complete Authorization header.
type header string

func (h header) sign(r *http.Request) error {
	r.Header.Set("Authorization", string(h))
	return nil
}

// keys returns keys. A caller passes the key that was refused, to get another one if possible.
type keys interface {
	key(ctx context.Context, refused key) (key, error)
}

// fixed is a key that cannot be renewed.
type fixed struct{ one key }

var errSpent = errors.New("no other key is available")

func (f fixed) key(_ context.Context, refused key) (key, error) {
	if refused != nil {
		return nil, errSpent
	}
	return f.one, nil
}

// chooseKeys creates the keys for the configured way to sign in.
func (a *account) chooseKeys(settings providers.Account) (keys, error) {
	w, err := chooseSecrets(settings, a.options)
	if err != nil {
		return nil, err
	}
	for _, name := range w.secrets {
		if settings.Secrets[name] == "" {
			return nil, &providers.Setting{Key: "secrets." + name, Reason: "is empty"}
		}
	}
	get := func(name string) string { return settings.Secrets[name] }
	switch {
	case slices.Contains(w.secrets, secretClientID):
		return newSession(a.clientCredentials(get(secretClientID), get(secretClientSecret))), nil
	case slices.Contains(w.secrets, secretUsername):
		return newSession(a.login(get(secretUsername), get(secretPassword))), nil
	case slices.Contains(w.secrets, secretAppKey):
		return fixed{oauth1{
			consumerKey: get(secretAppKey), consumerSecret: get(secretAppSecret),
			token: get(secretAccessToken), tokenSecret: get(secretAccessSecret),
		}}, nil
	case a.consumer:
		return fixed{header(strings.TrimSpace(a.scheme + " " + settings.Token))}, nil
	}
	return fixed{header("Bearer " + settings.Token)}, nil
}

// ask sends a request to a service and returns only responses with status 200 or 204. It renews a refused key once.
func (a *account) ask(ctx context.Context, service string, r rest.Request) (rest.Response, error) {
	client, err := a.hosts.of(ctx, service)
	if err != nil {
		return rest.Response{}, err
	}
	k, err := a.keys.key(ctx, nil)
	if err != nil {
		return rest.Response{}, err
	}
	answer, err := client.Do(context.WithValue(ctx, keyOfRequest{}, k), r)
	if err != nil || answer.Status != http.StatusUnauthorized {
		return checked(r.Op, answer, err)
	}
	k, err = a.keys.key(ctx, k)
	if errors.Is(err, errSpent) {
		return answer, refusal(r.Op, answer)
	}
	if err != nil {
		return answer, err
	}
	answer, err = client.Do(context.WithValue(ctx, keyOfRequest{}, k), r)
	if err == nil && answer.Status == http.StatusUnauthorized {
		err = &providers.Error{Kind: providers.Denied, Op: r.Op, Status: answer.Status, Err: errRenewed}
	}
	return checked(r.Op, answer, err)
}

func checked(op string, answer rest.Response, err error) (rest.Response, error) {
	if err == nil {
		err = refusal(op, answer)
	}
	return answer, err
}
