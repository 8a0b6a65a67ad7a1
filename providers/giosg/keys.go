package giosg

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/providers"
)

// keyring is the customer's private keys. Nothing says which of them a chat was encrypted for.
type keyring []*rsa.PrivateKey

// keysOf reads the keys among the secrets of an account. Its error is a *providers.Setting.
func keysOf(secrets map[string]string) (keyring, error) {
	keys, err := readKeys(secrets[secretKeys], secrets[secretPassword])
	if err != nil {
		return nil, &providers.Setting{Key: "secrets.private_keys", Reason: err.Error()}
	}
	return keys, nil
}

// readKeys reads a sequence of PEM blocks: PKCS#1 or PKCS#8, and password-protected PKCS#1 in the old form (Proc-Type:
// 4,ENCRYPTED), which the vendor's examples use. Its errors name the number of the key and quote nothing of it.
func readKeys(text, password string) (keyring, error) {
	var keys keyring
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.Contains(block.Type, "PUBLIC KEY") || strings.Contains(block.Type, "CERTIFICATE") {
			continue
		}
		key, err := readKey(block, password)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(keys)+1, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 && strings.TrimSpace(text) != "" {
		return nil, errors.New("contains no private key in PEM form")
	}
	return keys, nil
}

var errNoRSA = errors.New("is not an RSA private key")

func readKey(block *pem.Block, password string) (*rsa.PrivateKey, error) {
	der := block.Bytes
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("is encrypted in the PKCS#8 form, which is not supported; convert it with openssl rsa -traditional")
	case strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		if password == "" {
			return nil, errors.New("is encrypted; set secrets.private_keys_password")
		}
		var err error
		//lint:ignore SA1019 The form is weak, but it is the one that the vendor's tools ask customers to keep their keys in.
		if der, err = x509.DecryptPEMBlock(block, []byte(password)); err != nil {
			return nil, errors.New("cannot be decrypted; check secrets.private_keys_password")
		}
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errNoRSA
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errNoRSA
	}
	return key, nil
}
