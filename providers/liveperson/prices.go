package liveperson

import "github.com/chatlake/chatlake/providers"

// prices returns what an account takes. Records are fetched by the hundred, and some of them again alone. A consumer's conversations are
// fetched one by one.
func prices(given map[string]string) providers.Prices {
	const again, window, counts, relist, run, directory, sync = 1.5, 3, 2, 1, 3, 6, 5
	one := providers.Costs{MessageRequests: again / batchSize, ListRequests: 1.0 / pageSize}
	p := providers.Prices{Costs: one, Changed: one, Window: providers.Constant(window), Counts: counts, Relist: providers.Constant(relist), Run: run, Directory: directory, Sync: sync}
	o, err := readOptions(given)
	if err != nil {
		return p // Check has accepted them
	}
	if o.consumer {
		p.Costs = providers.Costs{MessageRequests: 1, ListRequests: 1.0 / float64(o.pageSize)}
		p.Changed, p.Directory, p.Sync = p.Costs, 0, 2
	}
	return p
}
