package chatwoot

import (
	"strconv"

	"github.com/chatlake/chatlake/simulator"
)

// writer appends JSON to a buffer, in the order of its calls. It inserts commas itself.
type writer struct{ b []byte }

func (w *writer) comma() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':':
		default:
			w.b = append(w.b, ',')
		}
	}
}

func (w *writer) open(c byte)  { w.comma(); w.b = append(w.b, c) }
func (w *writer) close(c byte) { w.b = append(w.b, c) }

func (w *writer) key(k string) *writer {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, k...)
	w.b = append(w.b, '"', ':')
	return w
}

func (w *writer) object(k string) { w.key(k).open('{') }
func (w *writer) array(k string)  { w.key(k).open('[') }

func (w *writer) raw(v []byte) { w.comma(); w.b = append(w.b, v...) }
func (w *writer) lit(v string) { w.comma(); w.b = append(w.b, v...) }

func (w *writer) int(v int64)     { w.comma(); w.b = strconv.AppendInt(w.b, v, 10) }
func (w *writer) bool(v bool)     { w.comma(); w.b = strconv.AppendBool(w.b, v) }
func (w *writer) null()           { w.lit("null") }
func (w *writer) float(v float64) { w.comma(); w.b = strconv.AppendFloat(w.b, v, 'f', -1, 64) }

// intOrNull writes 0 as null.
func (w *writer) intOrNull(v int64) {
	if v == 0 {
		w.null()
		return
	}
	w.int(v)
}

// strOrNull writes an empty text as null.
func (w *writer) strOrNull(s string) {
	if s == "" {
		w.null()
		return
	}
	w.str(s)
}

const hexDigits = "0123456789abcdef"

func (w *writer) str(s string) {
	w.comma()
	b := append(w.b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	w.b = append(append(b, s[start:]...), '"')
}

// value writes the value of a free-form attribute.
func (w *writer) value(v any) {
	switch v := v.(type) {
	case nil:
		w.null()
	case string:
		w.str(v)
	case bool:
		w.bool(v)
	case int64:
		w.int(v)
	case float64:
		w.float(v)
	case simulator.Attributes:
		w.attributes(v)
	case []any:
		w.open('[')
		for _, e := range v {
			w.value(e)
		}
		w.close(']')
	}
}

func (w *writer) attributes(list simulator.Attributes) {
	w.open('{')
	for _, a := range list {
		w.str(a.Key)
		w.b = append(w.b, ':')
		w.value(a.Value)
	}
	w.close('}')
}

func (w *writer) strs(k string, list []string) {
	w.array(k)
	for _, v := range list {
		w.str(v)
	}
	w.close(']')
}
