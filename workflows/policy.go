package workflows

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// latestBehaviour is the behaviour of the runs that begin now. The list only grows: a run keeps the behaviour that it began with.
//
//	0  runs without a policy, which began before 0.2.0. They have the numbers of [unversioned], and a version marker in the history
//	   wherever the workflows did something else in an earlier release.
//	1  0.2.0: the policy in the input says everything, no markers are written, and each signal says one thing.
//	2  0.2.0: a run keeps the search attribute of its state true, and a Settle that has committed something starts a maintenance.
//	3  0.2.0: as many shards are at work as it takes to use the rate up, and one that is being sealed keeps what it needs for its last
//	   requests without being told.
const latestBehaviour = 3

// Policy is everything besides the input that decides the order of a run's commands. It is fixed when a run begins. The run carries it through continue-as-new and passes it to its children, so a new release with other numbers changes no run under way.
//
// Timeouts and retries of activities are not part of it: replay does not compare them.
type Policy struct {
	// Behaviour is a number for what the workflows do where releases differ in more than numbers.
	Behaviour int `json:"behaviour"`

	// A provider that is down is asked again after FirstWait, then twice as long each time up to LongestWait.
	FirstWait   time.Duration `json:"first_wait"`
	LongestWait time.Duration `json:"longest_wait"`
	// TriesBeforeBlock is how often a step is tried again, after waits, before a person is asked. It is for errors that may pass by
	// themselves: timeouts, panics, unreadable answers, counts that keep changing.
	TriesBeforeBlock int `json:"tries_before_block"`

	// Lag is how far the end of an Export's range stays behind the clock, so that no window ends among conversations that are just
	// being created.
	Lag time.Duration `json:"lag"`
	// ShardsPerRun is how many shards a run of Export starts before it continues as new.
	ShardsPerRun int `json:"shards_per_run"`
	// ShardFailures is how often an Export starts a shard that fails.
	ShardFailures int `json:"shard_failures"`
	// MostBlocked is how many shards of an Export may be blocked before it starts no more. A person must act first anyway, and the
	// state of the Export stays small.
	MostBlocked int `json:"most_blocked"`
	// Shards that the Export did not start report to it. In case a report is lost, the Export looks after FirstLook, and then after
	// waits that double up to LongestLook.
	FirstLook   time.Duration `json:"first_look"`
	LongestLook time.Duration `json:"longest_look"`
	// IdleShare is the part of an Export's rate that a shard keeps while it is sealed, for the few requests it still has, and
	// IdleShards how many such shards there may be beside those at work.
	// A shard whose rate is low keeps IdleRate, in requests per second, so that its last requests do not take long.
	IdleShare  float64 `json:"idle_share"`
	IdleShards int     `json:"idle_shards"`
	IdleRate   float64 `json:"idle_rate,omitempty"`
	// WindowLength is how long the windows at work should last together, each at its share of the rate. While one of them opens,
	// lists or is sealed, the others use the rate; so small windows need more of them.
	WindowLength time.Duration `json:"window_length,omitempty"`

	// ActivitiesPerRun is how many activities a run of Shard gives out before it continues as new.
	ActivitiesPerRun int `json:"activities_per_run"`
	// ReceiptsHeld is how many receipts a run holds before it stages them. They are an input of SealShard, and a Temporal server
	// accepts no more than 2 MB of input.
	ReceiptsHeld int `json:"receipts_held"`
	// RestartsPerShard is how often a shard that has lost its staging starts over before a person is asked.
	RestartsPerShard int `json:"restarts_per_shard"`
	// ChunkLength is about how long a chunk takes, and so how often the free part of a shard's rate is leased again. ShortestChunk
	// is how long the last chunks of a shard take.
	ChunkLength   time.Duration `json:"chunk_length"`
	ShortestChunk time.Duration `json:"shortest_chunk"`
	// FirstPage is the size of the first page of a shard without a budget, so that fetching begins while the list is still being
	// read. RefsPerPage is the size of other pages. Both count conversations.
	FirstPage   int `json:"first_page"`
	RefsPerPage int `json:"refs_per_page"`
	// FreeRequests and FewestFree are the sizes of the largest and the smallest chunk without a budget, in requests. A chunk costs
	// Temporal about six events.
	FreeRequests int `json:"free_requests"`
	FewestFree   int `json:"fewest_free"`
	// FetchAtOnce is how many requests the conversations of a window may take that are fetched by the activity that lists them, and
	// FinishAtOnce how many conversations a window may have that one activity seals, verifies and commits. 0 is never.
	FetchAtOnce  int `json:"fetch_at_once,omitempty"`
	FinishAtOnce int `json:"finish_at_once,omitempty"`
	// LeaseLook is how often an activity asks whether its lease has grown, once the end of the export is near. 0 is never: then leases
	// do not grow.
	LeaseLook time.Duration `json:"lease_look,omitempty"`
	// CountAhead makes a large shard be counted while it is sealed, and not afterwards, when there may be nothing else to ask for.
	CountAhead bool `json:"count_ahead,omitempty"`
	// PartRequests is the size of a part of a chunk, in requests. Parts are staged one by one. When a worker dies, about half of
	// the part in flight is repeated.
	PartRequests int `json:"part_requests"`
	// MetadataPerMessages is how many times larger a chunk of metadata is than a chunk of messages whose size is configured.
	// Metadata takes few requests, and the same number for every conversation.
	MetadataPerMessages int `json:"metadata_per_messages"`
	// LeastLease is the part of an equal lease that must be free before an activity begins.
	LeastLease float64 `json:"least_lease"`
	// ThrottledShare is the share of "too many requests" above which fewer chunks are kept in flight. RequestsToJudge is the least
	// number of requests to judge by. CleanResults is how many results without any bring one chunk back.
	ThrottledShare  float64 `json:"throttled_share"`
	RequestsToJudge int     `json:"requests_to_judge"`
	CleanResults    int     `json:"clean_results"`
	// WaitsAlone is how often a chunk that fails while others succeed is tried again before it is halved.
	WaitsAlone int `json:"waits_alone"`

	// SignalsPerRun is how many signals a run of Budget sends before it continues as new.
	SignalsPerRun int `json:"signals_per_run"`
	// RollCall is how often a Budget with several users tells them their leases. That finds users that were terminated without
	// leaving.
	RollCall time.Duration `json:"roll_call"`
	// EvenShare replaces a SyncShare that leaves nothing to syncs or nothing to the others.
	EvenShare float64 `json:"even_share"`

	// TakesPerRun is how many updates a run of Quota answers before it continues as new.
	TakesPerRun int `json:"takes_per_run"`

	// A conversation that was announced is fetched when nothing was said about it for Quiet, or LongestQuiet after the first announcement.
	Quiet        time.Duration `json:"quiet,omitempty"`
	LongestQuiet time.Duration `json:"longest_quiet,omitempty"`
	// NamedPerShard is how many announced conversations are fetched together, and MostAnnounced how many may wait. They are part of
	// inputs, which a Temporal server limits to 2 MB.
	NamedPerShard int `json:"named_per_shard,omitempty"`
	MostAnnounced int `json:"most_announced,omitempty"`
	// AnnouncementsPerRun is how many signals a run of Inbox takes before it continues as new.
	AnnouncementsPerRun int `json:"announcements_per_run,omitempty"`
}

