package chatwoot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// fakeList serves the list of an account: conversation i was created at second times[i].
type fakeList struct {
	times    []int64
	size     int  // of a page
	total    int  // that the server claims
	noTotal  bool // the server gives no total
	requests int
}

var epoch = time.Unix(1_700_000_000, 0).UTC()

func (l *fakeList) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.requests++
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	rows := []map[string]any{}
	for i := (page - 1) * l.size; i < min(page*l.size, len(l.times)); i++ {
		rows = append(rows, map[string]any{"id": i + 1, "created_at": epoch.Unix() + l.times[i]})
	}
	meta := map[string]any{}
	if !l.noTotal {
		meta["all_count"] = max(l.total, len(l.times))
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"meta": meta, "payload": rows}})
}

func seconds(from, to int64) schemas.Window {
	return schemas.Window{From: epoch.Add(time.Duration(from) * time.Second), To: epoch.Add(time.Duration(to) * time.Second)}
}

func ids(t *testing.T, a *account, w schemas.Window) []string {
	t.Helper()
	var all []string
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range slices.Backward(page.Refs) {
			all = append(all, ref.ID)
		}
	}
	slices.Reverse(all)
	return all
}

func serveList(t *testing.T, l *fakeList) *account {
	t.Helper()
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return testAccount(t, server.URL, withoutDetails)
}

// withoutDetails turns the pages of conversations off, so that lists send only their own requests.
func withoutDetails(p *providers.Account) { p.Options = map[string]string{optionDetails: "false"} }

func TestListOfAwkwardAccounts(t *testing.T) {
	same := slices.Repeat([]int64{50}, 40)
	tests := []struct {
		name string
		list fakeList
	}{
		{"empty", fakeList{size: 25}},
		{"one", fakeList{times: []int64{50}, size: 25}},
		{"one page exactly", fakeList{times: ladder(1, 4, 25), size: 25}},
		{"two pages exactly", fakeList{times: ladder(1, 2, 50), size: 25}},
		{"pages of one", fakeList{times: ladder(0, 9, 11), size: 1}},
		{"all at once", fakeList{times: same, size: 7}},
		{"many at the bound", fakeList{times: slices.Concat(ladder(0, 1, 50), same, ladder(51, 1, 49)), size: 10}},
		{"no total", fakeList{times: ladder(0, 1, 99), size: 4, noTotal: true}},
		{"no total, one page", fakeList{times: ladder(0, 1, 3), size: 25, noTotal: true}},
	}
	windows := []schemas.Window{
		seconds(0, 100), seconds(-50, 200), seconds(0, 50), seconds(50, 100), seconds(50, 51), seconds(49, 50), seconds(99, 100),
		seconds(100, 200), seconds(-100, 0), seconds(0, 1), seconds(25, 75), seconds(50, 50),
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			a := serveList(t, &tt.list)
			for _, w := range windows {
				var want []string
				for i, at := range tt.list.times {
					if w.Contains(epoch.Add(time.Duration(at) * time.Second)) {
						want = append(want, strconv.Itoa(i+1))
					}
				}
				if got := ids(t, a, w); !slices.Equal(got, want) {
					t.Errorf("%s: %d conversations %v, want %d", w, len(got), got, len(want))
				}
				if n, err := a.Count(t.Context(), w); err != nil || n != int64(len(want)) {
					t.Errorf("Count(%s) = %d, %v; want %d", w, n, err, len(want))
				}
			}
		})
	}
}

// Count exposes a list that ends before the server's own total.
func TestCountShowsAListThatEndsEarly(t *testing.T) {
	for _, listed := range []int{50, 47} {
		a := serveList(t, &fakeList{times: ladder(0, 1, listed), size: 10, total: 80})
		for _, tt := range []struct {
			window schemas.Window
			want   int64
		}{{seconds(0, 100), 80}, {seconds(0, 30), 30}, {seconds(13, 42), 29}, {seconds(13, 100), 67}} {
			if n, err := a.Count(t.Context(), tt.window); err != nil || n != tt.want {
				t.Errorf("%d of 80 listed: Count(%s) = %d, %v; want %d", listed, tt.window, n, err, tt.want)
			}
		}
	}
}

// A server that ignores sort_by is detected, wherever the walk begins.
func TestListInAnotherOrder(t *testing.T) {
	falling := ladder(0, 1, 100)
	slices.Reverse(falling)
	tests := map[string]fakeList{
		"falling":         {times: falling, size: 25},
		"shuffled":        {times: shuffled(ladder(0, 1, 100)), size: 25},
		"falling by page": {times: slices.Concat(ladder(75, 1, 25), ladder(50, 1, 25), ladder(25, 1, 25), ladder(0, 1, 25)), size: 25},
	}
	for name, l := range tests {
		a := serveList(t, &l)
		for _, w := range []schemas.Window{seconds(0, 100), seconds(40, 60)} {
			var last error
			for _, err := range a.Conversations(t.Context(), w, "") {
				last = err
			}
			var e *providers.Error
			if !errors.Is(last, errOrder) || !errors.As(last, &e) || e.Kind != providers.Malformed {
				t.Errorf("%s, %s: the walk ended with %v", name, w, last)
			}
		}
	}
}

