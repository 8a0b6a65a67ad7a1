package chatwoot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// push reads what the webhooks of an account send. Servers sign it since about 4.12; older ones and macros sign nothing.
// lib/webhooks/trigger.rb, https://www.chatwoot.com/docs/product/others/webhook-events
var push = providers.Push{
	Read:     readPush,
	Key:      "the secret of the webhook, which the list of webhooks shows",
	CheckKey: providers.CheckSecret("the secret of the webhook"),
	Headers:  []string{headerSignature, headerTimestamp},
	Probe:    probePush,
}

const (
	headerSignature = "X-Chatwoot-Signature" // sha256=<hex of the HMAC of "{timestamp}.{body}">
	headerTimestamp = "X-Chatwoot-Timestamp" // Unix seconds
)

func readPush(n providers.Notice, keys []string, now time.Time) (providers.Announcement, error) {
	var none, a providers.Announcement
	if n.Method != http.MethodPost {
		return none, providers.Refuse(providers.Unreadable)
	}
	if signature := n.Header.Get(headerSignature); signature != "" && len(keys) > 0 {
		if err := checkSignature(n, signature, keys, now); err != nil {
			return none, err
		}
		a.Signed, a.Stamp = true, n.Header.Get(headerTimestamp)
	}
	body, err := wire.ParseObject(n.Body)
	if err != nil {
		return none, providers.Refuse(providers.Unreadable)
	}
	if account := wire.Word(wire.Field(body["account"], "id")); account != "" && account != n.AccountID {
		return none, providers.Refuse(providers.OtherAccount)
	}
	a.Probe = wire.Word(body["event"]) == providers.ProbeName
	id, ok := pushedID(body)
	if !ok {
		return none, providers.Refuse(providers.Unreadable)
	}
	if id != "" {
		a.Conversations = []string{id}
	}
	return a, nil
}

// checkSignature checks the signature against each of the keys.
func checkSignature(n providers.Notice, signature string, keys []string, now time.Time) error {
	algorithm, text, _ := strings.Cut(signature, "=")
	if algorithm != "sha256" {
		return providers.Refuse(providers.BadAlgorithm)
	}
	stamp := n.Header.Get(headerTimestamp)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	got, bad := hex.DecodeString(text)
	if err != nil || bad != nil {
		return providers.Refuse(providers.BadSignature)
	}
	if !providers.HasHMAC(sha256.New, keys, signedText(stamp, n.Body), got) {
		return providers.Refuse(providers.BadSignature)
	}
	return providers.Fresh(time.Unix(seconds, 0), now)
}

// signedText is what is signed of a webhook.
func signedText(stamp string, body []byte) []byte { return slices.Concat([]byte(stamp+"."), body) }

func probePush(accountID, nonce, key string, now time.Time) providers.Notice {
	n := providers.Notice{
		Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, AccountID: accountID,
		Body: fmt.Appendf(nil, `{"event":%q,"nonce":%q,"account":{"id":%q},"sample":%s}`, providers.ProbeName, nonce, accountID, providers.ProbeSample),
	}
	if key != "" {
		stamp := strconv.FormatInt(now.Unix(), 10)
		n.Header.Set(headerTimestamp, stamp)
		n.Header.Set(headerSignature, "sha256="+hex.EncodeToString(providers.HMAC(sha256.New, key, signedText(stamp, n.Body))))
	}
	return n
}

// pushedID returns the id of the conversation that an event is about, empty if it is about none that a fetch would see.
func pushedID(body wire.Object) (id string, ok bool) {
	event := wire.Word(body["event"])
	switch {
	case strings.HasPrefix(event, "conversation_typing_"):
		return "", true
	case strings.HasPrefix(event, "conversation_"):
		id = wire.Word(body["id"])
	case strings.HasPrefix(event, "message_"), strings.HasPrefix(event, "macro.") || strings.HasPrefix(event, "automation_event."):
		conversation := body["conversation"]
		if wire.IsNull(conversation) {
			id = wire.Word(body["id"]) // macros and rules send the conversation itself
			break
		}
		if id = wire.Word(wire.Field(conversation, "display_id")); id == "" { // of old servers
			id = wire.Word(wire.Field(conversation, "id"))
		}
	default:
		return "", event != "" // contacts, inboxes, the widget
	}
	n, err := strconv.ParseInt(id, 10, 64)
	return id, err == nil && n > 0 && strconv.FormatInt(n, 10) == id
}
