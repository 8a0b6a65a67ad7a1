package chatwoot

import (
	"strconv"

	"github.com/chatlake/chatlake/providers"
)

// normal removes leading zeros from the account's number and spells booleans as true and false.
func normal(a providers.Account) (providers.Account, map[string]string) {
	return providers.Normal(a, readOptions, options.texts, func(a *providers.Account) {
		if id, err := strconv.ParseUint(a.AccountID, 10, 63); err == nil {
			a.AccountID = strconv.FormatUint(id, 10)
		}
	})
}

func (o options) texts() map[string]string {
	return map[string]string{
		optionDetails: strconv.FormatBool(o.details), optionParticipants: strconv.FormatBool(o.participants), optionReporting: strconv.FormatBool(o.reporting),
	}
}
