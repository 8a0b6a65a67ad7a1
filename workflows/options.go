package workflows

import (
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// All timeouts and retries of the program, but for the few seconds that a single request may be repeated inside a
// provider.
//
// An activity repeats transient errors itself a few times; then the workflow waits on a durable timer and gives the same
// work out again, for as long as it takes. Errors that a repetition cannot cure are not retried at all.
const (
	// heartbeatTimeout is how long a dead worker's activity is waited for. Activities heartbeat every five seconds.
	heartbeatTimeout = 20 * time.Second

	// A provider that is down is asked again after firstWait, then twice as long each time up to longestWait.
	firstWait   = time.Minute
	longestWait = 15 * time.Minute

	// The end of a range stays that far behind the clock, so that rows that are being created are not cut in two.
	settle = time.Minute

	// A shard that the Export did not start itself reports to it. In case a report is lost, the Export looks after firstLook,
	// then twice as long each time up to longestLook. An Export of a release without reports looks at least every longestUnheard,
	// and asks for reports after so many looks.
	firstLook      = 5 * time.Second
	longestLook    = time.Hour
	longestUnheard = 2 * time.Minute
	looksUnheard   = 100

	// mostBlocked is how many shards of an Export may be blocked before it starts no more: a person must act first, and what an
	// Export carries through continue-as-new stays small.
	mostBlocked = 100

	// A run of Shard gives out so many activities before it continues as new, a run of Export so many shards.
	activitiesPerRun = 800
	shardsPerRun     = 200

	// receiptsHeld is how many receipts a run holds before it stages them: they are an input of the seal, and 2 MB of input is the
	// most that a Temporal server takes.
	receiptsHeld = 1000

	// A chunk is about this long: so often what is free of a shard's rate is leased anew.
	chunkLength = time.Minute

	// shortestChunk is how long the last ones of a shard are.
	shortestChunk = 4 * time.Second

	// firstPage closes the first page of a shard where no budget limits it, so that fetching begins while the list is still being read.
	firstPage = 100

	// refsPerPage closes a page; freeRequests and fewestFree are the largest and the smallest chunk where no budget limits them, in
	// requests. A chunk costs Temporal some six events.
	refsPerPage  = 500
	freeRequests = 1000
	fewestFree   = 80

	// partRequests is what the parts of a chunk cost in which it is staged: what is repeated when a worker dies is half of those
	// in flight.
	partRequests = 64

	// A chunk of metadata is so many times one of messages where the latter is set: its requests are few, and alike for
	// all conversations.
	metadataPerMessages = 10

	// An activity begins when at least this part of an equal lease is free for it.
	leastLease = 0.5

	// The share of "too many requests" above which fewer chunks are kept in flight, the least number of requests to judge
	// by, and the clean results after which one more is.
	throttledShare  = 0.02
	requestsToJudge = 50
	cleanResults    = 64

	// idlePart is the part of an export's rate that a shard keeps which is being sealed, for the few requests it still has, and
	// idleShards how many of them there may be beside those at work.
	idlePart   = 0.02
	idleShards = 2

	// triesBeforeBlock is how often a step is tried again after a wait before a person is asked, where the error may pass by itself:
	// one that times out or panics, an answer that cannot be read, a count that goes on changing.
	triesBeforeBlock = 3

	// longestUnread is how long a conversation whose answer cannot be read is asked for while no other answer can be read either: as
	// long as those tries take.
	longestUnread = (1 + 2 + 4) * firstWait

	// waitsAlone is how often a chunk that fails for a moment, while others succeed, is waited for before it is halved.
	waitsAlone = 3

	// restartsPerShard bounds how often a shard whose staging was lost begins anew before a person is asked, and
	// shardFailures how often an Export starts a failed shard again.
	restartsPerShard = 3
	shardFailures    = 3
)

// quick is for steps that ask for little: opening, verifying, committing, cleaning.
func quick(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Minute,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         retries(5),
	})
}

// fetching is for pages and chunks that take about length.
func fetching(ctx workflow.Context, length time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30*time.Minute + 5*length,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         retries(4),
	})
}

// shards is for the children of an Export. They outlive its runs: a blocked shard is not lost when the Export continues as
// new.
func shards(ctx workflow.Context, id string) workflow.Context {
	return workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:   true,
	})
}

// sealing is for the one step whose length grows with the shard.
func sealing(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 12 * time.Hour,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         retries(5),
	})
}

func retries(attempts int32) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:    time.Second,
		BackoffCoefficient: 3,
		MaximumInterval:    time.Minute,
		MaximumAttempts:    attempts,
	}
}

// backoff is the wait after so many failures in a row, counted from 1.
func backoff(first, longest time.Duration, failures int) time.Duration {
	wait := first
	for range failures - 1 {
		if wait *= 2; wait >= longest {
			return longest
		}
	}
	return wait
}
