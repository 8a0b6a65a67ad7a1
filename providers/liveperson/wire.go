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

// What the platform sends is read field by field: the documentation and real bodies differ in the types of single fields
// and one of them must not cost a conversation. Whatever is read is taken out of its object, so that what is left at the
// end is what nobody knew, and goes to the attributes.

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

// take is a field, which is then no longer there.
func (o object) take(name string) any {
	v := o[name]
	delete(o, name)
	return v
}

// text takes a field as what people wrote: strings as they are, anything else as its JSON. Null and "" are nil.
func (o object) text(name string) *string { return textOf(o.take(name)) }

// said takes a field of which the platform spells out that there is none.
func (o object) said(name string) *string { return saidOf(o.take(name)) }

func (o object) word(name string) string { return stringOf(o.said(name)) }

// peek is a field that stays.
func (o object) peek(name string) string { return stringOf(saidOf(o[name])) }

func stringOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// integer takes a whole number. What is none stays in the object.
func (o object) integer(name string) *int64 {
	n := wire.Whole(o.peek(name))
	if n != nil {
		delete(o, name)
	}
	return n
}

// number takes a number. What is none stays in the object.
func (o object) number(name string) *float64 {
	f := wire.Number(strings.TrimSpace(o.peek(name)))
	if f != nil {
		delete(o, name)
	}
	return f
}

// truth is true for true, and for 1 and "true".
func (o object) truth(name string) bool {
	b, err := strconv.ParseBool(o.word(name))
	return err == nil && b
}

// object takes an object. What is none stays.
func (o object) object(name string) object {
	inner := asObject(o[name])
	if inner != nil {
		delete(o, name)
	}
	return inner
}

// list takes the objects of a list; a single object is a list of one. What is no object stays.
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

// moment takes a time. "Conversations" says that each comes twice, as a text and, with an L at the end of its name, in
// milliseconds; in its own example they differ, and the number is right. What is no time stays in the object.
func (o object) moment(name string) *time.Time {
	at := cmp.Or(momentOf(o[name+"L"]), momentOf(o[name]))
	if at != nil || saidOf(o[name+"L"]) == nil {
		delete(o, name+"L")
	}
	if at != nil {
		delete(o, name)
	}
	return at
}

// momentOf is a time in milliseconds, or spelled out. -1, which stands for "not yet", and what no calendar holds are nil.
func momentOf(v any) *time.Time {
	s := stringOf(saidOf(v))
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

// compact is a value as JSON, the keys of objects sorted.
func compact(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// nothing is how the platform spells that there is no value.
// "Conversations": the default values of the fields.
var nothing = []string{"undefined", "null", "NA", "-1", "Unassigned"}

// saidOf is a value as a text, nil where it only says that there is none.
func saidOf(v any) *string {
	s := textOf(v)
	if s == nil || slices.Contains(nothing, *s) {
		return nil
	}
	return s
}

// attributes gathers the attributes of a row; what says nothing leaves no trace.
type attributes map[string]*string

// signed are the fields whose -1 is a value: "alertedMCS" is one of -1, 0, 1, a raw score may be anything.
var signed = []string{"alertedMCS", "messageRawScore"}

func (a attributes) put(name string, v any) {
	s := textOf(v)
	if s == nil || slices.Contains(nothing, *s) && !(*s == "-1" && slices.Contains(signed, name)) {
		return
	}
	a[name] = s
}

// rest takes all that is left of an object. A time that comes twice is kept in milliseconds only.
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

// more takes all that is left of one more object about the same. Another value of a known name gets "#2" after it.
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

// rows is the map as it stands in a row: none where nothing was gathered.
func (a attributes) rows() map[string]*string {
	if len(a) == 0 {
		return nil
	}
	return a
}
