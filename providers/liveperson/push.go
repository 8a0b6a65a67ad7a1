package liveperson

import (
	"crypto/sha1" // the platform's default; SHA-256 is asked for
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// push reads what the webhooks of a Connector API app send.
// https://developers.liveperson.com/connector-api-webhooks-notification-protocol.html
var push = providers.Push{
	Read:     readPush,
	Key:      "the client secret of the app that the webhooks belong to",
	CheckKey: providers.CheckSecret("the client secret of the app"),
	Headers:  []string{headerSignature, headerAccount},
	Probe:    probePush,
}

const (
	headerAccount   = "X-Liveperson-Account-Id"
	headerSignature = "X-Liveperson-Signature"
)

func readPush(n providers.Notice, keys []string, now time.Time) (providers.Announcement, error) {
	var none, a providers.Announcement
	if n.Method != http.MethodPost {
		return none, providers.Refuse(providers.Unreadable)
	}
	if signature := n.Header.Get(headerSignature); signature != "" && len(keys) > 0 {
		if err := checkSignature(n.Body, signature, keys); err != nil {
			return none, err
		}
		a.Signed = true
	}
	if account := n.Header.Get(headerAccount); account != "" && account != n.AccountID {
		return none, providers.Refuse(providers.OtherAccount)
	}
	message, err := wire.ParseObject(n.Body)
	if err != nil || wire.Word(message["type"]) == "" {
		return none, providers.Refuse(providers.Unreadable)
	}
	a.Probe = wire.Word(message["type"]) == providers.ProbeName
	// Nothing but times in the body says how old a notification is, and those of edits may be old. A repeated one costs nothing new.
	for _, change := range wire.Items(wire.Field(message["body"], "changes")) {
		id := wire.Word(wire.Field(change, "conversationId")) // of message events
		if id == "" {
			id = wire.Word(wire.Field(wire.Field(change, "result"), "convId")) // of conversation changes
		}
		if id == "" || slices.Contains(a.Conversations, id) {
			continue
		}
		if providers.CheckAnnounced(id) != nil {
			return none, providers.Refuse(providers.Unreadable)
		}
		a.Conversations = append(a.Conversations, id)
	}
	return a, nil
}

// checkSignature checks the HMAC of the body against each of the keys. The platform's pages show it in base64 and in hexadecimal.
func checkSignature(body []byte, signature string, keys []string) error {
	algorithm, text, _ := strings.Cut(signature, "=")
	hashes := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New}
	sum, ok := hashes[algorithm]
	if !ok {
		return providers.Refuse(providers.BadAlgorithm)
	}
	var written [][]byte
	if got, err := base64.StdEncoding.DecodeString(text); err == nil {
		written = append(written, got)
	}
	if got, err := hex.DecodeString(text); err == nil {
		written = append(written, got)
	}
	if !providers.HasHMAC(sum, keys, body, written...) {
		return providers.Refuse(providers.BadSignature)
	}
	return nil
}

func probePush(accountID, nonce, key string, _ time.Time) providers.Notice {
	n := providers.Notice{
		Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, AccountID: accountID,
		Body: fmt.Appendf(nil, `{"kind":"notification","body":{"changes":[]},"type":%q,"nonce":%q,"sample":%s}`, providers.ProbeName, nonce, providers.ProbeSample),
	}
	n.Header.Set(headerAccount, accountID)
	if key != "" {
		n.Header.Set(headerSignature, "sha256="+base64.StdEncoding.EncodeToString(providers.HMAC(sha256.New, key, n.Body)))
	}
	return n
}
