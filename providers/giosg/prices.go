package giosg

import "github.com/chatlake/chatlake/providers"

// rowsPerPage is the size of most pages. The platform does not promise one.
const rowsPerPage = 25

// prices returns what an account takes: a chat its messages, members and tags, and the variables and the details of one visitor. Each
// page of a list is requested, and the page before it.
func prices(given map[string]string) providers.Prices {
	const listing, window, run, directory, sync, open = 2.0 / rowsPerPage, 3, 4, 6, 3, 1.0 / rowsPerPage
	one := providers.Costs{MessageRequests: 1, MetadataRequests: 3, ListRequests: listing}
	p := providers.Prices{Costs: one, Window: providers.Constant(window), Relist: providers.Constant(window), Run: run, Directory: directory, Sync: sync, Open: open}
	o, err := readOptions(given)
	if err != nil {
		return p // Check has accepted them
	}
	if o.visitors {
		p.MetadataRequests++
		p.Parts = append(p.Parts, providers.Part{Name: "details of visitors", Requests: 1, Option: optionVisitors + ": false"})
	}
	lists := float64(max(1, len(o.rooms)))
	p.Window, p.Run, p.Sync = providers.Constant(window*lists), run-1+lists, sync-2+2*lists
	p.Relist = p.Window
	p.Changed = p.Costs
	p.Changed.ListRequests = 1 // most of them have ended, and are asked for by their ids
	return p
}
