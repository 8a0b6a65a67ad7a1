package giosg

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
)

// symmetric is the key of a chat, or of a visitor's variables. Like everything here it is derived from a name, so that the
// same world gives the same bytes.
type symmetric struct{ mac, aes []byte }

func digest(parts ...any) []byte {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	return sum[:]
}

func keyOf(name string) symmetric {
	return symmetric{mac: digest("mac ", name), aes: digest("aes ", name)}
}

// seal encrypts a text: header, IV, AES-256-CBC with PKCS#7, HMAC-SHA1, in base64 with or without breaks.
func (k symmetric) seal(text, name string) string {
	old := digest("age ", name)[0]%2 == 0
	out := []byte("00000")
	if old {
		out = append([]byte{0}, digest("hash ", name)[:4]...)
	}
	iv := digest("iv ", name)[:aes.BlockSize]
	pad := aes.BlockSize - len(text)%aes.BlockSize
	body := append([]byte(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
	block, err := aes.NewCipher(k.aes)
	if err != nil {
		panic(err) // a digest is a key
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	out = append(append(out, iv...), body...)
	sum := hmac.New(sha1.New, k.mac)
	sum.Write(out)
	return broken(sum.Sum(out), old)
}

// wrapped is the key itself, encrypted for PrivateKey.
func (k symmetric) wrapped(name string) string {
	enc := base64.RawURLEncoding
	text := fmt.Sprintf(`{"hmacKey":{"hmacKeyString":"%s","size":256},"aesKeyString":"%s","mode":"CBC","size":256}`,
		enc.EncodeToString(k.mac), enc.EncodeToString(k.aes))
	return broken(oaep(&customer.PublicKey, []byte(text), digest("seed ", name)[:sha1.Size]), true)
}

func broken(raw []byte, lines bool) string {
	text := base64.StdEncoding.EncodeToString(raw)
	if !lines {
		return text
	}
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	return b.String() + text + "\n"
}

// oaep encrypts with a given seed; the standard library uses a random one.
func oaep(key *rsa.PublicKey, text, seed []byte) []byte {
	size := key.Size()
	label := sha1.Sum(nil)
	block := make([]byte, size-1-sha1.Size)
	copy(block, label[:])
	copy(block[len(block)-len(text):], text)
	block[len(block)-len(text)-1] = 1
	mask(block, seed)
	hidden := bytes.Clone(seed)
	mask(hidden, block)
	padded := new(big.Int).SetBytes(append(hidden, block...))
	return padded.Exp(padded, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, size))
}

// mask is MGF1 with SHA-1.
func mask(out, seed []byte) {
	for i := 0; i*sha1.Size < len(out); i++ {
		sum := sha1.Sum(binary.BigEndian.AppendUint32(bytes.Clone(seed), uint32(i)))
		for j := i * sha1.Size; j < min(len(out), (i+1)*sha1.Size); j++ {
			out[j] ^= sum[j-i*sha1.Size]
		}
	}
}

var customer = parsed()

func parsed() *rsa.PrivateKey {
	block, _ := pem.Decode([]byte(PrivateKey))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key
}
