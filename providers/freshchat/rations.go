package freshchat

import (
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Rations is what the reports of a window take from the quotas: those that conversations are found by and those that
// Reports lists. What is ordered again because it failed is not in it.
func (a *account) Rations(w schemas.Window) []providers.Ration {
	var orders []order
	if !a.users {
		for _, segment := range segments(w, segmentDays) {
			orders = append(orders, a.plan(segment)...)
		}
	}
	for _, event := range a.reports {
		orders = append(orders, monthly(event, w)...)
	}
	var all []providers.Ration
	at := map[string]int{}
	for _, o := range orders {
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
