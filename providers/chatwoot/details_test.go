package chatwoot

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

const (
	pathPage     = "conversations/{id}"
	pathMessages = "conversations/{id}/messages"
)

// detailed is what reading an account gave.
type detailed struct {
	rows     map[string]schemas.Thread
	requests map[string]int64
	omitted  providers.Omission // the sum
}

func readDetailed(t *testing.T, corpus *simulator.Corpus, o fake.Options, options map[string]string) detailed {
	t.Helper()
	o.Tokens = map[string]fake.Role{testToken: fake.Administrator}
	s := fake.New(corpus, o)
	server := httptest.NewServer(s)
	defer server.Close()
	a := testAccount(t, server.URL, func(p *providers.Account) { p.Options = options })
	pages, docs := providertest.Collect(t, a, schemas.Window{From: corpus.Config().From, To: corpus.Config().To})
	d := detailed{rows: map[string]schemas.Thread{}, requests: s.Stats().Endpoints}
	for _, page := range pages {
		for _, o := range page.Omitted {
			d.omitted.Asked, d.omitted.Omitted, d.omitted.More = d.omitted.Asked+o.Asked, d.omitted.Omitted+o.Omitted, d.omitted.More || o.More
		}
	}
	for _, ref := range providertest.Refs(pages) {
		want, ok := s.Thread(ref.ID)
		if !o.OwnCounted && options[optionParticipants] == "true" {
			providertest.SameThread(t, mapper(), docs[ref.ID], want, ok)
		}
		got, err := mapper().Thread(docs[ref.ID])
		if err != nil {
			t.Fatal(err)
		}
		d.rows[ref.ID] = got
	}
	return d
}

// TestDetailsAuto: with details: auto the rows are the same as with all details, and only pages that say more than the list are requested,
// whatever else is fetched. Where pages have all messages, the messages are not requested.
func TestDetailsAuto(t *testing.T) {
	const conversations, windows = 400, 430 // some have several windows of messages, and some are read for a comparison
	for _, test := range []struct {
		name                  string
		site                  fake.Options
		more                  bool
		fewest, most          int64 // requests of pages
		fewestRows, mostOfRow int64 // requests of messages
	}{
		{"repeats", fake.Options{}, false, 15, 40, conversations, windows},
		{"repeats, old server", fake.Options{Version: fake.V3_16}, false, 15, 40, conversations, windows},
		{"repeats, documented", fake.Options{Version: fake.Docs}, false, 3, 50, conversations, windows},
		{"says more", fake.Options{Own: fake.OwnMore}, true, conversations, conversations + 50, conversations, windows},
		{"says more, old server", fake.Options{Own: fake.OwnMore, Version: fake.V3_16}, true, conversations, conversations + 100, conversations, windows},
		{"has messages", fake.Options{Own: fake.OwnMessages}, false, conversations - 50, conversations + 50, 3, 60},
		{"has and counts messages", fake.Options{Own: fake.OwnMessages, OwnCounted: true}, true, conversations, conversations + 50, 3, 60},
		{"has some messages", fake.Options{Own: fake.OwnMessages, OwnMost: 12}, false, 15, windows, 50, windows},
	} {
		for _, participants := range []string{"true", "false"} {
			t.Run(test.name+", participants "+participants, func(t *testing.T) {
				t.Parallel()
				corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: conversations})
				auto := readDetailed(t, corpus, test.site, map[string]string{optionParticipants: participants})
				always := readDetailed(t, corpus, test.site, map[string]string{optionParticipants: participants, optionDetails: "true"})
				if diff := cmp.Diff(always.rows, auto.rows, providertest.Rows); diff != "" {
					t.Errorf("rows (-all details +auto):\n%.3000s", diff)
				}
				if auto.omitted.More != test.more {
					t.Errorf("pages say more: %v, want %v", auto.omitted.More, test.more)
				}
				pages, messages := auto.requests[pathPage], auto.requests[pathMessages]
				if pages < test.fewest || pages > test.most || messages < test.fewestRows || messages > test.mostOfRow {
					t.Errorf("%d requests of pages and %d of messages, want %d to %d and %d to %d", pages, messages, test.fewest, test.most, test.fewestRows, test.mostOfRow)
				}
				t.Logf("%d requests of pages, %d of messages; %d asked, %d left out", pages, messages, auto.omitted.Asked, auto.omitted.Omitted)
			})
		}
	}
}

