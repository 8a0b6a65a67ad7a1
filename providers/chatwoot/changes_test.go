package chatwoot

import (
	"bytes"
	"errors"
	"maps"
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
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// moving returns an account to which a script happens, in the quarter of an hour of each window.
func moving(t *testing.T, seed uint64, options fake.Options, kinds ...simulator.EventKind) (*fake.Site, providertest.Moving) {
	t.Helper()
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: seed, Conversations: 90})
	clock := simulator.NewClock(corpus.Config().To)
	options.Now = clock.Now
	site := fake.New(corpus, options)
	play := simulator.NewPlay(clock, site, corpus.Script(simulator.ScriptConfig{
		Seed: seed, From: corpus.Config().To, To: corpus.Config().To.Add(windows*quarter - time.Second), Events: 18 * windows, Kinds: kinds,
	}))
	return site, providertest.Moving{Handler: site, Until: func(at time.Time) { play.Until(at) }, Changed: play.Changed, Thread: site.Thread}
}

const (
	quarter = 15 * time.Minute
	windows = 8
)

func changesCase(platform func(*testing.T, uint64) providertest.Moving) providertest.ChangesCase {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 1})
	return providertest.ChangesCase{
		Platform: platform,
		Open: func(t *testing.T, base string) providers.Reader {
			return testAccount(t, base, func(p *providers.Account) { p.Token = fake.AdministratorToken })
		},
		// The bounds of the windows are within seconds, but times of activity are not.
		From: corpus.Config().To.Add(-700 * time.Millisecond), Every: quarter, Lag: 2 * time.Second, Windows: windows, Pace: 7 * time.Second, Seeds: 6,
		Whole: schemas.Window{From: corpus.Config().From, To: corpus.Config().To.AddDate(0, 0, 1)},
	}
}

// Every change that the signal shows is listed in the window that has it, whatever the server's version and whatever it cannot do.
func TestChanges(t *testing.T) {
	const soon, outage = 2 * time.Second, 3 * time.Hour
	written := []simulator.EventKind{simulator.Begins, simulator.Replies, simulator.Replies, simulator.Closes, simulator.Reopens, simulator.Vanishes}
	shown := slices.Concat(written, []simulator.EventKind{simulator.Labels, simulator.Annotates})
	old := fake.Options{Version: fake.V3_16, NoUpdatedWithin: true, PageSize: 4}
	for _, tt := range []struct {
		name    string
		options fake.Options
		kinds   []simulator.EventKind
		lag     time.Duration
		serve   func(http.Handler) http.Handler
	}{
		{"4.14", fake.Options{}, shown, soon, nil},
		{"4.14, after an outage", fake.Options{PageSize: 4}, shown, outage, nil},
		{"4.14, too many changes", fake.Options{PageSize: 4}, written, soon, heavy},
		{"3.16", fake.Options{Version: fake.V3_16}, nil, soon, nil},
		{"3.16, after an outage", fake.Options{Version: fake.V3_16, PageSize: 4}, nil, outage, nil},
		{"before 3.7", fake.Options{Version: fake.V3_16, NoUpdatedWithin: true}, written, soon, nil},
		{"before 3.7, small pages", old, written, soon, nil},
		{"before 3.7, after an outage", old, written, outage, nil},
		{"before 3.7, without totals", old, written, soon, withoutTotals},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := changesCase(func(t *testing.T, seed uint64) providertest.Moving {
				_, m := moving(t, seed, tt.options, tt.kinds...)
				if tt.serve != nil {
					m.Handler = tt.serve(m.Handler)
				}
				return m
			})
			c.Lag = tt.lag
			providertest.Changes(t, c)
		})
	}
}

// Exactly the kinds of changes that Definition.Blind names are missed.
func TestBlind(t *testing.T) {
	for kind, blind := range map[simulator.EventKind]bool{
		simulator.Replies: false, simulator.Closes: false, simulator.Labels: false, simulator.Annotates: false,
		simulator.Edits: true, simulator.Retracts: true, simulator.Delivers: true, simulator.Rates: true, simulator.Purges: true,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			c := changesCase(func(t *testing.T, seed uint64) providertest.Moving {
				_, m := moving(t, seed, fake.Options{}, kind)
				return m
			})
			c.Seeds, c.Blind = 2, blind
			providertest.Changes(t, c)
		})
	}
}

