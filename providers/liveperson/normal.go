package liveperson

import (
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/providers"
)

// normal: the order and the case of kinds and states do not matter.
func normal(a providers.Account) (providers.Account, map[string]string) {
	return providers.Normal(a, readOptions, options.texts, nil)
}

func (o options) texts() map[string]string {
	mode := modeAccount
	if o.consumer {
		mode = modeConsumer
	}
	return map[string]string{
		optionMode: mode, optionSDEVersion: o.sdeVersion,
		optionContent: sorted(slices.DeleteFunc(slices.Clone(o.content), func(kind string) bool { return slices.Contains(standard, kind) })),
		optionStatus:  sorted(o.status),
		optionState:   sorted(words(strings.ToLower(o.state))),
		optionSource:  o.source, optionOffsetCap: strconv.Itoa(o.offsetCap), optionSort: o.sort, optionPageSize: strconv.Itoa(o.pageSize),
		optionScheme: o.scheme,
	}
}

func sorted(words []string) string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(words))), ",")
}
