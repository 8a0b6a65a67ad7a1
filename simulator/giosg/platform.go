package giosg

import (
	"net/http"

	"github.com/chatlake/chatlake/simulator"
)

// Platform is an organization with encrypted rooms, read by a manager who has the key.
var Platform = simulator.Platform{
	Provider: "giosg",
	Title:    "Giosg",
	Account:  simulator.Account{ID: Organization, Token: ManagerToken, Secrets: map[string]string{"private_keys": PrivateKey}},
	Site: func(corpus *simulator.Corpus, c simulator.Conduct) http.Handler {
		return New(corpus, Options{
			Latency: c.Latency, Now: c.Now, Tokens: map[string]Role{c.Token: Manager}, Encrypted: true,
			Throttle: Throttle{PerSecond: c.Limit, Burst: c.Burst()},
		})
	},
}
