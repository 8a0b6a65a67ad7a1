package worker

import (
	"context"
	"net/url"
	"strings"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/receive"
)

// examinePush sends announcements of an account to its receiver, by the address at which the platform reaches it. They are about no
// conversation, and nothing is kept of them. What is wrong is a warning, because syncs find what was not announced.
func (c Config) examinePush(ctx context.Context, name string) (checks []ledger.Check) {
	add := func(secret string, level ledger.Level, text string) {
		checks = append(checks, ledger.Check{Name: strings.TrimSpace("push " + secret), Level: level, Text: text})
	}
	account, ok, problems := c.receiver(name)
	if !ok {
		return nil
	}
	for _, problem := range problems {
		add("", ledger.LevelWarning, problem.Error())
	}
	address := c.PushURL(name)
	switch {
	case len(problems) > 0:
		return checks
	case address == "":
		add("", ledger.LevelNote, "receive.public_url is not set, so no announcement was sent there")
		return checks
	}
	if at, err := url.Parse(address); err == nil && isLoopback(at.Hostname()) {
		add("", ledger.LevelNote, "receive.public_url is an address of this machine only, which a platform cannot reach")
	}
	for _, p := range receive.Send(ctx, once(), address, name, account) {
		level := ledger.LevelWarning
		if p.OK {
			level = ledger.LevelOK
		}
		add(p.Secret, level, p.Text)
	}
	if account.Push.PublicKeys && len(account.Keys) > 0 {
		add("keys", ledger.LevelNote, "no signed announcement was sent: these are public keys, and only the platform has the private ones; see whether its next announcement is accepted")
	}
	return checks
}
