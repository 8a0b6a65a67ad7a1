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

// Columns says for each provider, by its name, what columns of the lake hold where platforms differ. See providers.Definition.Columns.
func Columns() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, d := range registry {
		all[d.Name] = d.Columns
	}
	return all
}

func definition(name string) (providers.Definition, bool) {
	for _, d := range registry {
		if d.Name == name {
			return d, true
		}
	}
	return providers.Definition{}, false
}
