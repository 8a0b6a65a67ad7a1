package giosg

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// push reads the app trigger "chat ended", which is signed, and webhooks, which are not.
var push = providers.Push{
	Read: readPush,
	Key:  "the secret of the app whose trigger is used",
	// Webhooks announce more, but only some accounts have them.
	EndsOnly: true,
	CheckKey: providers.CheckSecret("the secret of the app"),
	Probe:    probePush,
}

func readPush(n providers.Notice, keys []string, now time.Time) (providers.Announcement, error) {
	switch n.Method {
	case http.MethodGet:
		return readTrigger(n, keys, now)
	case http.MethodPost:
		return readWebhook(n)
	}
	return providers.Announcement{}, providers.Refuse(providers.Unreadable)
}

// readTrigger reads an app trigger: type, and data, a token that is signed with the app's secret. The parameter token is signed with a
// key of the platform's and is not needed. Nothing in data is unique but what happened, so it may be sent again until it expires.
func readTrigger(n providers.Notice, keys []string, now time.Time) (providers.Announcement, error) {
	var none, a providers.Announcement
	data := n.Query.Get("data")
	if n.Query.Get("type") == "" || data == "" {
		return none, providers.Refuse(providers.Unreadable)
	}
	if len(keys) == 0 {
		return none, providers.Refuse(providers.Unsigned) // a trigger without a key to check is worth nothing
	}
	claims, err := verified(data, keys, now)
	if err != nil {
		return none, err
	}
	a.Signed = true
	if org, _ := claims["org_id"].(string); n.AccountID != "" && org != "" && !strings.EqualFold(org, n.AccountID) {
		return none, providers.Refuse(providers.OtherAccount)
	}
	if _, a.Probe = claims[providers.ProbeName]; a.Probe || n.Query.Get("type") != "chat_end" {
		return a, nil // an installation, or a chat that begins
	}
	id, _ := claims["chat_id"].(string)
	if !isUUID(id) {
		return none, providers.Refuse(providers.Unreadable)
	}
	a.Conversations = []string{id}
	return a, nil
}

// longestToken is how far in the future a token may expire. The platform's are valid for ten minutes.
const longestToken = time.Hour

// verified returns the claims of a token that one of the keys has signed with HS256.
func verified(token string, keys []string, now time.Time) (jwt.MapClaims, error) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithStrictDecoding())
	set := jwt.VerificationKeySet{}
	for _, key := range keys {
		set.Keys = append(set.Keys, []byte(key))
	}
	claims := jwt.MapClaims{}
	parsed, err := parser.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return set, nil })
	switch {
	case err == nil:
		if at, err := claims.GetExpirationTime(); err != nil || at == nil || at.Sub(now) > longestToken {
			return nil, providers.Refuse(providers.Expired)
		}
		return claims, nil
	case errors.Is(err, jwt.ErrTokenMalformed), errors.Is(err, jwt.ErrTokenUnverifiable):
		return nil, providers.Refuse(providers.Unreadable)
	case parsed != nil && parsed.Method != nil && parsed.Method.Alg() != jwt.SigningMethodHS256.Alg():
		return nil, providers.Refuse(providers.BadAlgorithm)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, providers.Refuse(providers.BadSignature)
	}
	return nil, providers.Refuse(providers.Expired)
}

// chatChannel is the channel of a chat, of its messages, or of something else in it.
var chatChannel = regexp.MustCompile(`^/api/v5/(?:orgs|organizations|users)/([^/]+)/(?:owned_chats|routed_chats|chats)(?:/([^/]+)/.+)?$`)

// readWebhook reads what a webhook sends. It contains a token that gives access to the account, which is left unread.
func readWebhook(n providers.Notice) (providers.Announcement, error) {
	body, err := wire.ParseObject(n.Body)
	if err != nil {
		return providers.Announcement{}, providers.Refuse(providers.Unreadable)
	}
	channel := wire.Word(body["channel"])
	if !strings.HasPrefix(channel, "/") || wire.Word(body["action"]) == "" {
		return providers.Announcement{}, providers.Refuse(providers.Unreadable)
	}
	if channel == probeChannel {
		return providers.Announcement{Probe: true}, nil
	}
	parts := chatChannel.FindStringSubmatch(channel)
	if parts == nil {
		return providers.Announcement{}, nil // about something else than chats
	}
	if strings.Contains(channel, "/org") && n.AccountID != "" && !strings.EqualFold(parts[1], n.AccountID) {
		return providers.Announcement{}, providers.Refuse(providers.OtherAccount)
	}
	id := parts[2]
	if id == "" {
		id = wire.Word(body["resource_id"])
	}
	if !isUUID(id) {
		return providers.Announcement{}, providers.Refuse(providers.Unreadable)
	}
	return providers.Announcement{Conversations: []string{id}}, nil
}

// probeChannel is the channel of a webhook that is a probe.
const probeChannel = "/" + providers.ProbeName

// probePush makes a trigger if there is a key, and otherwise a webhook.
func probePush(accountID, nonce, key string, now time.Time) providers.Notice {
	if key == "" {
		return providers.Notice{
			Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, AccountID: accountID,
			Body: fmt.Appendf(nil, `{"channel":%q,"action":"changed","nonce":%q,"sample":%s}`, probeChannel, nonce, providers.ProbeSample),
		}
	}
	claims := jwt.MapClaims{"sub": "service.giosg.com", "exp": now.Add(10 * time.Minute).Unix(), "org_id": accountID, providers.ProbeName: nonce}
	data, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(key))
	if err != nil {
		panic(err) // neither of texts and numbers nor of bytes
	}
	return providers.Notice{
		Method: http.MethodGet, Header: http.Header{}, AccountID: accountID, Query: url.Values{"type": {"chat_end"}, "data": {data}},
	}
}

// isUUID reports whether a text is an id as the platform writes them. Another way to write one would be another conversation in the lake.
func isUUID(id string) bool { return uuid.MatchString(id) && strings.ToLower(id) == id }
