package activities_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/giosg"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// crash ends an attempt at its n-th step: a change of the store, or a request to end a chat, before or after it is carried out.
type crash struct {
	mu     sync.Mutex
	steps  int
	at     int // 0 means never
	cancel func()
}

// next counts a step, and reports whether the attempt ends here.
func (c *crash) next() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps++
	if c.at == 0 || c.steps < c.at {
		return false
	}
	if c.steps == c.at {
		c.cancel()
	}
	return true // whatever it does after its end has no effect
}

func (c *crash) arm(at int, cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps, c.at, c.cancel = 0, at, cancel
}

// fragile is a store whose changes are steps.
type fragile struct {
	ledger.Store
	crash *crash
}

func (f fragile) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, ifAbsent bool) error {
	if f.crash.next() {
		return context.Canceled
	}
	return f.Store.Put(ctx, key, body, size, ifAbsent)
}

func (f fragile) Delete(ctx context.Context, key string) error {
	if f.crash.next() {
		return context.Canceled
	}
	return f.Store.Delete(ctx, key)
}

// graveyard is an account with chats that never end, and a lake for its audits.
type graveyard struct {
	t     *testing.T
	site  *fake.Site
	do    *activities.Activities
	crash *crash
	now   time.Time
	run   activities.AuditRun
}

func newGraveyard(t *testing.T, o fake.Options, front func(http.Handler) http.Handler) *graveyard {
	t.Helper()
	g := &graveyard{t: t, crash: &crash{}, now: time.Now()}
	g.site = fake.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: 60}), o)
	var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPatch {
			g.site.ServeHTTP(w, r)
			return
		}
		if g.crash.next() {
			panic(http.ErrAbortHandler) // it never arrives
		}
		answer := httptest.NewRecorder()
		g.site.ServeHTTP(answer, r)
		if g.crash.next() {
			panic(http.ErrAbortHandler) // nobody hears the answer
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
	if front != nil {
		handler = front(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	reader, err := giosg.Definition.Open(providers.Account{Name: "acme", BaseURL: server.URL, AccountID: fake.Organization, Token: fake.ManagerToken})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	plain, err := ledger.Open(t.Context(), ledger.Config{URL: "file:" + folder})
	if err != nil {
		t.Fatal(err)
	}
	l := lake.New(ledger.New(fragile{plain.Store(), g.crash}, folder, func() time.Time { return g.now }), lake.Config{Scratch: t.TempDir(), Writer: "test"})
	g.do = &activities.Activities{Lake: l, Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{Reader: providertest.Reads(reader), Name: "giosg", Spec: "spec"}, nil
	}}
	out, err := g.do.OpenEnding(t.Context(), activities.OpenEndingInput{Account: "acme", Now: g.now})
	if err != nil {
		t.Fatal(err)
	}
	g.run = activities.AuditRun{Shard: out.Shard, Workflow: "end-stale/acme", Run: "1"}
	return g
}

// stale lists the chats that were touched longest ago.
func (g *graveyard) stale(most int) []activities.StaleRef {
	g.t.Helper()
	out, err := g.do.ListStale(g.t.Context(), activities.ListStaleInput{Account: "acme", Before: g.now, Requests: 100, Most: most})
	if err != nil || len(out.Stale) != most || out.Found < most || out.Open < out.Found || out.Next != "" {
		g.t.Fatalf("%+v, %v", out, err)
	}
	return out.Stale
}

func (g *graveyard) end(ctx context.Context, refs []activities.StaleRef) (activities.EndConversationsOutput, error) {
	return g.do.EndConversations(ctx, activities.EndConversationsInput{AuditRun: g.run, Refs: refs})
}

func (g *graveyard) commit(expected int) activities.CommitAuditsOutput {
	g.t.Helper()
	out, err := g.do.CommitAudits(g.t.Context(), activities.CommitAuditsInput{AuditRun: g.run, Expected: expected})
	if err != nil {
		g.t.Fatal(err)
	}
	return out
}

// audits are the outcomes in the lake, by chat. A chat with several audits has them all, which is wrong.
func (g *graveyard) audits() map[string]string {
	g.t.Helper()
	all := map[string]string{}
	records, err := g.do.Lake.Current(g.t.Context(), ledger.Filter{Stream: g.run.Shard.Stream})
	if err != nil {
		g.t.Fatal(err)
	}
	for _, r := range records {
		for row, err := range g.do.Lake.Rows(g.t.Context(), r, "audits", "conversation_id", "outcome") {
			if err != nil {
				g.t.Fatal(err)
			}
			all[row.Cells[0].Text] += row.Cells[1].Text
		}
	}
	return all
}

// left are the names of the notes that are still staged.
func (g *graveyard) left() (names []string) {
	g.t.Helper()
	for left, err := range g.do.Lake.Leftovers(g.t.Context(), "acme") {
		if err != nil {
			g.t.Fatal(err)
		}
		names = append(names, left.Key[strings.LastIndex(left.Key, "/")+1:])
	}
	return names
}

// TestEndConversations ends what was listed and writes that down, once.
func TestEndConversations(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t, fake.Options{PageSize: 5, EndsAt: fake.EndsOwned}, nil)
	refs := g.stale(4)
	out, err := g.end(t.Context(), refs)
	if want := (activities.EndCounts{Ended: 4}); err != nil || out.EndCounts != want {
		t.Fatalf("%+v, %v", out, err)
	}
	first := g.commit(4)
	if first.Rows != 4 || first.Commit.Generation != 1 || len(g.left()) > 0 {
		t.Errorf("%+v, left %v", first, g.left())
	}
	want := map[string]string{}
	for _, ref := range refs {
		want[ref.ID] = activities.OutcomeEnded
	}
	if again := g.commit(4); again.Rows != 0 || again.Commit != nil {
		t.Errorf("the second commit of the same: %+v", again)
	}
	if diff := cmp.Diff(want, g.audits()); diff != "" {
		t.Error(diff)
	}
	// Another run adds its rows to those of the month.
	g.run.Run = "2"
	refs = g.stale(2)
	if out, err := g.end(t.Context(), refs); err != nil || out.Ended != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	if second := g.commit(2); second.Rows != 2 || second.Commit.Generation != 2 || second.Commit.Files != 2 {
		t.Errorf("%+v", second)
	}
	for _, ref := range refs {
		want[ref.ID] = activities.OutcomeEnded
	}
	if diff := cmp.Diff(want, g.audits()); diff != "" {
		t.Error(diff)
	}
	if findings, err := g.do.Lake.VerifyRecord(t.Context(), *latest(t, g), true); err != nil || len(findings) > 0 {
		t.Errorf("%v, %v", findings, err)
	}
	// A remap leaves them alone.
	listed, err := g.do.ListCommitted(t.Context(), activities.ListCommittedInput{Account: "acme", Limit: 10})
	if err != nil || listed.Total != 0 {
		t.Errorf("a remap would read %+v, %v", listed, err)
	}
}

