package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/providers"
)

// clockTimeout is how long a platform may take to respond to the check of its clock.
const clockTimeout = 15 * time.Second

// Examine checks an account: its secrets, the platform's clock, whether the platform accepts the credentials, whether they see the
// whole account, and whether announcements arrive. It costs a few requests.
func (c Config) Examine(ctx context.Context, account string) []ledger.Check {
	return append(c.examineAccess(ctx, account), c.examinePush(ctx, account)...)
}

func (c Config) examineAccess(ctx context.Context, account string) []ledger.Check {
	_, provider, err := c.Open(account)
	if err != nil {
		var problem Problem
		if errors.As(err, &problem) {
			err = problem
		}
		return []ledger.Check{{Name: "settings", Level: ledger.LevelFailed, Text: err.Error()}}
	}
	checks := []ledger.Check{{Name: "settings", Level: ledger.LevelOK, Text: "all secrets are set"}, c.clock(ctx, account)}
	prober, ok := provider.(providers.Prober)
	if !ok {
		return append(checks, ledger.Check{Name: "credentials", Level: ledger.LevelNote, Text: "cannot be checked before an export"})
	}
	found, err := prober.Probe(ctx)
	var busy *providers.Error
	switch {
	case errors.As(err, &busy) && busy.Kind == providers.Throttled:
		return append(checks, ledger.Check{
			Name: "credentials", Level: ledger.LevelWarning, Text: "the platform is throttling requests, so they could not be checked; try again later",
		})
	case err != nil:
		return append(checks, ledger.Check{Name: "credentials", Level: ledger.LevelFailed, Text: c.problemOf(account, err).Error()})
	}
	checks = append(checks, ledger.Check{Name: "credentials", Level: ledger.LevelOK, Text: "the platform accepts them"}, visibility(found))
	if found.Unreadable != "" {
		checks = append(checks, keys(found, c.Accounts[account].AllowUnreadable))
	}
	return checks
}

// keys reports texts that the account's keys cannot decrypt.
func keys(p providers.Probe, allowed bool) ledger.Check {
	if allowed {
		return ledger.Check{Name: "keys", Level: ledger.LevelNote, Text: p.Unreadable + ". allow_unreadable is set, so exports copy these chats without their texts"}
	}
	return ledger.Check{Name: "keys", Level: ledger.LevelWarning, Text: p.Unreadable + ". An export would copy these chats without their texts"}
}

func visibility(p providers.Probe) ledger.Check {
	switch p.Visibility {
	case providers.VisibilityFull:
		return ledger.Check{Name: "visibility", Level: ledger.LevelOK, Text: "they see the whole account"}
	case providers.VisibilityPartial:
		return ledger.Check{Name: "visibility", Level: ledger.LevelWarning, Text: "they see only part of the account, and an export would miss the rest. " + p.Advice}
	}
	return ledger.Check{Name: "visibility", Level: ledger.LevelNote, Text: "this platform does not report whether they see the whole account"}
}

// once returns a transport for single requests.
func once() *http.Transport {
	return &http.Transport{Proxy: http.ProxyFromEnvironment, OnProxyConnectResponse: redact.ProxyAnswer, DisableKeepAlives: true}
}

// clock compares the platform's clock with ours. A HEAD request without credentials is enough, since every answer has a date.
func (c Config) clock(ctx context.Context, account string) ledger.Check {
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	client := http.Client{
		Transport:     once(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, c.Accounts[account].BaseURL, http.NoBody)
	if err != nil {
		return ledger.Check{Name: "clock", Level: ledger.LevelNote, Text: "the platform's address is known only after signing in, so its clock was not checked"}
	}
	answer, err := client.Do(request)
	here := time.Now()
	if err != nil {
		return ledger.Check{Name: "clock", Level: ledger.LevelNote, Text: fmt.Sprintf("the platform's address did not answer: %v", redact.Error(err))}
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusProxyAuthRequired { // a proxy's clock is not the platform's
		return ledger.Check{Name: "clock", Level: ledger.LevelNote, Text: redact.ProxyRefusal("", answer.StatusCode)}
	}
	there, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return ledger.Check{Name: "clock", Level: ledger.LevelNote, Text: "the platform does not send its time"}
	}
	return ledger.Clock(there, here)
}
