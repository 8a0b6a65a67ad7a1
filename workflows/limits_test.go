package workflows

import (
	"slices"
	"testing"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

func lease(rps float64) providers.Lease { return providers.Lease{RequestsPerSecond: rps} }

func TestLimits(t *testing.T) {
	p := tuned
	for name, c := range map[string]struct{ got, want int }{
		"a page without a budget":                {p.pageLimit(lease(0), 1, 1), p.RefsPerPage},
		"a first page without a budget":          {p.pageLimit(lease(0), 1, 0), p.FirstPage},
		"a page, twenty to a request":            {p.pageLimit(lease(0.1), 0, 0), 120},
		"a page, a request each":                 {p.pageLimit(lease(2), 1, 0), 120},
		"a page is never tiny":                   {p.pageLimit(lease(0.1), 1, 0), 20},
		"a page is never endless":                {p.pageLimit(lease(100), 0.01, 0), p.RefsPerPage},
		"a chunk, two requests each":             {p.chunkSize(lease(2), 2), 60},
		"a chunk of one at least":                {p.chunkSize(lease(0.001), 2), 1},
		"a chunk without a budget":               {p.chunkSize(lease(0), 2), p.FreeRequests / 2},
		"a chunk without a budget, many to one":  {p.chunkSize(lease(0), 0.01), p.RefsPerPage},
		"a chunk without a budget, several each": {p.chunkSize(lease(0), 4), p.FreeRequests / 4},
		"a part":                                 {p.conversations(float64(p.PartRequests), 2), p.PartRequests / 2},
		"a part of one at least":                 {p.conversations(float64(p.PartRequests), 500), 1},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d conversations, want %d", name, c.got, c.want)
		}
	}
}

// TestChunksBecomeSmaller gives out a shard as fast as its leases allow. Its last activities must end within seconds of each other.
func TestChunksBecomeSmaller(t *testing.T) {
	total := int64(3000)
	for name, s := range map[string]*shard{
		"all is listed":                {collector: collector{listed: true}},
		"the provider can count":       {state: ShardState{Open: activities.OpenShardOutput{Total: &total}, Listed: 500}},
		"nobody knows what is to come": {},
	} {
		s.in.MessageRequests, s.in.MetadataRequests, s.in.ChunksInFlight = 1, 2, 4
		s.lease, s.slots, s.policy = lease(20), 4, tuned
		pages := 6
		page := func() {
			if pages--; pages < 0 {
				return
			}
			if s.state.Listed += 500; s.state.Listed > total {
				s.state.Listed = total
			}
			s.enqueue(activities.PageReceipt{Number: 6 - pages, Refs: 500}, nil)
		}
		if s.listed {
			for range 6 {
				page()
			}
		}
		var free [4]float64 // when each slot is, in seconds
		given, chunks := 0, 0
		for {
			for !s.listed && pages > 0 && len(s.queue) < 8 {
				page()
			}
			if len(s.queue) == 0 {
				break
			}
			c := s.next(lease(5))
			chunks++
			given += c.high - c.low
			slot := slices.Index(free[:], slices.Min(free[:]))
			free[slot] += s.cost(c, c.high-c.low) / 5
		}
		tail := slices.Max(free[:]) - slices.Min(free[:])
		t.Logf("%s: %d chunks, the last end within %.1f s of %.0f s", name, chunks, tail, slices.Max(free[:]))
		if given != 2*3000 {
			t.Errorf("%s: %d conversations were given out, want each twice", name, given)
		}
		if known := name != "nobody knows what is to come"; known && (tail > 2*tuned.ShortestChunk.Seconds() || chunks > 130) {
			t.Errorf("%s: %d chunks, the last end within %.1f s", name, chunks, tail)
		}
	}
}

// TestNoShareIsWithoutALimit: a share of 0 means no limit. So a shard that would be left with nothing gets a little, or does not
// start.
func TestNoShareIsWithoutALimit(t *testing.T) {
	e := &export{control: control{policy: unversioned}, state: ExportState{Lease: lease(10)}, children: []*child{{needs: 10}, {}, {}}}
	if share := e.share(); share <= 0 || share > 0.2 {
		t.Errorf("a share of %v beside one that has leased all, want little, and more than 0", share)
	}
	e.policy, e.plan = tuned, make([]activities.Planned, 1)
	e.children = []*child{{needs: 10, Told: Told{Lease: lease(10), Rates: []float64{10}}}}
	if e.mayLaunch() {
		t.Errorf("a shard begins beside one that has leased all")
	}
	e.children = append(e.children, &child{Told: Told{None: true}})
	if lease, ok := e.grant(e.children[1]); ok {
		t.Errorf("a shard is told %v beside one that has leased all", lease)
	}
	e.state.Lease = lease(0)
	if share := e.share(); share != 0 {
		t.Errorf("a share of %v where there is no limit", share)
	}
}

