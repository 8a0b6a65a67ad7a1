package liveperson

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

const (
	quarter = 15 * time.Minute
	windows = 8
)

// moving returns an account to which a script happens in its windows.
func moving(t *testing.T, seed uint64, options fake.Options, kinds ...simulator.EventKind) providertest.Moving {
	t.Helper()
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: seed, Conversations: 90})
	clock := simulator.NewClock(corpus.Config().To)
	options.Now = clock.Now
	site := fake.New(corpus, options)
	play := simulator.NewPlay(clock, site, corpus.Script(simulator.ScriptConfig{
		Seed: seed, From: corpus.Config().To, To: corpus.Config().To.Add(windows*quarter - time.Second), Events: 18 * windows, Kinds: kinds,
	}))
	return providertest.Moving{Handler: site, Until: func(at time.Time) { play.Until(at) }, Changed: play.Changed, Thread: site.Thread}
}

func changesCase(options fake.Options, kinds ...simulator.EventKind) providertest.ChangesCase {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 1})
	return providertest.ChangesCase{
		Platform: func(t *testing.T, seed uint64) providertest.Moving { return moving(t, seed, options, kinds...) },
		Open:     func(t *testing.T, base string) providers.Reader { return testAccount(t, base, token) },
		From:     corpus.Config().To.Add(-700 * time.Millisecond), Every: quarter, Lag: 2 * time.Second, Windows: windows, Pace: 3 * time.Second, Seeds: 6,
		Whole: schemas.Window{From: corpus.Config().From, To: corpus.Config().To.AddDate(0, 0, 1)},
	}
}

// Every update is listed in the window that has it, whichever way the platform behaves where its documentation is silent.
func TestChanges(t *testing.T) {
	after := []simulator.EventKind{simulator.Edits, simulator.Rates, simulator.Labels}
	for _, tt := range []struct {
		name    string
		options fake.Options
		lag     time.Duration
		every   time.Duration
		kinds   []simulator.EventKind
	}{
		{"with update times", fake.Options{LastUpdateTime: true}, 0, 0, nil},
		{"without update times", fake.Options{}, 0, 0, nil},
		{"small pages", fake.Options{LastUpdateTime: true, PageLimit: 3}, 0, 0, nil},
		{"without rounding", fake.Options{LastUpdateTime: true, NoRounding: true, PageLimit: 3, SortBySecond: true}, 0, 0, nil},
		{"without a count", fake.Options{LastUpdateTime: true, NoCount: true, PageLimit: 20}, 0, 0, nil},
		{"204", fake.Options{LastUpdateTime: true, EmptyIs204: true}, 0, 0, nil},
		{"after an outage", fake.Options{LastUpdateTime: true, PageLimit: 3}, 3 * time.Hour, 0, nil},
		{"late in the index", fake.Options{LastUpdateTime: true, IndexDelay: time.Minute}, 2 * time.Minute, 0, nil},
		{"updates that do not show, one sync in half an hour", fake.Options{LastUpdateTime: true, Unstamped: after}, 0, 30 * time.Minute, after},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := changesCase(tt.options, tt.kinds...)
			c.Lag = max(c.Lag, tt.lag)
			c.Every = max(c.Every, tt.every)
			providertest.Changes(t, c)
		})
	}
}

// A window is not listed before the platform's clock has reached its end.
func TestChangesTooSoon(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 30})
	clock := simulator.NewClock(corpus.Config().To.Add(40 * time.Second))
	server := httptest.NewServer(fake.New(corpus, fake.Options{Now: clock.Now}))
	t.Cleanup(server.Close)
	w := schemas.Window{From: corpus.Config().To.Add(-quarter), To: corpus.Config().To.Add(time.Minute)}
	a := testAccount(t, server.URL, token)
	_, _, err := changesOf(t.Context(), a, w)
	wantError(t, "too soon", err, providers.Transient, errTooSoon)
	clock.Set(w.To)
	if _, _, err := changesOf(t.Context(), a, w); err != nil {
		t.Error(err)
	}
}

