package worker_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/receive"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// TestPushWhole sends the events of a simulated account to a receiver, right, wrong, doubled and out of order, and measures how long it
// takes until what they are about is in the lake.
func TestPushWhole(t *testing.T) {
	settings := activities.SyncSettings{Every: 15 * time.Minute, Lag: 2 * time.Second}
	w := newWhole(t, 1000, activities.Account{Shards: 2, ChunksInFlight: 4, Parallel: 8, Window: "month", Sync: &settings})
	r := w.receive(t)
	if _, err := worker.OpenReceiver(r.config, nil, nil); err == nil {
		t.Error("a second receiver uses the spool")
	}
	post := r.post
	before := w.site.Stats().Requests
	happened := map[string]time.Time{}
	for number := int64(1); len(happened) < 8; number++ {
		if _, ok := w.site.AddMessage(number, simulator.Message{Kind: simulator.In, Text: new("are you there?")}); !ok {
			continue
		}
		id, _ := w.site.ID(number)
		happened[id] = time.Now()
		header, body, _ := w.site.Event("message_created", number, secret, time.Now())
		for range 2 { // it is delivered twice
			if code := post(header, body); code != http.StatusOK {
				t.Errorf("an event is answered with %d", code)
			}
		}
		early, update, _ := w.site.Event("conversation_updated", number, secret, time.Now().Add(-time.Minute)) // out of order
		if code := post(early, update); code != http.StatusOK {
			t.Errorf("an early event is answered with %d", code)
		}
		wrong, body, _ := w.site.Event("conversation_updated", number+100, "the secret of somebody else", time.Now())
		if code := post(wrong, body); code != http.StatusUnauthorized {
			t.Errorf("a wrong event is answered with %d", code)
		}
		time.Sleep(1500 * time.Millisecond)
	}
	var took []time.Duration
	for deadline := time.Now().Add(2 * time.Minute); len(took) < len(happened) && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		seen := map[ledger.Generation]bool{}
		for _, record := range records(t, w.lake) {
			g := ledger.Generation{Shard: record.Shard, Number: record.Generation}
			if record.Shard.Stream != schemas.StreamPushed || seen[g] {
				continue
			}
			seen[g] = true
			for row, err := range w.lake.Rows(t.Context(), record, schemas.Conversations.Table, "conversation_id") {
				if err != nil {
					t.Fatal(err)
				}
				id := row.Cells[0].Text
				if at, ok := happened[id]; ok && !at.IsZero() {
					took = append(took, record.CommittedAt.Sub(at))
					happened[id] = time.Time{}
				}
			}
		}
	}
	slices.Sort(took)
	if len(took) < len(happened) {
		t.Fatalf("%d of %d announced conversations are in the lake", len(took), len(happened))
	}
	stats := r.Stats()["acme"]
	t.Logf("from event to row: median %s, worst %s; %.1f requests for each conversation", took[len(took)/2], took[len(took)-1], float64(w.site.Stats().Requests-before)/float64(len(took)))
	if took[len(took)-1] > time.Minute {
		t.Errorf("a row is in the lake after %s", took[len(took)-1])
	}
	if stats.Accepted != 16 || stats.Repeated != 8 || stats.Refused["bad_signature"] != 8 {
		t.Errorf("received %+v, want 16 accepted, 8 repeated, 8 refused", stats)
	}
	for _, record := range records(t, w.lake) {
		if record.Shard.Stream != schemas.StreamPushed || record.Cause != ledger.CausePush {
			t.Errorf("%s was made by a %s", record.Shard, record.Cause)
		}
	}
	// A sync finds everything in the lake. What is in its window has been pushed in the version that its list shows.
	w.counted = map[string]bool{}
	out, _, _ := w.keepUp(t, workflows.SyncID("acme"), workflows.Sync, time.Now().Add(2*time.Second))
	if out.Totals.Conversations > 0 || out.Totals.Listed == 0 {
		t.Errorf("the sync after the pushes has %+v, want only conversations that the lake has", out.Totals)
	}
}