// TestDetailsOfFew: if only some pages say more, the list finds out later. What was left out before is then counted, and the next list
// leaves nothing out.
func TestDetailsOfFew(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: 2000})
	s := fake.New(corpus, fake.Options{
		Own: fake.OwnMore, OwnOnly: func(n int64) bool { return n < 1000 && n%3 == 0 }, Tokens: map[string]fake.Role{testToken: fake.Administrator},
	})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	a := testAccount(t, server.URL)
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	for i, want := range []struct{ before bool }{{true}, {false}} {
		more, before := false, 0
		for page, err := range a.Conversations(t.Context(), whole, "") {
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Omitted {
				more, before = more || o.More, before+o.Omitted
				for _, ref := range page.Refs {
					if ref.Anew != o.More || o.More && readHint(ref.Hint).page == pageSpared {
						t.Fatalf("list %d: after a page said more, conversation %s is left out", i, ref.ID)
					}
				}
			}
		}
		if !more || before > 0 != want.before {
			t.Errorf("list %d: pages say more: %v; %d conversations were left out", i, more, before)
		}
	}
}

// TestCompare compares rows of the list with pages.
func TestCompare(t *testing.T) {
	const row = `{"id":1,"created_at":100,"last_activity_at":200,"updated_at":200.5,"unread_count":1,"labels":["a"],"meta":{"sender":{"id":7,"availability_status":"online"}},"messages":[{"id":3}]}`
	change := func(old, new string) string {
		t.Helper()
		if !strings.Contains(row, old) {
			t.Fatalf("%s is not in the row", old)
		}
		return strings.Replace(row, old, new, 1)
	}
	for name, test := range map[string]struct {
		page string
		want verdict
	}{
		"the same":                  {row, saysNoMore},
		"seen by somebody":          {change(`"unread_count":1`, `"unread_count":0`), saysNoMore},
		"somebody has left":         {change(`"online"`, `"offline"`), saysNoMore},
		"other messages":            {change(`[{"id":3}]`, `[{"id":2},{"id":3}]`), saysNoMore},
		"less":                      {change(`"labels":["a"],`, ``), saysNoMore},
		"a null":                    {change(`"labels"`, `"sla":null,"labels"`), saysNoMore},
		"a field":                   {change(`"labels"`, `"sla":{},"labels"`), saysMore},
		"a field of a person":       {change(`"id":7`, `"id":7,"email":"x"`), saysMore},
		"another value":             {change(`"a"`, `"b"`), saysMore},
		"another label":             {change(`"a"`, `"a","b"`), saysMore},
		"a value of another type":   {change(`["a"]`, `{"a":1}`), saysMore},
		"a restless field, new":     {change(`"labels"`, `"waiting_since":5,"labels"`), saysMore},
		"a field, and it is newer":  {strings.Replace(change(`"labels"`, `"sla":1,"labels"`), "200.5", "201.5", 1), undecided},
		"not JSON":                  {`{`, undecided},
		"a text in place of a list": {change(`["a"]`, `"a"`), saysMore},
	} {
		if got := compare(value(row), value(test.page)); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// TestFoundPagesAreNotReadTwice: a conversation that was looked up by its id has its page already.
func TestFoundPagesAreNotReadTwice(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 5, Conversations: 20}, fake.Options{})
	var refs []providers.Ref
	for page, err := range a.Find(t.Context(), s.Conversations(whole)) {
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, page.Refs...)
	}
	for range a.Messages(t.Context(), refs) {
	}
	for range a.Metadata(t.Context(), refs) {
	}
	if n := s.Stats().Endpoints[pathPage]; n != 20 {
		t.Errorf("%d requests of 20 pages", n)
	}
}

