package giosg

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

func idsOf(refs []providers.Ref) []string {
	var ids []string
	for _, ref := range refs {
		ids = append(ids, ref.ID)
	}
	slices.Sort(ids)
	return ids
}

func kindOf(err error) providers.Kind {
	var e *providers.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// TestCost lists many windows, in any order that an export may use. The cost is two requests for each page of the list, a third
// if the way to the oldest window passes all others, and four for each window: its last page is read three times and also belongs
// to the next window.
func TestCost(t *testing.T) {
	const chats, size, windows = 3000, 25, 40
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: chats})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To.Add(time.Second)}
	var cut []schemas.Window
	step := whole.To.Sub(whole.From) / windows
	for from := whole.From; from.Before(whole.To); from = from.Add(step) {
		cut = append(cut, schemas.Window{From: from, To: from.Add(step)})
	}
	newest := slices.Clone(cut)
	slices.Reverse(newest)
	const pages = chats/(size-1) + 1
	for _, tt := range []struct {
		name    string
		options fake.Options
		windows []schemas.Window
		limit   int
	}{
		{"newest window first", fake.Options{PageSize: size}, newest, 2*pages + 4*windows},
		{"oldest window first", fake.Options{PageSize: size}, cut, 3*pages + 4*windows},
		{"oldest window first of a rising list", fake.Options{PageSize: size, IgnoreOrdering: true}, cut, 2*pages + 4*windows},
		{"newest window first of a rising list", fake.Options{PageSize: size, IgnoreOrdering: true}, newest, 3*pages + 4*windows},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, a, _ := site(t, corpus.Config(), tt.options)
			var all []providers.Ref
			for _, w := range tt.windows {
				refs := refsOf(t, a, w, nil)
				for _, ref := range refs {
					if !w.Contains(ref.CreatedAt) {
						t.Errorf("chat %s of %s is in %s", ref.ID, ref.CreatedAt, w)
					}
				}
				all = append(all, refs...)
			}
			want := s.Conversations(whole)
			slices.Sort(want)
			if got := idsOf(all); !slices.Equal(got, want) {
				t.Errorf("%d chats are listed, want %d", len(got), len(want))
			}
			n := s.Stats().Requests
			if n > int64(tt.limit) {
				t.Errorf("%d requests, at most %d", n, tt.limit)
			}
			t.Logf("%d requests for %d pages in %d windows", n, pages, windows)
		})
	}
}

// TestWalksTogether lists all windows concurrently: they share one walk to find their starts.
func TestWalksTogether(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 5, Conversations: 1000}, fake.Options{PageSize: 10})
	var all sync.WaitGroup
	var mu sync.Mutex
	var refs []providers.Ref
	windows := whole.Cut("month")
	for _, w := range windows {
		all.Go(func() {
			some := refsOf(t, a, w, nil)
			mu.Lock()
			defer mu.Unlock()
			refs = append(refs, some...)
		})
	}
	all.Wait()
	want := s.Conversations(whole)
	slices.Sort(want)
	if got := idsOf(refs); !slices.Equal(got, want) {
		t.Errorf("%d chats are listed, want %d", len(got), len(want))
	}
	const pages = 1000/9 + 1
	if n := s.Stats().Requests; n > int64(3*pages+4*len(windows)) {
		t.Errorf("%d requests for %d pages in %d windows", n, pages, len(windows))
	}
}

// TestBreath resumes in new processes from the empty pages that divide a long way to the start of a window.
func TestBreath(t *testing.T) {
	s, _, whole := site(t, simulator.CorpusConfig{Seed: 6, Conversations: 700}, fake.Options{PageSize: 3})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	w := schemas.Window{From: whole.From, To: whole.From.AddDate(0, 1, 0)}
	want := s.Conversations(w)
	slices.Sort(want)
	var refs []providers.Ref
	var at providers.Cursor
	empty := 0
	refsOf(t, testAccount(t, server.URL), whole, nil)
	before := s.Stats().Requests // for all pages
	for done := false; !done; {
		for page, err := range testAccount(t, server.URL).Conversations(t.Context(), w, at) {
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Refs) == 0 && page.Next != "" {
				empty++
			}
			refs = append(refs, page.Refs...)
			at, done = page.Next, page.Next == ""
			break
		}
	}
	if got := idsOf(refs); !slices.Equal(got, want) || empty < 2 {
		t.Errorf("%d chats after %d empty pages, want %d", len(got), empty, len(want))
	}
	if n := s.Stats().Requests - before; n > before {
		t.Errorf("%d requests for %d pages", n, before)
	}
}

