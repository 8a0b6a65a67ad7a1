package liveperson

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// roll is a list: conversation i began times[i] milliseconds after epoch. Rows are returned unsorted, as they are.
type roll struct {
	times    []int64
	names    []string // 0, 1, 2 ... if nil
	limit    int      // of a page; 100 if 0
	count    int      // the platform's count; the real number if 0
	requests int
	before   func(*roll, int) // called before request n is answered, from 1 on
}

func (l *roll) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.requests++
	if l.before != nil {
		l.before(l, l.requests)
	}
	if l.names == nil {
		for i := range l.times {
			l.names = append(l.names, strconv.Itoa(i))
		}
	}
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	if l.limit > 0 {
		limit = min(limit, l.limit)
	}
	order := make([]int, len(l.times))
	for i := range order {
		order[i] = i
	}
	if r.URL.Query().Get("sort") == "start:desc" {
		slices.Reverse(order)
	}
	rows := []map[string]any{}
	for _, i := range order[min(offset, len(order)):min(offset+limit, len(order))] {
		rows = append(rows, map[string]any{"info": map[string]any{"conversationId": l.names[i], "startTimeL": epoch.UnixMilli() + l.times[i]}})
	}
	count := len(l.times)
	if l.count > 0 {
		count = l.count
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"_metadata": map[string]any{"count": count}, "conversationHistoryRecords": rows})
}

func (l *roll) serve(t testing.TB, options map[string]string) *account {
	return stub(t, l.ServeHTTP, with(options))
}

// ladder returns n times, starting at a time, a step apart.
func ladder(from, step int64, n int) []int64 {
	var all []int64
	for i := range n {
		all = append(all, from+int64(i)*step)
	}
	return all
}

func hours(n int) schemas.Window {
	return schemas.Window{From: epoch, To: epoch.Add(time.Duration(n) * time.Hour)}
}

func list(t testing.TB, a *account, w schemas.Window) (refs []providers.Ref) {
	t.Helper()
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, page.Refs...)
	}
	return refs
}

func TestListsOfAwkwardShapes(t *testing.T) {
	same := slices.Repeat([]int64{5000}, 350)
	tests := map[string]roll{
		"nothing":                {},
		"one":                    {times: ladder(0, 1, 1)},
		"one page exactly":       {times: ladder(0, 1000, 100)},
		"two pages exactly":      {times: ladder(0, 1000, 200)},
		"many":                   {times: ladder(0, 1000, 777)},
		"pages of one":           {times: ladder(0, 1000, 9), limit: 1},
		"pages of two":           {times: slices.Concat(ladder(0, 1000, 4), []int64{4000, 4000, 4000}, ladder(5000, 1000, 4)), limit: 2},
		"all at once":            {times: same},
		"many at once in middle": {times: slices.Concat(ladder(0, 40, 120), same, ladder(6000, 1000, 130))},
		"short pages":            {times: ladder(0, 700, 300), limit: 37},
		"a count that is small":  {times: ladder(0, 700, 300), count: 7},
		"a count that is large":  {times: ladder(0, 700, 300), count: 5000},
		"one second over pages":  {times: ladder(0, 3, 320)},
	}
	for name, l := range tests {
		t.Run(name, func(t *testing.T) {
			a := l.serve(t, nil)
			refs := list(t, a, hours(1))
			want := []string{}
			for i := range l.times {
				want = append(want, strconv.Itoa(i))
			}
			got := append([]string{}, ids(refs)...)
			sortNumbers(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("listed (-want +got):\n%s", diff)
			}
			if limit := 10 + 2*len(l.times)/max(1, min(100, cmpOr(l.limit, 100))-1); l.requests > limit*2 {
				t.Errorf("%d requests", l.requests)
			}
		})
	}
}