// heavy returns a server that fails when it is asked for updated conversations.
func heavy(site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("updated_within") {
			w.WriteHeader(http.StatusInsufficientStorage) // rest does not repeat it
			return
		}
		site.ServeHTTP(w, r)
	})
}

// withoutTotals returns a server that does not say how many conversations it has.
func withoutTotals(site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := httptest.NewRecorder()
		site.ServeHTTP(held, r)
		maps.Copy(w.Header(), held.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(held.Code)
		_, _ = w.Write(bytes.ReplaceAll(held.Body.Bytes(), []byte(`"all_count"`), []byte(`"any_count"`)))
	})
}

// The list of changes costs three requests however many there are, and one page for each 25 where the server does not know
// updated_within, read twice.
func TestRequestsOfChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 conversations")
	}
	const perConversation = 2 // messages, participants
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: 100_000})
	w := schemas.Window{From: corpus.Config().To, To: corpus.Config().To.Add(quarter)}
	for _, tt := range []struct {
		changes int
		old     bool
		most    int64
	}{
		{0, false, 3}, {10, false, 3}, {1000, false, 3}, {0, true, 6}, {10, true, 6}, {1000, true, 90},
	} {
		clock := simulator.NewClock(w.From)
		site := fake.New(corpus, fake.Options{Now: clock.Now, NoUpdatedWithin: tt.old})
		for i := range tt.changes {
			at := w.From.Add(time.Duration(i) * w.To.Sub(w.From) / time.Duration(tt.changes))
			if !site.Happen(simulator.Event{At: at, Kind: simulator.Replies, Number: simulator.Number(i * 97), Seed: uint64(i)}) {
				t.Fatalf("change %d did not happen", i)
			}
		}
		clock.Set(w.To.Add(time.Minute))
		var body atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			held := httptest.NewRecorder()
			site.ServeHTTP(held, r)
			body.Store(max(body.Load(), int64(held.Body.Len())))
			maps.Copy(w.Header(), held.Header())
			w.WriteHeader(held.Code)
			_, _ = w.Write(held.Body.Bytes())
		}))
		a := testAccount(t, server.URL, withoutDetails, func(p *providers.Account) { p.Token = fake.AdministratorToken })
		found := map[string]bool{}
		for page, err := range a.Changes(t.Context(), w, nil, "") {
			if err != nil {
				t.Fatal(err)
			}
			for _, ref := range page.Refs {
				found[ref.ID] = true
			}
		}
		server.Close()
		list := site.Stats().Requests
		if len(found) != tt.changes || list > tt.most {
			t.Errorf("%d changes: %d found with %d requests, want at most %d", tt.changes, len(found), list, tt.most)
		}
		least := max(1, (tt.changes+24)/25)
		if !tt.old {
			least = 1
		}
		all := float64(list + int64(perConversation*tt.changes))
		t.Logf("%d changes, old server %v: %d requests for the list (largest answer %d KB), with the conversations %.3f of the least",
			tt.changes, tt.old, list, body.Load()/1000, all/float64(least+perConversation*tt.changes))
	}
}

// A window is not listed before the server's clock has reached its end, because what happens until then would be missed.
func TestChangesTooSoon(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 30})
	clock := simulator.NewClock(corpus.Config().To.Add(40 * time.Second))
	server := httptest.NewServer(fake.New(corpus, fake.Options{Now: clock.Now}))
	t.Cleanup(server.Close)
	w := schemas.Window{From: corpus.Config().To.Add(-quarter), To: corpus.Config().To.Add(time.Minute)}
	a := testAccount(t, server.URL, func(p *providers.Account) { p.Token = fake.AdministratorToken })
	var e *providers.Error
	if err := lastError(a, t, w); !errors.As(err, &e) || !errors.Is(err, errTooSoon) || e.Kind != providers.Transient || e.After != 20*time.Second {
		t.Errorf("the error is %v, after %v", err, e)
	}
	clock.Set(w.To)
	if err := lastError(a, t, w); err != nil {
		t.Error(err)
	}
}

