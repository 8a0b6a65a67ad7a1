package giosg

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

type vector struct {
	Key      string `json:"private_key_pem"`
	Wrapped  string `json:"encrypted_symmetric_key"`
	Messages []struct {
		Name      string `json:"name"`
		Plaintext string `json:"plaintext"`
		Encrypted string `json:"encrypted_message"`
	} `json:"messages"`
}

func constructed(t testing.TB) vector {
	t.Helper()
	var v vector
	if err := json.Unmarshal(providertest.Sample(t, "encryption_vector_constructed.json"), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestConstructedVector(t *testing.T) {
	v := constructed(t)
	keys, err := readKeys(v.Key, "")
	if err != nil {
		t.Fatal(err)
	}
	s, why := keys.unwrap(v.Wrapped)
	if s == nil {
		t.Fatal(why)
	}
	for _, m := range v.Messages {
		if got, err := s.open(m.Encrypted); err != nil || got != m.Plaintext {
			t.Errorf("%s: %q, %v; want %q", m.Name, got, err, m.Plaintext)
		}
		raw, _ := base64.StdEncoding.DecodeString(m.Encrypted)
		for i := range raw { // every byte counts, including the header's
			raw[i] ^= 1
			if _, err := s.open(base64.StdEncoding.EncodeToString(raw)); !errors.Is(err, errTampered) {
				t.Errorf("%s: a change of byte %d is not noticed: %v", m.Name, i, err)
			}
			raw[i] ^= 1
		}
	}
	for _, text := range []string{"", "x", "AAAA", strings.Repeat("A", 76)} {
		if _, err := s.open(text); !errors.Is(err, errTampered) {
			t.Errorf("%q was opened", text)
		}
	}
}

// locked is a password-protected private key in the form of the vendor's examples.
func locked(t *testing.T, text, password string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	//lint:ignore SA1019 This creates the form that is read.
	block, err := x509.EncryptPEMBlock(rand.Reader, block.Type, block.Bytes, []byte(password), x509.PEMCipher3DES)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

func TestReadKeys(t *testing.T) {
	v := constructed(t)
	block, _ := pem.Decode([]byte(v.Key))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	newer := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	public := "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
	for _, tt := range []struct {
		name, text, password string
		keys                 int
		says                 string
	}{
		{"none", "", "", 0, ""},
		{"PKCS#1", v.Key, "", 1, ""},
		{"PKCS#8", newer, "", 1, ""},
		{"several", v.Key + newer + public + locked(t, v.Key, "pass"), "pass", 3, ""},
		{"wrong password", v.Key + locked(t, v.Key, "pass"), "wrong", 0, "key 2"},
		{"no password", locked(t, v.Key, "pass"), "", 0, "secrets.private_keys_password"},
		{"no PEM", "hunter2", "", 0, "no private key"},
		{"no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "", 0, "not an RSA"},
		{"encrypted PKCS#8", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "x", 0, "PKCS#8"},
	} {
		keys, err := readKeys(tt.text, tt.password)
		if len(keys) != tt.keys || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %d keys, error %v", tt.name, len(keys), err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error gives the key away", tt.name)
		}
		for _, k := range keys {
			if s, why := (keyring{k}).unwrap(v.Wrapped); s == nil {
				t.Errorf("%s: %s", tt.name, why)
			}
		}
	}
}

// encryptedDocs is a chat with one encrypted message of each of the vector's kinds, and rows without ciphertext.
func encryptedDocs(t testing.TB, spoil func(string) string) []schemas.Document {
	var rows []string
	for i, m := range constructed(t).Messages {
		body, _ := json.Marshal(map[string]any{
			"id": string(rune('a' + i)), "type": []string{"msg", "tag_created", "autosuggest"}[i], "message": nil, "is_encrypted": true,
			"encrypted_message": spoil(m.Encrypted), "created_at": "2023-06-14T10:49:34.425Z", "sender_type": "visitor",
		})
		rows = append(rows, string(body))
	}
	rows = append(rows, `{"id":"z","type":"join","message":null,"is_encrypted":true,"created_at":"2023-06-14T10:49:35.425Z"}`)
	return []schemas.Document{sampleDoc(t, kindChat, "chat_encrypted.json"), doc(kindMessages, page(strings.Join(rows, ",")))}
}

func same(s string) string { return s }

func TestEncryptedThread(t *testing.T) {
	docs := encryptedDocs(t, same)
	before := string(docs[1].Body)
	thread, err := withKey(t, constructed(t).Key).Thread(docs)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "thread_encrypted", thread)
	if string(docs[1].Body) != before {
		t.Error("the document was changed")
	}
	thread, err = pure().Thread(docs)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "thread_encrypted_without_key", thread)
}

