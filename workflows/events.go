package workflows

import (
	"math"

	"github.com/chatlake/chatlake/providers"
)

// EventsInput describes an export whose histories are estimated.
type EventsInput struct {
	Windows            []EventsOfWindow
	Costs              providers.Costs
	RequestsPerSecond  float64 // of the account; 0 means no limit
	Shards             int     // concurrent windows
	Chunks, ChunkSize  int     // as in ShardInput
	Directory, Reports bool    // the export has a snapshot of the directory, and reports of each window
}

// EventsOfWindow is a window of an export: its conversations, and the platform's jobs that it waits for.
type EventsOfWindow struct {
	Conversations float64
	Jobs          int
}

// Measured with exports of simulated accounts. An activity adds its three events and those of the workflow task that reads its result.
const (
	eventsOfExport   = 30 // opening and closing it
	eventsOfChild    = 12 // a window in the history of its export
	eventsOfShard    = 37 // opening, sealing, verifying and committing it
	eventsOfSmall    = 19 // opening a small window, and finishing it at once
	eventsOfActivity = 6
	eventsOfLease    = 12 // signals of a window about its part of the rate, from 9 to 15
)

// Events estimates the events in the histories of an export and its windows.
func (p Policy) Events(in EventsInput) float64 {
	share := providers.Lease{RequestsPerSecond: in.RequestsPerSecond / float64(max(1, in.Shards))}
	slots := float64(max(1, in.Chunks))
	part := providers.Lease{RequestsPerSecond: share.RequestsPerSecond / slots}
	sum := float64(eventsOfExport)
	each := float64(eventsOfChild)
	if in.RequestsPerSecond > 0 {
		each += eventsOfLease
	}
	add := func(conversations, pages, chunks float64) {
		steps := float64(eventsOfShard)
		if conversations <= float64(p.FinishAtOnce) {
			steps = eventsOfSmall
		}
		sum += each + steps + eventsOfActivity*(pages+chunks)
	}
	if in.Directory {
		add(0, 1, 0)
	}
	for _, w := range in.Windows {
		limit := float64(p.pageLimit(part, in.Costs.ListRequests, 1))
		pages := max(1, math.Ceil(w.Conversations/limit))
		chunks := 0.0
		for i, cost := range []float64{in.Costs.MessageRequests, in.Costs.MetadataRequests} {
			if w.Conversations == 0 || i > 0 && cost == 0 {
				continue
			}
			size := float64(p.chunkSize(part, cost))
			if in.ChunkSize > 0 {
				size = float64(in.ChunkSize)
				if i > 0 {
					size = min(float64(p.RefsPerPage), size*float64(p.MetadataPerMessages))
				}
			}
			chunks += max(pages, math.Ceil(w.Conversations/size))
		}
		if pages == 1 && in.ChunkSize == 0 && w.Conversations*(in.Costs.MessageRequests+in.Costs.MetadataRequests) <= float64(p.mostAtOnce(share)) {
			chunks = 0
		}
		add(w.Conversations, pages+float64(w.Jobs), chunks)
		if in.Reports {
			add(0, 1, 0)
		}
	}
	return sum
}