// unversioned is the policy of runs that carry none. Their histories were written with these numbers, so none of them may change.
var unversioned = Policy{
	FirstWait:           time.Minute,
	LongestWait:         15 * time.Minute,
	TriesBeforeBlock:    3,
	Lag:                 time.Minute,
	ShardsPerRun:        200,
	ShardFailures:       3,
	MostBlocked:         100,
	FirstLook:           5 * time.Second,
	LongestLook:         time.Hour,
	IdleShare:           0.02,
	IdleShards:          2,
	ActivitiesPerRun:    800,
	ReceiptsHeld:        1000,
	RestartsPerShard:    3,
	ChunkLength:         time.Minute,
	ShortestChunk:       4 * time.Second,
	FirstPage:           100,
	RefsPerPage:         500,
	FreeRequests:        1000,
	FewestFree:          80,
	PartRequests:        64,
	MetadataPerMessages: 10,
	LeastLease:          0.5,
	ThrottledShare:      0.02,
	RequestsToJudge:     50,
	CleanResults:        64,
	WaitsAlone:          3,
	SignalsPerRun:       300,
	RollCall:            10 * time.Minute,
	EvenShare:           0.5,
	TakesPerRun:         500,
}

// tuned is the policy of new runs. A number that is tuned is set here.
var tuned = func() Policy {
	p := unversioned
	p.Behaviour = latestBehaviour
	p.LeastLease = 0.4 // a share comes in parts that are a little less than half; see bench/leases
	p.ShortestChunk = time.Second
	p.IdleShards, p.IdleRate, p.WindowLength = 8, 0.1, 4*time.Second
	p.FetchAtOnce, p.FinishAtOnce = 160, 1000
	p.LeaseLook, p.CountAhead = 200*time.Millisecond, true
	p.Quiet, p.LongestQuiet = 10*time.Second, time.Minute
	p.NamedPerShard, p.MostAnnounced, p.AnnouncementsPerRun = 500, 5000, 500
	return p
}()

