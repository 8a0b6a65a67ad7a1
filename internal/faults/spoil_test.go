package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// spoil is between a client and a fake, and breaks something.
type spoil func(w *world, next http.Handler) http.Handler

// match selects requests.
type match func(w *world, r *http.Request) bool

// at are the requests of one part of an export.
func at(where place) match {
	return func(w *world, r *http.Request) bool { return w.place(r) == where }
}

// ofVictim are the requests of one part that concern the victim, alone or with others.
func ofVictim(where place) match {
	return func(w *world, r *http.Request) bool {
		if w.place(r) != where {
			return false
		}
		if slices.Contains(strings.Split(r.URL.Path, "/"), w.victim.id) {
			return true
		}
		body, _ := io.ReadAll(r.Body) // the request is always complete
		r.Body = io.NopCloser(bytes.NewReader(body))
		return bytes.Contains(body, []byte(strconv.Quote(w.victim.id)))
	}
}

// first are the first n of the matching requests.
func first(n int64, of match) match {
	met := &atomic.Int64{}
	return func(w *world, r *http.Request) bool { return of(w, r) && met.Add(1) <= n }
}

// number is the n-th of the matching requests, counted from 1.
func number(n int64, of match) match {
	met := &atomic.Int64{}
	return func(w *world, r *http.Request) bool { return of(w, r) && met.Add(1) == n }
}

// during are the matching requests in the first d of an export.
func during(d time.Duration, of match) match {
	return func(w *world, r *http.Request) bool { return of(w, r) && time.Since(w.began) < d }
}

// everything is any request.
func everything(*world, *http.Request) bool { return true }

// strikes reports whether a request matches, and counts it if so.
func (w *world) strikes(these match, r *http.Request) bool {
	yes := these(w, r)
	if yes {
		w.struck.Add(1)
	}
	return yes
}

// broken answers matching requests with a fault of the simulator.
func broken(kind simulator.Fault, these match) spoil {
	return func(w *world, next http.Handler) http.Handler {
		faults := &simulator.Faults{
			Probability: 1, Kinds: []simulator.Fault{kind}, Match: func(r *http.Request) bool { return w.strikes(these, r) },
		}
		return faults.Wrap(next)
	}
}

// instead answers matching requests itself.
func instead(answer http.HandlerFunc, these match) spoil {
	return func(w *world, next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if w.strikes(these, r) {
				answer(rw, r)
				return
			}
			next.ServeHTTP(rw, r)
		})
	}
}

// marker is in the bodies of refusals. Like the words of a conversation, it must not be in any error.
const marker = "body-marker-beef"

// tooMany is a 429; retryAfter is the value of its header, "" for none.
func tooMany(retryAfter func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if text := retryAfter(); text != "" {
			w.Header().Set("Retry-After", text)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprintf(w, `{"error":%q}`, marker)
	}
}

func saying(text string) func() string { return func() string { return text } }

func refusing(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":%q}`, marker)
	}
}

// edited changes the bodies of successful answers to matching requests.
func edited(change change, these match) spoil {
	return func(w *world, next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !these(w, r) {
				next.ServeHTTP(rw, r)
				return
			}
			held := &held{header: http.Header{}, status: http.StatusOK}
			next.ServeHTTP(held, r)
			body := held.body.Bytes()
			if held.status == http.StatusOK {
				if body = change(w, r, body); !bytes.Equal(body, held.body.Bytes()) {
					w.struck.Add(1)
				}
			}
			for key, values := range held.header {
				rw.Header()[key] = values
			}
			rw.Header().Del("Content-Length")
			rw.WriteHeader(held.status)
			_, _ = rw.Write(body) // the client may be gone
		})
	}
}

// held records an answer instead of sending it.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }

// change returns a changed body of an answer.
type change func(w *world, r *http.Request, body []byte) []byte

// mine changes only the victim's part of an answer about several conversations.
func mine(change change) change {
	return func(w *world, r *http.Request, body []byte) []byte {
		changed, shared := body, false
		set(body, w.rows, func(was json.RawMessage) json.RawMessage {
			var rows []json.RawMessage
			shared = json.Unmarshal(was, &rows) == nil && w.name == ofLivePerson.name
			for _, row := range rows {
				if bytes.Contains(row, []byte(w.victim.id)) {
					changed = bytes.Replace(changed, row, change(w, r, row), 1)
				}
			}
			return was
		})
		if shared {
			return changed
		}
		return change(w, r, body)
	}
}

// replaced replaces the victim's words, inside their quotes, with other bytes.
func replaced(with string) change {
	return func(w *world, _ *http.Request, body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(w.victim.words), []byte(with))
	}
}

