package worker_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
)

// wire is between a platform and its reader. While it is active, it corrupts one response in four and puts the canary into it.
type wire struct {
	site    http.Handler
	ways    []way
	dead    string // a path whose response is always corrupted
	spoil   atomic.Bool
	number  atomic.Int64
	spoiled atomic.Int64
}

func (w *wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if w.dead != "" && strings.HasSuffix(r.URL.Path, w.dead) {
		status(http.StatusOK, "application/json", `["`+canary+`-dead"]`)(out, r, nil, nil)
		return
	}
	if !w.spoil.Load() {
		w.site.ServeHTTP(out, r)
		return
	}
	n := w.number.Add(1)
	random := rand.New(rand.NewPCG(uint64(n), 7))
	if random.IntN(4) != 0 {
		w.site.ServeHTTP(out, r)
		return
	}
	w.spoiled.Add(1)
	w.ways[random.IntN(len(w.ways))](out, r, w.answer(r), random)
}

// answer is a response of the platform.
func (w *wire) answer(r *http.Request) *httptest.ResponseRecorder {
	a := httptest.NewRecorder()
	w.site.ServeHTTP(a, r)
	return a
}

type way func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder, *rand.Rand)

// lasting are the corruptions that a retry within the request does not cure. Misplaced values are the most frequent, because errors of
// decoders are where texts leak.
var lasting = []way{
	misplaced, status(http.StatusBadRequest, "application/json", `{"error":"`+canary+`-body"}`),
	misplaced, status(http.StatusNotFound, "application/json", `{"message":"`+canary+`-body"}`),
	misplaced, status(http.StatusUnprocessableEntity, "application/json", `{"errors":[{"detail":"`+canary+`-body"}]}`),
	misplaced, status(http.StatusForbidden, "text/plain", canary+`-body`),
	misplaced, status(http.StatusOK, "application/json", `"`+canary+`-scalar"`),
	misplaced, status(http.StatusOK, "application/json", `["`+canary+`-list"]`),
	misplaced, status(http.StatusOK, "application/json", `{"`+canary+`-key":"`+canary+`-value"}`),
	misplaced, moved, misplaced, swapped,
}

// passing are the corruptions after which the request is repeated.
var passing = []way{
	status(http.StatusInternalServerError, "text/html", `<html><title>`+canary+`-page</title></html>`),
	status(http.StatusOK, "text/html", `<!DOCTYPE html><html>`+canary+`-page</html>`),
	status(http.StatusOK, "application/json", `{"payload":[{"content":"`+canary+`-cut`),
	status(http.StatusOK, canary+"/type; name="+canary, `{}`),
	limited, cut,
}

func status(code int, contentType, body string) way {
	return func(out http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder, _ *rand.Rand) {
		out.Header().Set("Content-Type", contentType)
		out.Header().Set("Set-Cookie", "session="+canary+"-cookie")
		out.Header().Set("X-Request-Id", canary+"-request")
		out.WriteHeader(code)
		_, _ = out.Write([]byte(body))
	}
}

// moved redirects elsewhere, with a token in the address.
func moved(out http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder, _ *rand.Rand) {
	http.Redirect(out, r, "https://user:"+canary+"-password@elsewhere.example/?token="+canary+"-token", http.StatusFound)
}

// limited refuses with headers that are not numbers.
func limited(out http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder, _ *rand.Rand) {
	for _, name := range []string{"Retry-After", "X-RateLimit-Reset", "X-RateLimit-Remaining"} {
		out.Header().Set(name, canary+"-header")
	}
	out.WriteHeader(http.StatusTooManyRequests)
	_, _ = out.Write([]byte(canary + "-body"))
}

// cut ends the body in the middle.
func cut(out http.ResponseWriter, _ *http.Request, a *httptest.ResponseRecorder, random *rand.Rand) {
	body := a.Body.Bytes()
	send(out, a, body[:random.IntN(len(body)+1)])
}

// swapped turns every number into a text: ids, times, counts.
func swapped(out http.ResponseWriter, _ *http.Request, a *httptest.ResponseRecorder, _ *rand.Rand) {
	change(out, a, func(leaves []leaf) {
		for _, l := range leaves {
			if _, ok := l.value.(json.Number); ok {
				l.set(canary + "-number")
			}
		}
	})
}

// misplaced puts the canary in the wrong places: instead of a time, a number, a list, a kind. It leaves out ids and cursors, which
// may occur in histories.
func misplaced(out http.ResponseWriter, _ *http.Request, a *httptest.ResponseRecorder, random *rand.Rand) {
	change(out, a, func(leaves []leaf) {
		if len(leaves) == 0 {
			return
		}
		for range 1 + len(leaves)/40 {
			switch l := leaves[random.IntN(len(leaves))]; random.IntN(4) {
			case 0:
				l.set(map[string]any{canary + "-key": canary + "-value"})
			case 1:
				l.set([]any{canary + "-list"})
			default:
				l.set(canary + "-value")
			}
		}
	})
}

// change changes a JSON answer; into any other answer it inserts a line of canaries.
func change(out http.ResponseWriter, a *httptest.ResponseRecorder, edit func([]leaf)) {
	var root any
	decoder := json.NewDecoder(bytes.NewReader(a.Body.Bytes()))
	decoder.UseNumber()
	if err := decoder.Decode(&root); err != nil {
		body := a.Body.Bytes()
		half := len(body) / 2
		send(out, a, bytes.Join([][]byte{body[:half], []byte("\n" + canary + "-a,\"" + canary + "-b\n"), body[half:]}, nil))
		return
	}
	var leaves []leaf
	collect(&leaves, root)
	edit(leaves)
	body, err := json.Marshal(root)
	if err != nil {
		panic(err)
	}
	send(out, a, body)
}

func send(out http.ResponseWriter, a *httptest.ResponseRecorder, body []byte) {
	for name, values := range a.Header() {
		if name != "Content-Length" {
			out.Header()[name] = values
		}
	}
	out.WriteHeader(a.Code)
	_, _ = out.Write(body)
}

// leaf is a value of an answer, and a function that replaces it.
type leaf struct {
	value any
	set   func(any)
}

func collect(leaves *[]leaf, at any) {
	add := func(name string, v any, set func(any)) {
		if !isName(name) {
			*leaves = append(*leaves, leaf{v, set})
		}
		collect(leaves, v)
	}
	switch v := at.(type) {
	case map[string]any:
		for key, value := range v {
			add(key, value, func(other any) { v[key] = other })
		}
	case []any:
		for i, value := range v {
			add("", value, func(other any) { v[i] = other })
		}
	}
}

// isName reports whether a member is an id, a cursor or the address of the next page.
func isName(key string) bool {
	key = strings.ToLower(key)
	return strings.HasSuffix(key, "id") || strings.HasSuffix(key, "uuid") || key == "next" || key == "href" || key == "cursor" || key == "link"
}