func cmpOr(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

func sortNumbers(list []string) {
	slices.SortFunc(list, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
}

// Conversations that are added or removed between pages, at any place, never hide those that were there all the time.
func TestListThatMoves(t *testing.T) {
	base := ladder(0, 700, 420)
	for at := 2; at <= 4; at++ {
		for _, place := range []int{0, 97, 99, 100, 101, 150} {
			for _, n := range []int{1, 2, 100, 150} {
				for name, change := range map[string]func(*roll){
					"deleted": func(l *roll) {
						l.times = slices.Delete(l.times, place, min(place+n, len(l.times)))
						l.names = slices.Delete(l.names, place, min(place+n, len(l.names)))
					},
					"arrived": func(l *roll) {
						for i := range n {
							l.times = slices.Insert(l.times, place, l.times[place])
							l.names = slices.Insert(l.names, place, "new"+strconv.Itoa(i))
						}
					},
				} {
					l := &roll{times: slices.Clone(base), before: func(l *roll, request int) {
						if request == at {
							change(l)
						}
					}}
					refs := list(t, l.serve(t, nil), hours(1))
					seen := map[string]int{}
					for _, ref := range refs {
						seen[ref.ID]++
					}
					for _, id := range l.names {
						if len(id) < 4 && seen[id] == 0 {
							t.Fatalf("%d %s at %d before request %d: conversation %s was not listed", n, name, place, at, id)
						}
					}
				}
			}
		}
	}
}

func TestListInAnotherOrder(t *testing.T) {
	falling := ladder(0, 2000, 150)
	slices.Reverse(falling)
	l := &roll{times: falling}
	wantError(t, "falling", listed(t, l.serve(t, nil), hours(1)), providers.Malformed, errOrder)
	l = &roll{times: []int64{1900, 1100, 1500, 2000}} // within a second any order is allowed
	if got := ids(list(t, l.serve(t, nil), hours(1))); !slices.Equal(got, []string{"1", "2", "0", "3"}) {
		t.Errorf("listed %v", got)
	}
}

// Rows are filtered by the window whatever the platform sends, and requested without the window's end.
func TestWindowIsHalfOpen(t *testing.T) {
	l := &roll{times: []int64{-1, 0, 1, 3_599_999, 3_600_000, 3_600_001}}
	var bodies []string
	a := stub(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Start struct{ From, To json.Number } `json:"start"`
			Kinds []string                       `json:"contentToRetrieve"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		bodies = append(bodies, fmt.Sprint(body.Start.From, " ", body.Start.To, " ", body.Kinds))
		l.ServeHTTP(w, r)
	})
	var page providers.Page
	for p, err := range a.Conversations(t.Context(), hours(1), "") {
		if err != nil {
			t.Fatal(err)
		}
		page = p
	}
	if !slices.Equal(ids(page.Refs), []string{"1", "2", "3"}) || page.Dropped != 3 || page.Documents != nil {
		t.Errorf("%d rows, %d dropped", len(page.Refs), page.Dropped)
	}
	if want := fmt.Sprint(epoch.UnixMilli(), " ", epoch.UnixMilli()+3_599_999, " [summary]"); len(bodies) != 1 || bodies[0] != want {
		t.Errorf("asked for %v, want %s", bodies, want)
	}
	if n, err := a.Count(t.Context(), hours(1)); n != 3 || err != nil {
		t.Errorf("Count = %d, %v", n, err)
	}
}

func TestSpans(t *testing.T) {
	a := testAccount(t, "https://api.example.com")
	c := testAccount(t, "https://api.example.com", with(consumerOptions))
	for _, w := range []schemas.Window{
		hours(1), {From: epoch.Add(17 * time.Second), To: epoch.AddDate(1, 1, 0)}, {From: epoch, To: epoch}, {From: epoch, To: epoch.AddDate(0, 0, 88)},
		{From: epoch.Add(3 * time.Minute), To: epoch.AddDate(0, 0, 89)},
	} {
		for _, p := range []*account{a, c} {
			spans, at := p.spans(w), w.From
			for _, span := range spans {
				longest := span.From.Truncate(widening).AddDate(0, 3, 0)
				if p.consumer {
					longest = span.From.Truncate(widening).AddDate(0, 13, 0)
				}
				if !span.From.Equal(at) || !span.From.Before(span.To) || span.To.Add(widening).After(longest) {
					t.Errorf("%s has the span %s after %s", w, span, at)
				}
				at = span.To
			}
			if !at.Equal(w.To) {
				t.Errorf("the spans of %s end at %s", w, at)
			}
		}
	}
}

// A window with more conversations than can be listed is split, unless it cannot be made smaller.
func TestDenseWindows(t *testing.T) {
	cap100 := map[string]string{optionOffsetCap: "100"}
	crowd := func() *roll { return &roll{times: ladder(0, 2000, 250)} } // within ten minutes
	wantError(t, "an hour", listed(t, crowd().serve(t, cap100), hours(1)), providers.WindowTooDense, errDense)
	ten := schemas.Window{From: epoch, To: epoch.Add(10 * time.Minute)}
	if refs := list(t, crowd().serve(t, cap100), ten); len(refs) != 250 {
		t.Errorf("%d conversations in ten minutes", len(refs))
	}
	if divisible(ten) || divisible(schemas.Window{From: epoch.Add(9 * time.Minute), To: epoch.Add(10 * time.Minute)}) ||
		!divisible(schemas.Window{From: epoch.Add(9 * time.Minute), To: epoch.Add(11 * time.Minute)}) {
		t.Error("which windows can be divided")
	}
	// Halving ends: every half is smaller, and in the end none can be divided.
	queue := []schemas.Window{{From: epoch.Add(7 * time.Second), To: epoch.AddDate(0, 1, 0)}}
	for n := 0; len(queue) > 0; n++ {
		w := queue[0]
		queue = queue[1:]
		if !divisible(w) || w.To.Sub(w.From) > 24*time.Hour && n > 60 {
			continue
		}
		left, right, ok := w.Halve()
		if !ok {
			t.Fatalf("%s is reported as divisible", w)
		}
		queue = append(queue, left, right)
	}
}

// The platform may have an offset from which it returns no pages. How it refuses is a guess, so both ways are tested.
func TestOffsetWall(t *testing.T) {
	config := simulator.CorpusConfig{Seed: 3, Conversations: 700, From: epoch, To: epoch.Add(9 * time.Minute)}
	for _, is400 := range []bool{true, false} {
		_, a, whole := site(t, config, fake.Options{OffsetWall: 300, WallIs400: is400}, with(map[string]string{optionOffsetCap: "250"}))
		wantError(t, "nine minutes", listed(t, a, whole), providers.Malformed, errTooDeep)
		if n, err := a.Count(t.Context(), whole); err != nil || n != 700 {
			t.Errorf("Count = %d, %v", n, err)
		}
		wide := schemas.Window{From: whole.From, To: whole.To.Add(time.Hour)}
		wantError(t, "an hour", listed(t, a, wide), providers.WindowTooDense, errDense)
		// If offset_cap is set too high, the limit shows itself.
		_, a, _ = site(t, config, fake.Options{OffsetWall: 300, WallIs400: true, NoCount: true})
		wantError(t, "an hour, and no count", listed(t, a, wide), providers.WindowTooDense, errDense)
	}
}

// A limit below offset_cap shows in pages that are refused although the start of the list is not. It is remembered: the next
// window is split by its count.
func TestALowWallIsLearned(t *testing.T) {
	config := simulator.CorpusConfig{Seed: 3, Conversations: 700, From: epoch, To: epoch.Add(9 * time.Minute)}
	for _, is400 := range []bool{true, false} {
		_, a, whole := site(t, config, fake.Options{OffsetWall: 300, WallIs400: is400})
		wide := schemas.Window{From: whole.From, To: whole.To.Add(time.Hour)}
		wantError(t, "an hour", listed(t, a, wide), providers.WindowTooDense, errDense)
		if a.deepest() >= 500 {
			t.Errorf("400s %v: pages are asked for down to %d after the wall was met", is400, a.deepest())
		}
		pages := 0
		for _, err := range a.Conversations(t.Context(), wide, "") {
			pages++
			wantError(t, "an hour, again", err, providers.WindowTooDense, errDense)
		}
		if pages != 1 {
			t.Errorf("400s %v: %d pages before the window was split again, want to see it on the first", is400, pages)
		}
		wantError(t, "nine minutes", listed(t, a, whole), providers.Malformed, errTooDeep)
	}
	// A failure that also affects the start of the list is not a limit of depth.
	l := &roll{times: ladder(0, 1000, 500)}
	a := stub(t, func(w http.ResponseWriter, r *http.Request) {
		if l.requests >= 2 {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"internalCode":"0007"}`))
			return
		}
		l.ServeHTTP(w, r)
	}, with(nil))
	wantError(t, "a search engine that is down", listed(t, a, hours(1)), providers.Transient, errSearch)
}

