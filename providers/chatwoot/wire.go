package chatwoot

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
)

// Bodies are read field by field. Versions and forks differ in the types of single fields, and one odd field must not make a whole
// conversation fail. A value is a field as sent; nil and null mean the same.
type value = wire.Value

type object = wire.Object

func number(v value) *float64 { return wire.Number(wire.Word(v)) }

func integer(v value) *int64 { return wire.Whole(wire.Word(v)) }

// layouts of times sent as texts. There is none with an abbreviated zone other than UTC and GMT, because Go would read any other as UTC.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 GMT", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00",
	"2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05-0700", time.RFC1123Z, "Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:05 UTC",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly,
}

// moment parses a time: Unix seconds (an integer, a float or a numeric text) or an ISO 8601 text, which is UTC if it has no zone.
// It returns nil for zero, which means "never", and for anything else.
func moment(v value) *time.Time {
	s := wire.Word(v)
	if s == "" {
		return nil
	}
	if t, ok := unixTime(s); ok {
		return wire.Instant(t)
	}
	return wire.Time(s, layouts)
}

func unixTime(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0), true
	}
	const longest = 40 // a float never needs more; "1e999999" would need a lot of memory
	if len(s) > longest || strings.ContainsAny(s, "_/xXpP:") {
		return time.Time{}, false
	}
	if f, err := strconv.ParseFloat(s, 64); err != nil || math.Abs(f) > wire.MaxUnix {
		return time.Time{}, err == nil
	}
	exact, ok := new(big.Rat).SetString(s)
	if !ok {
		return time.Time{}, false
	}
	micros, _ := new(big.Rat).Mul(exact, big.NewRat(1e6, 1)).Float64()
	return time.UnixMicro(int64(math.Round(micros))), true
}

// envelope returns the rows of a body: {"payload": [...]}, {"data": {"payload": [...]}} or a bare array.
func envelope(body []byte) (rows []value, meta object, err error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || !wire.Valid(body) {
		return nil, nil, wire.ErrNotJSON
	}
	switch body[0] {
	case '[':
		return wire.Items(body), nil, nil
	case '"':
		return nil, nil, wire.ErrShape
	}
	outer := wire.Fields(body)
	if inner := outer["data"]; len(inner) > 0 && inner[0] == '{' {
		outer = wire.Fields(inner)
	}
	payload := outer["payload"]
	if wire.IsNull(payload) || payload[0] != '[' {
		return nil, nil, wire.ErrShape
	}
	return wire.Items(payload), wire.Fields(outer["meta"]), nil
}

// compareIDs orders numeric ids by their numbers.
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