func latest(t *testing.T, g *graveyard) *ledger.Record {
	t.Helper()
	r, err := g.do.Lake.Latest(t.Context(), g.run.Shard)
	if err != nil || r == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	return r
}

// TestEndLeavesAloneWhatHasChanged since it was listed, what has ended, and what is gone.
func TestEndLeavesAloneWhatHasChanged(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t, fake.Options{}, nil)
	refs := g.stale(4)
	g.reply(refs[0].ID)
	g.site.EndChat(refs[1].ID)
	g.site.DeleteChat(refs[2].ID)
	before := g.site.Ends()
	out, err := g.end(t.Context(), refs)
	if want := (activities.EndCounts{Ended: 1, Changed: 1, Already: 1, Gone: 1}); err != nil || out.EndCounts != want {
		t.Fatalf("%+v, %v", out, err)
	}
	after := g.site.Ends()
	for id, n := range before {
		after[id] -= n
	}
	maps.DeleteFunc(after, func(_ string, n int) bool { return n == 0 })
	if want := map[string]int{refs[3].ID: 1}; !maps.Equal(after, want) {
		t.Errorf("the platform ended %v, want %v", after, want)
	}
	g.commit(1)
	if want := map[string]string{refs[3].ID: activities.OutcomeEnded}; !maps.Equal(g.audits(), want) || len(g.left()) > 0 {
		t.Errorf("audits %v, left %v", g.audits(), g.left())
	}
}

// reply lets a visitor write into a chat.
func (g *graveyard) reply(id string) {
	g.t.Helper()
	for seed := range uint64(20) {
		if g.site.Happen(simulator.Event{At: time.Now(), Kind: simulator.Replies, Number: g.number(id), Seed: seed}) {
			return
		}
	}
	g.t.Fatal("nobody can write into the chat")
}