// NewPolicy returns the policy of this release, for the input of a run that begins. Whoever starts a workflow puts it there.
func NewPolicy() *Policy {
	p := tuned
	return &p
}

// policyOf returns the policy that a run carries. One of a later release fails the workflow task, which Temporal tries again until
// a worker of that release takes it: going on without knowing how would only break the run.
func policyOf(carried *Policy) Policy {
	if carried == nil {
		return unversioned
	}
	if carried.Behaviour > latestBehaviour {
		panic(fmt.Sprintf("the run has behaviour %d and this worker knows %d at most: upgrade the workers", carried.Behaviour, latestBehaviour))
	}
	return *carried
}

// Check returns an error unless a run can go by the policy. Nil is the policy of runs that began before 0.2.0.
func (p *Policy) Check() error {
	if p == nil {
		return nil
	}
	const some, most = 1e-3, math.MaxInt32
	var errs []error
	for _, f := range []struct {
		name           string
		n, least, most float64
	}{
		{"behaviour", float64(p.Behaviour), 1, most},
		{"first_wait", p.FirstWait.Seconds(), some, most},
		{"longest_wait", p.LongestWait.Seconds(), p.FirstWait.Seconds(), most},
		{"tries_before_block", float64(p.TriesBeforeBlock), 0, most},
		{"lag", p.Lag.Seconds(), 0, most},
		{"shards_per_run", float64(p.ShardsPerRun), 1, most},
		{"shard_failures", float64(p.ShardFailures), 1, most},
		{"most_blocked", float64(p.MostBlocked), 1, most},
		{"first_look", p.FirstLook.Seconds(), some, most},
		{"longest_look", p.LongestLook.Seconds(), p.FirstLook.Seconds(), most},
		{"idle_share", p.IdleShare, some, 1},
		{"idle_shards", float64(p.IdleShards), 0, most},
		{"idle_rate", p.IdleRate, 0, 1}, // this and the next four are 0 in runs that began before they were there
		{"window_length", p.WindowLength.Seconds(), 0, most},
		{"fetch_at_once", float64(p.FetchAtOnce), 0, most},
		{"finish_at_once", float64(p.FinishAtOnce), 0, most},
		{"lease_look", p.LeaseLook.Seconds(), 0, most},
		{"activities_per_run", float64(p.ActivitiesPerRun), 1, most},
		{"receipts_held", float64(p.ReceiptsHeld), 1, most},
		{"restarts_per_shard", float64(p.RestartsPerShard), 0, most},
		{"chunk_length", p.ChunkLength.Seconds(), some, most},
		{"shortest_chunk", p.ShortestChunk.Seconds(), some, most},
		{"first_page", float64(p.FirstPage), 1, most},
		{"refs_per_page", float64(p.RefsPerPage), 1, most},
		{"free_requests", float64(p.FreeRequests), 1, most},
		{"fewest_free", float64(p.FewestFree), 1, most},
		{"part_requests", float64(p.PartRequests), 1, most},
		{"metadata_per_messages", float64(p.MetadataPerMessages), 1, most},
		{"least_lease", p.LeastLease, some, 1},
		{"throttled_share", p.ThrottledShare, some, 1},
		{"requests_to_judge", float64(p.RequestsToJudge), 1, most},
		{"clean_results", float64(p.CleanResults), 1, most},
		{"waits_alone", float64(p.WaitsAlone), 1, most},
		{"signals_per_run", float64(p.SignalsPerRun), 1, most},
		{"roll_call", p.RollCall.Seconds(), some, most},
		{"even_share", p.EvenShare, some, 1 - some},
		{"takes_per_run", float64(p.TakesPerRun), 1, most},
		{"quiet", p.Quiet.Seconds(), 0, most}, // these are 0 in runs that began before there were announcements
		{"longest_quiet", p.LongestQuiet.Seconds(), 0, most},
		{"named_per_shard", float64(p.NamedPerShard), 0, most},
		{"most_announced", float64(p.MostAnnounced), 0, most},
		{"announcements_per_run", float64(p.AnnouncementsPerRun), 0, most},
	} {
		if !(f.least <= f.n && f.n <= f.most) { // NaN is refused too
			errs = append(errs, fmt.Errorf("policy.%s %v: expected %v to %v", f.name, f.n, f.least, f.most))
		}
	}
	return errors.Join(errs...)
}

