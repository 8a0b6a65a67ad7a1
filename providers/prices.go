package providers

import (
	"cmp"

	"github.com/chatlake/chatlake/schemas"
)

// Costs are the requests that one conversation usually takes.
type Costs struct {
	MessageRequests float64 `json:"message_requests"`
	// MetadataRequests is 0 if Messages already fetches everything; then Metadata is never called.
	MetadataRequests float64 `json:"metadata_requests"`
	// ListRequests is the cost of listing the conversation; 0 means 1/20, one request for a page of twenty.
	ListRequests float64 `json:"list_requests,omitempty"`
}

// refsPerListing is the number of conversations that one list request returns if a provider does not say it. Platforms return 20 to 100.
const refsPerListing = 20

// Listing returns the cost of listing a conversation.
func (c Costs) Listing() float64 { return cmp.Or(c.ListRequests, 1.0/refsPerListing) }

// Fetching returns the cost of fetching a conversation that is listed.
func (c Costs) Fetching() float64 { return c.MessageRequests + c.MetadataRequests }

// Prices are the requests that reading an account with certain options takes. The sizes of activities and the estimates of
// chatlake plan come from the same prices.
type Prices struct {
	// Costs are those of a conversation in a window of creation.
	Costs
	// Changed are those of a conversation in a window of changes.
	Changed Costs
	// Window returns the requests that a window of creation takes besides its conversations: counts, the ends of lists, reports.
	Window func(w schemas.Window) float64
	// Counts is the part of Window for counts before and after the list, which small windows do without if the list counts itself.
	Counts float64
	// Relist is what a window takes, besides its conversations, if the lake has it and nothing has changed.
	Relist func(w schemas.Window) float64
	// Jobs returns how many jobs of the platform, such as reports, a window of creation and a window of reports wait for; nil means none.
	Jobs func(w schemas.Window) int
	// Run is what a run takes before its first window: checks of the credentials, signing in.
	Run float64
	// Directory is what a snapshot of the directory takes.
	Directory float64
	// Sync is what a list of changes takes if nothing has changed, and Open what it takes for each conversation that the lake has as
	// open.
	Sync, Open float64
	// Reports is what a window of reports takes.
	Reports float64
	// Parts are those of the requests that options turn off.
	Parts []Part
}

// Pricer is a Reader that finds out, while it reads, what its account takes.
type Pricer interface {
	// Seen returns prices as corrected by what the Reader has seen so far. A figure that is 0 stays 0.
	Seen(p Prices) Prices
}

// Orders returns how many jobs a window waits for.
func (p Prices) Orders(w schemas.Window) int {
	if p.Jobs == nil {
		return 0
	}
	return p.Jobs(w)
}

// Part is a part of what an account takes.
type Part struct {
	Name     string                         // in words: "participants"
	Requests float64                        // of a conversation
	Window   func(w schemas.Window) float64 // of a window; nil means none
	Option   string                         // what turns it off: "participants: false"
}

// Constant returns a Prices.Window that is the same for each window.
func Constant(requests float64) func(schemas.Window) float64 {
	return func(schemas.Window) float64 { return requests }
}
