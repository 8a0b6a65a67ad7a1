package liveperson

import (
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/providers"
)

// normal: the order of kinds and states means nothing, nor does their case.
func normal(a providers.Account) (providers.Account, map[string]string) {
	o, err := readOptions(a.Options)
	if err != nil {
		return a, nil
	}
	usual, _ := readOptions(nil)
	var unchanged map[string]string
	a.Options, unchanged = providers.Divide(o.texts(), usual.texts())
	return a, unchanged
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
