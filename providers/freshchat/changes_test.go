package freshchat

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

// living is an account whose conversations change, and a copy of it.
type living struct {
	*fake.Site
	corpus   *simulator.Corpus
	clock    *simulator.Clock
	url      string
	settings map[string]string
	copy     *providertest.Copy
}

func live(t testing.TB, config simulator.CorpusConfig, options fake.Options, settings map[string]string) *living {
	t.Helper()
	l := &living{corpus: simulator.NewCorpus(config), copy: providertest.NewCopy(mapper()), settings: settings}
	l.clock = simulator.NewClock(l.corpus.Config().To.AddDate(0, 1, 0))
	options.Now, options.Token = l.clock.Now, testToken
	l.Site = fake.New(l.corpus, options)
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

func (l *living) open(t testing.TB) *account {
	return testAccount(t, l.url+"/v2/", func(p *providers.Account) { p.Options = l.settings })
}

// copyAll copies the conversations of a window.
func (l *living) copyAll(t testing.TB, w schemas.Window) {
	t.Helper()
	a := l.open(t)
	for page, err := range a.Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		l.copy.Update(t, a, page)
	}
}

// follow copies the changes of a window. At some pages another process continues. between is called after each page.
func (l *living) follow(t testing.TB, w schemas.Window, dice *rand.Rand, between func()) (listed int) {
	t.Helper()
	var at providers.Cursor
	for done := false; !done; {
		a := l.open(t)
		for page, err := range a.Changes(t.Context(), w, l.copy, at) {
			if err != nil {
				t.Fatal(err)
			}
			if page.Dropped != 0 || len(page.Next) > maxCursor {
				t.Errorf("%d dropped, a cursor of %d bytes", page.Dropped, len(page.Next))
			}
			between()
			l.copy.Update(t, a, page)
			listed += len(page.Refs)
			if at, done = page.Next, page.Next == ""; dice.IntN(3) == 0 {
				break
			}
		}
	}
	return listed
}

// summary is what a sync must have of a conversation in any lane.
func summary(thread schemas.Thread) map[string]string {
	all := map[string]string{}
	for _, m := range thread.Messages {
		all[m.MessageID] = fmt.Sprint(m.Sequence, m.Kind, deref(m.Text))
	}
	all["state"] = deref(thread.Conversation.State) + deref(thread.Conversation.Status)
	all["assignee"] = deref(thread.Conversation.AssigneeID)
	if at := thread.Conversation.UpdatedAt; at != nil {
		all["updated"] = at.String()
	}
	return all
}

// TestChangesAreComplete copies an account whose conversations begin, change and disappear at random times, also while they are listed.
// After each window the copy has every change of the window that the signal shows, at the end also those that the windows' ends cut off.
func TestChangesAreComplete(t *testing.T) {
	var stale atomic.Int64
	t.Run("accounts", func(t *testing.T) {
		for name, tt := range map[string]struct {
			options  fake.Options
			settings map[string]string
		}{
			"both":             {fake.Options{}, nil},
			"both, sparse":     {fake.Options{Sparse: "all"}, nil},
			"rest":             {fake.Options{MessagePage: 7}, map[string]string{"lane": "rest"}},
			"transcript":       {fake.Options{Sparse: "none"}, map[string]string{"lane": "transcript"}},
			"users":            {fake.Options{ListPage: 7}, map[string]string{"enumeration": "users"}},
			"users, links":     {fake.Options{ListPage: 5, Envelope: "links"}, map[string]string{"enumeration": "users"}},
			"users, no counts": {fake.Options{Envelope: "none"}, map[string]string{"enumeration": "users"}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				l := live(t, simulator.CorpusConfig{Seed: 5, Conversations: 100}, tt.options, tt.settings)
				stale.Add(int64(l.complete(t, 5)))
			})
		}
	})
	if stale.Load() == 0 {
		t.Error("there was no change that the signal does not show")
	}
}

