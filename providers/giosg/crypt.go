package giosg

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1" // used by the vendor in OAEP and HMAC
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// Reasons, in attributes, why encrypted content has no plain text.
const (
	noKey      = "no private key"      // none is configured, or none of them decrypts it
	unknownKey = "unknown form of key" // a private key decrypts it, but its content does not have the vendor's format
)

// hiddenMark is the attribute of a message or an event whose text could not be decrypted. hiddenSuffix ends that attribute's name
// for a variable. The values are noKey or unknownKey.
const (
	hiddenMark   = "encrypted"
	hiddenSuffix = ".encrypted"
)

// Unreadable counts the texts of messages and events, and the variables of visitors, that no private key decrypted.
func (mapping) Unreadable(thread schemas.Thread) (n int64) {
	hidden := func(attributes map[string]*string, fits func(string) bool) {
		for key, v := range attributes {
			if v != nil && (*v == noKey || *v == unknownKey) && fits(key) {
				n++
			}
		}
	}
	text := func(key string) bool { return key == hiddenMark }
	for _, m := range thread.Messages {
		hidden(m.Attributes, text)
	}
	for _, e := range thread.Events {
		hidden(e.Attributes, text)
	}
	for _, p := range thread.Participants {
		hidden(p.Attributes, func(key string) bool { return strings.HasSuffix(key, hiddenSuffix) })
	}
	return n
}

var errTampered = errors.New("the ciphertext does not match its key: it was changed or truncated")

// secret is the key of one chat or of one visitor's variables.
type secret struct{ mac, aes []byte }

// unwrap decrypts a symmetric key with whichever private key matches. If none does, why is the reason. Format: the vendor's
// tutorial on encryption, and giosg_crypter.
func (k keyring) unwrap(wrapped string) (s *secret, why string) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(wrapped))
	if err != nil {
		return nil, noKey
	}
	for _, key := range k {
		plain, err := rsa.DecryptOAEP(sha1.New(), nil, key, raw, nil)
		if err != nil {
			continue
		}
		if s = readSecret(plain); s == nil {
			return nil, unknownKey
		}
		return s, ""
	}
	return nil, noKey
}

func readSecret(plain []byte) *secret {
	var sent struct {
		HMAC struct {
			Key string `json:"hmacKeyString"`
		} `json:"hmacKey"`
		AES  string `json:"aesKeyString"`
		Mode string `json:"mode"`
	}
	if json.Unmarshal(plain, &sent) != nil || sent.Mode != "" && sent.Mode != "CBC" {
		return nil
	}
	mac, err1 := urlSafe(sent.HMAC.Key)
	key, err2 := urlSafe(sent.AES)
	if err1 != nil || err2 != nil || len(mac) == 0 || len(key) != 16 && len(key) != 24 && len(key) != 32 {
		return nil
	}
	return &secret{mac: mac, aes: key}
}

func urlSafe(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

const headerBytes = 5 // of a ciphertext; its content depends on its age and is never read

// cut splits a ciphertext: header | IV | body | HMAC. It returns false if the text does not have this form.
func cut(text string) (signed, iv, body, mac []byte, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	n := len(raw) - headerBytes - aes.BlockSize - sha1.Size
	if err != nil || n < aes.BlockSize || n%aes.BlockSize != 0 {
		return nil, nil, nil, nil, false
	}
	end := len(raw) - sha1.Size
	return raw[:end], raw[headerBytes : headerBytes+aes.BlockSize], raw[headerBytes+aes.BlockSize : end], raw[end:], true
}

// open verifies a text and then decrypts it.
func (s *secret) open(text string) (string, error) {
	signed, iv, body, mac, ok := cut(text)
	if !ok {
		return "", errTampered
	}
	sum := hmac.New(sha1.New, s.mac)
	sum.Write(signed)
	if !hmac.Equal(sum.Sum(nil), mac) {
		return "", errTampered
	}
	block, err := aes.NewCipher(s.aes)
	if err != nil {
		return "", errTampered
	}
	plain := make([]byte, len(body))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, body)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize {
		return "", errTampered
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return "", errTampered
		}
	}
	return strings.ToValidUTF8(string(plain[:len(plain)-pad]), "\ufffd"), nil
}
