package worker

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
)

// TestTally checks that requests are counted by account, and that the one who watched before still sees them.
func TestTally(t *testing.T) {
	c := &Temporal{tally: &tally{}}
	seen := 0
	other := func(ctx context.Context, _ providers.Attempt) (context.Context, func(providers.Outcome)) {
		return ctx, func(providers.Outcome) { seen++ }
	}
	send := func(account string, watch providers.Watch, o providers.Outcome) {
		_, ended := c.tally.watch(account, watch)(t.Context(), providers.Attempt{})
		ended(o)
	}
	send("acme", other, providers.Outcome{Status: 200})
	send("acme", other, providers.Outcome{Status: 429, Tolerated: 4})
	send("acme", other, providers.Outcome{Status: 200})
	send("beta", nil, providers.Outcome{Status: 401, Stopped: true})
	got, ok := c.Spent()
	want := map[string]Spent{"acme": {Sent: 3, Throttled: 1, Tolerated: 4}, "beta": {Sent: 1, Stopped: true}}
	if diff := cmp.Diff(want, got); diff != "" || !ok || seen != 3 {
		t.Errorf("known: %v, the other saw %d, counts (-want +got):\n%s", ok, seen, diff)
	}
	if _, ok := (&Temporal{}).Spent(); ok {
		t.Error("a connection without workers knows what was sent")
	}
	if (*tally)(nil).watch("acme", nil) != nil {
		t.Error("nobody counts, and requests are told to somebody")
	}
}
