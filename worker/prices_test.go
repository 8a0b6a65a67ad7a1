package worker

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/platforms"
)

// TestPrices compares what the providers say that reading takes with the requests that reading simulated accounts takes, for the options
// that decide it.
func TestPrices(t *testing.T) {
	window := schemas.Window{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)}
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: 600, From: window.From, To: window.To})
	for _, test := range []struct {
		provider, options string
	}{
		{"chatwoot", ""}, {"chatwoot", "details=false"}, {"chatwoot", "participants=false"}, {"chatwoot", "details=false participants=false"},
		{"chatwoot", "reporting_events=true"},
		{"freshchat", ""}, {"freshchat", "lane=rest"}, {"freshchat", "lane=transcript"}, {"freshchat", "reports=none"},
		{"giosg", ""}, {"giosg", "visitors=false"},
		{"liveperson", ""},
	} {
		t.Run(strings.TrimSpace(test.provider+" "+test.options), func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(platforms.All, func(p simulator.Platform) bool { return p.Provider == test.provider })
			platform := platforms.All[i]
			server, err := simulator.Serve("127.0.0.1:0", platform.Site(corpus, simulator.Conduct{Token: platform.Account.Token}))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close(t.Context()) })
			account := AccountConfig{
				Provider: test.provider, BaseURL: server.URL, AccountID: platform.Account.ID, Token: Literal(platform.Account.Token),
				Secrets: map[string]Secret{}, Options: maps.Clone(platform.Account.Options),
			}
			if account.Options == nil {
				account.Options = map[string]string{}
			}
			for name, secret := range platform.Account.Secrets {
				account.Secrets[name] = Literal(secret)
			}
			for _, option := range strings.Fields(test.options) {
				key, value, _ := strings.Cut(option, "=")
				account.Options[key] = value
			}
			c := Config{StateDir: t.TempDir(), Accounts: map[string]AccountConfig{"acme": account}}.WithDefaults()
			d, reader, err := c.Open("acme")
			if err != nil {
				t.Fatal(err)
			}
			prices := d.Prices(account.Options)
			var refs []providers.Ref
			listed := requests(t, func(m *providers.Meter) iter.Seq2[providers.Page, error] {
				return reader.Conversations(providers.WithMeter(t.Context(), m), window, "")
			}, func(p providers.Page) { refs = append(refs, p.Refs...) })
			reported := 0.0
			if reporter, ok := reader.(providers.Reporter); ok {
				reported = requests(t, func(m *providers.Meter) iter.Seq2[providers.Page, error] {
					return reporter.Reports(providers.WithMeter(t.Context(), m), window, "")
				}, func(providers.Page) {})
			}
			counted := 0.0
			if counter, ok := reader.(providers.Counter); ok {
				m := providers.NewMeter(providers.Lease{})
				for range 2 {
					if _, err := counter.Count(providers.WithMeter(t.Context(), m), window); err != nil {
						t.Fatal(err)
					}
				}
				counted = float64(m.Requests())
			}
			n := float64(len(refs))
			if n != 600 {
				t.Fatalf("%v conversations listed", n)
			}
			read := func(of func(*providers.Meter) iter.Seq2[schemas.Document, error]) float64 {
				return requests(t, of, func(schemas.Document) {})
			}
			messages := read(func(m *providers.Meter) iter.Seq2[schemas.Document, error] {
				return reader.Messages(providers.WithMeter(t.Context(), m), refs)
			})
			metadata := read(func(m *providers.Meter) iter.Seq2[schemas.Document, error] {
				return reader.Metadata(providers.WithMeter(t.Context(), m), refs)
			})
			near := func(what string, said, were, tolerance float64) {
				t.Helper()
				t.Logf("%s: stated %.1f, were %.1f", what, said, were)
				if math.Abs(said-were) > tolerance {
					t.Errorf("%s: stated %.1f, but there were %.1f", what, said, were)
				}
			}
			near("metadata", n*prices.MetadataRequests, metadata, 0.01*n*prices.MetadataRequests)
			if changer, ok := reader.(providers.Changer); ok {
				quiet := schemas.Window{From: window.To.AddDate(0, 3, 0), To: window.To.AddDate(0, 3, 0).Add(15 * time.Minute)}
				near("a list of no changes", prices.Sync, requests(t, func(m *providers.Meter) iter.Seq2[providers.Page, error] {
					return changer.Changes(providers.WithMeter(t.Context(), m), quiet, emptyLake{}, "")
				}, func(providers.Page) {}), 1)
			}
			all := listed + reported + counted + messages + metadata
			near("all requests", prices.Window(window)+n*(prices.Listing()+prices.Fetching()), all, max(15, 0.1*all))
		})
	}
}

// emptyLake has no conversations.
type emptyLake struct{}

func (emptyLake) Open(context.Context) iter.Seq2[providers.Ref, error] {
	return func(func(providers.Ref, error) bool) {}
}

func (l emptyLake) Seen(ctx context.Context, _ time.Time) iter.Seq2[providers.Ref, error] {
	return l.Open(ctx)
}

func (emptyLake) Find(context.Context, string) (providers.Ref, bool, error) {
	return providers.Ref{}, false, nil
}

func requests[T any](t *testing.T, walk func(*providers.Meter) iter.Seq2[T, error], each func(T)) float64 {
	t.Helper()
	m := providers.NewMeter(providers.Lease{})
	for v, err := range walk(m) {
		if err != nil {
			t.Fatal(fmt.Errorf("walk: %w", err))
		}
		each(v)
	}
	return float64(m.Requests())
}
