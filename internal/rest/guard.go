package rest

import (
	"fmt"
	"net/http"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// guard keeps an account from being banned. A platform that refuses so many requests in a row, each sent after the refusal
// before it was known, is not asked any more: what is under way is refused here. Whoever begins later, and after a stop that is
// only when a person has said so, may send one request; if that is refused too, so are all who have begun by then.
type guard struct {
	refusals int // in a row, 401 and 403 and 429 together
	denials  int // of them 401 and 403
	stopped  *stopped
	probing  bool // one request is on its way to see whether the account is open again
	began    map[*providers.Meter]int
	clock    int // counts activities and stops
}

// How many refusals in a row stop an account. Where no time is named 429s are waited out for longer each time, so that
// many of them take half a day.
const (
	maxDenials   = 5
	maxThrottled = 50
)

// stopped says why an account is not asked any more.
type stopped struct {
	since    int // by the guard's clock
	refusals int
	status   int // of the last
}

func (s *stopped) Error() string {
	if s.status == http.StatusTooManyRequests {
		return fmt.Sprintf("the account is stopped: %d requests in a row were answered 429, too many requests; "+
			"lower rate.requests_per_second or ask the platform why it refuses, and resume the export", s.refusals)
	}
	return fmt.Sprintf("the account is stopped, so that it is not banned: %d requests in a row were answered 401 or 403; "+
		"look whether the token is valid and what it may read, and resume the export", s.refusals)
}

func (g *guard) join(m *providers.Meter) {
	if g.began == nil {
		g.began = map[*providers.Meter]int{}
	}
	g.clock++
	g.began[m] = g.clock
}

func (g *guard) leave(m *providers.Meter) { delete(g.began, m) }

// aside is how long those wait who could go when the request on its way finds the account open; they are woken then.
const aside = time.Minute

// admit lets a request go, unless the account is stopped.
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

// release is told that a request was not sent, or had no answer.
func (g *guard) release(p pass) {
	if p.probe {
		g.probing = false
	}
}

// accepted is told of any other answer than a refusal.
func (g *guard) accepted(p pass) {
	g.release(p)
	if g.stopped == nil || p.probe {
		g.refusals, g.denials, g.stopped = 0, 0, nil
	}
}

// refused is told of a 401, a 403 or a 429.
func (g *guard) refused(p pass, status int) {
	g.release(p)
	if p.refusals != g.refusals {
		return // it was on its way when the refusal before came
	}
	g.refusals++
	if status != http.StatusTooManyRequests {
		g.denials++
	}
	if p.probe || g.stopped == nil && (g.denials >= maxDenials || g.refusals >= maxThrottled) {
		g.stopped = &stopped{since: g.clock, refusals: g.refusals, status: status}
	}
}
