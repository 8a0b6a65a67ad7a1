package giosg

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// living is an organization whose chats change, and a copy of it.
type living struct {
	*fake.Site
	corpus *simulator.Corpus
	clock  *simulator.Clock
	url    string
	copy   *providertest.Copy
}

func live(t testing.TB, config simulator.CorpusConfig, options fake.Options) *living {
	t.Helper()
	l := &living{corpus: simulator.NewCorpus(config), copy: providertest.NewCopy(pure())}
	l.clock = simulator.NewClock(l.corpus.Config().To.AddDate(0, 1, 0))
	options.Now, options.Tokens = l.clock.Now, map[string]fake.Role{testToken: fake.Manager}
	l.Site = fake.New(l.corpus, options)
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// export copies the chats of a window.
func (l *living) export(t testing.TB, a *account, w schemas.Window) {
	t.Helper()
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		l.copy.Update(t, a, page)
	}
}

// changesOf lists a window of changes and continues in a new process after every page. The lake gets the chats at the end of the list.
// between is called between two pages.
func (l *living) changesOf(t testing.TB, w schemas.Window, between func(), change ...func(*providers.Account)) (refs []providers.Ref) {
	t.Helper()
	var all []providers.Page
	var at providers.Cursor
	for done := false; !done; {
		a := testAccount(t, l.url, change...)
		for page, err := range a.Changes(t.Context(), w, l.copy, at) {
			if err != nil {
				t.Fatal(err)
			}
			if !slices.IsSortedFunc(page.Refs, func(a, b providers.Ref) int { return a.CreatedAt.Compare(b.CreatedAt) }) || page.Dropped != 0 {
				t.Errorf("%d dropped, or the page is not ascending", page.Dropped)
			}
			if len(page.Next) > longestCursor {
				t.Errorf("a cursor of %d bytes", len(page.Next))
			}
			all, refs = append(all, page), append(refs, page.Refs...)
			at, done = page.Next, page.Next == ""
			break
		}
		between()
	}
	a := testAccount(t, l.url, change...)
	for _, page := range all {
		l.copy.Update(t, a, page)
	}
	return refs
}

// visible reports whether the signal shows an event: what happens to a chat after its end does not move the list of changes.
func visible(e simulator.Event) bool {
	return e.Kind != simulator.Purges && e.Kind != simulator.Vanishes
}

// TestChangesAreComplete copies an organization whose chats begin, change, end and disappear at random times, also while they are
// listed. After each window the copy has every change of the window, and at the end it equals the organization except for ended
// chats that were deleted or purged.
func TestChangesAreComplete(t *testing.T) {
	const seeds = 2
	var late, stale atomic.Int64
	t.Run("lists", func(t *testing.T) {
		for name, options := range map[string]fake.Options{
			"newest first":                  {PageSize: 7},
			"oldest first":                  {PageSize: 7, IgnoreOrdering: true},
			"without links to pages before": {PageSize: 3, NoPrevious: true},
			"empty pages, encrypted":        {PageSize: 7, EmptyPages: true, Encrypted: true},
		} {
			for seed := range uint64(seeds) {
				t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
					t.Parallel()
					l, s := complete(t, seed, options)
					late.Add(int64(l))
					stale.Add(int64(s))
				})
			}
		}
	})
	if late.Load() == 0 || stale.Load() == 0 {
		t.Errorf("%d chats were left to a later window, of %d the signal shows nothing", late.Load(), stale.Load())
	}
}

