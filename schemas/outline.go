package schemas

import (
	"encoding/json"
	"hash"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// outline writes JSON, byte for byte as encoding/json does, into a digest. That package looks at each value through
// reflection, which took longer than all else that a seal does with a row but to write it.
type outline struct {
	b   []byte
	sum hash.Hash
	err error // the first
}

const outlineBytes = 32 << 10 // held before they are digested

func (o *outline) key(name string) {
	if last := o.b[len(o.b)-1]; last != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *outline) open(name string, bracket byte) {
	o.key(name)
	o.b = append(o.b, bracket)
}

func (o *outline) close(bracket byte) { o.b = append(o.b, bracket) }

func (o *outline) null() { o.b = append(o.b, "null"...) }

func (o *outline) text(name, s string) {
	o.key(name)
	o.b = appendQuoted(o.b, s)
}

func (o *outline) integer(name string, i int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, i, 10)
}

func (o *outline) boolean(name string, v bool) {
	o.key(name)
	o.b = strconv.AppendBool(o.b, v)
}

// unobserved stands for the time of an observation.
func (o *outline) unobserved() {
	o.key("ObservedAt")
	o.b = append(o.b, `"0001-01-01T00:00:00Z"`...)
}

func (o *outline) optText(name string, s *string) {
	if o.key(name); s == nil {
		o.null()
		return
	}
	o.b = appendQuoted(o.b, *s)
}

func (o *outline) optInteger(name string, i *int64) {
	if o.key(name); i == nil {
		o.null()
		return
	}
	o.b = strconv.AppendInt(o.b, *i, 10)
}

func (o *outline) optBoolean(name string, v *bool) {
	if o.key(name); v == nil {
		o.null()
		return
	}
	o.b = strconv.AppendBool(o.b, *v)
}

func (o *outline) optNumber(name string, f *float64) {
	o.key(name)
	o.marshal(f)
}

func (o *outline) optInstant(name string, t *time.Time) {
	if o.key(name); t == nil {
		o.null()
		return
	}
	o.b = append(o.b, '"')
	b, err := t.AppendText(o.b)
	if err != nil {
		o.marshal(t) // for the same error
		return
	}
	o.b = append(b, '"')
}

// marshal is for what is seldom.
func (o *outline) marshal(v any) {
	b, err := json.Marshal(v)
	if err != nil && o.err == nil {
		o.err = err
	}
	o.b = append(o.b, b...)
}

func (o *outline) texts(name string, all []string) {
	if o.key(name); all == nil {
		o.null()
		return
	}
	o.b = append(o.b, '[')
	for i, s := range all {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendQuoted(o.b, s)
	}
	o.b = append(o.b, ']')
}

func (o *outline) pairs(name string, all map[string]*string) {
	if o.key(name); all == nil {
		o.null()
		return
	}
	o.b = append(o.b, '{')
	var few [16]string
	keys := slices.AppendSeq(few[:0], maps.Keys(all))
	slices.Sort(keys)
	for i, key := range keys {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(appendQuoted(o.b, key), ':')
		if value := all[key]; value != nil {
			o.b = appendQuoted(o.b, *value)
		} else {
			o.null()
		}
	}
	o.b = append(o.b, '}')
}

// rowsOf writes rows, nil as null.
func rowsOf[R any](o *outline, name string, rows []R, write func(*outline, *R)) {
	if o.key(name); rows == nil {
		o.null()
		return
	}
	o.b = append(o.b, '[')
	for i := range rows {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(o.b, '{')
		write(o, &rows[i])
		o.b = append(o.b, '}')
		if len(o.b) > outlineBytes {
			o.digest()
		}
	}
	o.b = append(o.b, ']')
}

// digest takes what there is but for its last byte, after which the next is written.
func (o *outline) digest() {
	last := len(o.b) - 1
	o.sum.Write(o.b[:last])
	o.b = append(o.b[:0], o.b[last])
}

// asItIs are the characters that need no escape.
var asItIs = func() (safe [utf8.RuneSelf]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		safe[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return safe
}()

const hexDigits = "0123456789abcdef"

// appendQuoted writes a text as encoding/json does where it escapes HTML.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if asItIs[c] {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			b = appendEscaped(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029':
			b = append(append(b, s[start:i]...), `\u202`...)
			b = append(b, hexDigits[r&0xF])
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
}
