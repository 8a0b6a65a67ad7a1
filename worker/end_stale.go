package worker

import (
	"fmt"
	"strings"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// EndStaleConfig is when and how conversations that never end are ended.
type EndStaleConfig struct {
	// Every is the time between two runs.
	Every time.Duration
	// OlderThan is how long nobody must have touched a conversation.
	OlderThan time.Duration
	// Most is how many conversations a run ends.
	Most int
	// Confirm lets runs end conversations; otherwise they only tell which ones they would end.
	Confirm bool
}

// DefaultMostStale is how many conversations a run ends unless something else is said.
const DefaultMostStale = 100

// endStale reads the section end_stale of an account, or returns nil if there is none.
func (b branch) endStale() *EndStaleConfig {
	if b.value == nil {
		return nil
	}
	e := EndStaleConfig{Every: day, OlderThan: duration(b.text("older_than")), Most: DefaultMostStale, Confirm: b.boolean("confirm")}
	if text := b.text("every"); text != "" {
		e.Every = duration(text)
	}
	if most, ok := b.float("most"); ok {
		e.Most = int(most)
	}
	return &e
}

// checkEndStale finds what is wrong with an account's section end_stale.
func (c Config) checkEndStale(account string, d providers.Definition, e EndStaleConfig) (problems Problems) {
	add := func(key, reason string) {
		problems = append(problems, c.Problem(strings.TrimSuffix("accounts."+account+".end_stale."+key, "."), reason))
	}
	if !d.Ends {
		add("", cannotEnd(d.Name))
		return problems
	}
	if e.Every < time.Hour {
		add("every", "must be at least 1h")
	}
	in := workflows.EndStaleInput{Account: account, OlderThan: e.OlderThan, Most: e.Most}
	if e.OlderThan < workflows.LeastStale {
		add("older_than", "must be at least "+DurationText(workflows.LeastStale))
	} else if err := in.Check(); err != nil {
		add("most", strings.TrimPrefix(err.Error(), "most "))
	}
	return problems
}

// cannotEnd says why conversations of a provider cannot be ended.
func cannotEnd(provider string) string {
	var able []string
	for _, d := range registry {
		if d.Ends {
			able = append(able, d.Name)
		}
	}
	return fmt.Sprintf("%s has no conversations that stay open for ever; only accounts of %s can have them ended", provider, strings.Join(able, " and "))
}

// CanEndStale returns a Problem unless the platform of an account has conversations that can be ended.
func (c Config) CanEndStale(account string) error {
	if d, ok := definition(c.Accounts[account].Provider); ok && !d.Ends {
		return c.Problem("accounts."+account+".provider", cannotEnd(d.Name))
	}
	return nil
}