// The two halves list everything that the dense window had.
func TestDenseWindowHalved(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 900}, fake.Options{OffsetWall: 150}, with(map[string]string{optionOffsetCap: "120"}))
	queue, seen, cuts := []schemas.Window{whole}, map[string]bool{}, 0
	for len(queue) > 0 {
		w := queue[0]
		queue = queue[1:]
		if err := listed(t, a, w); err != nil {
			wantError(t, w.String(), err, providers.WindowTooDense, errDense)
			left, right, _ := w.Halve()
			queue = append(queue, left, right)
			cuts++
			continue
		}
		for _, ref := range list(t, a, w) {
			seen[ref.ID] = true
		}
	}
	if len(seen) != 900 || cuts == 0 {
		t.Errorf("%d of %d conversations after %d cuts", len(seen), len(s.Conversations(whole)), cuts)
	}
}

// A page with missing shards is an error, and is complete when it is requested again.
func TestPartialShards(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 300}, fake.Options{PartialShards: 3, PageLimit: 40})
	var refs []providers.Ref
	var at providers.Cursor
	for failures := 0; ; failures++ {
		var last error
		for page, err := range a.Conversations(t.Context(), whole, at) {
			if last = err; err == nil {
				refs, at = append(refs, page.Refs...), page.Next
			}
		}
		if last == nil {
			if failures == 0 {
				t.Error("no page was partial")
			}
			break
		}
		wantError(t, "a partial page", last, providers.Transient, errPartial)
	}
	if diff := cmp.Diff(s.Conversations(whole), ids(refs)); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}

