package worker

import (
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/chatwoot"
	"github.com/chatlake/chatlake/providers/freshchat"
	"github.com/chatlake/chatlake/providers/giosg"
	"github.com/chatlake/chatlake/providers/liveperson"
)

// registry lists all providers.
var registry = []providers.Definition{
	chatwoot.Definition,
	chatwoot.Inquirly,
	freshchat.Definition,
	giosg.Definition,
	liveperson.Definition,
}

func definition(name string) (providers.Definition, bool) {
	for _, d := range registry {
		if d.Name == name {
			return d, true
		}
	}
	return providers.Definition{}, false
}
