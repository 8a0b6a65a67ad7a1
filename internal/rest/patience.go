package rest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// How long a call waits. Longer waits are left to the workflow, whose timers survive a crash.
const (
	maxTries     = 3
	maxRefusals  = 20
	maxBackoff   = 5 * time.Second
	maxWaits     = 5 * time.Minute // for one request, in pauses of the account
	maxPause     = 24 * time.Hour  // even if the server asks for more
	firstBackoff = 300 * time.Millisecond
)

// patience is what is left of a request's attempts and waits.
type patience struct {
	repeatable bool
	tries      int
	refusals   int // 429s
	waits      time.Duration
}

// wait sleeps until a pause is over and shows the wait in the activity's heartbeats. A pause longer than what is left of the patience
// is an error at once.
func (p *patience) wait(ctx context.Context, left time.Duration, what providers.Awaited, m *providers.Meter) error {
	if left > p.waits {
		return &tooLong{left, what}
	}
	p.waits -= left
	defer m.Waits(time.Now().Add(left), what)()
	return sleep(ctx, left)
}

// tooLong means that the account is paused for longer than a request may wait.
type tooLong struct {
	after time.Duration
	what  providers.Awaited
}

func (t *tooLong) Error() string {
	why := "after too many requests"
	if t.what == providers.AwaitSchedule {
		why = "by rate.schedule"
	}
	return "the account is paused " + why + " until " + time.Now().Add(t.after).UTC().Format(time.RFC3339)
}

// judge decides whether to try again, and waits before it returns true. Otherwise it returns the error as a *providers.Error.
func (p *patience) judge(ctx context.Context, op string, g *gate, a Response, err error) (again bool, _ error) {
	var refused *tooLong
	var closed *stopped
	var ready *providers.Error
	switch {
	case errors.As(err, &ready):
		return false, ready
	case errors.As(err, &closed):
		return false, &providers.Error{Kind: providers.Stopped, Op: op, Status: a.Status, Err: closed}
	case errors.As(err, &refused):
		return false, &providers.Error{Kind: providers.Throttled, Op: op, Status: a.Status, After: refused.after, Awaits: refused.what, Err: err}
	case err == nil && a.Status == http.StatusTooManyRequests:
		p.refusals++
		if s := g.Stopped(); s != nil {
			return false, &providers.Error{Kind: providers.Stopped, Op: op, Status: a.Status, Err: s}
		}
		if left, what := g.Pause(); left > p.waits || p.refusals >= maxRefusals {
			return false, &providers.Error{Kind: providers.Throttled, Op: op, Status: a.Status, After: left, Awaits: what, Err: &tooLong{left, what}}
		}
		return true, nil // the gate waits
	case err == nil && !overloaded(a.Status):
		return false, nil
	case ctx.Err() != nil:
		return false, &providers.Error{Kind: providers.Transient, Op: op, Err: context.Cause(ctx)}
	case err != nil && !repairable(err):
		return false, &providers.Error{Kind: kind(err), Op: op, Status: a.Status, Err: err}
	}
	p.tries++
	backoff := max(a.After, firstBackoff<<p.tries/2+rand.N(firstBackoff))
	if p.repeatable && p.tries < maxTries && backoff <= maxBackoff {
		if wait := sleep(ctx, backoff); wait == nil {
			return true, nil
		}
	}
	if err == nil {
		return false, nil
	}
	return false, &providers.Error{Kind: kind(err), Op: op, Status: a.Status, After: a.After, Err: err}
}

// overloaded reports whether a platform, or a proxy in front of it, could not answer just now.
func overloaded(status int) bool {
	return status == http.StatusInternalServerError || status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// repairable reports whether an immediate retry may well succeed.
func repairable(err error) bool {
	switch {
	case errors.Is(err, ErrRedirect), errors.Is(err, ErrTooLarge), errors.Is(err, errEncoding), errors.Is(err, ErrTimeout), errors.Is(err, errLinkRedirect), errors.Is(err, errPrivate),
		errors.Is(err, ErrTLS), errors.Is(err, ErrProxy):
		return false
	}
	return true
}

func kind(err error) providers.Kind {
	switch {
	case errors.Is(err, ErrHTML), errors.Is(err, ErrRedirect), errors.Is(err, ErrTooLarge), errors.Is(err, errEncoding), errors.Is(err, errNotJSON),
		errors.Is(err, errLinkRedirect), errors.Is(err, errLinkHTML), errors.Is(err, errPrivate):
		return providers.Malformed
	case errors.Is(err, ErrProxy):
		return providers.Denied // a person must change something
	}
	return providers.Transient
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// retryAfter reads the header in seconds or as a date; 0 if it is missing, in the past or invalid.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return pause(seconds)
	}
	if at, err := http.ParseTime(text); err == nil {
		return pause(at.Sub(now).Seconds())
	}
	return 0
}

// pause turns a number of seconds from outside into a plausible wait, from 0 to maxPause.
func pause(seconds float64) time.Duration {
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, maxPause.Seconds()) * float64(time.Second))
}
