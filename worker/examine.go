package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/providers"
)

// clockTimeout is how long a platform may take to say what time it has.
const clockTimeout = 15 * time.Second

// Examine looks at an account: its secrets, its platform's clock, whether its credentials are accepted, and whether they see
// all of it. It costs a few requests.
func (c Config) Examine(ctx context.Context, account string) []lake.Check {
	_, provider, err := c.Open(account)
	if err != nil {
		var problem Problem
		if errors.As(err, &problem) {
			err = problem
		}
		return []lake.Check{{Name: "settings", Level: lake.LevelFailed, Text: err.Error()}}
	}
	checks := []lake.Check{{Name: "settings", Level: lake.LevelOK, Text: "the secrets are there"}, c.clock(ctx, account)}
	prober, ok := provider.(providers.Prober)
	if !ok {
		return append(checks, lake.Check{Name: "credentials", Level: lake.LevelNote, Text: "cannot be tried before an export"})
	}
	found, err := prober.Probe(ctx)
	var busy *providers.Error
	switch {
	case errors.As(err, &busy) && busy.Kind == providers.Throttled:
		return append(checks, lake.Check{
			Name: "credentials", Level: lake.LevelWarning, Text: "the platform wants fewer requests now, so they could not be tried; come back later",
		})
	case err != nil:
		return append(checks, lake.Check{Name: "credentials", Level: lake.LevelFailed, Text: c.blame(account, err).Error()})
	}
	checks = append(checks, lake.Check{Name: "credentials", Level: lake.LevelOK, Text: "the platform accepts them"}, visibility(found))
	if found.Unreadable != "" {
		checks = append(checks, keys(found, c.Accounts[account].AllowUnreadable))
	}
	return checks
}

// keys is about texts that the account's keys do not open.
func keys(p providers.Probe, allowed bool) lake.Check {
	if allowed {
		return lake.Check{Name: "keys", Level: lake.LevelNote, Text: p.Unreadable + ". allow_unreadable is set, so exports copy the chats without their texts"}
	}
	return lake.Check{Name: "keys", Level: lake.LevelWarning, Text: p.Unreadable + ". An export would copy the chats without their texts"}
}

func visibility(p providers.Probe) lake.Check {
	switch p.Visibility {
	case providers.VisibilityFull:
		return lake.Check{Name: "visibility", Level: lake.LevelOK, Text: "they see the whole account"}
	case providers.VisibilityPartial:
		return lake.Check{Name: "visibility", Level: lake.LevelWarning, Text: "they see a part of the account only, and an export would miss the rest. " + p.Advice}
	}
	return lake.Check{Name: "visibility", Level: lake.LevelNote, Text: "whether they see the whole account cannot be told on this platform"}
}

// clock compares the platform's clock with ours. It asks for nothing and shows no credentials: every answer has a date.
func (c Config) clock(ctx context.Context, account string) lake.Check {
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	client := http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, OnProxyConnectResponse: redact.ProxyAnswer, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, c.Accounts[account].BaseURL, http.NoBody)
	if err != nil {
		return lake.Check{Name: "clock", Level: lake.LevelNote, Text: "the platform's address is found out by its credentials, so its clock was not asked"}
	}
	answer, err := client.Do(request)
	here := time.Now()
	if err != nil {
		return lake.Check{Name: "clock", Level: lake.LevelNote, Text: fmt.Sprintf("the platform's address did not answer: %v", redact.Error(err))}
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusProxyAuthRequired { // whose clock is not the platform's
		return lake.Check{Name: "clock", Level: lake.LevelNote, Text: redact.ProxyRefusal("", answer.StatusCode)}
	}
	there, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return lake.Check{Name: "clock", Level: lake.LevelNote, Text: "the platform does not say what time it has"}
	}
	return lake.Clock(there, here)
}