// complete returns how many chats were left to a later window, and of how many the copy is stale at the end.
func complete(t *testing.T, seed uint64, options fake.Options) (late, stale int) {
	l := live(t, simulator.CorpusConfig{Seed: seed, Conversations: 150}, options)
	l.copy = providertest.NewCopy(withKey(t, fake.PrivateKey))
	start := l.clock.Now()
	l.export(t, testAccount(t, l.url), schemas.Window{From: l.corpus.Config().From, To: start})
	end := start.Add(6 * time.Hour)
	dice := rand.New(rand.NewPCG(seed, 1))
	last, hidden := map[int64]time.Time{}, map[int64]bool{}
	kinds := []simulator.EventKind{simulator.Begins, simulator.Begins, simulator.Replies, simulator.Replies, simulator.Replies, simulator.Closes, simulator.Closes, simulator.Labels, simulator.Purges, simulator.Vanishes}
	script := l.corpus.Script(simulator.ScriptConfig{Seed: seed, From: start, To: end, Events: 400, Kinds: kinds})
	play := simulator.NewPlay(l.clock, l, script)
	play.After = func(e simulator.Event) {
		if visible(e) {
			last[e.Number] = e.At
		} else {
			hidden[e.Number] = true
		}
	}
	listed := 0
	for from := start; from.Before(end.Add(2 * time.Hour)); {
		to := from.Add(time.Duration(1+dice.IntN(40)) * time.Minute).Truncate(time.Second)
		lag := time.Duration(dice.IntN(90)) * time.Second
		if i := slices.IndexFunc(script, func(e simulator.Event) bool { return e.Kind == simulator.Closes && e.At.After(to) }); i >= 0 && dice.IntN(2) == 0 {
			to, lag = script[i].At.Truncate(time.Second).Add(time.Second), 4*time.Second // a chat has just ended
		}
		play.Until(to.Add(lag))
		listed += len(l.changesOf(t, schemas.Window{From: from, To: to}, func() { play.Until(l.clock.Now().Add(time.Duration(dice.IntN(2)*dice.IntN(40)) * time.Second)) }))
		for n, at := range last {
			id, ok := l.ID(n)
			if hidden[n] || at.Before(from) || !at.Before(to) || !ok {
				continue
			}
			want, known := l.Thread(id)
			if diff := l.copy.Differs(id, want, known); diff == "" {
				continue
			} else if ended := want.Conversation.ClosedAt; ended == nil || l.clock.Now().Sub(*ended) > lateRows+5*time.Minute {
				t.Fatalf("after the window until %s, chat %s, which changed at %s (-want +got):\n%s", to, id, at, diff)
			}
			late++ // a later window has it
		}
		from = to
	}
	for n := int64(1); n < l.corpus.NextNumber()+1000; n++ {
		id, _ := l.ID(n)
		want, known := l.Thread(id)
		switch diff := l.copy.Differs(id, want, known); {
		case diff != "" && hidden[n]:
			stale++
		case diff != "":
			t.Errorf("chat %s (-want +got):\n%s", id, diff)
		}
	}
	t.Logf("%d chats were listed for %d that changed", listed, len(last))
	return late, stale
}

