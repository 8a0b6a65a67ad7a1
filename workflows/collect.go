package workflows

import (
	"math"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// collector lists and fetches, with a limited number of activities at a time. Activities that begin together split the unleased
// part of the shard's rate. So the leases in flight never add up to more than the rate, and an activity that runs alone gets all of
// it.
type collector struct {
	slots    int
	inFlight int
	listing  bool // a ListPage is in flight
	listed   bool // the list has been read to its end
	draining bool // no more pages in this run
	retry    bool // a person ordered to try the list again, and no page has come since
	cut      bool // the window must be split
	started  int  // activities of this run
	queue    []chunk
	pages    map[int]activities.PageReceipt
	failures int // waits in a row
	row      streak
	done     int64          // activities that succeeded
	fetched  map[bool]int64 // of them fetches, of metadata or of messages
	lost     error          // staged objects are gone; the shard starts over
	// Counted since the number of slots last changed.
	requests, throttled int64
	clean               int
}

// chunk is a fetch in the queue.
type chunk struct {
	metadata  bool
	page      int
	low, high int
	attempts  int64
	waits     int       // after transient errors
	since     int64     // collector.done when the chunk was halved or first waited
	unread    time.Time // when an answer could not be read first
	fetched   int64     // collector.fetched of its kind at that time
}

// setChunks changes how many fetches the shard keeps in flight.
func (s *shard) setChunks(chunks int) {
	s.slots = max(1, s.slots+chunks-max(1, s.in.ChunksInFlight))
	s.in.ChunksInFlight = chunks
}

func (c *collector) reset(slots int) { *c = collector{slots: slots, fetched: map[bool]int64{}} }

// collect lists and fetches the whole shard into staging. It returns a continue-as-new error when the history is long.
func (s *shard) collect(ctx workflow.Context) error {
	if s.pages == nil {
		s.pages = map[int]activities.PageReceipt{}
	}
	for {
		if s.lost != nil && s.inFlight == 0 {
			if err := s.restart(ctx); err != nil {
				return err
			}
			s.pages = map[int]activities.PageReceipt{}
		}
		if s.receiptsHeld() >= s.policy.ReceiptsHeld && s.lost == nil {
			if err := s.save(ctx); err != nil {
				return s.cancelled(ctx, err)
			}
		}
		s.launch(ctx)
		s.growLeases()
		if s.inFlight == 0 && !s.hasWork() && s.lost == nil {
			return s.collected(ctx)
		}
		inFlight := s.inFlight // what ends while the export is being told counts too
		if s.hasWork() && !s.ending() {
			s.setIdle(ctx, false) // a failed chunk is in the queue again
		} else if s.listed && !(s.last && s.policy.LeaseLook > 0 && s.lent()) {
			s.releaseUnused(ctx)
		}
		if err := workflow.Await(ctx, func() bool {
			return s.inFlight < inFlight || s.mayLaunch() || s.inFlight == 0 && s.lost != nil
		}); err != nil {
			return s.cancelled(ctx, err)
		}
	}
}

// cancelled waits for the activities in flight, which are being cancelled, so that none of them writes after the cleanup.
func (s *shard) cancelled(ctx workflow.Context, err error) error {
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if _, err := workflow.AwaitWithTimeout(detached, time.Minute, func() bool { return s.inFlight == 0 }); err != nil {
		return err
	}
	return err
}

// collected ends the collecting of this run. Nothing is in flight, and nothing is left to give out.
func (s *shard) collected(ctx workflow.Context) error {
	if s.cut || s.listed {
		return nil
	}
	if err := s.save(ctx); err != nil {
		return err
	}
	s.state.Saved = s.receipts.Saved
	drainSignals(ctx)
	s.state.Waiters, s.state.Number, s.state.Unleased = s.waiters, s.number, s.unleased
	next := s.in
	next.Lease, next.Last, next.Paused, next.State = s.lease, s.last, s.paused, &s.state
	return workflow.NewContinueAsNewError(ctx, Shard, next)
}

// save stages the receipts that the run holds. Receipts that come in meanwhile are saved the next time.
func (s *shard) save(ctx workflow.Context) error {
	held := s.receipts
	s.receipts, held.Saved = activities.Receipts{Saved: held.Saved}, nil
	return s.retryUntilDone(ctx, func() error {
		out, err := call(quick(ctx), do.SaveReceipts, activities.SaveReceiptsInput{Target: s.target(), Receipts: held})
		if err == nil {
			s.receipts.Saved = append(slices.Clone(s.receipts.Saved), out.Saved)
		}
		return err
	})
}

// receiptsHeld is how many receipts the run holds.
func (s *shard) receiptsHeld() int {
	r := s.receipts
	return len(r.Pages) + len(r.Messages) + len(r.Metadata) + len(r.Dead)
}

// hasWork reports whether this run has activities left to start.
func (s *shard) hasWork() bool { return len(s.queue) > 0 || s.mayList() }

// mayList reports whether another page may be listed: one at a time, and only while little is queued.
func (s *shard) mayList() bool {
	return !s.listed && !s.listing && !s.draining && !s.cut && len(s.queue) < 2*s.slots
}

// mayLaunch reports whether an activity may start now.
func (s *shard) mayLaunch() bool {
	if s.paused || s.unleased || s.blocked != nil || s.waiting != nil || s.lost != nil || !s.hasWork() {
		return false
	}
	if s.lease.RequestsPerSecond <= 0 {
		fetching := s.inFlight
		if s.listing {
			fetching-- // a list sends one request at a time and needs no slot
		}
		return s.mayList() || len(s.queue) > 0 && fetching < s.slots
	}
	return s.inFlight < 2*s.slots && s.free() >= s.policy.LeastLease*s.equal() // a larger lease is used at once
}

// budget is the rate of the whole shard. Slots are taken away after "too many requests", so fewer slots also mean a lower rate.
func (s *shard) budget() float64 {
	return s.lease.RequestsPerSecond * float64(s.slots) / float64(max(1, s.in.ChunksInFlight))
}

// equal is the lease of an activity if every slot had the same.
func (s *shard) equal() float64 { return s.budget() / float64(max(1, s.slots)) }

// free is the part of the budget that is not leased to activities.
func (s *shard) free() float64 { return s.budget() - s.leased }

// nextLease is an equal part of the free rate for one of the activities that can start now.
func (s *shard) nextLease() providers.Lease {
	if s.lease.RequestsPerSecond <= 0 {
		return providers.Lease{}
	}
	waiting := len(s.queue)
	if s.mayList() {
		waiting++
	}
	rate := s.free() / max(1, min(float64(waiting), math.Floor(s.free()/s.equal()+s.policy.LeastLease)))
	return providers.Lease{RequestsPerSecond: rate, AccountRequestsPerSecond: s.lease.AccountRequestsPerSecond}
}

// returnLease takes back the lease of an activity that has ended.
func (s *shard) returnLease(u *inUse) {
	s.inFlight--
	s.end(u)
}

// launch starts as many activities as it may. Listing goes first: without a list there is nothing to fetch.
func (s *shard) launch(ctx workflow.Context) {
	if s.started >= s.policy.ActivitiesPerRun || workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		s.draining = true
	}
	for s.mayLaunch() {
		u := s.begin(s.nextLease())
		s.inFlight++
		s.started++
		if s.mayList() {
			s.listing = true
			if s.state.Unlisted == lookupBegun {
				workflow.Go(ctx, func(ctx workflow.Context) { s.listUnlisted(ctx, u) })
				continue
			}
			if len(s.in.Named) > 0 {
				workflow.Go(ctx, func(ctx workflow.Context) { s.listNamed(ctx, u) })
				continue
			}
			workflow.Go(ctx, func(ctx workflow.Context) { s.list(ctx, u) })
			continue
		}
		next := s.next(u.Lease)
		workflow.Go(ctx, func(ctx workflow.Context) { s.fetch(ctx, next, u) })
	}
}