// changesOf lists the changes in a window as a sync does.
func changesOf(ctx context.Context, p providers.Reader, w schemas.Window) (ids, unwitnessed []string, err error) {
	changer, ok := p.(providers.Changer)
	if !ok {
		return nil, nil, errors.New("the provider does not list changes")
	}
	for page, err := range changer.Changes(ctx, w, nil, "") {
		if err != nil {
			return nil, nil, err
		}
		for _, ref := range page.Refs {
			ids = append(ids, ref.ID)
		}
		unwitnessed = append(unwitnessed, page.Unwitnessed...)
	}
	return ids, unwitnessed, nil
}

// changedSite returns an account of a number of conversations, some of which have changed in a window, and the window.
func changedSite(conversations, changes int, options fake.Options) (*fake.Site, schemas.Window) {
	to := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: conversations, From: to.AddDate(0, -13, 0), To: to})
	w := schemas.Window{From: corpus.Config().To.AddDate(0, 0, 14), To: corpus.Config().To.AddDate(0, 0, 14).Add(quarter)}
	clock := simulator.NewClock(w.From)
	options.Now = clock.Now
	site := fake.New(corpus, options)
	for i := range changes {
		at := w.From.Add(time.Duration(i) * w.To.Sub(w.From) / time.Duration(changes))
		site.Happen(simulator.Event{At: at, Kind: simulator.Replies, Number: simulator.Number(i * (conversations / changes)), Seed: uint64(i)})
	}
	clock.Set(w.To.Add(time.Minute))
	return site, w
}

// More changes than the platform lists on a page or in a list are all listed, if necessary in shorter spans of start times.
func TestManyChanges(t *testing.T) {
	for _, options := range []fake.Options{
		{}, {OneBased: true}, {LastUpdateTime: true, OffsetWall: 200}, {LastUpdateTime: true, OffsetWall: 200, WallIs400: true}, {LastUpdateTime: true, OffsetWall: 200, NoCount: true},
	} {
		site, w := changedSite(900, 900, options)
		server := httptest.NewServer(site)
		ids, _, err := changesOf(t.Context(), testAccount(t, server.URL, token), w)
		server.Close()
		slices.Sort(ids)
		if ids = slices.Compact(ids); len(ids) != 900 || err != nil {
			t.Errorf("%+v: %d conversations, %v", options, len(ids), err)
		}
	}
}

// The list of changes costs a request for each of five spans, and one for each hundred changes. Their records come by the hundred.
func TestRequestsOfChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 conversations")
	}
	for _, tt := range []struct {
		changes     int
		most, least int64
	}{{0, 5, 5}, {10, 5, 5}, {1000, 16, 13}} {
		site, w := changedSite(100_000, tt.changes, fake.Options{LastUpdateTime: true})
		server := httptest.NewServer(site)
		ids, _, err := changesOf(t.Context(), testAccount(t, server.URL, token), w)
		server.Close()
		requests := site.Stats().Endpoints["searches"]
		if len(ids) != tt.changes || err != nil || requests > tt.most {
			t.Errorf("%d changes: %d found with %d requests, want at most %d, %v", tt.changes, len(ids), requests, tt.most, err)
		}
		records := int64(tt.changes+batchSize-1) / batchSize
		t.Logf("%d changes: %d requests for the list, with the records %.3f of the least", tt.changes, requests, float64(requests+records)/float64(tt.least+records))
	}
}

// TestWitnessesOfChanges corrupts each page of the list of changes once.
func TestWitnessesOfChanges(t *testing.T) {
	site, w := changedSite(60, 30, fake.Options{PageLimit: 7, LastUpdateTime: true})
	providertest.Witness(t, providertest.List{
		Platform: site, Match: providertest.PathEndsWith("/conversations/search"), Rows: []string{"conversationHistoryRecords"},
		Open: func(t *testing.T, base string) providers.Reader { return testAccount(t, base, token) },
		Read: func(ctx context.Context, p providers.Reader) ([]string, []string, error) { return changesOf(ctx, p, w) },
	})
}