// complete returns of how many conversations the copy is stale at the end.
func (l *living) complete(t *testing.T, seed uint64) (stale int) {
	start := l.clock.Now()
	l.copyAll(t, schemas.Window{From: l.corpus.Config().From, To: start})
	end := start.Add(6 * time.Hour)
	dice := rand.New(rand.NewPCG(seed, 1))
	last, hidden := map[int64]time.Time{}, map[int64]bool{}
	kinds := []simulator.EventKind{
		simulator.Begins, simulator.Begins, simulator.Replies, simulator.Replies, simulator.Replies, simulator.Replies, simulator.Closes, simulator.Closes,
		simulator.Reopens, simulator.Edits, simulator.Retracts, simulator.Rates, simulator.Annotates, simulator.Vanishes,
	}
	play := simulator.NewPlay(l.clock, l, l.corpus.Script(simulator.ScriptConfig{Seed: seed, From: start, To: end, Events: 250, Kinds: kinds}))
	closed := false
	state := func(n int64) (schemas.Thread, bool) {
		id, ok := l.ID(n)
		thread, _ := l.Thread(id, fake.Reading{Lane: "rest", Users: true})
		return thread, ok
	}
	play.Before = func(e simulator.Event) {
		thread, ok := state(e.Number)
		closed = ok && deref(thread.Conversation.State) == "closed"
	}
	play.After = func(e simulator.Event) {
		thread, _ := state(e.Number)
		switch e.Kind {
		case simulator.Begins, simulator.Closes, simulator.Reopens, simulator.Replies:
			answer := thread.Messages[len(thread.Messages)-1]
			if users := l.settings["enumeration"] == "users"; users && closed && answer.Direction != nil && *answer.Direction == "out" {
				hidden[e.Number] = true
				return
			}
			last[e.Number] = e.At
		default:
			hidden[e.Number] = true
		}
	}
	listed := 0
	for from := start; from.Before(end.Add(time.Hour)); {
		to := from.Add(time.Duration(5+dice.IntN(50)) * time.Minute).Truncate(time.Second)
		play.Until(to.Add(time.Duration(dice.IntN(90)) * time.Second))
		listed += l.follow(t, schemas.Window{From: from, To: to}, dice, func() { play.Until(l.clock.Now().Add(time.Duration(dice.IntN(20)) * time.Second)) })
		for n, at := range last {
			want, ok := state(n)
			if hidden[n] || at.Before(from) || !at.Before(to) || !ok {
				continue
			}
			got, _ := l.copy.Rows(want.Conversation.ConversationID)
			if diff := cmp.Diff(summary(want), summary(got)); diff != "" {
				t.Fatalf("after the window until %s, conversation %s, which changed at %s (-want +got):\n%s", to, want.Conversation.ConversationID, at, diff)
			}
		}
		from = to
	}
	for n := range last {
		want, _ := state(n)
		got, _ := l.copy.Rows(want.Conversation.ConversationID)
		switch diff := cmp.Diff(summary(want), summary(got)); {
		case diff != "" && hidden[n]:
			stale++
		case diff != "":
			t.Errorf("conversation %s (-want +got):\n%s", want.Conversation.ConversationID, diff)
		}
	}
	if len(last) < 30 {
		t.Errorf("only %d conversations changed", len(last))
	}
	l.settles(t, schemas.Window{From: l.corpus.Config().From, To: end.Add(time.Hour)}, hidden)
	t.Logf("%d conversations were listed for %d that changed", listed, len(last))
	return stale
}

// settles lists all conversations by their creation: no version is newer than the copy's if the copy has all changes.
func (l *living) settles(t *testing.T, w schemas.Window, hidden map[int64]bool) {
	t.Helper()
	stale, newer := map[string]bool{}, 0
	for n := range hidden {
		if id, ok := l.ID(n); ok {
			stale[id] = true
		}
	}
	for page, err := range l.open(t).Conversations(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range page.Refs {
			before, has, _ := l.copy.Find(t.Context(), ref.ID)
			switch {
			case has && ref.Version > before.Version && stale[ref.ID]:
				newer++ // a property has changed
			case has && ref.Version > before.Version:
				t.Errorf("conversation %s is listed in version %q, the copy has %q", ref.ID, ref.Version, before.Version)
			}
			if len(ref.Version) > 64 {
				t.Errorf("version %q is too long", ref.Version)
			}
		}
	}
	t.Logf("%d conversations would be fetched again because their list shows a change that the signal does not", newer)
}

