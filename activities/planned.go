package activities

import (
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
)

// Depth is how much of a shard is asked for again.
type Depth string

const (
	// DepthWhole fetches every listed conversation. The lake is looked at only for what the account's Keeper keeps.
	DepthWhole Depth = ""
	// DepthList lists the window and fetches only conversations that the lake does not have in the listed version. The documents of
	// the others come from the lake. Conversations that the lake has and the list does not are asked for by id.
	DepthList Depth = "list"
	// DepthFull is DepthList, but every listed conversation is fetched, which finds changes that a list cannot show.
	DepthFull Depth = "full"
)

// Planned is a shard that a workflow is to make, and why.
type Planned struct {
	ledger.Shard
	Cause ledger.Cause `json:"cause,omitempty"`
	Depth Depth        `json:"depth,omitempty"`
	// Refresh, if not empty, asks for a new generation even if the ledger has the shard. The same text asks for the same generation.
	Refresh string `json:"refresh,omitempty"`
	// Named are the ids of the conversations of a shard that lists no window.
	Named []string `json:"named,omitempty"`
}

// PlanKind is which plan a workflow asks for.
type PlanKind string

const (
	PlanSync   PlanKind = "sync"   // what changed since the last sync
	PlanSettle PlanKind = "settle" // windows to be listed again
	PlanPush   PlanKind = "push"   // conversations that the platform announced
)

// SyncSettings are an account's settings for keeping its copy up to date, with defaults filled in.
type SyncSettings struct {
	// Every is the interval between syncs, and Cron the times of syncs instead of an interval, in the time zone Zone.
	Every time.Duration `json:"every,omitempty"`
	Cron  string        `json:"cron,omitempty"`
	Zone  string        `json:"zone,omitempty"`
	// From is where the history begins; zero means that the lake gets no history.
	From time.Time `json:"from,omitzero"`
	// Lag is how far a sync stays behind the clock, so that the platform has settled.
	Lag time.Duration `json:"lag"`
	// Settle says how long after its end a window is settled, ascending.
	Settle []time.Duration `json:"settle,omitempty"`
	// Directory is the time between two snapshots of the directory; 0 means none.
	Directory time.Duration `json:"directory,omitempty"`
	// History is the order in which the history is copied.
	History Order `json:"history,omitempty"`
}

// Order is the order in which windows are copied.
type Order string

const (
	OldestFirst Order = "oldest"
	NewestFirst Order = "newest"
	ByDeadline  Order = "deadline" // the window that the platform begins to delete first; what it has deleted already comes last
)

// Orders returns all orders.
func Orders() []Order { return []Order{OldestFirst, NewestFirst, ByDeadline} }
