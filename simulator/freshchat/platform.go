package freshchat

import (
	"net/http"

	"github.com/chatlake/chatlake/simulator"
)

// Platform is an account whose reports are not rationed.
var Platform = simulator.Platform{
	Provider: "freshchat",
	Title:    "Freshchat",
	Account:  simulator.Account{Token: Token, Options: map[string]string{"reports_per_minute": "0", "reports_per_day": "0"}},
	Site: func(corpus *simulator.Corpus, c simulator.Conduct) http.Handler {
		return New(corpus, Options{Latency: c.Latency, Now: c.Now, Token: c.Token, Throttle: Throttle{PerSecond: c.Limit, Burst: c.Burst()}})
	},
}
