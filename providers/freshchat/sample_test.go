package freshchat

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

// TestSample compares samples with the conversations of simulated accounts.
func TestSample(t *testing.T) {
	year := schemas.Window{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, test := range []struct {
		name, enumeration string
		whole             schemas.Window
		most              int // requests
		orders            int64
		exact             bool
	}{
		{name: "reports of a year", enumeration: "reports", whole: year, most: 12, orders: 4},
		{name: "reports of a quarter", enumeration: "reports", whole: schemas.Window{From: year.From, To: year.From.AddDate(0, 3, 0)}, most: 9, orders: 3, exact: true},
		{name: "reports of some days", enumeration: "reports", whole: schemas.Window{From: year.From.AddDate(0, 0, 20), To: year.From.AddDate(0, 0, 40)}, most: 6, orders: 2, exact: true},
		{name: "users", enumeration: "users", whole: year, most: 110},
	} {
		t.Run(test.name, func(t *testing.T) {
			corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 3000, From: year.From, To: year.To})
			site := fake.New(corpus, fake.Options{Token: providertest.Secret})
			server := httptest.NewServer(site)
			defer server.Close()
			a := testAccount(t, server.URL, func(p *providers.Account) {
				p.Token, p.Options = providertest.Secret, map[string]string{optionEnumeration: test.enumeration}
			})
			windows := test.whole.Cut("month")
			s, err := a.Sample(t.Context(), windows, 100)
			if err != nil {
				t.Fatal(err)
			}
			truth, sent := float64(len(site.Conversations(test.whole))), site.Stats()
			t.Logf("%+v by %s, truth %v, %d requests", s.Total, s.How, truth, sent.Requests)
			if sent.Requests > int64(test.most) || sent.Endpoints["reports/raw"] != test.orders {
				t.Errorf("%d requests, %d orders, want at most %d and %d", sent.Requests, sent.Endpoints["reports/raw"], test.most, test.orders)
			}
			if exact := s.Total == providers.Exactly(truth); exact != test.exact || s.Total.About < 0.7*truth || s.Total.About > 1.4*truth || s.Total.Least > truth || s.Total.Most < truth {
				t.Errorf("total %+v, the truth is %v; want an exact one: %v", s.Total, truth, test.exact)
			}
			if len(s.Refs) < 20 {
				t.Errorf("%d conversations to read", len(s.Refs))
			}
			for _, ref := range s.Refs {
				if !test.whole.Contains(ref.CreatedAt) || !ref.Unlisted {
					t.Errorf("sampled %+v", ref)
				}
			}
		})
	}
}

// The platform says when the next report may be ordered, and that one is not ready.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, calls := time.Now(), 0
		do := func() error {
			switch calls++; calls {
			case 1:
				return &providers.Error{Kind: providers.Throttled, After: time.Minute}
			case 2:
				return &providers.Error{Kind: providers.Pending, After: 30 * time.Second}
			}
			return nil
		}
		if err := patiently(t.Context(), do); err != nil || calls != 3 || time.Since(began) != 90*time.Second {
			t.Errorf("error %v after %d calls and %s", err, calls, time.Since(began))
		}
		long := func() error { return &providers.Error{Kind: providers.Throttled, After: 5 * time.Hour} }
		if err := patiently(t.Context(), long); err == nil {
			t.Error("it waited for five hours")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		calls = 0
		if err := patiently(ctx, do); err == nil || calls != 1 {
			t.Errorf("error %v after %d calls, want one of the context", err, calls)
		}
	})
}
