package wire

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote is the text of a string in quotes. Bytes that are not UTF-8, and half a surrogate pair, become U+FFFD, as in
// encoding/json.
func Unquote(v Value) (string, bool) {
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return "", false
	}
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		if plain(inner, 0) < len(inner) {
			return "", false
		}
		return string(inner), true
	}
	if pastValidString(v, 0) != len(v) {
		return "", false
	}
	return string(unescape(inner)), true
}

// unescape is the text of a valid string, given the bytes between its quotes.
func unescape(inner []byte) []byte {
	text := make([]byte, 0, len(inner)+2*utf8.UTFMax)
	for i := 0; i < len(inner); {
		if end := plain(inner, i); end > i {
			text = appendText(text, inner[i:end])
			i = end
			continue
		}
		if inner[i+1] != 'u' {
			text = append(text, unescaped[inner[i+1]])
			i += 2
			continue
		}
		r := hex4(inner[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			other := rune(-1)
			if len(inner)-i >= 6 && inner[i] == '\\' && inner[i+1] == 'u' {
				other = hex4(inner[i+2:])
			}
			if r = utf16.DecodeRune(r, other); r != utf8.RuneError {
				i += 6
			}
		}
		text = utf8.AppendRune(text, r)
	}
	return text
}

func appendText(text, b []byte) []byte {
	if utf8.Valid(b) {
		return append(text, b...)
	}
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		text, b = utf8.AppendRune(text, r), b[size:]
	}
	return text
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func hex4(digits []byte) rune {
	r, err := strconv.ParseUint(string(digits[:4]), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(r)
}
