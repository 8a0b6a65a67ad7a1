package giosg

import (
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/providers"
)

// normal: the case of ids and the order of rooms do not matter.
func normal(a providers.Account) (providers.Account, map[string]string) {
	return providers.Normal(a, readOptions, options.texts, func(a *providers.Account) { a.AccountID = strings.ToLower(a.AccountID) })
}

func (o options) texts() map[string]string {
	open := "include"
	if o.leaveOpen {
		open = "leave"
	}
	texts := map[string]string{optionAuth: o.auth, optionOpen: open, optionVisitors: strconv.FormatBool(o.visitors)}
	if len(o.rooms) > 0 {
		rooms := slices.Sorted(slices.Values(strings.Split(strings.ToLower(strings.Join(o.rooms, ",")), ",")))
		texts[optionRooms] = strings.Join(slices.Compact(rooms), ",")
	}
	for _, key := range append([]string{optionOrdering}, filters...) {
		if o.query.Has(key) {
			texts[key] = o.query.Get(key)
		}
	}
	return texts
}