func (g *graveyard) number(id string) int64 {
	for n := range int64(200) {
		if found, ok := g.site.ID(n); ok && found == id {
			return n
		}
	}
	g.t.Fatalf("there is no chat %s", id)
	return 0
}

// TestEndSaysWhatCameOfIt for every answer to the request.
func TestEndSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	patch := func(r *http.Request) bool { return r.Method == http.MethodPatch }
	lost := func(faults ...simulator.Fault) func(http.Handler) http.Handler {
		return (&simulator.Faults{Script: faults, Match: patch}).Wrap
	}
	ended, unconfirmed, refused, open := activities.EndCounts{Ended: 1}, activities.EndCounts{Unconfirmed: 1}, activities.EndCounts{Refused: 1}, activities.EndCounts{StillOpen: 1}
	for name, tt := range map[string]struct {
		front  func(http.Handler) http.Handler
		status int
		before func(*graveyard, string) // between the last look and the end
		want   activities.EndCounts
		audit  string
		ends   int
	}{
		"the answer is cut":       {front: lost(simulator.TruncatedBody), want: unconfirmed, audit: "unconfirmed", ends: 1},
		"the connection is reset": {front: lost(simulator.Reset), want: ended, audit: "ended", ends: 1},
		"a proxy answers":         {front: lost(simulator.BadGateway, simulator.ServerError), want: ended, audit: "ended", ends: 1},
		"a proxy answers always":  {front: lost(simulator.BadGateway, simulator.Reset, simulator.HTMLPage), want: open, audit: "open"},
		"forbidden":               {status: 403, want: refused, audit: "refused"},
		"not found":               {status: 404, want: refused, audit: "refused"},
		"a conflict":              {status: 409, want: refused, audit: "refused"},
		"ended by others":         {status: 409, before: func(g *graveyard, id string) { g.site.EndChat(id) }, want: activities.EndCounts{Already: 1}},
		"gone":                    {before: func(g *graveyard, id string) { g.site.DeleteChat(id) }, want: activities.EndCounts{Gone: 1}},
		"a reply":                 {before: (*graveyard).reply, want: activities.EndCounts{Ended: 1, Replied: 1}, audit: "ended", ends: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var g *graveyard
			o := fake.Options{RefuseEnd: func(id string) int {
				if tt.before != nil {
					tt.before(g, id)
				}
				return tt.status
			}}
			g = newGraveyard(t, o, tt.front)
			refs := g.stale(1)
			out, err := g.end(t.Context(), refs)
			if err != nil || out.EndCounts != tt.want {
				t.Fatalf("%+v, %v", out, err)
			}
			g.commit(out.Asked())
			want := map[string]string{}
			if tt.audit != "" {
				want[refs[0].ID] = tt.audit
			}
			if !maps.Equal(g.audits(), want) || g.site.Ends()[refs[0].ID] != tt.ends || len(g.left()) > 0 {
				t.Errorf("audits %v, want %v; ended %d times, want %d; left %v", g.audits(), want, g.site.Ends()[refs[0].ID], tt.ends, g.left())
			}
		})
	}
}

// TestEndWaitsForTheRateLimit and looks again before it asks again: the chat may have changed.
func TestEndWaitsForTheRateLimit(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t, fake.Options{}, (&simulator.Faults{
		Script: []simulator.Fault{simulator.ThrottledRetryAfter}, Match: func(r *http.Request) bool { return r.Method == http.MethodPatch },
	}).Wrap)
	refs := g.stale(1)
	if _, err := g.end(t.Context(), refs); err == nil || len(g.left()) > 0 {
		t.Fatalf("error %v, left %v", err, g.left())
	}
	g.reply(refs[0].ID)
	out, err := g.end(t.Context(), refs)
	if want := (activities.EndCounts{Changed: 1}); err != nil || out.EndCounts != want || len(g.site.Ends()) > 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestEndSurvivesACrashAnywhere: an attempt dies at each step, and the commit as well. Another attempt goes on. Each chat is ended once
