package rest

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// FuzzHeaders reads any headers about waiting: the result must be a plausible wait.
func FuzzHeaders(f *testing.F) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, v := range []string{"", "3", "0.5", "-1", "1e308", "NaN", "Inf", "Fri, 01 May 2026 12:00:30 GMT", "Friday, 01-May-99 12:00:30 GMT", "soon"} {
		f.Add(v, v, v)
	}
	f.Add("120", "0", "1777636830")
	f.Fuzz(func(t *testing.T, after, remaining, reset string) {
		h := http.Header{"Retry-After": {after}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}}
		if d := retryAfter(h, now); d < 0 || d > maxPause {
			t.Errorf("Retry-After %q is a wait of %s", after, d)
		}
		l, ok := leftOf(h, now)
		if ok != (l.until > 0) || l.until > maxPause || math.IsNaN(l.requests) {
			t.Errorf("%q left until %q is %+v", remaining, reset, l)
		}
		g := newGate(providers.Rate{RequestsPerSecond: 10})
		g.Answered(pass{}, http.StatusOK, h)
		if r := g.Rate(); !(r >= 1 && r <= 10) {
			t.Errorf("%q left until %q is a rate of %g", remaining, reset, r)
		}
	})
}

// FuzzAnswer passes any answer to check: accepted bodies are JSON, and errors quote nothing of the others.
func FuzzAnswer(f *testing.F) {
	f.Add("application/json", []byte(`{"a":1}`))
	f.Add("text/html; charset=utf-8", []byte(`<html>`))
	f.Add("application/json;;", []byte("\ufeff <p>"))
	f.Add("", []byte(`{"a":`))
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		err := check(&http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {media}}, ContentLength: int64(len(body))}, body)
		if err == nil && len(body) == 0 {
			t.Error("an empty body was taken")
		}
		if err != nil && len(body) > 8 && strings.Contains(err.Error(), string(body)) {
			t.Errorf("the body is in the error %q", err)
		}
	})
}