// TestChangesOfReports lists the conversations that only one report names.
func TestChangesOfReports(t *testing.T) {
	config := simulator.CorpusConfig{Seed: 9, Conversations: 3000, From: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 3, 11, 0, 0, 0, 0, time.UTC)}
	s, a, _ := site(t, config, fake.Options{MissingInTranscript: 1}, map[string]string{"reports": "Conversation-Agent-Assigned,Conversation-Group-Assigned,Conversation-Resolved"})
	from := config.From.AddDate(0, 0, 4).Add(11 * time.Hour)
	w := schemas.Window{From: from, To: from.Add(time.Hour)}
	want, kinds := map[string]bool{}, map[string]bool{}
	for _, id := range s.Conversations(w) {
		want[id] = true
	}
	created := len(want)
	for page, err := range a.Reports(t.Context(), w, "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range page.Documents {
			rows, err := mapping{}.Report(doc)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range rows.Events {
				want[e.ConversationID], kinds[e.Kind] = true, true
			}
		}
	}
	got := map[string]bool{}
	for page, err := range a.Changes(t.Context(), w, providertest.NewCopy(mapper()), "") {
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range page.Refs {
			got[ref.ID] = true
		}
	}
	for id := range want {
		if !got[id] {
			t.Errorf("conversation %s is missing", id)
		}
	}
	for id := range got {
		if !want[id] {
			t.Errorf("conversation %s has no row in the window", id)
		}
	}
	if len(kinds) != 3 || len(want) == created || created == 0 {
		t.Errorf("%d conversations, %d created, reports %v", len(want), created, kinds)
	}
	t.Logf("%d conversations, of which %d were created in the window", len(want), created)
}

const systemUsers = 2 // of the fake

// TestChangesCost counts the requests of a sync among 100,000 conversations and compares them with the least that the signal allows: each
// report ordered, polled and downloaded once, and for each conversation its body and its messages, and a hundred contacts at a time.
func TestChangesCost(t *testing.T) {
	l := live(t, simulator.CorpusConfig{Seed: 4, Conversations: 100_000}, fake.Options{}, map[string]string{"lane": "rest"})
	for _, events := range []int{0, 10, 1000} {
		from := l.clock.Now()
		to := from.Add(15 * time.Minute)
		changed := map[int64]bool{}
		for seed := uint64(0); len(changed) < events; seed++ {
			for _, e := range l.corpus.Script(simulator.ScriptConfig{Seed: seed, From: from, To: to, Events: 2 * events, Kinds: []simulator.EventKind{simulator.Replies, simulator.Closes}, Recent: 90_000}) {
				if len(changed) < events && l.Happen(e) {
					changed[e.Number] = true
				}
			}
		}
		l.clock.Set(to.Add(2 * time.Minute))
		before := l.Stats()
		a := l.open(t)
		listed := 0
		for page, err := range a.Changes(t.Context(), schemas.Window{From: from, To: to}, l.copy, "") {
			if err != nil {
				t.Fatal(err)
			}
			l.copy.Update(t, a, page)
			listed += len(page.Refs)
		}
		pages := 0 // of messages
		for n := range changed {
			id, _ := l.ID(n)
			thread, _ := l.Thread(id, fake.Reading{Lane: "rest", Users: true})
			pages += (len(thread.Messages) + messagesPerPage - 1) / messagesPerPage
		}
		after := l.Stats()
		of := func(endpoint string) int { return int(after.Endpoints[endpoint] - before.Endpoints[endpoint]) }
		reports := len(changeOrders(schemas.Window{From: from, To: to}))
		if of("reports/raw") != reports || of("reports/raw/{id}") != reports {
			t.Errorf("%d orders and %d polls of %d reports", of("reports/raw"), of("reports/raw/{id}"), reports)
		}
		least := 2*reports + of("extracts") + len(changed) + pages + (len(changed)+userBatch-1)/userBatch + min(systemUsers, of("users/{id}"))
		total := int(after.Requests - before.Requests)
		ratio := float64(total) / float64(least)
		t.Logf("%d changes: %d requests, at least %d: %.3f", listed, total, least, ratio)
		if listed != len(changed) || ratio > 1.1 || of("extracts") > 2*reports {
			t.Errorf("%d of %d conversations for %d requests, at least %d", listed, len(changed), total, least)
		}
	}
}

