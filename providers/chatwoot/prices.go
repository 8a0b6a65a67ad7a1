package chatwoot

import (
	"slices"

	"github.com/chatlake/chatlake/providers"
)

// rowsPerPage is the size of a page of conversations. Each page is requested until two answers agree.
// app/finders/conversation_finder.rb
const rowsPerPage = 25

// prices returns what an account takes: a conversation its messages, and what the options ask for. The other figures were measured with
// the simulator.
func prices(given map[string]string) providers.Prices {
	const listing, window, counts, relist, run, directory, sync = 2.0 / rowsPerPage, 15, 9.5, 4, 4, 16, 3
	p := providers.Prices{
		Costs:   providers.Costs{MessageRequests: 1, ListRequests: listing},
		Changed: providers.Costs{MessageRequests: 1, ListRequests: 0.001}, // one answer lists all changes
		Window:  providers.Constant(window), Counts: counts, Relist: providers.Constant(relist), Run: run, Directory: directory, Sync: sync,
	}
	o, err := readOptions(given)
	if err != nil {
		return p // Check has accepted them
	}
	for _, part := range []struct {
		wanted bool
		name   string
		option string
	}{{o.details == detailsAlways, "details", optionDetails}, {o.participants, "participants", optionParticipants}, {o.reporting, "reporting events", optionReporting}} {
		if part.wanted {
			p.MetadataRequests++
			p.Parts = append(p.Parts, providers.Part{Name: part.name, Requests: 1, Option: part.option + ": false"})
		}
	}
	if o.details == detailsAuto { // the sample
		const inboxes, sample = 5, 1.0 / sampledOf
		p.ListRequests += sample
		p.Run += sampledOfInbox * inboxes
		p.Parts = append(p.Parts, providers.Part{Name: sampleOfDetails, Requests: sample, Option: optionDetails + ": false"})
	}
	p.Changed.MetadataRequests = p.MetadataRequests
	return p
}

// sampleOfDetails is the part of prices that stands for details: auto until a page has said more than the list.
const sampleOfDetails = "a sample of details"

// Seen adds the pages of all conversations if one has said more than the list, unless they replace the messages.
func (a *account) Seen(p providers.Prices) providers.Prices {
	if a.details != detailsAuto || !a.sampled.needed() {
		return p
	}
	p.Parts = slices.Clone(p.Parts)
	for i := range p.Parts {
		if p.Parts[i].Name == sampleOfDetails {
			p.Parts[i] = providers.Part{Name: "details, which say more than the list", Requests: 1, Option: p.Parts[i].Option}
		}
	}
	if a.sampled.pages.whole() {
		return p
	}
	for _, c := range []*providers.Costs{&p.Costs, &p.Changed} {
		if c.MetadataRequests > 0 {
			c.MetadataRequests++
		} else {
			c.MessageRequests++ // they come with the messages
		}
	}
	return p
}

var _ providers.Pricer = (*account)(nil)

// hasMetadata reports whether Metadata is called for listed conversations whatever their hints say.
func (o options) hasMetadata() bool {
	return o.details == detailsAlways || o.participants || o.reporting
}