// TestCarriedMessagesAreProven: a page that may lack messages does not replace them.
func TestCarriedMessagesAreProven(t *testing.T) {
	page := func(count string, ids ...int) string {
		var rows []string
		for _, id := range ids {
			rows = append(rows, fmt.Sprintf(`{"id":%d}`, id))
		}
		return `{"id":1,"created_at":5,"messages":[` + strings.Join(rows, ",") + `]` + count + `}`
	}
	for name, test := range map[string]struct {
		page, last string
		want       bool
	}{
		"fewer than proven":          {page("", 1, 2), "2", true},
		"as many as proven":          {page("", 1, 2, 3), "3", false},
		"without the newest":         {page("", 1, 2), "3", false},
		"counted":                    {page(`,"messages_count":4`, 1, 2, 3, 4), "4", true},
		"fewer than it says":         {page(`,"messages_count":4`, 1, 2), "2", false},
		"without ids":                {`{"id":1,"created_at":5,"messages":[{"content":"x"}]}`, "2", false},
		"none, and the list has one": {page(""), "2", false},
		"none at all":                {page(""), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(test.page)) }))
			t.Cleanup(server.Close)
			a := testAccount(t, server.URL)
			for range provenPages {
				a.sampled.pages.note(true, 3)
			}
			if _, whole, err := a.fromPage(t.Context(), providers.Ref{ID: "1", Hint: hint{test.last, pageWhole}.text()}); err != nil || whole != test.want {
				t.Errorf("whole: %v, %v; want %v", whole, err, test.want)
			}
		})
	}
}

// TestHints: hints of other builds are read, and those of this build say what they were made from.
func TestHints(t *testing.T) {
	for _, h := range []hint{{}, {last: "12"}, {"12", pageSpared}, {"", pageRead}, {"12", pageWhole}, {"", pageBoth}} {
		if got := readHint(h.text()); got != h {
			t.Errorf("%q is read as %v, want %v", h.text(), got, h)
		}
	}
	var a account
	a.options.details = detailsAuto
	for text, want := range map[string]bool{"": true, "12": true, "12/l": false, "12/p": false, "/w": false, "12/b": false} {
		if got := a.wantsDetails(providers.Ref{ID: "1", Hint: text}); got != want {
			t.Errorf("hint %q: the page is requested: %v, want %v", text, got, want)
		}
		if !a.wantsDetails(providers.Ref{ID: "1", Hint: text, Unlisted: true}) {
			t.Errorf("hint %q: nothing describes a conversation that no list has shown", text)
		}
	}
}

// TestSampleIsSafe samples from several lists at the same time.
func TestSampleIsSafe(t *testing.T) {
	_, a, whole := site(t, simulator.CorpusConfig{Seed: 5, Conversations: 100}, fake.Options{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, err := range a.Conversations(t.Context(), whole, "") {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// TestOmitNothing: another process has seen a page that says more, and the window starts over.
func TestOmitNothing(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 60})
	server := httptest.NewServer(fake.New(corpus, fake.Options{Tokens: map[string]fake.Role{testToken: fake.Administrator}}))
	defer server.Close()
	a := testAccount(t, server.URL, func(*providers.Account) {})
	left := func() (omitted int) {
		pages, _ := providertest.Collect(t, a, schemas.Window{From: corpus.Config().From, To: corpus.Config().To})
		for _, page := range pages {
			for _, o := range page.Omitted {
				omitted += o.Omitted
			}
		}
		return omitted
	}
	before := left()
	a.OmitNothing()
	if after := left(); before == 0 || after != 0 {
		t.Errorf("%d pages are left out, and then %d; want some, and then none", before, after)
	}
}