// A changed ciphertext is an error that quotes nothing of its content; a key that no private key decrypts is not an error.
func TestTampered(t *testing.T) {
	v := constructed(t)
	m := withKey(t, v.Key)
	spoiled := encryptedDocs(t, func(s string) string { return "AAAA" + s[4:] })
	_, err := m.Thread(spoiled)
	if !errors.Is(err, errTampered) || kindOf(err) != providers.Malformed {
		t.Errorf("a tampered text: %v", err)
	}
	if strings.Contains(err.Error(), "AAAA") {
		t.Errorf("the error gives too much away: %v", err)
	}
	other := encryptedDocs(t, same)
	other[0].Body = []byte(strings.Replace(string(other[0].Body), `"encrypted_symmetric_key": "ZCYx`, `"encrypted_symmetric_key": "AAAA`, 1))
	thread, err := m.Thread(other)
	if n := m.Unreadable(thread); n != int64(len(v.Messages)) {
		t.Errorf("%d texts are counted as unreadable, want %d", n, len(v.Messages))
	}
	if err != nil || thread.Messages[0].Text != nil || *thread.Messages[0].Attributes["encrypted"] != noKey {
		t.Errorf("a chat for another key: %v", err)
	}
	if thread.Conversation.IsEncrypted == nil || !*thread.Conversation.IsEncrypted {
		t.Error("the chat does not say that it is encrypted")
	}
}

// TestSameRows reads every chat plain and encrypted; the digests of the rows must be equal.
func TestSameRows(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 13, Conversations: 60}, fake.Options{Encrypted: true})
	m := withKey(t, fake.PrivateKey)
	digests := func() map[string]string {
		all := map[string]string{}
		refs, docs := collect(t, a, whole)
		for _, ref := range refs {
			thread, err := m.Thread(docs[ref.ID])
			if err != nil {
				t.Fatal(err)
			}
			if all[ref.ID], err = thread.Digest(); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	s.CachePlainTexts(true)
	plain := digests()
	s.CachePlainTexts(false)
	for id, digest := range digests() {
		if digest != plain[id] {
			t.Errorf("chat %s reads differently once its plain text is gone", id)
		}
	}
}

// Variables are decrypted with their own key. A value that only looks like a ciphertext stays, unless others show that it should
// be one.
func TestVariables(t *testing.T) {
	v := constructed(t)
	good, bad := v.Messages[0].Encrypted, "AAAA"+v.Messages[1].Encrypted[4:]
	keys, err := readKeys(v.Key, "")
	if err != nil {
		t.Fatal(err)
	}
	body := func(values ...string) []schemas.Document {
		var rows []string
		for i, value := range values {
			row, _ := json.Marshal(map[string]any{"key": string(rune('a' + i)), "value": value})
			rows = append(rows, string(row))
		}
		wrapped, _ := json.Marshal(map[string]any{"key": wrappedKey, "value": v.Wrapped})
		return []schemas.Document{
			sampleDoc(t, kindChat, "chat_encrypted.json"), doc(kindMessages, page("")), sampleDoc(t, kindMemberships, "memberships.json"),
			doc(kindVariables, page(strings.Join(append(rows, string(wrapped)), ","))),
		}
	}
	read := func(keys keyring, values ...string) (map[string]*string, error) {
		thread, err := mapThread(body(values...), keys)
		if err != nil {
			return nil, err
		}
		if want := map[bool]int64{true: 1, false: 0}[keys == nil]; pure().Unreadable(thread) != want {
			t.Errorf("%d variables are counted as unreadable, want %d", pure().Unreadable(thread), want)
		}
		return thread.Participants[1].Attributes, nil
	}
	got, err := read(keys, good, "plain")
	if err != nil || *got["variable.a"] != v.Messages[0].Plaintext || *got["variable.b"] != "plain" || got["variable."+wrappedKey] != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err = read(keys, bad, "plain"); err != nil || *got["variable.a"] != bad {
		t.Errorf("what looks like a ciphertext: %v, %v", got, err)
	}
	if _, err = read(keys, bad, good); !errors.Is(err, errTampered) {
		t.Errorf("a tampered variable: %v", err)
	}
	if got, err = read(nil, good, "plain"); err != nil || got["variable.a"] != nil || *got["variables_encrypted"] != noKey {
		t.Errorf("without a key: %v, %v", got, err)
	}
}
