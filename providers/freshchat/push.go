package freshchat

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// push reads what the webhook of an account sends. The signature is RSA PKCS #1 v1.5 over the SHA-256 of the body as sent.
// https://support.freshchat.com/support/solutions/articles/50000004461
var push = providers.Push{
	Read: readPush,
	Key:  "the public key of the webhook, as its settings show it",
	CheckKey: func(key string) error {
		_, err := publicKey(key)
		return err
	},
	PublicKeys: true,
	Headers:    []string{headerSignature},
	Probe:      probePush,
}

const headerSignature = "X-Freshchat-Signature"

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
	body, err := wire.ParseObject(n.Body)
	if err != nil {
		return none, providers.Refuse(providers.Unreadable)
	}
	if a.Signed { // the body has the only time that is signed
		at, err := time.Parse(time.RFC3339, wire.Word(body["action_time"]))
		if err != nil {
			return none, providers.Refuse(providers.Unreadable)
		}
		if now.Sub(at) > retried || at.Sub(now) > providers.ReplayWindow {
			return none, providers.Refuse(providers.Expired)
		}
	}
	a.Probe = wire.Word(body["action"]) == providers.ProbeName
	id, ok := pushedID(body)
	if !ok {
		return none, providers.Refuse(providers.Unreadable)
	}
	if id != "" {
		a.Conversations = []string{id}
	}
	return a, nil
}

// retried is how old an event may be. The platform delivers events again and does not say for how long, so the replay window alone would
// refuse what it was meant to bring back.
const retried = time.Hour

// checkSignature checks the signature against each of the keys.
func checkSignature(body []byte, signature string, keys []string) error {
	got, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return providers.Refuse(providers.BadSignature)
	}
	sum := sha256.Sum256(body)
	for _, text := range keys {
		if key, err := publicKey(text); err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], got) == nil {
			return nil
		}
	}
	return providers.Refuse(providers.BadSignature)
}

func probePush(accountID, nonce, _ string, now time.Time) providers.Notice {
	return providers.Notice{
		Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, AccountID: accountID,
		Body: fmt.Appendf(nil, `{"action":%q,"action_time":%q,"nonce":%q,"sample":%s}`,
			providers.ProbeName, now.UTC().Format(time.RFC3339), nonce, providers.ProbeSample),
	}
}

// publicKey reads an RSA public key in PEM form, with or without its first and last line.
func publicKey(text string) (*rsa.PublicKey, error) {
	var der []byte
	if block, _ := pem.Decode([]byte(text)); block != nil {
		der = block.Bytes
	} else {
		var err error
		if der, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err != nil {
			return nil, errNoKey
		}
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		if key, ok := key.(*rsa.PublicKey); ok && key.N.BitLen() >= 1024 {
			return key, nil
		}
		return nil, errNoKey
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil || key.N.BitLen() < 1024 {
		return nil, errNoKey
	}
	return key, nil
}

var errNoKey = errors.New("is not an RSA public key in PEM form of at least 1024 bits")

// pushedID returns the id of the conversation that an event is about.
func pushedID(body wire.Object) (id string, ok bool) {
	data := body["data"]
	switch wire.Word(body["action"]) {
	case "":
		return "", false
	case "message_create":
		id = wire.Word(wire.Field(wire.Field(data, "message"), "conversation_id"))
	case "conversation_assignment":
		id = wire.Word(wire.Field(wire.Field(wire.Field(data, "assignment"), "conversation"), "conversation_id"))
	case "conversation_resolution":
		id = wire.Word(wire.Field(wire.Field(wire.Field(data, "resolve"), "conversation"), "conversation_id"))
	case "conversation_reopen":
		id = wire.Word(wire.Field(wire.Field(wire.Field(data, "reopen"), "conversation"), "conversation_id"))
	default:
		return "", true // an action of a later version
	}
	return id, providers.CheckAnnounced(id) == nil
}
