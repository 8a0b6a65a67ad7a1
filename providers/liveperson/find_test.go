package liveperson

import (
	"net/http/httptest"
	"testing"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

// TestPushedIsNotFetchedAgain announces half of the conversations that changed. Without lastUpdateTime the platform does not say how new an
// open conversation is, so the next sync fetches it again.
func TestPushedIsNotFetchedAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		options fake.Options
		again   bool
	}{
		"with update times":          {fake.Options{LastUpdateTime: true}, false},
		"and answers that leave out": {fake.Options{LastUpdateTime: true, ByIDLimit: 3}, false},
		"without update times":       {fake.Options{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			site, w := changedSite(200, 40, tt.options)
			server := httptest.NewServer(site)
			t.Cleanup(server.Close)
			c := providertest.PushedCase{Reader: testAccount(t, server.URL, token), Had: providertest.NewCopy(pure()), Window: w}
			for i := range 40 {
				id, _ := site.ID(simulator.Number(i * 5))
				if i%2 == 0 {
					c.Named = append(c.Named, id)
				} else {
					c.Others = append(c.Others, id)
				}
			}
			if again := providertest.Pushed(t, c); len(again) > 0 != tt.again {
				t.Errorf("%d of %d announced conversations are fetched again", len(again), len(c.Named))
			}
		})
	}
}
