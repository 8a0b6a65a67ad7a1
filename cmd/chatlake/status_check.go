package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
)

// The exit statuses of `status --check`, which monitors know from their plugins.
const (
	checkOK       = 0
	checkWarning  = 1
	checkCritical = 2
	checkUnknown  = 3
)

// checkFlags are what a copy must be.
type checkFlags struct {
	maxLag time.Duration // 0 is any
	noGaps bool
}

// check prints one line on whether accounts are as fresh as they must be. It asks only the ledger, so it works while Temporal is down.
func (a *app) check(ctx context.Context, account string, f checkFlags) error {
	unknown := func(err error) error {
		return &outcome{status: checkUnknown, text: "UNKNOWN - " + strings.Join(strings.Fields(explain(err)), " ")}
	}
	c, err := a.load()
	if err != nil {
		return unknown(err)
	}
	accounts := syncedAccounts(c)
	if account != "" {
		if _, err := accountOf(c, account); err != nil {
			return unknown(err)
		}
		accounts = []string{account}
	}
	if len(accounts) == 0 {
		return unknown(usage("no account of the configuration has a section sync"))
	}
	all, err := inspect.FreshnessOf(ctx, c, accounts, time.Now())
	if err != nil {
		return unknown(err)
	}
	status, text := judge(all, f)
	if a.json() {
		err = a.printJSON(map[string]any{"status": status, "text": text, "accounts": all})
	} else {
		_, err = fmt.Fprintln(a.out, text)
	}
	if err == nil && status != checkOK {
		err = &outcome{status: status}
	}
	return err
}

// judge is the exit status and the line of a check. After the bar, the line has the lags in seconds, with the limit.
func judge(all []inspect.Freshness, f checkFlags) (int, string) {
	var wrong, soon, right, lags []string
	for _, one := range all {
		lag, ok := one.Lag()
		switch {
		case !ok:
			wrong = append(wrong, one.Account+": no sync has ended")
		case f.maxLag > 0 && lag > f.maxLag:
			wrong = append(wrong, fmt.Sprintf("%s: %s behind, more than %s", one.Account, words.Duration(lag), words.Duration(f.maxLag)))
		default:
			right = append(right, fmt.Sprintf("%s: %s behind", one.Account, words.Duration(lag)))
		}
		if ok {
			text := fmt.Sprintf("%s_lag=%.0fs", one.Account, lag.Seconds())
			if f.maxLag > 0 {
				text += fmt.Sprintf(";;%.0f", f.maxLag.Seconds())
			}
			lags = append(lags, text)
		}
		if n := len(one.Gaps); f.noGaps && n > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: %s, the first from %s (%s)", one.Account, words.Plural(int64(n), "gap"), words.Span(one.Gaps[0].Window), one.Gaps[0].Stream))
		}
		if n := len(one.Skipped); f.noGaps && n > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: %s skipped, the first %s (%s)", one.Account, words.Plural(int64(n), "window"), words.Span(one.Skipped[0].Window), one.Skipped[0].Stream))
		}
		lost, expiring := retainedTexts(one.Retained)
		wrong, soon = append(wrong, lost...), append(soon, expiring...)
	}
	status, word, parts := checkOK, "OK", right
	switch {
	case len(wrong) > 0:
		status, word, parts = checkCritical, "CRITICAL", append(wrong, soon...)
	case len(soon) > 0:
		status, word, parts = checkWarning, "WARNING", soon
	}
	text := word + " - " + strings.Join(parts, "; ")
	if len(lags) > 0 {
		text += " | " + strings.Join(lags, " ")
	}
	return status, text
}