// TestWorldMoves inserts and deletes chats at every step of a walk.
func TestWorldMoves(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 8, Conversations: 200}, fake.Options{PageSize: 6})
	must := map[string]bool{}
	for _, id := range s.Conversations(whole) {
		must[id] = true
	}
	before := s.Conversations(whole)
	for range a.Conversations(t.Context(), schemas.Window{From: whole.From, To: whole.From.Add(time.Hour)}, "") { // marks all pages
	}
	deleted := map[string]bool{}
	seen := map[string]bool{}
	var i int
	for _, w := range whole.Cut("month") {
		for page, err := range a.Conversations(t.Context(), w, "") {
			if err != nil {
				t.Fatal(err)
			}
			for _, ref := range page.Refs {
				seen[ref.ID] = true
			}
			i++
			s.Insert(simulator.Conversation{Outline: simulator.Outline{CreatedAt: whole.To.AddDate(0, 1, i)}})
			victim := before[i*7%len(before)]
			deleted[victim] = true
			s.DeleteChat(victim)
		}
	}
	for id := range must {
		if !seen[id] && !deleted[id] {
			t.Errorf("chat %s was lost", id)
		}
	}
	if len(refsOf(t, a, schemas.Window{From: whole.To, To: whole.To.AddDate(9, 0, 0)}, nil)) != i {
		t.Error("new chats are not found at the top of a list that is known")
	}
}

// TestExpiry has the server forget its cursors: the list starts again, and new marks are made.
func TestExpiry(t *testing.T) {
	for _, status := range []int{404, 400} {
		s, a, whole := site(t, simulator.CorpusConfig{Seed: 9, Conversations: 100}, fake.Options{PageSize: 9, ExpiredStatus: status})
		var at providers.Cursor
		for page, err := range a.Conversations(t.Context(), whole, "") {
			if err != nil {
				t.Fatal(err)
			}
			at = page.Next
			s.ExpireCursors()
			break
		}
		var last error
		for _, err := range a.Conversations(t.Context(), whole, at) {
			last = err
		}
		if kindOf(last) != providers.CursorExpired {
			t.Errorf("an expired cursor, status %d: %v", status, last)
		}
		if n := len(refsOf(t, a, whole, nil)); n != 100 {
			t.Errorf("%d chats after the list began again", n)
		}
		s.ExpireCursors() // the marks
		for _, w := range []schemas.Window{{From: whole.From, To: whole.From.AddDate(0, 1, 0)}} {
			for _, err := range a.Conversations(t.Context(), w, "") {
				last = err
			}
			if kindOf(last) != providers.CursorExpired {
				t.Errorf("an expired mark, status %d: %v", status, last)
			}
			if want := s.Conversations(w); len(refsOf(t, a, w, nil)) != len(want) {
				t.Errorf("not %d chats after the marks were dropped", len(want))
			}
		}
	}
}

func TestRoomsAndFilters(t *testing.T) {
	config := simulator.CorpusConfig{Seed: 10, Conversations: 150}
	s, _, whole := site(t, config, fake.Options{})
	for _, tt := range []struct {
		name    string
		options []string
		keep    func(schemas.Thread) bool
	}{
		{"two rooms", []string{"rooms", s.Rooms()[1] + ", " + s.Rooms()[3]}, func(th schemas.Thread) bool {
			return *th.Conversation.ChannelID == s.Rooms()[1] || *th.Conversation.ChannelID == s.Rooms()[3]
		}},
		{"ended", []string{"is_ended", "true"}, func(th schemas.Thread) bool { return *th.Conversation.State == "closed" }},
		{"with visitor messages", []string{"has_visitor_messages", "true"}, func(th schemas.Thread) bool {
			return *th.Conversation.Attributes["has_visitor_messages"] == "true"
		}},
		{"without user messages", []string{"has_user_messages", "false"}, func(th schemas.Thread) bool {
			return *th.Conversation.Attributes["has_user_messages"] == "false"
		}},
		{"open ones left", []string{"open_chats", "leave"}, func(th schemas.Thread) bool { return *th.Conversation.State == "closed" }},
		{"oldest first", []string{"ordering", "created_at"}, func(schemas.Thread) bool { return true }},
	} {
		_, a, _ := site(t, config, fake.Options{PageSize: 8}, withOptions(tt.options...))
		var want []string
		for _, id := range s.Conversations(whole) {
			if th, _ := s.Thread(id); tt.keep(th) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		var refs []providers.Ref
		for _, w := range whole.Cut("month") {
			refs = append(refs, refsOf(t, a, w, nil)...)
		}
		if got := idsOf(refs); !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: %d chats, want %d", tt.name, len(got), len(want))
		}
	}
}