// receiving is a receiver of the announcements of an account.
type receiving struct {
	*worker.Receiver
	config worker.Config
	post   func(http.Header, []byte) int
}

// secret is that of the webhook.
const secret = "the secret of the webhook"

// receive runs a receiver until the test ends.
func (w *whole) receive(t *testing.T) receiving {
	t.Helper()
	c := worker.Config{
		StateDir: t.TempDir(), EmbeddedQueue: queue, Receive: &worker.ReceiveConfig{Listen: "127.0.0.1:0"},
		Accounts: map[string]worker.AccountConfig{"acme": {
			Provider: "chatwoot", AccountID: "1", Push: &worker.PushConfig{Trust: receive.TrustSigned, Keys: []worker.Secret{worker.Literal(secret)}},
		}},
	}
	r, err := worker.OpenReceiver(c, &worker.Temporal{Client: w.client}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	post := func(header http.Header, body []byte) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, "http://"+r.Address()+receive.Path("acme"), bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	return receiving{r, c, post}
}

// TestPushLossWhole loses some events of a simulated account, and counts them.
func TestPushLossWhole(t *testing.T) {
	settings := activities.SyncSettings{Every: 15 * time.Minute, Lag: 2 * time.Second}
	w := newWhole(t, 1000, activities.Account{
		Shards: 2, ChunksInFlight: 4, Parallel: 8, Window: "month", Sync: &settings, Push: &activities.PushSettings{Patience: time.Minute},
	})
	r := w.receive(t)
	w.counted = map[string]bool{}
	sync := func() workflows.SyncOutput {
		out, _, _ := w.keepUp(t, workflows.SyncID("acme"), workflows.Sync, time.Now().Add(2*time.Second))
		return out
	}
	sync() // from its end on, announcements are expected
	time.Sleep(1100 * time.Millisecond)
	changed := map[string]bool{} // whether the change was announced
	announced := 0
	for number := int64(1); len(changed) < 12; number++ {
		if _, ok := w.site.AddMessage(number, simulator.Message{Kind: simulator.In, Text: new("are you there?")}); !ok {
			continue
		}
		id, _ := w.site.ID(number)
		header, body, _ := w.site.Event("message_created", number, secret, time.Now())
		switch len(changed) % 3 {
		case 0: // it is lost
			changed[id] = false
			continue
		case 1:
			changed[id] = true
			announced++
		case 2: // somebody has changed it on its way, or the secret is wrong
			changed[id] = false
			body = append(body, ' ')
		}
		if code := r.post(header, body); (code == http.StatusOK) != changed[id] {
			t.Errorf("an event is answered with %d", code)
		}
	}
	named := func() (n int) {
		for _, record := range records(t, w.lake) {
			n += len(record.Named)
		}
		return n
	}
	for deadline := time.Now().Add(2 * time.Minute); named() < announced && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
	}
	if out := sync(); out.Totals.Conversations != int64(len(changed)-announced) {
		t.Errorf("the sync found %d changes, want %d", out.Totals.Conversations, len(changed)-announced)
	}
	time.Sleep(1100 * time.Millisecond)
	sync()
	var sum ledger.PushDay
	for _, record := range records(t, w.lake) {
		if record.Push == nil {
			continue
		}
		for _, d := range record.Push.Days {
			sum = ledger.PushDay{Pushed: sum.Pushed + d.Pushed, Late: sum.Late + d.Late, Missed: sum.Missed + d.Missed}
		}
	}
	if want := (ledger.PushDay{Pushed: int64(announced), Missed: int64(len(changed) - announced)}); sum != want {
		t.Errorf("counted %+v, want %+v", sum, want)
	}
	if stats := r.Stats()["acme"]; stats.Refused["bad_signature"] != 4 {
		t.Errorf("received %+v, want 4 refused", stats)
	}
}
