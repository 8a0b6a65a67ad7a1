package chatwoot

import (
	"maps"
	"strconv"

	"github.com/chatlake/chatlake/providers"
)

// normal removes leading zeros from the account's number and spells booleans as true and false. Lakes of builds before details: auto have
// all details and do not say so, so an account without the option stands for details: true, and auto is always written out.
func normal(a providers.Account) (providers.Account, map[string]string) {
	a, defaults := providers.Normal(a, readOptions, options.texts, func(a *providers.Account) {
		if id, err := strconv.ParseUint(a.AccountID, 10, 63); err == nil {
			a.AccountID = strconv.FormatUint(id, 10)
		}
	})
	if defaults == nil {
		return a, nil
	}
	delete(defaults, optionDetails)
	switch o, _ := readOptions(a.Options); o.details {
	case detailsAuto:
		a.Options[optionDetails] = string(detailsAuto)
	case detailsAlways:
		delete(a.Options, optionDetails)
		defaults[optionDetails] = string(detailsAlways)
	}
	return a, defaults
}

// covers returns the options of accounts whose windows have all that one with the given options would have: with details: auto, those with
// all details.
func covers(given map[string]string) []map[string]string {
	if o, err := readOptions(given); err != nil || o.details != detailsAuto {
		return nil
	}
	other := map[string]string{}
	maps.Copy(other, given)
	other[optionDetails] = string(detailsAlways)
	return []map[string]string{other}
}

func (o options) texts() map[string]string {
	return map[string]string{
		optionDetails: string(o.details), optionParticipants: strconv.FormatBool(o.participants), optionReporting: strconv.FormatBool(o.reporting),
	}
}