func (s *shard) list(ctx workflow.Context, u *inUse) {
	in := activities.ListPageInput{
		Target: s.target(), Number: s.state.Pages, Cursor: s.state.Cursor, Limit: s.policy.pageLimit(u.Lease, s.in.ListRequests, s.state.Pages), Lease: activities.Lease(u.Lease),
		Retry: s.retry, Depth: s.in.Depth, AtOnce: s.atOnce(u.Lease), OmitNothing: s.state.Restarts > 0, Grows: s.grows(u, 0),
	}
	if s.state.Known {
		in.Known = &activities.Receipts{Pages: s.receipts.Pages, Saved: s.receipts.Saved}
	}
	out, err := call(fetching(ctx, s.policy.ChunkLength), do.ListPage, in)
	s.returnLease(u)
	s.listing = false
	if err != nil {
		s.listFailed(ctx, err)
		return
	}
	s.failures, s.retry = 0, false
	s.done++
	s.adjustSlots(out.Usage)
	s.state.Pages++
	s.state.Cursor = out.Next
	s.state.OutOfWindow += int64(out.Dropped)
	s.state.Listed += int64(out.Page.Refs)
	if s.listed = out.Next == ""; s.listed {
		s.state.ListedAt = new(workflow.Now(ctx).UTC())
	}
	if s.listed && s.in.Depth != activities.DepthWhole && s.state.Unlisted == lookupAhead {
		s.state.Unlisted, s.listed = lookupBegun, false
	}
	s.take(out.Page, out.Fetched)
}

// take queues the conversations of a page, except what was fetched with it.
func (s *shard) take(page activities.PageReceipt, fetched activities.Fetched) {
	s.receipts.Pages = append(s.receipts.Pages, page)
	s.pages[page.Number] = page
	s.receive(false, fetched.Messages)
	s.receive(true, fetched.Metadata)
	s.enqueue(page, map[bool]bool{false: len(fetched.Messages) > 0, true: len(fetched.Metadata) > 0})
}