func lastError(a *account, t *testing.T, w schemas.Window) (last error) {
	for _, err := range a.Changes(t.Context(), w, nil, "") {
		last = err
	}
	return last
}

// A server whose list cannot show changes is found out.
func TestChangesOfAwkwardServers(t *testing.T) {
	w := seconds(0, 100)
	list := func(rows string) http.HandlerFunc {
		return providertest.Says(200, `{"data":{"meta":{"all_count":3},"payload":[`+rows+`]}}`)
	}
	for _, tt := range []struct {
		name, rows string
		want       error
	}{
		{"no activity", `{"id":1,"timestamp":"1700000050"}`, errNoActivity},
		{"another order", `{"id":1,"created_at":1700000000,"last_activity_at":1700000010},{"id":2,"created_at":1700000000,"last_activity_at":1700000020}`, errActivityOrder},
	} {
		a := static(t, map[string]http.HandlerFunc{root + "/conversations": list(tt.rows)})
		a.noUpdated.Store(true)
		var e *providers.Error
		if err := lastError(a, t, w); !errors.Is(err, tt.want) || !errors.As(err, &e) || e.Kind != providers.Malformed {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	a := static(t, map[string]http.HandlerFunc{root + "/conversations": list("")})
	if err := lastError(a, t, w); err != nil {
		t.Errorf("an empty account: %v", err)
	}
	for _, at := range []providers.Cursor{"?", "p", "p0.25", "p1.-3", "p99999999999999999999.1"} {
		for _, err := range a.Changes(t.Context(), w, nil, at) {
			if !errors.Is(err, providers.ErrCursor) {
				t.Errorf("the cursor %q: %v", at, err)
			}
		}
	}
}

// Versions grow with every change that a row shows, also when a server begins to show more.
func TestVersion(t *testing.T) {
	rows := []string{
		`{"id":7,"created_at":1700000000,"last_activity_at":1700000009}`,
		`{"id":7,"created_at":1700000000,"timestamp":1700000010}`,
		`{"id":7,"created_at":1700000000,"timestamp":1700000010,"updated_at":1700000010.000009}`,
		`{"id":7,"created_at":1700000000,"last_activity_at":1700000010,"updated_at":1700000010.00001}`,
		`{"id":7,"created_at":1700000000,"last_activity_at":1700000011,"updated_at":1700000010.00001}`,
		`{"id":7,"created_at":1700000000,"last_activity_at":"2023-11-14T22:13:30Z","updated_at":"1700000011.5"}`,
		`{"id":7,"created_at":1700000000,"last_activity_at":1700000010,"updated_at":10000000000}`,
	}
	last := ""
	for _, raw := range rows {
		r, ok := readRow(value(raw))
		v := r.version()
		if !ok || v <= last || len(v) > 64 {
			t.Errorf("the version %q of %s after %q", v, raw, last)
		}
		last = v
	}
	if r, ok := readRow(value(`{"id":7,"timestamp":"1700000010"}`)); !ok || r.version() != "" {
		t.Errorf("a row without activity has version %q", r.version())
	}
}

// TestVersionOfTheSecond: on a server that shows whole seconds, a row has no version before the second of its last activity is over by
// the server's clock, because more may happen in it.
func TestVersionOfTheSecond(t *testing.T) {
	config := simulator.CorpusConfig{Seed: 3, Conversations: 1, From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)}
	thread := simulator.NewCorpus(config).Thread(0)
	for _, tt := range []struct {
		server string
		after  time.Duration
		has    bool
	}{
		{fake.V3_16, 0, false}, {fake.V3_16, 900 * time.Millisecond, false}, {fake.V3_16, time.Second, true}, {fake.V4_14, 0, true},
	} {
		now := thread.LastActivityAt.Truncate(time.Second).Add(tt.after)
		_, a, whole := site(t, config, fake.Options{Version: tt.server, Now: func() time.Time { return now }})
		refs, _ := collect(t, a, whole)
		if len(refs) != 1 || (refs[0].Version != "") != tt.has {
			t.Errorf("%s, %s after the second of the last activity: %+v; has a version: %t, want %t", tt.server, tt.after, refs, !tt.has, tt.has)
		}
	}
}
