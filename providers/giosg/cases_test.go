package giosg

import (
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
)

func TestCases(t *testing.T) {
	providertest.Cases(t, func(t *testing.T, options map[string]string) providers.Provider {
		return testAccount(t, "https://service.giosg.com", func(p *providers.Account) { p.Options = options })
	})
}