// A list whose order changes is refused, and so are links to other hosts and pages that form a circle.
func TestListsThatCannotBeWalked(t *testing.T) {
	config := simulator.CorpusConfig{Seed: 12, Conversations: 60}
	for _, tt := range []struct {
		options fake.Options
		is      error
	}{
		{fake.Options{ByActivity: true, PageSize: 10}, errOrder},
		{fake.Options{NextHost: "elsewhere.example.com", PageSize: 10}, errElsewhere},
	} {
		_, a, whole := site(t, config, tt.options)
		var last error
		for _, err := range a.Conversations(t.Context(), whole, "") {
			last = err
		}
		if !errors.Is(last, tt.is) || kindOf(last) != providers.Malformed || strings.Contains(last.Error(), "elsewhere") {
			t.Errorf("%v, want %v", last, tt.is)
		}
	}
	a := static(t, func(r *http.Request) (int, string) {
		return 200, fmt.Sprintf(`{"next":"http://%s%s?cursor=x","results":[]}`, r.Host, r.URL.Path)
	})
	for _, err := range a.Conversations(t.Context(), schemas.Window{}, "") {
		if !errors.Is(err, errLoop) {
			t.Errorf("a circle: %v", err)
		}
	}
	for _, err := range a.Messages(t.Context(), []providers.Ref{{ID: "c"}}) {
		if err != nil && !errors.Is(err, errLoop) {
			t.Errorf("a circle of messages: %v", err)
		}
	}
}

// A proxy that ends TLS makes the server's links begin with http: only the host matters, and the scheme is the base URL's.
func TestLinks(t *testing.T) {
	a := testAccount(t, "https://service.giosg.com")
	own := a.own(a.lists[0].path)
	for link, want := range map[string]string{
		"https://service.giosg.com/api/v5/x?cursor=a%2Bb": "/api/v5/x?cursor=a%2Bb",
		"http://service.giosg.com/api/v5/x?cursor=1":      "/api/v5/x?cursor=1",
		"https://SERVICE.giosg.com:443/api/v5/x":          "/api/v5/x",
		"?cursor=2":                                       own + "?cursor=2",
		"/api/v5/y?cursor=3":                              "/api/v5/y?cursor=3",
	} {
		if got, err := a.pin(own, link); err != nil || got != want {
			t.Errorf("pin(%q) = %q, %v; want %q", link, got, err, want)
		}
	}
	for _, link := range []string{"https://giosg.com/x", "https://service.giosg.com.evil.example/x", "//evil.example/x", "https://a@service.giosg.com/x", "mailto:x", "https://service.giosg.com:8443/x", "%zz"} {
		if got, err := a.pin(own, link); err == nil {
			t.Errorf("pin(%q) = %q", link, got)
		}
	}
	if got := a.absolute("/api/v5/x?cursor=1"); got != "https://service.giosg.com/api/v5/x?cursor=1" {
		t.Errorf("the link becomes %q", got)
	}
}

// static is an account on a server that a function implements.
func static(t *testing.T, answer func(*http.Request) (int, string), change ...func(*providers.Account)) *account {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := answer(r)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return testAccount(t, server.URL, change...)
}

// With one chat per page the order is unknown at first: nothing is omitted before it is known.
func TestOrderUnknown(t *testing.T) {
	for _, rising := range []bool{false, true} {
		times := []string{"2025-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z", "2025-02-01T00:00:00", "2025-03-01T00:00:00.000Z"}
		if !rising {
			slices.Reverse(times)
		}
		a := static(t, func(r *http.Request) (int, string) {
			n := len(r.URL.Query().Get("cursor"))
			next := "null"
			if n+1 < len(times) {
				next = fmt.Sprintf(`"http://%s%s?cursor=%s"`, r.Host, r.URL.Path, strings.Repeat("x", n+1))
			}
			return 200, fmt.Sprintf(`{"next":%s,"results":[{"id":"%d","created_at":%q}]}`, next, n, times[n])
		})
		for month, want := range map[time.Month]int{1: 2, 2: 1, 3: 1, 4: 0} {
			from := time.Date(2025, month, 1, 0, 0, 0, 0, time.UTC)
			if got := refsOf(t, a, schemas.Window{From: from, To: from.AddDate(0, 1, 0)}, nil); len(got) != want {
				t.Errorf("rising %v: %d chats in %s, want %d", rising, len(got), month, want)
			}
		}
	}
}

func TestRowsThatCannotBePlaced(t *testing.T) {
	for _, row := range []string{`{"id":"1"}`, `{"created_at":"2025-01-01T00:00:00Z"}`, `{"id":"1","created_at":"yesterday"}`, `7`} {
		a := static(t, func(*http.Request) (int, string) { return 200, page(row) })
		for _, err := range a.Conversations(t.Context(), schemas.Window{}, "") {
			if kindOf(err) != providers.Malformed {
				t.Errorf("the row %s: %v", row, err)
			}
		}
	}
}

// A walk that waits for another to find the way ends if its context is cancelled.
func TestWaitEnds(t *testing.T) {
	a := testAccount(t, "http://127.0.0.1:1")
	if err := a.lists[0].lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	for _, err := range a.Conversations(ctx, schemas.Window{}, "") {
		if !errors.Is(err, context.DeadlineExceeded) || kindOf(err) != providers.Transient {
			t.Errorf("the walk ended with %v", err)
		}
	}
}
