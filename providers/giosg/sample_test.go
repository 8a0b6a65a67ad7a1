package giosg

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// TestSample compares samples with the chats of simulated organizations.
func TestSample(t *testing.T) {
	for _, test := range []struct {
		name           string
		chats          int
		options        fake.Options
		requests, most int // requests that are allowed, and that are sent
		issuedOnly     bool
		exact          bool
		since          bool // the oldest chats are not known
	}{
		{name: "few", chats: 10, requests: 40, most: 10, exact: true},
		{name: "counted", chats: 4300, requests: 40, most: 16, exact: true},
		{name: "empty pages", chats: 2600, options: fake.Options{EmptyPages: true}, requests: 60, most: 30, exact: true},
		{name: "estimated", chats: 60_000, requests: 30, most: 30},
		{name: "no cursors but the server's own", chats: 400, requests: 40, most: 40, issuedOnly: true, exact: true},
		{name: "no cursors but the server's own, and many chats", chats: 4000, requests: 25, most: 25, issuedOnly: true, since: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: test.chats})
			test.options.Tokens = map[string]fake.Role{providertest.Secret: fake.Manager}
			site := fake.New(corpus, test.options)
			var handler http.Handler = site
			if test.issuedOnly {
				handler = refuseOthers(site)
			}
			server := httptest.NewServer(handler)
			defer server.Close()
			a := testAccount(t, server.URL, func(p *providers.Account) { p.Token = providertest.Secret })
			// The range begins and ends among the chats.
			length := corpus.Config().To.Sub(corpus.Config().From)
			whole := schemas.Window{From: corpus.Config().From.Add(length / 10), To: corpus.Config().To.Add(-length / 10)}
			windows := whole.Cut("month")
			s, err := a.Sample(t.Context(), windows, test.requests)
			if err != nil {
				t.Fatal(err)
			}
			truth, sent := float64(len(site.Conversations(whole))), int(site.Stats().Requests)
			t.Logf("%+v, truth %v, %d requests, %d refs", s.Total, truth, sent, len(s.Refs))
			if sent > test.most {
				t.Errorf("%d requests, want at most %d", sent, test.most)
			}
			if exact := s.Total == providers.Exactly(truth); exact != test.exact {
				t.Errorf("total %+v, the truth is %v; want an exact one: %v", s.Total, truth, test.exact)
			}
			if test.since {
				known := float64(len(site.Conversations(schemas.Window{From: s.Since, To: whole.To})))
				if s.Since.IsZero() || s.Total != providers.Exactly(known) {
					t.Errorf("total %+v since %s, want the %v chats since then", s.Total, s.Since, known)
				}
				return
			}
			if !s.Since.IsZero() || s.Total.Least > truth || s.Total.Most < truth || s.Total.About < 0.8*truth || s.Total.About > 1.2*truth {
				t.Errorf("total %+v since %s, the truth is %v", s.Total, s.Since, truth)
			}
			sum := 0.0
			for i, w := range windows {
				of := float64(len(site.Conversations(w)))
				if test.chats > 100 && (s.Windows[i] < 0.7*of-10 || s.Windows[i] > 1.3*of+10) {
					t.Errorf("%s has %v chats, the sample says %.1f", w, of, s.Windows[i])
				}
				sum += s.Windows[i]
			}
			if sum < 0.99*s.Total.About || sum > 1.01*s.Total.About {
				t.Errorf("the windows have %.1f chats together, and the total is %.1f", sum, s.Total.About)
			}
			for _, ref := range s.Refs {
				if !whole.Contains(ref.CreatedAt) || !ref.Unlisted {
					t.Errorf("sampled %+v", ref)
				}
			}
		})
	}
}

// refuseOthers lets only cursors through that the site has put into links.
func refuseOthers(site http.Handler) http.Handler {
	var mu sync.Mutex
	issued := map[string]bool{"": true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !issued[r.FormValue("cursor")] {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"detail":"Invalid cursor"}`))
			return
		}
		answer := httptest.NewRecorder()
		site.ServeHTTP(answer, r)
		for _, part := range strings.Split(strings.ReplaceAll(answer.Body.String(), `\u0026`, "&"), `"`) {
			if u, err := url.Parse(part); err == nil && u.Query().Has("cursor") {
				issued[u.Query().Get("cursor")] = true
			}
		}
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

func TestJumpers(t *testing.T) {
	at := time.Date(2025, 3, 4, 5, 6, 7, 8_000_000, time.UTC)
	for _, test := range []struct{ link, want string }{
		{"/chats?cursor=cD0yMDE5LTA1LTEzKzExJTNBMTklM0E1NS40MjUwMDAlMkIwMCUzQTAw", "p=2025-03-04+05%3A06%3A07.008000%2B00%3A00&o=1000"}, // p=2019-05-13 11:19:55.425000+00:00
		{"/chats?cursor=cD0xNTU3NzQ2Mzk1NDI1Jm89Mw%3D%3D", "p=1741064767008&o=1000"},                                                    // p=1557746395425&o=3
		{"/chats?cursor=bm90IGEgY3Vyc29y", ""}, {"/chats?page=2", ""}, {"", ""},
	} {
		j, ok := newJumper(test.link)
		if ok != (test.want != "") {
			t.Errorf("%s: %v", test.link, ok)
		}
		if !ok {
			continue
		}
		u, err := url.Parse(j.to(at, 1000))
		if err != nil {
			t.Fatal(err)
		}
		want, _ := url.ParseQuery(test.want)
		back, ok := newJumper(u.String())
		if !ok || back.cursor.Get("p") != want.Get("p") || back.cursor.Get("o") != want.Get("o") {
			t.Errorf("%s: %v, want %v", test.link, back.cursor, want)
		}
	}
}
