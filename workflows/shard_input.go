package workflows

import (
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
)

// ShardInput starts a Shard. Its workflow id is ShardID(Shard).
type ShardInput struct {
	Shard ledger.Shard `json:"shard"`
	Cause ledger.Cause `json:"cause,omitempty"`
	// Depth is how much of the shard is asked for again.
	Depth           activities.Depth `json:"depth,omitempty"`
	Spec            string           `json:"spec"`
	Refresh         string           `json:"refresh,omitempty"`
	Visibility      string           `json:"visibility"`
	providers.Lease                  // this shard's part of the rate
	// Last means that no other shards are to come that could use what this one leaves.
	Last bool `json:"last,omitempty"`
	// Near means that this may become so while the shard runs, in about NearIn.
	Near           bool          `json:"near,omitempty"`
	NearIn         time.Duration `json:"near_in,omitempty"`
	ChunksInFlight int           `json:"chunks"` // fetches in flight
	ChunkSize      int           `json:"chunk"`  // conversations per chunk; 0 lets the lease decide
	providers.Costs
	// Uncounted means that the window is probably so small that the provider's count is not asked for before it is listed.
	Uncounted bool `json:"uncounted,omitempty"`
	// Flag makes a shard whose count differs from the provider's be committed with a flag instead of being blocked.
	Flag bool `json:"flag"`
	// Adopt takes over what the ledger has. Nothing is copied.
	Adopt bool `json:"adopt,omitempty"`
	// Named are the conversations to fetch. If there are any, the window is not listed.
	Named  []string `json:"named,omitempty"`
	Paused bool     `json:"paused,omitempty"`
	// Policy decides the order of commands. Nil is the policy of runs that began before 0.2.0.
	Policy *Policy     `json:"policy,omitempty"`
	State  *ShardState `json:"resume,omitempty"` // only continue-as-new sets it
}

// ShardState is what a Shard carries through continue-as-new.
type ShardState struct {
	Open        activities.OpenShardOutput `json:"open"`
	Cursor      providers.Cursor           `json:"cursor"`
	Pages       int                        `json:"pages"`
	OutOfWindow int64                      `json:"out_of_window"`
	Saved       []ledger.Staged            `json:"saved,omitempty"`
	// Unlisted is how far conversations that the platform no longer lists were looked up.
	Unlisted lookup `json:"unlisted,omitempty"`
	// ListedAt is when the list was last read to its end.
	ListedAt *time.Time       `json:"listed_at,omitempty"`
	Known    bool             `json:"known,omitempty"`
	Restarts int              `json:"restarts,omitempty"`
	Listed   int64            `json:"listed"`
	Fetched  int64            `json:"fetched"`
	Messages int64            `json:"messages"`
	Usage    activities.Usage `json:"usage"`
	// Waiters are the workflow ids of the exports that asked for reports.
	Waiters []string `json:"waiters,omitempty"`
	// Number is the number of the lease; Unleased is true if it was given back. See Told.
	Number   int  `json:"number,omitempty"`
	Unleased bool `json:"unleased,omitempty"`
}

// lookup is how far a shard with a depth has looked up the conversations that the lake has and the platform no longer lists.
type lookup int

const (
	lookupAhead lookup = iota // the list comes first
	lookupBegun
	lookupDone
)

// ShardOutput is the result of a Shard.
type ShardOutput struct {
	// Split is true if the provider cannot page through the whole window, or if the ledger has it in halves. Then nothing was
	// committed.
	Split bool `json:"split,omitempty"`
	// Absent is true if the ledger does not have a window that was only to be adopted.
	Absent bool `json:"absent,omitempty"`
	// Skipped is true if a person has given the shard up while it was blocked. Nothing was committed.
	Skipped bool              `json:"skipped,omitempty"`
	Commit  activities.Commit `json:"commit"`
	Usage   activities.Usage  `json:"usage"`
}

// ShardID is the workflow id of a shard. It is the same for every export, so that two exports do not copy a shard twice.
func ShardID(s ledger.Shard) string { return "shard/" + s.String() }
