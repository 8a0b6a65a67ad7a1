package giosg

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// ghosts serves a world with open chats.
func ghosts(t *testing.T, o fake.Options, front func(http.Handler) http.Handler, change func(*providers.Account)) (*fake.Site, *account) {
	t.Helper()
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: 90})
	s := fake.New(corpus, o)
	var handler http.Handler = s
	if front != nil {
		handler = front(s)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return s, testAccount(t, server.URL, func(p *providers.Account) {
		p.Token = fake.ManagerToken
		if change != nil {
			change(p)
		}
	})
}

// unended walks from each page on, as after a crash.
func unended(t *testing.T, a *account, before time.Time) (stale []providers.State, open int) {
	t.Helper()
	at := providers.Cursor("")
	for {
		more := false
		for page, err := range a.Unended(t.Context(), before, at) {
			if err != nil {
				t.Fatal(err)
			}
			stale, open = append(stale, page.Stale...), open+page.Open
			at, more = page.Next, page.Next != ""
			break
		}
		if !more {
			return stale, open
		}
	}
}

func namesOf(states []providers.State) (ids []string) {
	for _, s := range states {
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids
}

// TestUnendedListsEveryGhost on all pages, of one list and of those of rooms, and none that was updated later.
func TestUnendedListsEveryGhost(t *testing.T) {
	middle := simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: 90}).Outline(60).UpdatedAt
	for name, o := range map[string]fake.Options{"": {PageSize: 4}, "empty pages": {PageSize: 4, EmptyPages: true}, "oldest first": {PageSize: 4, IgnoreOrdering: true}} {
		s, a := ghosts(t, o, nil, nil)
		want := s.Unended(middle)
		slices.Sort(want)
		stale, open := unended(t, a, middle)
		if diff := cmp.Diff(want, namesOf(stale)); diff != "" || len(want) < 3 || open <= len(want) {
			t.Errorf("%s: of %d open chats (-want +got):\n%s", name, open, diff)
		}
		for _, one := range stale {
			if one.Ended || one.Version == "" || !one.UpdatedAt.Before(middle) || one.Facts["is_ended"] != "false" || one.Messages == nil {
				t.Errorf("%s: %+v", name, one)
			}
		}
	}
	s, _ := ghosts(t, fake.Options{PageSize: 4}, nil, nil)
	rooms := s.Rooms()[:2]
	_, a := ghosts(t, fake.Options{PageSize: 4}, nil, func(p *providers.Account) { p.Options = map[string]string{"rooms": rooms[0] + "," + rooms[1]} })
	stale, _ := unended(t, a, middle)
	for _, one := range stale {
		if !slices.Contains(rooms, one.Facts["room_id"]) {
			t.Errorf("a chat of another room: %+v", one)
		}
	}
	if len(stale) == 0 {
		t.Error("the rooms have no ghosts")
	}
}

// TestUnendedRefuses an account whose filters leave open chats out, and cursors of others.
func TestUnendedRefuses(t *testing.T) {
	_, a := ghosts(t, fake.Options{}, nil, func(p *providers.Account) { p.Options = map[string]string{"is_ended": "true"} })
	for _, err := range a.Unended(t.Context(), time.Now(), "") {
		if kindOf(err) != providers.Denied || !errors.Is(err, errNoOpen) {
			t.Errorf("error %v", err)
		}
	}
	_, a = ghosts(t, fake.Options{}, nil, nil)
	for _, at := range []providers.Cursor{"x", "7:", "0:next", "-1:"} {
		for _, err := range a.Unended(t.Context(), time.Now(), at) {
			if !errors.Is(err, providers.ErrCursor) {
				t.Errorf("cursor %q: %v", at, err)
			}
		}
	}
}

// TestEnd ends a chat at whichever place the platform has for it, and asks that place first from then on.
func TestEnd(t *testing.T) {
	for _, place := range []fake.EndPlace{fake.EndsEverywhere, fake.EndsAsUser, fake.EndsOwned} {
		s, a := ghosts(t, fake.Options{EndsAt: place}, nil, nil)
		ids := s.Unended(time.Now())
		for _, id := range ids[:3] {
			before, err := a.State(t.Context(), id)
			if err != nil || before.Ended {
				t.Fatalf("%q: %+v, %v", place, before, err)
			}
			after, err := a.End(t.Context(), id)
			if err != nil || !after.Ended || after.ID != id || after.Facts["is_ended"] != "true" || after.Version == before.Version {
				t.Errorf("%q: %+v, %v", place, after, err)
			}
			if again, err := a.State(t.Context(), id); err != nil || !again.Ended {
				t.Errorf("%q: %+v, %v", place, again, err)
			}
		}
		as, owned := s.Stats().Endpoints["users/{user}/chats/{chat}"], s.Stats().Endpoints["end owned_chats/{chat}"]
		want := map[fake.EndPlace][2]int64{fake.EndsEverywhere: {3, 0}, fake.EndsAsUser: {3, 0}, fake.EndsOwned: {1, 3}}[place]
		if got := [2]int64{as, owned}; got != want || s.Stats().Endpoints["users/me"] != 1 {
			t.Errorf("%q: %v requests to end chats, want %v; %d for the user", place, got, want, s.Stats().Endpoints["users/me"])
		}
	}
}

// TestEndTellsWhetherItMayHaveHappened for every answer that the platform or something in front of it may give, and asks once.
func TestEndTellsWhetherItMayHaveHappened(t *testing.T) {
	patch := func(r *http.Request) bool { return r.Method == http.MethodPatch }
	for _, fault := range append(slices.Clone(simulator.PassingFaults), simulator.ResetBody) {
		f := &simulator.Faults{Script: []simulator.Fault{fault}, Match: patch}
		s, a := ghosts(t, fake.Options{}, f.Wrap, nil)
		id := s.Unended(time.Now())[0]
		_, err := a.End(t.Context(), id)
		throttled := fault == simulator.Throttled || fault == simulator.ThrottledRetryAfter
		switch {
		case fault == simulator.SlowBody:
			if err != nil {
				t.Errorf("%s: %v", fault, err)
			}
		case throttled && (kindOf(err) != providers.Throttled || providers.Uncertain(err)):
			t.Errorf("%s: %v, uncertain %t", fault, err, providers.Uncertain(err))
		case !throttled && !providers.Uncertain(err):
			t.Errorf("%s: %v is certain", fault, err)
		}
		if n := s.Ends()[id]; n > 1 {
			t.Errorf("%s: asked for %d times", fault, n)
		}
	}
	for status, kind := range map[int]providers.Kind{403: providers.Malformed, 404: providers.Malformed, 409: providers.Malformed, 400: providers.Malformed, 401: providers.Denied} {
		s, a := ghosts(t, fake.Options{RefuseEnd: func(string) int { return status }}, nil, nil)
		_, err := a.End(t.Context(), s.Unended(time.Now())[0])
		if kindOf(err) != kind || providers.Uncertain(err) {
			t.Errorf("status %d: %v, kind %s, uncertain %t", status, err, kindOf(err), providers.Uncertain(err))
		}
	}
	_, a := ghosts(t, fake.Options{}, nil, nil)
	if _, err := a.State(t.Context(), "00000000-0000-0000-0000-000000000000"); kindOf(err) != providers.NotFound {
		t.Errorf("a chat that does not exist: %v", err)
	}
}
