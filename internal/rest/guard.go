package rest

import (
	"fmt"
	"net/http"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// guard prevents the platform from banning an account. It stops the account after too many refusals in a row, each to a request
// that was sent when the previous refusal was known. Running activities then get an error instead of sending requests. An activity
// that starts later, which after a stop happens only when a person resumes, may send one request. If that is refused too, all
// activities that have started by then are stopped as well.
type guard struct {
	refusals int // in a row, 401 and 403 and 429 together
	denials  int // the 401s and 403s among them
	stopped  *stopped
	probing  bool // one request is in flight to find out whether the platform accepts requests again
	began    map[*providers.Meter]int
	clock    int // counts activities and stops
}

// How many refusals in a row stop an account. If a 429 names no time, the pause grows each time, so maxThrottled of them
// take half a day.
const (
	maxDenials   = 5
	maxThrottled = 50
)

// stopped is the reason why an account is stopped.
type stopped struct {
	since    int // by the guard's clock
	refusals int
	status   int // of the last refusal
}

func (s *stopped) Error() string {
	if s.status == http.StatusTooManyRequests {
		return fmt.Sprintf("the account is stopped: %d requests in a row were answered 429, too many requests; "+
			"lower rate.requests_per_second, or ask the platform why it refuses, then resume the export", s.refusals)
	}
	return fmt.Sprintf("the account is stopped to avoid a ban: %d requests in a row were answered 401 or 403; "+
		"check that the token is valid and has read access, then resume the export", s.refusals)
}

func (g *guard) join(m *providers.Meter) {
	if g.began == nil {
		g.began = map[*providers.Meter]int{}
	}
	g.clock++
	g.began[m] = g.clock
}

func (g *guard) leave(m *providers.Meter) { delete(g.began, m) }

// aside is how long other requests wait for the outcome of the probe; they are woken as soon as it is known.
const aside = time.Minute

// admit lets a request pass, unless the account is stopped.
func (g *guard) admit(m *providers.Meter, p *pass) (wait time.Duration, err error) {
	switch {
	case g.stopped == nil:
		return 0, nil
	case m != nil && g.began[m] <= g.stopped.since:
		return 0, g.stopped
	case g.probing:
		return aside, nil
	}
	g.probing, p.probe = true, true
	return 0, nil
}

// release reports that a request was not sent, or had no answer.
func (g *guard) release(p pass) {
	if p.probe {
		g.probing = false
	}
}

// accepted reports any answer other than a refusal.
func (g *guard) accepted(p pass) {
	g.release(p)
	if g.stopped == nil || p.probe {
		g.refusals, g.denials, g.stopped = 0, 0, nil
	}
}

// refused reports a 401, a 403 or a 429.
func (g *guard) refused(p pass, status int) {
	g.release(p)
	if p.refusals != g.refusals {
		return // it was in flight when the previous refusal came
	}
	g.refusals++
	if status != http.StatusTooManyRequests {
		g.denials++
	}
	if p.probe || g.stopped == nil && (g.denials >= maxDenials || g.refusals >= maxThrottled) {
		g.stopped = &stopped{since: g.clock, refusals: g.refusals, status: status}
	}
}
