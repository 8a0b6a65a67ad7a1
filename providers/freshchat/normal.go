package freshchat

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/providers"
)

// normal adds the API's root to the address if it is missing, and sorts the reports, whose order has no meaning.
func normal(a providers.Account) (providers.Account, map[string]string) {
	return providers.Normal(a, readOptions, options.texts, func(a *providers.Account) {
		a.BaseURL = strings.TrimSuffix(strings.TrimRight(a.BaseURL, "/"), root) + root
	})
}

func (o options) texts() map[string]string {
	enumeration := "reports"
	if o.users {
		enumeration = "users"
	}
	texts := map[string]string{
		optionLane: string(o.lane), optionEnumeration: enumeration,
		optionPerMinute: strconv.Itoa(o.perMinute), optionPerDay: strconv.Itoa(o.perDay),
		optionReports: cmp.Or(strings.Join(slices.Sorted(slices.Values(o.reports)), ","), "none"),
	}
	if o.lane == laneTranscript {
		texts[optionTail] = strconv.Itoa(o.tail)
	} else {
		texts[optionTail] = strconv.Itoa(defaultTail) // it has no effect in other lanes
	}
	return texts
}