// TestChangesCost counts the requests of a sync among 100,000 chats, of which some hundred are open, and compares them with the least
// that the platform's lists allow: each needed page once, each ended chat once, and what a chat costs. The list of new chats is
// requested twice where nothing else confirms it.
func TestChangesCost(t *testing.T) {
	const size = 25
	l := live(t, simulator.CorpusConfig{Seed: 4, Conversations: 100_000}, fake.Options{PageSize: size, Newest: 2000})
	l.clock.Set(l.corpus.Config().To.Add(24 * time.Hour))
	reader := testAccount(t, l.url)
	newest := schemas.Window{From: l.corpus.CreatedAt(l.corpus.Len() - 2100), To: l.clock.Now()}
	for page, err := range reader.Conversations(t.Context(), newest, "") {
		if err != nil {
			t.Fatal(err)
		}
		l.copy.Update(t, reader, page)
	}
	open := 0
	for range l.copy.Open(t.Context()) {
		open++
	}
	for _, tt := range []struct {
		events int
		limit  float64
	}{{0, 1.1}, {10, 1.1}, {1000, 1.1}} {
		from := l.clock.Now()
		to := from.Add(15 * time.Minute)
		kinds := []simulator.EventKind{simulator.Begins, simulator.Replies, simulator.Replies, simulator.Closes}
		var events []simulator.Event
		// The script's numbers of new chats begin anew, so only the first one may have new chats.
		if tt.events < 1000 {
			kinds = kinds[1:]
		}
		for seed := uint64(0); len(events) < tt.events; seed++ {
			for _, e := range l.corpus.Script(simulator.ScriptConfig{Seed: seed, From: from, To: to, Events: 4 * tt.events, Kinds: kinds, Recent: 2000}) {
				if len(events) < tt.events && l.Happen(e) {
					events = append(events, e)
				}
			}
		}
		l.clock.Set(to.Add(2 * time.Minute))
		before := l.Stats().Requests
		var all providers.Page
		for page, err := range testAccount(t, l.url).Changes(t.Context(), schemas.Window{From: from, To: to}, l.copy, "") {
			if err != nil {
				t.Fatal(err)
			}
			all.Refs, all.Documents = append(all.Refs, page.Refs...), append(all.Documents, page.Documents...)
		}
		listed := l.Stats().Requests - before
		fresh, ended := 0, 0
		for _, ref := range all.Refs {
			if !ref.CreatedAt.Before(from.Add(-lookBack)) {
				fresh++
			} else if stageOf(ref.Version) != stageOpen {
				ended++
			}
		}
		l.copy.Update(t, testAccount(t, l.url), all)
		total := l.Stats().Requests - before
		const row = size - 1 // of a page, on average
		least := int64(fresh/row + 1 + (open-ended)/row + 1 + ended)
		ratio := float64(total) / float64(least+total-listed)
		t.Logf("%d changes: %d requests for the list, at least %d; %d with %d chats: %.3f", tt.events, listed, least, total, len(all.Refs), ratio)
		if ratio > tt.limit || len(all.Refs) == 0 && tt.events > 0 {
			t.Errorf("%d chats cost %d requests, %.3f of the least", len(all.Refs), total, ratio)
		}
	}
}

// TestChangesWitness corrupts each page of the lists that a sync reads.
func TestChangesWitness(t *testing.T) {
	isOpen := func(r *http.Request) bool { return listOnly(r) && r.URL.Query().Get("is_ended") == "false" }
	for _, tt := range []struct {
		name    string
		options fake.Options
		match   func(*http.Request) bool
	}{
		{"new", fake.Options{PageSize: 7}, func(r *http.Request) bool { return listOnly(r) && !isOpen(r) }},
		{"new, oldest first", fake.Options{PageSize: 7, IgnoreOrdering: true}, func(r *http.Request) bool { return listOnly(r) && !isOpen(r) }},
		{"open", fake.Options{PageSize: 7}, isOpen},
		{"open, oldest first", fake.Options{PageSize: 7, IgnoreOrdering: true}, isOpen},
		{"open, empty pages", fake.Options{PageSize: 7, EmptyPages: true}, isOpen},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := live(t, simulator.CorpusConfig{Seed: 3, Conversations: 120}, tt.options)
			w := schemas.Window{From: l.corpus.CreatedAt(100), To: l.corpus.Config().To}
			l.export(t, testAccount(t, l.url), schemas.Window{From: l.corpus.Config().From, To: w.From})
			from := l.clock.Now()
			for _, e := range l.corpus.Script(simulator.ScriptConfig{Seed: 1, From: from, To: from.Add(time.Hour), Events: 300, Kinds: []simulator.EventKind{simulator.Replies, simulator.Closes}}) {
				l.Happen(e)
			}
			l.clock.Set(from.AddDate(0, 0, 1))
			providertest.Witness(t, providertest.List{
				Platform: l, Match: tt.match, Rows: []string{"results"}, Next: []string{"next"}, Unwitnessed: []string{kindMemberships, kindTags, kindVariables},
				Open: func(t *testing.T, base string) providers.Reader { return testAccount(t, base) },
				Read: func(ctx context.Context, r providers.Reader) (ids, unwitnessed []string, err error) {
					for page, err := range r.(providers.Changer).Changes(ctx, w, l.copy, "") {
						if err != nil {
							return nil, nil, err
						}
						for _, ref := range page.Refs {
							ids = append(ids, ref.ID)
						}
						unwitnessed = append(unwitnessed, page.Unwitnessed...)
					}
					return ids, unwitnessed, nil
				},
			})
		})
	}
}

