package freshchat

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/chatlake/chatlake/simulator"
)

// pairs are the members of an object, keys and values alternating.
type pairs []any

// MarshalJSON writes the members in order. A nil value becomes null; no member is left out.
func (p pairs) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := 0; i+1 < len(p); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode(p[i]))
		b.WriteByte(':')
		b.Write(encode(p[i+1]))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode is a value as JSON, with no more characters escaped than necessary.
func encode(v any) []byte {
	if free, ok := v.(simulator.Attributes); ok {
		var p pairs
		for _, a := range free {
			p = append(p, a.Key, a.Value)
		}
		v = p
	}
	if p, ok := v.(pairs); ok {
		b, err := p.MarshalJSON()
		if err != nil {
			panic(err)
		}
		return b
	}
	if all, ok := v.([]any); ok {
		b := []byte{'['}
		for i, one := range all {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, encode(one)...)
		}
		return append(b, ']')
	}
	if s, ok := v.(string); ok && !strings.ContainsFunc(s, special) {
		return append(append(append(make([]byte, 0, len(s)+2), '"'), s...), '"')
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// special reports whether a character is escaped, or must be.
func special(r rune) bool {
	return r < ' ' || r == '"' || r == '\\' || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encode(v))
}

// fail answers with an error in the platform's format.
func fail(w http.ResponseWriter, status int, code, message string) {
	send(w, status, pairs{"code", status, "status", code, "message", message})
}
