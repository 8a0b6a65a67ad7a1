package freshchat

import (
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Rations returns how many uses of the quotas the reports of a window take: those that list conversations and those that Reports
// lists. It does not count reports that are ordered again after a failure.
func (a *account) Rations(w schemas.Window) []providers.Ration {
	var all []providers.Ration
	at := map[string]int{}
	for _, o := range a.ordersOf(w) {
		for _, quota := range a.quotas(o.event) {
			i, ok := at[quota.Name]
			if !ok {
				i = len(all)
				at[quota.Name] = i
				all = append(all, providers.Ration{Quota: quota})
			}
			all[i].Uses++
		}
	}
	return all
}