// TestTooSoon lists a window that has not ended by the server's clock: the sync waits until it has.
func TestTooSoon(t *testing.T) {
	l := live(t, simulator.CorpusConfig{Seed: 3, Conversations: 10}, fake.Options{})
	now := l.clock.Now()
	var last error
	for _, err := range testAccount(t, l.url).Changes(t.Context(), schemas.Window{From: now.Add(-time.Hour), To: now.Add(90 * time.Second)}, l.copy, "") {
		last = err
	}
	var e *providers.Error
	if !errors.As(last, &e) || e.Kind != providers.Pending || e.After != 90*time.Second {
		t.Errorf("%+v", e)
	}
	l.changesOf(t, schemas.Window{From: now.Add(-time.Hour), To: now}, func() {})
}

// TestJustEnded reads two chats right after their end, an old and a young one. The old one is left to the next window, which has the rows
// that follow the end. So is the young one, which the lake has as open too.
func TestJustEnded(t *testing.T) {
	l := live(t, simulator.CorpusConfig{Seed: 2, Conversations: 60}, fake.Options{PageSize: 5})
	now := l.clock.Now()
	l.Happen(l.corpus.Script(simulator.ScriptConfig{Seed: 1, From: now, To: now.Add(time.Second), Events: 1, Kinds: []simulator.EventKind{simulator.Begins}})[0])
	l.clock.Set(now.Add(10 * time.Second))
	l.export(t, testAccount(t, l.url), schemas.Window{From: l.corpus.Config().From, To: l.clock.Now()})
	at := now.Add(15 * time.Minute)
	ended := map[string]bool{}
	old := 0
	for n := int64(1); n <= l.corpus.NextNumber(); n++ {
		if (old == 0 || n == l.corpus.NextNumber()) && l.Happen(simulator.Event{At: at, Kind: simulator.Closes, Number: n, Seed: uint64(n)}) {
			id, _ := l.ID(n)
			ended[id] = true
			old++
		}
	}
	l.clock.Set(at.Add(4 * time.Second))
	none := l.changesOf(t, schemas.Window{From: now.Add(10 * time.Second), To: at.Add(time.Second)}, func() {})
	l.clock.Set(at.Add(3 * time.Minute))
	all := l.changesOf(t, schemas.Window{From: at.Add(time.Second), To: at.Add(2 * time.Minute)}, func() {})
	if len(ended) == 0 || len(none) != 0 || len(all) != len(ended) {
		t.Errorf("%d chats are listed right after their end, and %d of %d later", len(none), len(all), len(ended))
	}
	for id := range ended {
		want, known := l.Thread(id)
		if diff := l.copy.Differs(id, want, known); diff != "" || len(want.Events) == 0 {
			t.Errorf("chat %s (-want +got):\n%s", id, diff)
		}
	}
	t.Logf("%d chats", len(ended))
}

