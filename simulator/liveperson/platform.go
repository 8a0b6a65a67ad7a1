package liveperson

import (
	"net/http"

	"github.com/chatlake/chatlake/simulator"
)

// Platform is an account that is read by search.
var Platform = simulator.Platform{
	Provider: "liveperson",
	Title:    "LivePerson",
	Account:  simulator.Account{ID: DefaultAccount, Token: Token},
	Site: func(corpus *simulator.Corpus, c simulator.Conduct) http.Handler {
		return New(corpus, Options{Latency: c.Latency, Now: c.Now, Tokens: []string{c.Token}, Throttle: int(c.Limit)})
	},
}
