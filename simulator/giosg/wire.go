package giosg

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"time"
)

// fields is an object as sent.
type fields map[string]any

func send(w http.ResponseWriter, v any) { answer(w, http.StatusOK, v) }

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // all our values can be encoded as JSON
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fail answers as Django REST framework does.
func fail(w http.ResponseWriter, status int, detail string) {
	answer(w, status, fields{"detail": detail})
}

// or is null for an empty text.
func or(s string) any {
	if s == "" {
		return nil
	}
	return s
}

const layout = "2006-01-02T15:04:05.000Z"

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(layout)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// uuid is the id of the nth thing of a kind.
func uuid(kind string, n int64) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", kind, n)
	sum := h.Sum64()
	return fmt.Sprintf("%08x-%04x-11ee-9b63-%012x", uint32(sum>>32), uint16(sum), n)
}

// visitorID is the id of a person: 32 hexadecimal digits, not a UUID.
func visitorID(n int64) string {
	h := fnv.New128a()
	fmt.Fprintf(h, "visitor %d", n)
	return hex.EncodeToString(h.Sum(nil))
}
