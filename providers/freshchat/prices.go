package freshchat

import (
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// requestsPerReport are those of a report: the order, a poll and a download. It takes more polls while the platform makes it.
const requestsPerReport = 3

// prices returns what an account takes: a list requests each conversation for its time of creation, except in the lane transcript, and
// then its messages.
func prices(given map[string]string) providers.Prices {
	const body, contact, run, directory = 1.0, 1.0 / userBatch, 1, 14
	one := providers.Costs{MessageRequests: 1, ListRequests: body + contact}
	p := providers.Prices{Costs: one, Changed: one, Run: run, Directory: directory}
	o, err := readOptions(given)
	if err != nil {
		return p // Check has accepted them
	}
	if o.lane == laneTranscript {
		p.Costs = providers.Costs{ListRequests: contact} // the reports contain everything
	}
	p.Jobs = func(w schemas.Window) int { return len(o.ordersOf(w)) }
	p.Window = func(w schemas.Window) float64 { return float64(requestsPerReport * p.Jobs(w)) }
	p.Relist = func(w schemas.Window) float64 { return float64(requestsPerReport * len(o.listing(w))) }
	if len(o.reports) > 0 {
		p.Parts = append(p.Parts, providers.Part{Name: "reports by time", Window: func(w schemas.Window) float64 {
			return float64(requestsPerReport * len(o.reports) * len(months(w)))
		}, Option: optionReports + ": none"})
	}
	p.Reports = float64(requestsPerReport * len(o.reports))
	p.Sync = float64(requestsPerReport * (len(changeEvents) + 2)) // and Conversation-Created and Chat-Transcript
	if o.users {
		p.Sync, p.Open = 2, 1
	}
	return p
}

// listing returns the reports that list the conversations of a window.
func (o options) listing(w schemas.Window) (orders []order) {
	if o.users {
		return nil
	}
	for _, segment := range segments(w) {
		orders = append(orders, o.ordersFor(segment)...)
	}
	return orders
}

// ordersOf returns the reports of a window: those that list its conversations and those that Reports lists.
func (o options) ordersOf(w schemas.Window) []order {
	orders := o.listing(w)
	for _, event := range o.reports {
		orders = append(orders, orderEach(event, months(w))...)
	}
	return orders
}