// TestChangesWitness corrupts each page of the list of updated users.
func TestChangesWitness(t *testing.T) {
	l := live(t, simulator.CorpusConfig{Seed: 3, Conversations: 60}, fake.Options{ListPage: 4}, map[string]string{"enumeration": "users"})
	w := schemas.Window{From: l.clock.Now(), To: l.clock.Now().Add(time.Hour)}
	for _, e := range l.corpus.Script(simulator.ScriptConfig{Seed: 1, From: w.From, To: w.To, Events: 60, Kinds: []simulator.EventKind{simulator.Replies}}) {
		l.Happen(e)
	}
	providertest.Witness(t, providertest.List{
		Platform: l, Match: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/users") }, Rows: []string{"users"}, Next: []string{"links", "next_page"},
		Unwitnessed: []string{listOfConversations, listOfMessages, listOfUsers},
		Open: func(t *testing.T, base string) providers.Reader {
			return testAccount(t, base+"/v2/", func(p *providers.Account) { p.Options = l.settings })
		},
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
}

// TestTooSoon lists a window that has not ended by the platform's clock: the sync waits until it has.
func TestTooSoon(t *testing.T) {
	l := live(t, simulator.CorpusConfig{Seed: 3, Conversations: 10}, fake.Options{}, nil)
	now := l.clock.Now()
	var last error
	for _, err := range l.open(t).Changes(t.Context(), schemas.Window{From: now.Add(-time.Hour), To: now.Add(90 * time.Second)}, l.copy, "") {
		last = err
	}
	var e *providers.Error
	if !errors.As(last, &e) || e.Kind != providers.Pending || e.After != 90*time.Second {
		t.Errorf("%v", last)
	}
}

// TestUnlisted fetches conversations whose refs do not come from a list, in every lane.
func TestUnlisted(t *testing.T) {
	for _, lane := range []string{"both", "rest", "transcript"} {
		s, a, whole := site(t, simulator.CorpusConfig{Seed: 3, Conversations: 5}, fake.Options{Sparse: "none"}, map[string]string{"lane": lane})
		ids := s.Conversations(whole)
		s.DeleteConversation(ids[0])
		copied := providertest.NewCopy(mapper())
		copied.Update(t, a, providers.Page{Refs: []providers.Ref{{ID: ids[0], Unlisted: true}, {ID: ids[1], Unlisted: true}}})
		if _, ok := copied.Rows(ids[0]); ok {
			t.Errorf("%s: a deleted conversation has rows", lane)
		}
		want, _ := s.Thread(ids[1], fake.Reading{Lane: "rest", Users: true})
		got, _ := copied.Rows(ids[1])
		if diff := cmp.Diff(want, got, providertest.Rows); diff != "" {
			t.Errorf("%s (-want +got):\n%s", lane, diff)
		}
	}
}

// FuzzUserChanges reads arbitrary cursors: each is refused, or could have been issued.
func FuzzUserChanges(f *testing.F) {
	for _, at := range []string{"cu1", "cu0", "co1.a", "co-1.", "co1", "u1.d2", "cu01"} {
		f.Add(at)
	}
	f.Fuzz(func(t *testing.T, at string) {
		if p, err := parseUserChanges(providers.Cursor(at)); err == nil && p.text() != providers.Cursor(at) {
			t.Errorf("the cursor %q was taken", at)
		}
	})
}
