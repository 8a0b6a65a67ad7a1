package workflows_test

import (
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// TestShardLeavesAConversationBehindThatFailsAlone: a conversation that the provider cannot return becomes a dead letter, whatever
// chunk it is in. The shard does not wait for it forever.
func TestShardLeavesAConversationBehindThatFailsAlone(t *testing.T) {
	for step, victims := range map[string][]int{"FetchMessages": {33, 59}, "FetchMetadata": {0, 17}} {
		for _, victim := range victims {
			w := &world{conversations: 60, pageSize: 60}
			w.fail = func(s string, low, high int) error {
				if s != step || low > victim || high <= victim {
					return nil
				}
				return kindError(providers.Transient)
			}
			env := environment(t, w)
			began := env.Now()
			runShard(t, env, may())
			if took := env.Now().Sub(began); took > 3*time.Hour {
				t.Errorf("%s of conversation %d held the shard up for %s", step, victim, took)
			}
			r := w.receipts()
			covered(t, r, r.Messages, "FetchMessages")
			covered(t, r, r.Metadata, "FetchMetadata")
			if len(r.Dead) != 1 || r.Dead[0].Index != victim || r.Dead[0].Step != step || r.Dead[0].Kind != "Transient" {
				t.Errorf("dead letters %+v, want %s of conversation %d alone", r.Dead, step, victim)
			}
			if w.calls[step] > 80 {
				t.Errorf("%d calls of %s", w.calls[step], step)
			}
		}
	}
}

// TestShardGivesNothingUpWhileAllFails: while the provider is down, no conversation is given up, however often it fails.
func TestShardGivesNothingUpWhileAllFails(t *testing.T) {
	for _, conversations := range []int{60, 7, 1} {
		w := &world{conversations: conversations, pageSize: 60}
		env := environment(t, w)
		up := env.Now().Add(20 * time.Hour)
		w.fail = func(step string, _, _ int) error {
			if (step == "FetchMessages" || step == "FetchMetadata") && env.Now().Before(up) {
				return kindError(providers.Transient)
			}
			return nil
		}
		in := may()
		in.ChunksInFlight = 1
		runShard(t, env, in)
		r := w.receipts()
		covered(t, r, r.Messages, "FetchMessages")
		covered(t, r, r.Metadata, "FetchMetadata")
		if len(r.Dead) != 0 {
			t.Errorf("dead letters %+v, want none", r.Dead)
		}
	}
}

// TestShardListsAgainWhatItCouldNotRead: one HTML page among the answers, as a restarting proxy sends it, blocks nothing.
func TestShardListsAgainWhatItCouldNotRead(t *testing.T) {
	w := &world{conversations: 100, pageSize: 50}
	lists := 0
	w.fail = func(step string, _, _ int) error {
		if step != "ListPage" {
			return nil
		}
		if lists++; lists < 3 {
			return kindError(providers.Malformed)
		}
		return nil
	}
	env := environment(t, w)
	env.RegisterDelayedCallback(func() {
		if p := shardProgress(t, env); p.State != workflows.StateWaiting {
			t.Errorf("after half a minute the shard is %+v, want waiting", p)
		}
	}, 30*time.Second)
	runShard(t, env, may())
	r := w.receipts()
	covered(t, r, r.Messages, "FetchMessages")
}