// A consumer's list of changes is everything that the platform keeps, with versions that tell what ended or was rated.
func TestChangesOfConsumer(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 300, People: 4})
	person := busiest(corpus)
	site := fake.New(corpus, fake.Options{PageLimit: 50, Consumers: map[string]int64{fake.Token: person}, Now: func() time.Time { return corpus.Config().To.AddDate(0, 1, 0) }})
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	w := schemas.Window{From: corpus.Config().To, To: corpus.Config().To.Add(quarter)}
	ids, _, err := changesOf(t.Context(), testAccount(t, server.URL, token, with(consumerOptions)), w)
	want := site.ConsumerConversations(schemas.Window{From: corpus.Config().From, To: corpus.Config().To}, person)
	slices.Sort(ids)
	slices.Sort(want)
	if err != nil || len(want) == 0 || !slices.Equal(ids, want) {
		t.Errorf("%d conversations, want %d, %v", len(ids), len(want), err)
	}
}

func TestCursorsOfChanges(t *testing.T) {
	a := stub(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	w := day(1)
	for _, at := range []providers.Cursor{"?", "1-2/w0.0.0", "-", "/", "2800000-2800001/0--1/w0.0.0", "x-y/1-2/z", "w0.0.0", "1-2/0-0"} {
		for _, err := range a.Changes(t.Context(), w, nil, at) {
			wantError(t, string(at), err, providers.Malformed, providers.ErrCursor)
		}
	}
}

// Versions grow with what a row shows. Open conversations without a time of the last update have none.
func TestVersion(t *testing.T) {
	last := ""
	for _, info := range []string{
		`"status":"CLOSE","startTimeL":1,"endTimeL":1700000000000,"duration":7`,
		`"status":"CLOSE","startTimeL":1,"endTimeL":1700000000000,"fullDialogEndTimeL":1700000000001,"duration":8`,
		`"status":"CLOSE","startTimeL":1,"endTimeL":1700000000000,"lastUpdateTime":"1700000000002"`,
		`"status":"OPEN","startTimeL":1,"lastUpdateTime":1700000000003`,
		`"status":"OPEN","startTimeL":1,"lastUpdateTime":10000000000000`,
	} {
		r, err := readRow([]byte(`{"info":{"conversationId":"c",` + info + `}}`))
		if err != nil || r.version <= last || len(r.version) > 64 {
			t.Errorf("%s: version %q after %q, %v", info, r.version, last, err)
		}
		last = r.version
	}
	for _, row := range []string{
		`{"info":{"conversationId":"c","startTimeL":1,"status":"OPEN","duration":9}}`,
		`{"info":{"conversationId":"c","startTimeL":1,"status":"CLOSE","fullDialogStatus":"OPEN","endTimeL":2}}`,
		`{"convId":"c","startTs":1,"stage":"OPEN","state":"CLOSE","endTs":2}`, `{"convId":"c","startTs":1}`,
	} {
		if r, err := readRow([]byte(row)); err != nil || r.version != "" {
			t.Errorf("%s: version %q, %v", row, r.version, err)
		}
	}
	ended, err1 := readRow([]byte(`{"convId":"c","startTs":1,"stage":"CLOSE","endTs":2}`))
	rated, err2 := readRow([]byte(`{"convId":"c","startTs":1,"stage":"CLOSE","endTs":2,"csat":{"csatRate":4}}`))
	if err1 != nil || err2 != nil || ended.version == "" || rated.version <= ended.version {
		t.Errorf("versions %q and %q", ended.version, rated.version)
	}
}

// What is listed of a span must not be less than what the platform counts. Otherwise the span is listed again, and in the end the list
// fails.
func TestFewerChangesThanCounted(t *testing.T) {
	asked := 0
	a := stub(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		providertest.Says(200, `{"_metadata":{"count":3},"conversationHistoryRecords":[]}`)(w, r)
	}, func(p *providers.Account) { p.Token = testToken })
	_, _, err := changesOf(t.Context(), a, schemas.Window{From: time.Now().Add(-time.Hour), To: time.Now().Add(-time.Minute)})
	wantError(t, "fewer", err, providers.Transient, errFewer)
	if asked != mostRepeats+1 {
		t.Errorf("%d requests, want %d", asked, mostRepeats+1)
	}
}