// Conversations that the search engine sees late are missed by the list, but not by a later count.
func TestLateArrival(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 300}, fake.Options{})
	all := s.Conversations(whole)
	s.Hold(all[10:20]...)
	n := 0
	for page, err := range a.Conversations(t.Context(), whole, "") {
		if err != nil {
			t.Fatal(err)
		}
		if n += len(page.Refs); page.Next != "" {
			s.Release(all[10:20]...)
		}
	}
	count, err := a.Count(t.Context(), whole)
	if err != nil || n != 290 || count != 300 {
		t.Errorf("%d listed, %d counted, %v", n, count, err)
	}
}

func TestCounts(t *testing.T) {
	edges := slices.Concat(ladder(-500_000, 1000, 300), ladder(0, 1000, 400), ladder(3_600_000, 1000, 250))
	for name, l := range map[string]roll{
		"crowded edges": {times: edges}, "pages of 50": {times: edges, limit: 50}, "few": {times: ladder(0, 1000, 40)}, "none": {},
	} {
		var want int64
		for _, at := range l.times {
			if at >= 0 && at < 3_600_000 {
				want++
			}
		}
		if n, err := l.serve(t, nil).Count(t.Context(), hours(1)); err != nil || n != want {
			t.Errorf("%s: Count = %d, %v; want %d", name, n, err, want)
		}
	}
	l := &roll{times: ladder(0, 1000, 200), before: func(l *roll, n int) { l.count = 200 + n }}
	_, err := l.serve(t, nil).Count(t.Context(), hours(1))
	wantError(t, "a count that changes", err, providers.Transient, errDrift)
}

func TestEmptyWindowAsksNothing(t *testing.T) {
	l := &roll{}
	a := l.serve(t, nil)
	if refs := list(t, a, schemas.Window{From: epoch, To: epoch}); refs != nil || l.requests != 0 {
		t.Errorf("%d conversations, %d requests", len(refs), l.requests)
	}
	if n, err := a.Count(t.Context(), schemas.Window{From: epoch, To: epoch}); n != 0 || err != nil {
		t.Errorf("Count = %d, %v", n, err)
	}
}

// 204 is a response without rows, everywhere.
func TestNoContent(t *testing.T) {
	a := stub(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if refs := list(t, a, hours(1)); refs != nil {
		t.Errorf("%d conversations", len(refs))
	}
	if n, err := a.Count(t.Context(), hours(1)); n != 0 || err != nil {
		t.Errorf("Count = %d, %v", n, err)
	}
	if docs := fetch(t, a, refsTo(2)); len(docs) != 2 || docs[1].Status != http.StatusNotFound {
		t.Errorf("%d documents", len(docs))
	}
	full := &roll{times: ladder(0, 1000, 100)} // the page after a full one
	a = stub(t, func(w http.ResponseWriter, r *http.Request) {
		if full.requests > 0 && r.URL.Query().Get("offset") > "99" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		full.ServeHTTP(w, r)
	})
	if refs := list(t, a, hours(1)); len(refs) != 100 {
		t.Errorf("%d conversations", len(refs))
	}
}

// TestTotals: a list says at its end how many conversations the window has, also to a process that continues it, unless it cannot know.
func TestTotals(t *testing.T) {
	minute := int64(60_000)
	around := slices.Concat([]int64{-2 * minute, -minute}, ladder(0, 900, 250), []int64{60 * minute, 61 * minute, 62 * minute}) // the platform rounds
	for name, test := range map[string]struct {
		list roll
		want *int64
	}{
		"nothing":               {roll{}, new(int64)},
		"one page":              {roll{times: ladder(0, 1000, 40)}, new(int64(40))},
		"pages with outsiders":  {roll{times: around}, new(int64(250))},
		"a count that is large": {roll{times: ladder(0, 700, 300), count: 310}, nil},
		"all at once":           {roll{times: slices.Repeat([]int64{5000}, 350)}, nil}, // only offsets tell what was listed
	} {
		a := test.list.serve(t, nil)
		var at providers.Cursor
		var last providers.Page
		for { // each page by another process
			for page, err := range a.Conversations(t.Context(), hours(1), at) {
				if err != nil {
					t.Fatal(err)
				}
				if last = page; page.Next != "" && page.Total != nil {
					t.Errorf("%s: a page before the last has a total", name)
				}
				break
			}
			if at = last.Next; at == "" {
				break
			}
			a = test.list.serve(t, nil)
		}
		if diff := cmp.Diff(test.want, last.Total); diff != "" {
			t.Errorf("%s: total (-want +got):\n%s", name, diff)
		}
	}
}