// TestLongWalk ends so many of so many open chats that the comparison is divided several times, also within a page, and continues in a new
// process each time. Every ended chat is listed once, and requested by its id once.
func TestLongWalk(t *testing.T) {
	for name, options := range map[string]fake.Options{"newest first": {PageSize: 2}, "oldest first": {PageSize: 2, IgnoreOrdering: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := live(t, simulator.CorpusConfig{Seed: 2, Conversations: 500}, options)
			now := l.clock.Now()
			l.export(t, testAccount(t, l.url), schemas.Window{From: l.corpus.Config().From, To: now})
			ended := map[string]bool{}
			for i := range l.corpus.Len() {
				n := simulator.Number(i)
				if (i/60)%2 == 0 && l.Happen(simulator.Event{At: now, Kind: simulator.Closes, Number: n, Seed: uint64(n)}) {
					id, _ := l.ID(n)
					ended[id] = true
				}
			}
			l.clock.Set(now.Add(time.Hour))
			before, pages := l.Stats().Endpoints, 0
			refs := l.changesOf(t, schemas.Window{From: now, To: now.Add(time.Minute)}, func() { pages++ })
			listed := map[string]bool{}
			for _, ref := range refs {
				listed[ref.ID] = true
				if !ended[ref.ID] {
					t.Errorf("chat %s has not ended", ref.ID)
				}
			}
			asked := l.Stats().Endpoints["owned_chats/{chat}"] - before["owned_chats/{chat}"]
			if len(listed) != len(ended) || len(refs) != len(ended) || asked != int64(len(ended)) || pages < 3 {
				t.Errorf("%d of %d ended chats are listed by %d refs after %d requests by id, on %d pages", len(listed), len(ended), len(refs), asked, pages)
			}
			t.Logf("%d ended chats on %d pages", len(ended), pages)
		})
	}
}

// TestUnlistedChats fetches chats whose refs do not come from a list: the chat itself is requested as well, unless it does not exist.
func TestUnlistedChats(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 3}, fake.Options{})
	ids := s.Conversations(whole)
	s.DeleteChat(ids[0])
	before := s.Stats().Requests
	copied := providertest.NewCopy(pure())
	copied.Update(t, a, providers.Page{Refs: []providers.Ref{{ID: ids[0], Unlisted: true}, {ID: ids[1], Unlisted: true}}})
	for _, id := range ids[:2] {
		want, known := s.Thread(id)
		if diff := copied.Differs(id, want, known); diff != "" {
			t.Errorf("chat %s (-want +got):\n%s", id, diff)
		}
	}
	if n := s.Stats().Endpoints["owned_chats/{chat}"]; n != 1 || s.Stats().Requests == before {
		t.Errorf("%d requests for chats, want 1", n)
	}
}

// TestVersion compares versions of a chat: the later is the greater.
func TestVersion(t *testing.T) {
	at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	last := ""
	for i, body := range []string{
		`{"created_at":"2026-05-01T09:00:00Z"}`,
		`{"created_at":"2026-05-01T09:00:00Z","updated_at":"2026-05-01T09:00:01.5Z"}`,
		`{"created_at":"2026-05-01T09:00:00Z","updated_at":"2026-05-01T09:00:01.500Z","message_count":9}`,
		`{"created_at":"2026-05-01T09:00:00Z","updated_at":"2026-05-01T09:00:01.500Z","message_count":10}`,
		`{"created_at":"2026-05-01T09:00:00Z","updated_at":"2026-05-01T09:00:01.500Z","message_count":10,"tag_count":1}`,
		`{"created_at":"2026-05-01T09:00:00Z","updated_at":"2026-05-01T12:00:02+02:00","is_ended":true,"ended_at":"2026-05-01T10:00:02Z"}`,
		`{"created_at":"2026-05-01T09:00:00Z","updated_at":"2026-05-01T10:00:02.000","is_ended":true,"ended_at":"2026-05-01T09:58:02Z"}`,
		`{"created_at":"2026-05-01T09:00:00Z","updated_at":"2026-05-01T10:00:02.000","is_ended":true,"ended_at":"2026-05-01T09:58:02Z","member_count":99999999}`,
		`{"created_at":"2026-05-01T09:00:00Z","updated_at":"2026-05-02T10:00:02.000","is_ended":true}`,
	} {
		r := row{createdAt: at.Add(-time.Hour), sentAt: at, fields: fields(value(body))}
		v := r.version()
		if v <= last || len(v) > 64 || stageOf(v) != r.stage() {
			t.Errorf("version %d is %q, after %q", i, v, last)
		}
		last = v
	}
	for _, v := range []string{"", "0", "2026-05-01T10:00:00.000000Z", "2026-05-01T10:00:00.000000Z x"} {
		if stageOf(v) != stageEnded {
			t.Errorf("stage of %q: %d", v, stageOf(v))
		}
	}
}
