package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSmallWindowsHoldWhatTheirNamesSay(t *testing.T) {
	for _, s := range shapes {
		for _, times := range []int{1, timesFast} {
			w := s.world(times)
			windows := w.window().Cut(s.size)
			corpus := w.corpus()
			if len(windows) != s.windows || corpus.Len() != 600*times {
				t.Errorf("%s: %d windows and %d conversations", s.name(times), len(windows), corpus.Len())
			}
			held := make([]int, len(windows))
			for i := range corpus.Len() {
				for n, window := range windows {
					if window.Contains(corpus.CreatedAt(i)) {
						held[n]++
					}
				}
			}
			for n, found := range held {
				if found < s.each*times/5 || found > s.each*times*2 {
					t.Errorf("%s: window %d holds %d conversations", s.name(times), n, found)
				}
			}
		}
	}
}

func TestNecessaryRequestsFollowTheOptions(t *testing.T) {
	corpus := World{Conversations: 100, Months: 1}.corpus()
	of := func(a Account) int64 {
		t.Helper()
		n, err := necessaryRequests(corpus, a)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	least := of(lean)
	for name, tt := range map[string]struct {
		account Account
		more    int64
	}{
		"details": {Account{Details: "true", Participants: "false"}, 100}, "participants": {Account{Details: "false", Participants: "true"}, 100},
		"both": {Account{Details: "true", Participants: "true"}, 200}, "days": {lean.in("day"), 0},
	} {
		if more := of(tt.account) - least; more != tt.more {
			t.Errorf("%s: %d requests more, want %d", name, more, tt.more)
		}
	}
}

func TestAnOptionThatIsNotThereLeavesTheContendersOut(t *testing.T) {
	s := &stage{programs: &programs{}, Scenario: Scenario{Account: Account{Details: "sometimes"}}, folder: t.TempDir()}
	for _, contender := range peers {
		if _, err := s.run(t.Context(), contender); err == nil || !strings.Contains(err.Error(), "details") {
			t.Errorf("%s: error %v, want one that names the option", contender, err)
		}
	}
}

func TestPeersAreWholeWhenNothingKillsThem(t *testing.T) {
	for name, tt := range map[string]struct {
		site  Site
		parts []string
	}{"a good platform": {}, "errors": {site: Site{Errors: 0.02}}, "a budget": {site: Site{Budget: 400}}, "parts": {parts: []string{"", "/participants"}}} {
		t.Run(name, func(t *testing.T) {
			w := World{Conversations: 60, Months: 1, Giant: 250}
			in, closer := io.Pipe()
			said, out := io.Pipe()
			go func() { _ = simulate(simulated{w, tt.site, lean}, in, out) }()
			p := &platform{input: closer}
			if err := p.listen(t.Context(), said); err != nil {
				t.Fatal(err)
			}
			defer closer.Close()
			s := script{URL: p.URL, Budget: tt.site.Budget, Folder: t.TempDir(), Parallel: 4, Parts: tt.parts}
			whole := func(name string, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(name, err)
				}
				got, err := scriptKeys(s.Folder)
				if err != nil {
					t.Fatal(name, err)
				}
				d := compare(truthOf(w, lean).only([]string{"conversations", "messages", "contacts"}), got)
				if d.Lost+d.Doubled+d.Foreign != 0 || d.Rows < 310 {
					t.Errorf("%s: %+v, want no row wrong of more than 310", name, d)
				}
			}
			whole("script", scriptMain(t.Context(), encoded(s)))
			if s.Folder = t.TempDir(); len(s.Parts) == 0 {
				whole("benthos", benthosMain(t.Context(), benthosStream(s)))
			}
		})
	}
}

func TestBudgetIsJudgedWithoutTheFirstAndTheLastSecond(t *testing.T) {
	for name, tt := range map[string]struct {
		series []second
		want   float64
	}{
		"short":    {[]second{{50, 0}, {10, 0}}, 0},
		"whole":    {[]second{{90, 0}, {50, 0}, {50, 0}, {3, 0}}, 1},
		"half":     {[]second{{90, 0}, {50, 0}, {0, 0}, {3, 0}}, 0.5},
		"refusals": {[]second{{90, 0}, {60, 10}, {50, 25}, {3, 0}}, 0.75},
	} {
		if got := within(tt.series, 50); got != tt.want {
			t.Errorf("%s: %v of the budget, want %v", name, got, tt.want)
		}
	}
}

func TestRestartIsTimedFromItsStart(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := &recorder{now: func() time.Time { return at }}
	ask := func(after time.Duration, path string) {
		at = at.Add(after)
		r.end(r.begin(path), 200, nil)
	}
	ask(0, "/api/v1/accounts/1/conversations/7/messages")
	at = at.Add(time.Second)
	r.mark()
	ask(1500*time.Millisecond, "/api/v1/accounts/1/conversations")
	ask(time.Second, "/api/v1/accounts/1/conversations/8/messages")
	ask(3*time.Second, "/api/v1/accounts/1/conversations/9/messages")
	m := measure(Scenario{Kill: 0.5}, folderName, 1, outcome{again: 5 * time.Second}, r.report(), difference{})
	if diff := cmp.Diff([]float64{1.5, 2.5, 3, 5}, []float64{m.Begun, m.Resumed, m.Paused, m.Again}); diff != "" {
		t.Errorf("first request, first conversation, longest pause, end (-want +got):\n%s", diff)
	}
	if cell := resumed(m); cell != "1.5, 2.5 of 5.0 s" {
		t.Errorf("shown as %q", cell)
	}
}

func TestUnknownWindowIsRefused(t *testing.T) {
	err := run(context.Background(), []string{"-budget", "50", "-window", "year"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "year") {
		t.Errorf("error %v, want one that names the window", err)
	}
}
