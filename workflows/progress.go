package workflows

import (
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// ProgressQuery is a query. An Export answers it with ExportProgress, a Shard with ShardProgress, a Remap with RemapProgress.
const ProgressQuery = "progress"

// The updates that Export, Shard and Remap take. Pause, Resume and RetryBlocked have no argument; RetryBlocked tries again what is
// blocked. SetRate takes a SetRateInput for the whole account. An Export forwards them to its shards.
const (
	PauseUpdate        = "pause"
	ResumeUpdate       = "resume"
	SetRateUpdate      = "set_rate"
	RetryBlockedUpdate = "retry_blocked"
	// SkipUpdate gives up a blocked Shard. It has no argument: why is for the ledger, not for histories. Only Shards take it.
	SkipUpdate = "skip"
)

// SetRateInput is the argument of SetRateUpdate.
type SetRateInput struct {
	// RequestsPerSecond is the budget of the whole account; 0 is no limit.
	RequestsPerSecond float64 `json:"requests_per_second"`
}

// Totals are the sums over an export's shards.
type Totals struct {
	Shards        int   `json:"shards"`            // committed by this export
	Adopted       int   `json:"adopted"`           // found committed already
	Absent        int   `json:"absent,omitempty"`  // not in the ledger; only of exports that adopt
	Skipped       int   `json:"skipped,omitempty"` // given up by a person while they were blocked
	Listed        int64 `json:"listed"`
	Conversations int64 `json:"conversations"`
	Messages      int64 `json:"messages"`
	Gone          int64 `json:"gone"`
	Dead          int64 `json:"dead"`
	Duplicates    int64 `json:"duplicates"`
	Unreadable    int64 `json:"unreadable,omitempty"`  // texts and other values that could not be decrypted
	Unwitnessed   int   `json:"unwitnessed,omitempty"` // shards whose lists nothing but the platform confirms
	Flagged       int   `json:"flagged"`               // shards committed with a flag, such as a count that differs from the provider's
	Files         int   `json:"files"`
	Bytes         int64 `json:"bytes"`
	Requests      int64 `json:"requests"`
	Throttled     int64 `json:"throttled"`
}

// State is a word for what a workflow is doing.
type State string

const (
	StateStarting State = "starting"
	StateRunning  State = "running"
	StatePaused   State = "paused"
	StateWaiting  State = "waiting" // see Waiting
	StateBlocked  State = "blocked" // a person must act; see Blocked
	StateSealing  State = "sealing"
	StateIdle     State = "idle" // only in signals: the shard sends next to no requests
	StateDone     State = "done"

	// How a run has ended, in its search attribute.
	StateComplete   State = "complete"
	StateIncomplete State = "incomplete" // something is not in the lake
	StateCanceled   State = "canceled"
	StateFailed     State = "failed"
)

// BlockedShard is a shard that waits for a person.
type BlockedShard struct {
	Shard  string `json:"shard"`  // workflow id
	Kind   string `json:"kind"`   // a providers.Kind, or "CountMismatch"
	Detail string `json:"detail"` // the error, without texts or names of a conversation
}

// ExportProgress answers ProgressQuery on an Export.
type ExportProgress struct {
	State           State          `json:"state"`
	From            time.Time      `json:"from"`
	To              time.Time      `json:"to"` // clipped to the start of the export
	Windows         int            `json:"windows"`
	Done            int            `json:"done"`    // windows committed or adopted
	Running         []string       `json:"running"` // workflow ids of the shards in flight: ask each for its ShardProgress
	Blocked         []BlockedShard `json:"blocked,omitempty"`
	Totals          Totals         `json:"totals"` // of finished shards only
	providers.Lease                // of this export
	// Waiting is what the export itself waits for. Its shards have their own. WaitingUntil is Waiting.Until.
	Waiting      *Waiting   `json:"waiting,omitempty"`
	WaitingUntil *time.Time `json:"waiting_until,omitempty"`
	// Yields is set while a sync of the account has its share of the budget first.
	Yields *Waiting `json:"yields,omitempty"`
	// Deadlines are the times at which the platform begins to delete windows that are not committed yet, the first ones in order.
	// Windows whose deadline had passed when the export began are not among them.
	Deadlines  []time.Time `json:"deadlines,omitempty"`
	Visibility string      `json:"visibility"`
	Advice     string      `json:"advice,omitempty"` // what to do about a partial visibility
}

// Range is what the export copies.
func (p ExportProgress) Range() schemas.Window { return schemas.Window{From: p.From, To: p.To} }

// ShardProgress answers ProgressQuery on a Shard.
type ShardProgress struct {
	State        State         `json:"state"`
	Listed       int64         `json:"listed"`
	Expected     *int64        `json:"expected,omitempty"` // the provider's own count of the window, where it has one
	Fetched      int64         `json:"fetched"`            // conversations whose messages are staged
	Messages     int64         `json:"messages"`           // documents of messages staged
	Requests     int64         `json:"requests"`
	Throttled    int64         `json:"throttled"`
	InFlight     int           `json:"in_flight"` // activities
	Waiting      *Waiting      `json:"waiting,omitempty"`
	WaitingUntil *time.Time    `json:"waiting_until,omitempty"` // Waiting.Until
	Blocked      *BlockedShard `json:"blocked,omitempty"`
}