// around replaces the member with the victim's words by other members; KEY is its name, WORDS are the words.
func around(members string) change {
	return func(w *world, _ *http.Request, body []byte) []byte {
		member := regexp.MustCompile(`"(\w+)" ?: ?"` + regexp.QuoteMeta(w.victim.words) + `"`)
		return member.ReplaceAllFunc(body, func(found []byte) []byte {
			key := string(member.FindSubmatch(found)[1])
			return []byte(strings.NewReplacer("KEY", key, "WORDS", w.victim.words).Replace(members))
		})
	}
}

// retimed replaces a time: with seconds, milliseconds or text, depending on the platform's format.
func retimed(which func(victim) time.Time, seconds, milliseconds, text string) change {
	return func(w *world, _ *http.Request, body []byte) []byte {
		was, with := which(w.victim), text
		switch w.moment(time.Unix(1, 0)) {
		case "1":
			with = seconds
		case "1000":
			with = milliseconds
		}
		body = bytes.ReplaceAll(body, []byte(w.moment(was)), []byte(with))
		if w.spelled != nil {
			body = bytes.ReplaceAll(body, []byte(w.spelled(was)), []byte(text))
		}
		return body
	}
}

func whenSaid(v victim) time.Time  { return v.said }
func whenBegun(v victim) time.Time { return v.began }

// member reads or changes one member of an answer.
func member(path func(platform) []string, with func(w *world, r *http.Request, was json.RawMessage) json.RawMessage) change {
	return func(w *world, r *http.Request, body []byte) []byte {
		return set(body, path(w.platform), func(was json.RawMessage) json.RawMessage { return with(w, r, was) })
	}
}

func set(body []byte, path []string, with func(json.RawMessage) json.RawMessage) []byte {
	if len(path) == 0 {
		return with(body)
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(body, &members) != nil || members[path[0]] == nil {
		return body
	}
	members[path[0]] = set(members[path[0]], path[1:], with)
	return encoded(members)
}

// encoded writes decoded JSON as it was sent: json.Marshal would change the spelling of texts.
func encoded(v any) []byte {
	var text bytes.Buffer
	w := json.NewEncoder(&text)
	w.SetEscapeHTML(false)
	_ = w.Encode(v) // decoded JSON can be encoded
	return bytes.TrimRight(text.Bytes(), "\n")
}

func rowsOf(p platform) []string  { return p.rows }
func totalOf(p platform) []string { return p.total }
func nextOf(p platform) []string  { return p.next }
func saidOf(p platform) []string  { return p.said }

// without removes all rows from a list's answer.
func without(*world, *http.Request, json.RawMessage) json.RawMessage { return json.RawMessage("[]") }

// halved keeps the first half of the rows in a list's answer.
func halved(_ *world, _ *http.Request, was json.RawMessage) json.RawMessage {
	var rows []json.RawMessage
	if json.Unmarshal(was, &rows) != nil {
		return was
	}
	return encoded(rows[:len(rows)/2])
}

// nowhere is a missing link.
func nowhere(*world, *http.Request, json.RawMessage) json.RawMessage {
	return json.RawMessage("null")
}

// strayed answers some of the matching requests with an earlier answer to another one, as a cache may.
func strayed(probability float64, these match) spoil {
	return func(w *world, next http.Handler) http.Handler {
		stale := &simulator.Stale{Seed: 3, Probability: probability, Match: func(r *http.Request) bool { return these(w, r) }}
		front := stale.Wrap(next)
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			front.ServeHTTP(rw, r)
			w.struck.Store(int64(stale.Struck()))
		})
	}
}

// again answers all matching requests with the answer to the first one. If moving is set, the link to the next page is
// different every time.
func again(moving bool, these match) spoil {
	var first []byte
	var mu sync.Mutex
	count := 0
	return edited(func(w *world, r *http.Request, body []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = body
		}
		count++
		if !moving || w.next == nil {
			return first
		}
		return set(first, w.next, func(was json.RawMessage) json.RawMessage {
			var link string
			if json.Unmarshal(was, &link) != nil || link == "" {
				return was
			}
			changed, _ := json.Marshal(fmt.Sprintf("%s&turn=%d", link, count))
			return changed
		})
	}, these)
}

// toItself makes the link to the next page lead to the current page.
func toItself(w *world, r *http.Request, was json.RawMessage) json.RawMessage {
	var link string
	if json.Unmarshal(was, &link) != nil || link == "" {
		return was
	}
	changed, _ := json.Marshal(r.URL.RequestURI())
	if u, err := url.Parse(link); err == nil && u.IsAbs() {
		u.Path, u.RawQuery = r.URL.Path, r.URL.RawQuery
		changed, _ = json.Marshal(u.String())
	}
	return changed
}

// padded extends a body to n bytes with white space, which has no meaning in JSON.
func padded(n int) change {
	return func(w *world, _ *http.Request, body []byte) []byte {
		return append(body, bytes.Repeat([]byte(" "), n-len(body))...)
	}
}