// backoff is the wait after a number of failures in a row, counted from 1.
func (p Policy) backoff(failures int) time.Duration {
	return doubled(p.FirstWait, p.LongestWait, failures)
}

// longestUnread is how long to ask again for a conversation with an unreadable answer while no other answer can be read either. It
// is the sum of the waits before a person is asked.
func (p Policy) longestUnread() (all time.Duration) {
	for failures := range p.TriesBeforeBlock {
		all += p.backoff(failures + 1)
	}
	return all
}

// mayPass reports whether an error may pass by itself: a worker that dies, or an unreadable answer, as a proxy sends it while it restarts.
func mayPass(kind string) bool { return isCrash(kind) || kind == string(providers.Malformed) }

// idleLease is what a shard with a lease keeps while it is sealed.
func (p Policy) idleLease(rate float64) float64 {
	return max(p.IdleShare*rate, min(rate, p.IdleRate))
}

// doubled is the n-th of waits that start at first and double up to longest.
func doubled(first, longest time.Duration, n int) time.Duration {
	wait := first
	for range n - 1 {
		if wait *= 2; wait >= longest {
			return longest
		}
	}
	return wait
}

// chunkSize is how many conversations can be fetched under a lease in about ChunkLength.
func (p Policy) chunkSize(lease providers.Lease, perConversation float64) int {
	requests := lease.RequestsPerSecond * p.ChunkLength.Seconds()
	if lease.RequestsPerSecond <= 0 {
		requests = float64(p.FreeRequests)
	}
	return p.conversations(requests, perConversation)
}

// conversations is how many conversations of a page a number of requests can fetch: at least one.
func (p Policy) conversations(requests, perConversation float64) int {
	return int(min(max(1, math.Floor(requests/max(perConversation, 0.01))), float64(p.RefsPerPage)))
}

// pageLimit is how many conversations a page may hold so that listing it takes no longer than about ChunkLength. If the provider
// does not declare what listing costs, a request is assumed to list twenty.
func (p Policy) pageLimit(lease providers.Lease, perConversation float64, pages int) int {
	if lease.RequestsPerSecond <= 0 {
		if pages == 0 {
			return p.FirstPage
		}
		return p.RefsPerPage
	}
	if perConversation <= 0 {
		perConversation = 1.0 / 20
	}
	return int(min(max(20, lease.RequestsPerSecond*p.ChunkLength.Seconds()/perConversation), float64(p.RefsPerPage)))
}

// length is the least time that a number of requests takes under a lease.
func (p Policy) length(lease providers.Lease, requests float64) time.Duration {
	if lease.RequestsPerSecond <= 0 {
		return p.ChunkLength
	}
	return max(p.ChunkLength, time.Duration(requests/lease.RequestsPerSecond*float64(time.Second)))
}
