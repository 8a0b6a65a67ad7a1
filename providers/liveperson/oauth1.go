package liveperson

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oauth1 signs requests with HMAC-SHA1 according to RFC 5849. A JSON body is not signed.
type oauth1 struct {
	consumerKey, consumerSecret, token, tokenSecret string
}

func (o oauth1) sign(r *http.Request) error {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	r.Header.Set("Authorization", o.header(r, hex.EncodeToString(nonce), time.Now()))
	return nil
}

// header returns the Authorization header of a request, RFC 5849 section 3.5.1.
func (o oauth1) header(r *http.Request, nonce string, at time.Time) string {
	protocol := [][2]string{
		{"oauth_consumer_key", o.consumerKey},
		{"oauth_nonce", nonce},
		{"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", strconv.FormatInt(at.Unix(), 10)},
		{"oauth_token", o.token},
		{"oauth_version", "1.0"},
	}
	protocol = append(protocol, [2]string{"oauth_signature", o.signature(baseString(r, protocol))})
	var parts []string
	for _, p := range protocol {
		parts = append(parts, p[0]+`="`+percent(p[1])+`"`)
	}
	return "OAuth " + strings.Join(parts, ", ")
}

// signature returns the signature of a base string, RFC 5849 section 3.4.2.
func (o oauth1) signature(base string) string {
	mac := hmac.New(sha1.New, []byte(percent(o.consumerSecret)+"&"+percent(o.tokenSecret)))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// baseString returns the text to sign: method, address without query, and all parameters sorted, RFC 5849 section 3.4.1.
func baseString(r *http.Request, protocol [][2]string) string {
	var pairs [][2]string
	for _, p := range protocol {
		pairs = append(pairs, [2]string{percent(p[0]), percent(p[1])})
	}
	for name, values := range r.URL.Query() {
		for _, v := range values {
			pairs = append(pairs, [2]string{percent(name), percent(v)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	var parameters []string
	for _, p := range pairs {
		parameters = append(parameters, p[0]+"="+p[1])
	}
	return strings.ToUpper(r.Method) + "&" + percent(address(r)) + "&" + percent(strings.Join(parameters, "&"))
}

// address returns the address of a request without the query and without the default port of its scheme.
func address(r *http.Request) string {
	scheme, host := strings.ToLower(r.URL.Scheme), strings.ToLower(r.URL.Host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path
}

// percent encodes everything except letters, digits and - . _ ~, RFC 5849 section 3.6.
func percent(s string) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(upper[c>>4])
			b.WriteByte(upper[c&15])
		}
	}
	return b.String()
}