// TestNoLeaseIsNegative: a shard that an earlier run left, whose lease this run does not know, is told a positive one or none.
func TestNoLeaseIsNegative(t *testing.T) {
	denied := &BlockedShard{Kind: string(providers.Denied)}
	for name, c := range map[string]*child{
		"ending":            {needs: 3},
		"given back":        {needs: 3, Told: Told{Lease: lease(3), None: true}},
		"idle":              {idle: true},
		"blocked":           {blocked: denied, Told: Told{Lease: lease(3), None: true}},
		"told too much":     {Told: Told{Lease: lease(30), Rates: []float64{30}}},
		"without a limit":   {Told: Told{Rates: []float64{counted(0)}}},
		"nothing was told":  {},
		"waits for a lease": {Told: Told{None: true}},
	} {
		c.holding = holding{held: true, own: true}
		e := &export{control: control{policy: tuned}, state: ExportState{Lease: lease(10)}, children: []*child{c}}
		e.state.AccountRequestsPerSecond = 20
		if lease, ok := e.grant(c); ok && (lease.RequestsPerSecond <= 0 || lease.RequestsPerSecond > 10) {
			t.Errorf("%s: a shard is told %v of 10", name, lease)
		}
	}
}

// TestToldCountsWhatMayStillBeInForce: reports may cross with leases, so one does not speak of the leases that came after.
func TestToldCountsWhatMayStillBeInForce(t *testing.T) {
	var told Told
	told.start(lease(5))
	expect := func(what string, want float64) {
		t.Helper()
		if got := told.most(); got != want {
			t.Errorf("%s: %v counts, want %v", what, got, want)
		}
	}
	expect("at the start", 5)
	told.tell(lease(2))
	expect("a lower lease", 5)
	told.tell(lease(4))
	expect("then a higher one", 5)
	told.hear(0, 5)
	expect("it knows neither", 5)
	told.hear(1, 2)
	expect("it knows the lower one", 4)
	told.hear(2, 3)
	expect("it keeps to less than the last", 3)
	told.giveBack()
	told.hear(2, 1)
	expect("it has given the lease back, and one activity is left", 1)
	told.hear(2, 0)
	expect("none is left", 0)
	told.tell(lease(0))
	expect("no limit", counted(0))
}

// TestWindowsAtWorkFollowTheirSize: as many as use the rate up, judged by what the first ones cost.
func TestWindowsAtWorkFollowTheirSize(t *testing.T) {
	for name, test := range map[string]struct {
		rate, each float64
		most, want int
	}{
		"large windows":             {50, 5000, 16, 2},
		"a month of 43":             {50, 60, 16, 4},
		"days of 10":                {50, 22, 16, 8},
		"days of 5":                 {50, 14, 16, 16},
		"empty days":                {50, 4, 16, 16},
		"a low rate":                {1, 22, 16, 2},
		"a configured number":       {50, 4, 2, 2},
		"no limit, large":           {0, 5000, 16, 2},
		"no limit, small":           {0, 40, 16, 4},
		"a number above the limit":  {500, 4, 3, 3},
		"nothing is known of a run": {500, 4, 0, 2},
	} {
		open := activities.OpenExportOutput{Shards: 2, MostShards: test.most, ChunksInFlight: 2, RequestsPerSecond: test.rate}
		e := &export{control: control{policy: tuned}, state: ExportState{Open: open, Lease: lease(test.rate), Copied: copied{10, int64(10 * test.each)}}}
		e.plan = make([]activities.Planned, 40)
		if got := e.places(); got != test.want {
			t.Errorf("%s: %d windows at work, want %d", name, got, test.want)
		}
		e.state.Next = 34
		if got := e.places(); got != test.want {
			t.Errorf("%s: %d windows at work before the last 6, want %d: leases grow when no others are left", name, got, test.want)
		}
		e.policy.LeaseLook = 0
		if got := e.places(); got != min(test.want, 6) {
			t.Errorf("%s: %d windows at work before the last 6, want at most 6 if leases do not grow", name, got)
		}
	}
}

// TestSmallWindowsAreNotCountedFirst: counting one first costs a good part of what copying it costs, and the list may count itself.
func TestSmallWindowsAreNotCountedFirst(t *testing.T) {
	for requests, want := range map[int64]bool{10 * 160: true, 10*160 + 1: false} {
		e := &export{control: control{policy: tuned}, state: ExportState{Copied: copied{10, requests}}}
		if e.isSmall() != want {
			t.Errorf("%d requests for 10 windows: small is %t, want %t", requests, !want, want)
		}
	}
	if e := (&export{control: control{policy: tuned}}); e.isSmall() {
		t.Error("nothing is known of the first window, and it is taken for a small one")
	}
}
