package chatwoot

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
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// TestWitnesses spoils each page of each list once.
func TestWitnesses(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 30})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	early, late, _ := whole.Halve()
	windows := func(all ...schemas.Window) func(context.Context, providers.Reader) ([]string, []string, error) {
		return func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
			return providertest.ListAsExport(ctx, p, all...)
		}
	}
	all := []string{kindAgents, kindContacts, kindSurveys, kindFields, kindInboxes, kindLabels, kindTeams}
	for _, tt := range []struct {
		name        string
		match       func(*http.Request) bool
		rows        []string
		read        func(context.Context, providers.Reader) ([]string, []string, error)
		unwitnessed []string
	}{
		{"conversations, oldest window first", providertest.PathEndsWith("/conversations"), []string{"data", "payload"}, windows(early, late), []string{kindMessages, kindParticipants}},
		{"conversations, newest window first", providertest.PathEndsWith("/conversations"), []string{"data", "payload"}, windows(late, early, late), []string{kindMessages, kindParticipants}},
		{"contacts", providertest.PathEndsWith("/" + kindContacts), []string{"payload"}, providertest.ReadDirectory(mapper()), all},
		{"inboxes, teams and more", providertest.PathEndsWith("/"+kindInboxes, "/"+kindLabels, "/"+kindFields), []string{"payload"}, providertest.ReadDirectory(mapper()), all},
		{"agents and ratings", providertest.PathEndsWith("/"+kindAgents, "/"+kindTeams, "/"+kindSurveys), nil, providertest.ReadDirectory(mapper()), all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			providertest.Witness(t, providertest.List{
				Platform: fake.New(corpus, fake.Options{PageSize: 7}), Match: tt.match, Read: tt.read, Rows: tt.rows, Unwitnessed: tt.unwitnessed,
				Open: func(t *testing.T, base string) providers.Reader {
					return testAccount(t, base, func(p *providers.Account) { p.Token = fake.AdministratorToken })
				},
			})
		})
	}
}

// TestWitnessesOfChanges spoils each answer to the list of changes once.
func TestWitnessesOfChanges(t *testing.T) {
	for name, options := range map[string]fake.Options{
		"4.14":       {PageSize: 7},
		"before 3.7": {PageSize: 7, Version: fake.V3_16, NoUpdatedWithin: true},
	} {
		site, w := changedSite(options, 20)
		providertest.Witness(t, providertest.List{
			Platform: site, Match: providertest.PathEndsWith("/conversations"), Rows: []string{"data", "payload"}, Unwitnessed: []string{kindMessages, kindParticipants},
			Open: func(t *testing.T, base string) providers.Reader {
				return testAccount(t, base, func(p *providers.Account) { p.Token = fake.AdministratorToken })
			},
			Read: func(ctx context.Context, p providers.Reader) ([]string, []string, error) { return changesOf(ctx, p, w) },
		})
		t.Log(name)
	}
}

// changedSite returns an account in whose window every third conversation has a new message, and the window.
func changedSite(options fake.Options, changes int) (*fake.Site, schemas.Window) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 3 * changes})
	w := schemas.Window{From: corpus.Config().To, To: corpus.Config().To.Add(quarter)}
	clock := simulator.NewClock(w.From)
	options.Now = clock.Now
	site := fake.New(corpus, options)
	for i := range changes {
		site.Happen(simulator.Event{At: w.From.Add(time.Duration(i) * 20 * time.Second), Kind: simulator.Replies, Number: simulator.Number(3 * i), Seed: uint64(i)})
	}
	clock.Set(w.To.Add(time.Minute))
	return site, w
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

// TestStaleChanges answers some requests for changes with another answer.
func TestStaleChanges(t *testing.T) {
	for _, options := range []fake.Options{{PageSize: 7}, {PageSize: 7, Version: fake.V3_16, NoUpdatedWithin: true}} {
		site, w := changedSite(options, 40)
		struck := 0
		for seed := range uint64(40) {
			stale := &simulator.Stale{Seed: seed, Probability: 0.06, Match: providertest.PathEndsWith("/conversations")}
			server := httptest.NewServer(stale.Wrap(site))
			a := testAccount(t, server.URL, func(p *providers.Account) { p.Token = fake.AdministratorToken })
			// Before, other lists are read, with whose pages the cache may answer.
			_, _, _ = providertest.ListAsExport(t.Context(), a, w)
			ids, _, err := changesOf(t.Context(), a, w)
			server.Close()
			struck += stale.Struck()
			slices.Sort(ids)
			if ids = slices.Compact(ids); err != nil || len(ids) != 40 {
				t.Errorf("%+v, seed %d: %d conversations, %v", options, seed, len(ids), err)
			}
		}
		if struck == 0 {
			t.Error("no answer was stale")
		}
		t.Logf("%d stale answers", struck)
	}
}

// TestStalePages answers some requests for a page of the list with another page, also while conversations are counted.
func TestStalePages(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 120})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	site := fake.New(corpus, fake.Options{PageSize: 7})
	want := len(site.Conversations(whole))
	struck := 0
	for seed := range uint64(12) {
		stale := &simulator.Stale{Seed: seed, Probability: 0.06, Match: providertest.PathEndsWith("/conversations")}
		server := httptest.NewServer(stale.Wrap(site))
		a := testAccount(t, server.URL, func(p *providers.Account) { p.Token = fake.AdministratorToken })
		windows := whole.Cut("month")
		if seed%2 == 0 {
			slices.Reverse(windows)
		}
		ids, _, err := providertest.ListAsExport(t.Context(), a, windows...)
		server.Close()
		struck += stale.Struck()
		slices.Sort(ids)
		if ids = slices.Compact(ids); err == nil && len(ids) != want {
			t.Errorf("seed %d: %d conversations, want %d", seed, len(ids), want)
		} else if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if struck == 0 {
		t.Error("no answer was stale")
	}
}

// TestLastMessage checks that reading continues if the message that the list names as the last is missing.
func TestLastMessage(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 12})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	early, _, _ := whole.Halve() // no message there is older than one with a lower id
	providertest.Witness(t, providertest.List{
		Platform: fake.New(corpus, fake.Options{}), Match: providertest.PathEndsWith("/" + kindMessages), Rows: []string{"payload"}, Unwitnessed: []string{kindMessages, kindParticipants},
		Flaws: []string{providertest.NoRows, providertest.HalfOfTheRows},
		Open: func(t *testing.T, base string) providers.Reader {
			return testAccount(t, base, func(p *providers.Account) { p.Token = fake.AdministratorToken })
		},
		Read: func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
			return providertest.ReadMessages(ctx, p, mapper(), early)
		},
	})
}