// and has one audit, and nothing is left staged.
func TestEndSurvivesACrashAnywhere(t *testing.T) {
	t.Parallel()
	const chats = 3
	crashed := 0
	for at := 1; ; at++ {
		g := newGraveyard(t, fake.Options{}, nil)
		refs := g.stale(chats)
		ctx, cancel := context.WithCancel(t.Context())
		g.crash.arm(at, cancel)
		out, err := g.end(ctx, refs)
		did := err == nil
		if did {
			_, err = g.do.CommitAudits(ctx, activities.CommitAuditsInput{AuditRun: g.run, Expected: out.Asked()})
		}
		g.crash.mu.Lock()
		reached := g.crash.steps >= at
		g.crash.mu.Unlock()
		g.crash.arm(0, nil)
		if reached {
			crashed++
			if err == nil {
				t.Errorf("step %d: the attempt did not die", at)
			}
			if !did {
				if out, err = g.end(t.Context(), refs); err != nil || out.Asked() != chats {
					t.Errorf("step %d: the second attempt asked for %d, %v", at, out.Asked(), err)
				}
			}
			g.commit(out.Asked())
		}
		cancel()
		audits := g.audits()
		for _, ref := range refs {
			if g.site.Ends()[ref.ID] != 1 || audits[ref.ID] != "ended" && audits[ref.ID] != "unconfirmed" {
				t.Errorf("step %d: a chat was ended %d times and has the audit %q", at, g.site.Ends()[ref.ID], audits[ref.ID])
			}
		}
		if len(audits) != chats || len(g.left()) > 0 {
			t.Errorf("step %d: %d audits, left %v", at, len(audits), g.left())
		}
		if !reached {
			break
		}
	}
	if crashed < 4*chats {
		t.Errorf("only %d steps", crashed)
	}
	t.Logf("%d crashes", crashed)
}

// TestResolveFindsWhatLostRunsDid writes down what runs asked for that never came back, and leaves young ones and its own alone.
func TestResolveFindsWhatLostRunsDid(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t, fake.Options{}, nil)
	refs := g.stale(3)
	for i, ref := range refs { // die right after, or right before, the platform carries out the request
		ctx, cancel := context.WithCancel(t.Context())
		g.crash.arm(2+i%2, cancel)
		if _, err := g.end(ctx, refs[i:i+1]); err == nil {
			t.Fatalf("%s: the attempt did not die", ref.ID)
		}
		cancel()
		g.crash.arm(0, nil)
	}
	ended := slices.Sorted(maps.Keys(g.site.Ends()))
	if len(ended) != 1 {
		t.Fatalf("ended %v", ended)
	}
	lost := g.run
	g.run.Run = "2"
	resolve := func() []ledger.Shard {
		t.Helper()
		out, err := g.do.ResolveAudits(t.Context(), activities.ResolveAuditsInput{AuditRun: g.run})
		if err != nil {
			t.Fatal(err)
		}
		return out.Shards
	}
	if shards := resolve(); len(shards) > 0 {
		t.Errorf("notes of a minute ago were resolved: %v", shards)
	}
	g.now = g.now.Add(2 * time.Hour)
	g.run, lost = lost, g.run
	if shards := resolve(); len(shards) > 0 {
		t.Errorf("a run resolved its own notes: %v", shards)
	}
	g.run = lost
	shards := resolve()
	if len(shards) != 1 || shards[0].Stream != g.run.Shard.Stream {
		t.Fatalf("shards %v", shards)
	}
	g.commit(0)
	want := map[string]string{}
	for _, ref := range refs {
		want[ref.ID] = "open"
	}
	want[ended[0]] = "unconfirmed"
	if diff := cmp.Diff(want, g.audits()); diff != "" || len(g.left()) > 0 {
		t.Errorf("left %v (-want +got):\n%s", g.left(), diff)
	}
}

// TestSweepKeepsNotes that no commit has taken, however old they are.
func TestSweepKeepsNotes(t *testing.T) {
	t.Parallel()
	g := newGraveyard(t, fake.Options{}, nil)
	if _, err := g.end(t.Context(), g.stale(1)); err != nil {
		t.Fatal(err)
	}
	g.now = g.now.AddDate(1, 0, 0)
	swept, err := g.do.Lake.Sweep(t.Context(), "acme", true)
	if err != nil || swept.Staged != 0 || swept.Open != 2 || len(g.left()) != 2 {
		t.Errorf("%+v, %v, left %v", swept, err, g.left())
	}
}

// TestEndingNeedsAPlatform that has conversations which never end.
func TestEndingNeedsAPlatform(t *testing.T) {
	b := newBench(t, &platform{})
	_, err := try(b, b.do.OpenEnding, activities.OpenEndingInput{Account: "acme", Now: time.Now()})
	if err == nil || !strings.Contains(err.Error(), "chatwoot") {
		t.Errorf("error %v", err)
	}
}
