package chatwoot

import (
	"strconv"

	"github.com/chatlake/chatlake/providers"
)

// normal: the number of an account may have zeros before it, and truth has many spellings.
func normal(a providers.Account) (providers.Account, map[string]string) {
	o, err := readOptions(a.Options)
	if err != nil {
		return a, nil
	}
	usual, _ := readOptions(nil)
	if id, err := strconv.ParseUint(a.AccountID, 10, 63); err == nil {
		a.AccountID = strconv.FormatUint(id, 10)
	}
	var unchanged map[string]string
	a.Options, unchanged = providers.Divide(o.texts(), usual.texts())
	return a, unchanged
}

func (o options) texts() map[string]string {
	return map[string]string{
		optionDetails: strconv.FormatBool(o.details), optionParticipants: strconv.FormatBool(o.participants), optionReporting: strconv.FormatBool(o.reporting),
	}
}
