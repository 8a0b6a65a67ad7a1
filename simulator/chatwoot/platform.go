package chatwoot

import (
	"net/http"

	"github.com/chatlake/chatlake/simulator"
)

// Platform is a site with one account, read by an administrator.
var Platform = simulator.Platform{
	Provider: "chatwoot",
	Title:    "Chatwoot",
	Account:  simulator.Account{ID: "1", Token: AdministratorToken},
	Site: func(corpus *simulator.Corpus, c simulator.Conduct) http.Handler {
		return New(corpus, Options{
			Latency: c.Latency, Now: c.Now, Tokens: map[string]Role{c.Token: Administrator},
			Throttle: Throttle{PerSecond: c.Limit, Burst: c.Burst()},
		})
	},
}