// After the server changes its page size, the list either continues correctly or expires its cursor.
func TestPageLengthChanges(t *testing.T) {
	for _, size := range []int{5, 19, 40} {
		for _, same := range []bool{true, false} {
			l := &fakeList{times: ladder(0, 1, 100), size: 20}
			a := serveList(t, l)
			seen := map[string]bool{}
			var at providers.Cursor
			for page, err := range a.Conversations(t.Context(), seconds(0, 100), "") {
				if err != nil {
					t.Fatal(err)
				}
				for _, ref := range page.Refs {
					seen[ref.ID] = true
				}
				at = page.Next
				break
			}
			l.size = size
			if !same {
				a = serveList(t, l) // another process
			}
			for range 3 {
				var last error
				for page, err := range a.Conversations(t.Context(), seconds(0, 100), at) {
					last = err
					for _, ref := range page.Refs {
						seen[ref.ID] = true
					}
				}
				var e *providers.Error
				if last == nil {
					break
				}
				if !errors.As(last, &e) || e.Kind != providers.CursorExpired {
					t.Fatalf("pages of %d after pages of 20: %v", size, last)
				}
				at = ""
			}
			if len(seen) != 100 {
				t.Errorf("pages of %d after pages of 20, same process %v: %d conversations", size, same, len(seen))
			}
		}
	}
}

func TestHintsSaveRequests(t *testing.T) {
	l := &fakeList{times: ladder(0, 1, 10_000), size: 25}
	a := serveList(t, l)
	ids(t, a, seconds(4000, 4100))
	l.requests = 0
	ids(t, a, seconds(4100, 4200))
	first := l.requests
	l.requests = 0
	ids(t, a, seconds(4100, 4200))
	if l.requests > 12 || first > 16 {
		t.Errorf("%d requests for the next window, %d for the same again", first, l.requests)
	}
	t.Logf("%d requests for the next window, %d for the same again; it has 5 pages", first, l.requests)
}

func TestRowsWithoutIDOrTime(t *testing.T) {
	for _, row := range []string{`{"id":1}`, `{"created_at":1700000000}`, `{"id":1,"created_at":"yesterday"}`, `7`, `{"id":1,"created_at":1e400}`} {
		a := static(t, map[string]http.HandlerFunc{root + "/conversations": providertest.Says(200, fmt.Sprintf(`{"data":{"meta":{},"payload":[%s]}}`, row))})
		for _, err := range a.Conversations(t.Context(), seconds(0, 100), "") {
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != providers.Malformed {
				t.Errorf("the row %s: %v", row, err)
			}
		}
	}
}

// TestTotals: a list says at its end how many conversations the window has, also to a process that continues it, unless it cannot know.
func TestTotals(t *testing.T) {
	for name, test := range map[string]struct {
		list   fakeList
		window schemas.Window
		change func(*fakeList) // after the first page
		want   *int64
	}{
		"nothing":                    {list: fakeList{size: 10}, window: seconds(0, 9), want: new(int64)},
		"one page":                   {list: fakeList{times: ladder(0, 1, 8), size: 10}, window: seconds(2, 7), want: new(int64(5))},
		"the middle":                 {list: fakeList{times: ladder(0, 1, 100), size: 10}, window: seconds(13, 77), want: new(int64(64))},
		"up to the end":              {list: fakeList{times: ladder(0, 1, 95), size: 10}, window: seconds(13, 200), want: new(int64(82))},
		"pages that end with it":     {list: fakeList{times: ladder(0, 1, 100), size: 10}, window: seconds(20, 60), want: new(int64(40))},
		"a list that ends early":     {list: fakeList{times: ladder(0, 1, 50), size: 10, total: 80}, window: seconds(13, 100)},
		"within one that ends early": {list: fakeList{times: ladder(0, 1, 50), size: 10, total: 80}, window: seconds(13, 45), want: new(int64(32))},
		"a server without a total":   {list: fakeList{times: ladder(0, 1, 100), size: 10, noTotal: true}, window: seconds(13, 77)},
		"one is deleted meanwhile":   {list: fakeList{times: ladder(0, 1, 100), size: 10}, window: seconds(13, 77), change: func(l *fakeList) { l.times = l.times[1:] }},
		"one is created meanwhile":   {list: fakeList{times: ladder(0, 1, 100), size: 10}, window: seconds(13, 77), change: func(l *fakeList) { l.times = append(l.times, 100) }},
	} {
		a := serveList(t, &test.list)
		var at providers.Cursor
		var last providers.Page
		for n := 0; ; n++ { // each page by another process
			for page, err := range a.Conversations(t.Context(), test.window, at) {
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if last = page; page.Next != "" && page.Total != nil {
					t.Errorf("%s: a page before the last has a total", name)
				}
				break
			}
			if at = last.Next; at == "" {
				break
			}
			if n == 0 && test.change != nil {
				test.change(&test.list)
			}
			a = serveList(t, &test.list)
		}
		switch {
		case test.want == nil && last.Total != nil:
			t.Errorf("%s: total %d, want none", name, *last.Total)
		case test.want != nil && (last.Total == nil || *last.Total != *test.want):
			t.Errorf("%s: total %v, want %d", name, last.Total, *test.want)
		}
	}
}

// Ends that were not written by this provider are refused like any other cursor.
func TestBadEnds(t *testing.T) {
	a := serveList(t, &fakeList{times: ladder(0, 1, 100), size: 10})
	for _, at := range []providers.Cursor{"p3.10/x", "p3.10/1.2", "p3.10/01.2.3", "p3.10/1.2.3.4"} {
		for _, err := range a.Conversations(t.Context(), seconds(0, 50), at) {
			if !errors.Is(err, providers.ErrCursor) {
				t.Errorf("%s: %v, want that the cursor is refused", at, err)
			}
		}
	}
}
