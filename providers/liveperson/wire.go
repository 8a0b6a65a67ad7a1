package liveperson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
)

// Responses are read field by field: the documentation and real bodies differ in the types of some fields, and one such field
// must not cost a conversation. Every field that is read is taken out of its object. Whatever is left in the end is unknown and
// goes to the attributes.

// object is a JSON object as sent; numbers are json.Number.
type object map[string]any

// decode reads one JSON value.
func decode(body []byte) (any, error) {
	v, ok := wire.Tree(body)
	if !ok {
		return nil, wire.ErrNotJSON
	}
	return v, nil
}

func decodeObject(body []byte) (object, error) {
	v, err := decode(body)
	if err != nil {
		return nil, err
	}
	o := asObject(v)
	if o == nil {
		return nil, wire.ErrShape
	}
	return o, nil
}

func asObject(v any) object {
	o, _ := v.(map[string]any)
	return o
}

// take removes a field and returns its value.
func (o object) take(name string) any {
	v := o[name]
	delete(o, name)
	return v
}

// text takes a text that people wrote: strings as they are, other values as JSON. Null and "" become nil.
func (o object) text(name string) *string { return textOf(o.take(name)) }

// value takes a field as text. The platform's words for a missing value become nil.
func (o object) value(name string) *string { return valueOf(o.take(name)) }

func (o object) word(name string) string { return stringOf(o.value(name)) }

// peek reads a field without taking it.
func (o object) peek(name string) string { return stringOf(valueOf(o[name])) }

func stringOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// integer takes a whole number. Other values stay in the object.
func (o object) integer(name string) *int64 {
	n := wire.Whole(o.peek(name))
	if n != nil {
		delete(o, name)
	}
	return n
}

// number takes a number. Other values stay in the object.
func (o object) number(name string) *float64 {
	f := wire.Number(strings.TrimSpace(o.peek(name)))
	if f != nil {
		delete(o, name)
	}
	return f
}

// truth is true for true, 1 and "true".
func (o object) truth(name string) bool {
	b, err := strconv.ParseBool(o.word(name))
	return err == nil && b
}

// object takes an object. Other values stay.
func (o object) object(name string) object {
	inner := asObject(o[name])
	if inner != nil {
		delete(o, name)
	}
	return inner
}

// list takes the objects of a list. A single object is a list of one. Other values stay.
func (o object) list(name string) []object {
	var all []object
	switch v := o[name].(type) {
	case []any:
		var others []any
		for _, element := range v {
			if one := asObject(element); one != nil {
				all = append(all, one)
			} else if textOf(element) != nil {
				others = append(others, element)
			}
		}
		if delete(o, name); len(others) > 0 {
			o[name] = others
		}
	case map[string]any:
		delete(o, name)
		all = append(all, v)
	}
	return all
}

// moment takes a time. According to "Conversations", each time comes twice: as text and, with an L at the end of its name, in
// milliseconds. In its own example they differ, and the number is right. Invalid times stay in the object.
func (o object) moment(name string) *time.Time {
	at := cmp.Or(momentOf(o[name+"L"]), momentOf(o[name]))
	if at != nil || valueOf(o[name+"L"]) == nil {
		delete(o, name+"L")
	}
	if at != nil {
		delete(o, name)
	}
	return at
}

// momentOf parses a time in milliseconds or as text. -1, which means "not yet", and times outside of the calendar become nil.
func momentOf(v any) *time.Time {
	s := stringOf(valueOf(v))
	if s == "" {
		return nil
	}
	if t, ok := millis(s); ok {
		return wire.Instant(t)
	}
	return wire.Time(s, layouts)
}

var layouts = []string{"2006-01-02 15:04:05.999-0700", time.RFC3339Nano, "2006-01-02T15:04:05.999-0700", "2006-01-02 15:04:05"}

func millis(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(max(-1, min(n, (wire.MaxUnix+1)*1000))), true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(math.Abs(f) < wire.MaxUnix*1000) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(f)), true
}

func textOf(v any) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		s = v
	case json.Number:
		s = v.String()
	default:
		s = compact(v)
	}
	if s == "" {
		return nil
	}
	return &s
}

// compact returns a value as JSON with sorted keys.
func compact(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// nothing are the platform's words for a missing value. "Conversations": the default values of the fields.
var nothing = []string{"undefined", "null", "NA", "-1", "Unassigned"}

// valueOf returns a value as text, or nil if it is one of the words for a missing value.
func valueOf(v any) *string {
	s := textOf(v)
	if s == nil || slices.Contains(nothing, *s) {
		return nil
	}
	return s
}

// attributes collects the attributes of a row. It ignores missing values.
type attributes map[string]*string

// signed are the fields in which -1 is a value: "alertedMCS" is one of -1, 0, 1, and a raw score may be anything.
var signed = []string{"alertedMCS", "messageRawScore"}

func (a attributes) put(name string, v any) {
	s := textOf(v)
	if s == nil || slices.Contains(nothing, *s) && !(*s == "-1" && slices.Contains(signed, name)) {
		return
	}
	a[name] = s
}

// rest takes everything that is left of an object. If a time comes twice, it keeps only the milliseconds.
func (a attributes) rest(prefix string, o object) {
	for name, v := range o {
		if momentOf(o[name+"L"]) != nil && momentOf(v) != nil {
			continue
		}
		if s := textOf(v); s != nil {
			if !slices.Contains(nothing, *s) || *s == "-1" && slices.Contains(signed, name) {
				a[prefix+name] = s
			}
		}
	}
}

// more takes everything that is left of another object about the same thing. If a name is taken by another value, it appends
// "#2".
func (a attributes) more(o object) {
	rest := attributes{}
	rest.rest("", o)
	for name, v := range rest {
		key := name
		for n := 2; a[key] != nil && *a[key] != *v; n++ {
			key = fmt.Sprintf("%s#%d", name, n)
		}
		a[key] = v
	}
}

// rows returns the map for a row, or nil if it is empty.
func (a attributes) rows() map[string]*string {
	if len(a) == 0 {
		return nil
	}
	return a
}