// receive adds the receipts of a fetch, of metadata or of messages.
func (s *shard) receive(metadata bool, parts []activities.ChunkReceipt) {
	if metadata {
		s.receipts.Metadata = append(s.receipts.Metadata, parts...)
		return
	}
	s.receipts.Messages = append(s.receipts.Messages, parts...)
	for _, part := range parts {
		s.state.Fetched += int64(part.High - part.Low)
		s.state.Messages += part.Staged.Documents
	}
}

// listUnlisted looks up the conversations that the lake has and the platform no longer lists, page by page.
func (s *shard) listUnlisted(ctx workflow.Context, u *inUse) {
	out, err := call(fetching(ctx, s.policy.ChunkLength), do.ListUnlisted, activities.ListUnlistedInput{
		Target: s.target(), Number: s.state.Pages, Cursor: s.state.Cursor, Limit: s.policy.RefsPerPage, Depth: s.in.Depth,
		Receipts: activities.Receipts{Pages: s.receipts.Pages, Saved: s.receipts.Saved},
	})
	s.returnLease(u)
	s.listing = false
	if err != nil {
		s.listFailed(ctx, err)
		return
	}
	s.failures, s.retry = 0, false
	s.done++
	s.state.Pages++
	if s.state.Cursor = out.Next; out.Next == "" {
		s.state.Unlisted, s.listed = lookupDone, true
	}
	s.take(out.Page, activities.Fetched{})
}

// listNamed lists the conversations that the input names, on one page.
func (s *shard) listNamed(ctx workflow.Context, u *inUse) {
	out, err := call(fetching(ctx, s.policy.length(u.Lease, float64(len(s.in.Named)))), do.ListNamed, activities.ListNamedInput{
		Target: s.target(), Number: s.state.Pages, Named: s.in.Named, Lease: activities.Lease(u.Lease), AtOnce: s.atOnce(u.Lease),
	})
	s.returnLease(u)
	s.listing = false
	if err != nil {
		s.listFailed(ctx, err)
		return
	}
	s.failures, s.retry, s.listed = 0, false, true
	s.done++
	s.adjustSlots(out.Usage)
	s.state.Pages++
	s.state.Listed += int64(out.Page.Refs)
	s.take(out.Page, out.Fetched)
}

// enqueue cuts a page into chunks, of metadata and of messages unless they are there already.
func (s *shard) enqueue(page activities.PageReceipt, there map[bool]bool) {
	lease := s.part(max(1, s.in.ChunksInFlight))
	sizes := []int{s.policy.chunkSize(lease, s.in.MessageRequests), s.policy.chunkSize(lease, s.in.MetadataRequests)}
	if s.in.ChunkSize > 0 {
		sizes = []int{s.in.ChunkSize, min(s.policy.RefsPerPage, s.in.ChunkSize*s.policy.MetadataPerMessages)}
	}
	if s.in.MetadataRequests == 0 {
		sizes = sizes[:1] // messages and metadata come together
	}
	for i, size := range sizes {
		if there[i == 1] {
			continue
		}
		size = min(s.policy.RefsPerPage, size*page.Refs/max(1, page.Refs-page.Reused)) // those from the lake take no requests
		for low := 0; low < page.Refs; low += size {
			s.queue = append(s.queue, chunk{metadata: i == 1, page: page.Number, low: low, high: min(low+size, page.Refs)})
		}
	}
}

func (s *shard) fetch(ctx workflow.Context, c chunk, u *inUse) {
	activity, perConversation := do.FetchMessages, s.in.MessageRequests
	if c.metadata {
		activity, perConversation = do.FetchMetadata, s.in.MetadataRequests
	}
	requests := perConversation * float64(c.high-c.low)
	in := activities.FetchInput{
		Target: s.target(), Page: s.pages[c.page], Low: c.low, High: c.high, Lease: activities.Lease(u.Lease),
		Part: s.policy.conversations(float64(s.policy.PartRequests), perConversation), Again: c.attempts > 0, Grows: s.grows(u, requests),
	}
	out, err := call(fetching(ctx, s.policy.length(u.Lease, requests)), activity, in)
	s.returnLease(u)
	if err != nil {
		s.fetchFailed(ctx, c, err)
		return
	}
	s.failures = 0
	s.done++
	s.fetched[c.metadata]++
	s.adjustSlots(out.Usage)
	s.receive(c.metadata, out.Receipts(c.page, c.low, c.high))
}

// adjustSlots keeps fewer chunks in flight after many "too many requests", and more after a run of results without any.
func (s *shard) adjustSlots(u activities.Usage) {
	s.add(u)
	s.requests += u.Requests
	s.throttled += u.Throttled
	if u.Throttled == 0 {
		s.clean++
	} else {
		s.clean = 0
	}
	switch {
	case s.requests >= int64(s.policy.RequestsToJudge) && float64(s.throttled) > s.policy.ThrottledShare*float64(s.requests):
		s.slots = max(1, s.slots-1)
		s.requests, s.throttled, s.clean = 0, 0, 0
	case s.clean >= s.policy.CleanResults:
		s.slots = min(max(1, s.in.ChunksInFlight), s.slots+1)
		s.requests, s.throttled, s.clean = 0, 0, 0
	}
}
