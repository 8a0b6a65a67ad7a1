package worker_test

import (
	"bytes"
	"context"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/worker"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/chatwoot"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/worker/embedded"
	"github.com/chatlake/chatlake/workflows"
)

// whole has everything that an export needs, in this process.
type whole struct {
	site    *fake.Site
	reader  providers.Reader
	mapper  providers.Mapper
	lake    *lake.Lake
	client  client.Client
	state   string          // Temporal's folder
	root    string          // the lake's
	counted map[string]bool // runs whose events were counted
}

const queue = "chatlake"

// Two months, so that a shard has a thousand conversations.
var (
	from = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	to   = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
)

func newWhole(t testing.TB, conversations int, account activities.Account) *whole {
	t.Helper()
	return newShownWhole(t, conversations, account, nil)
}

// newShownWhole is newWhole with a Telemetry, which may be nil.
func newShownWhole(t testing.TB, conversations int, account activities.Account, shown *telemetry.Telemetry) *whole {
	t.Helper()
	corpus := simulator.NewCorpus(simulator.CorpusConfig{
		Seed: 1, Conversations: conversations,
		From: from, To: to,
	})
	w := &whole{site: fake.New(corpus, fake.Options{}), state: t.TempDir(), root: t.TempDir()}
	server := httptest.NewServer(w.site)
	t.Cleanup(server.Close)
	reader, err := chatwoot.Definition.Open(providers.Account{
		Name: "acme", BaseURL: server.URL, AccountID: "1", Token: fake.AdministratorToken, Watch: shown.Watch("acme"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.lake, err = lake.Open(context.Background(), ledger.Config{URL: "file:" + w.root}, lake.Config{Scratch: t.TempDir(), Writer: "test"}); err != nil {
		t.Fatal(err)
	}
	temporal, err := embedded.Start(context.Background(), embedded.Config{Dir: w.state})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = temporal.Stop() })
	options := client.Options{HostPort: temporal.Address(), Namespace: embedded.Namespace, Logger: silent{}}
	if err := shown.ClientOptions(&options); err != nil {
		t.Fatal(err)
	}
	if w.client, err = client.Dial(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	w.reader = reader
	if w.mapper, err = chatwoot.Definition.Mapper(providers.Settings{}); err != nil {
		t.Fatal(err)
	}
	account.Reader, account.Mapper, account.Name, account.Spec = providertest.Reads(w.reader), providertest.Maps(w.mapper), "chatwoot", "spec"
	account.Costs = chatwoot.Definition.Prices(nil).Costs
	run := sdk.New(w.client, queue, sdk.Options{})
	worker.Register(run, &activities.Activities{
		Lake:    w.lake,
		Account: func(context.Context, string) (activities.Account, error) { return account, nil },
	})
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run.Stop)
	return w
}

func (w *whole) export(t testing.TB) workflows.ExportOutput {
	t.Helper()
	run, err := w.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: workflows.ExportID("acme", "year"), TaskQueue: queue}, workflows.Export, workflows.ExportInput{
		Account: "acme", Name: "year", Window: "month",
		From: from, To: to,
	})
	if err != nil {
		t.Fatal(err)
	}
	var out workflows.ExportOutput
	if err := run.Get(context.Background(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// eventsPer10k is the budget of history events for ten thousand conversations in chunks of 25.
const eventsPer10k = 3100

func TestWholeExport(t *testing.T) {
	const conversations = 4000
	w := newWhole(t, conversations, activities.Account{Shards: 2, ChunksInFlight: 4, ChunkSize: 25, Parallel: 4})
	out := w.export(t)
	if !out.Complete || out.Totals.Conversations != conversations {
		t.Errorf("output %+v, want all of %d conversations", out, conversations)
	}
	events, activities := w.count(t)
	t.Logf("%d history events, %d activities, for %d conversations", events, activities, conversations)
	if limit := eventsPer10k * conversations / 10_000; events > limit {
		t.Errorf("%d history events, want at most %d", events, limit)
	}
	if float64(events) > 6.2*float64(activities) {
		t.Errorf("%d history events for %d activities, want at most 6.2 each", events, activities)
	}
	w.searchForWords(t)
	if again := w.export(t); again.Totals.Adopted != out.Totals.Shards {
		t.Errorf("exported again: %+v, want everything adopted", again)
	}
	for object, err := range w.lake.Store().List(t.Context(), "_staging/") {
		t.Errorf("staging was left: %s %v", object.Key, err)
	}
}

// count sums the histories of all shards.
func (w *whole) count(t *testing.T) (events, activities int) {
	t.Helper()
	for _, record := range records(t, w.lake) {
		history := w.client.GetWorkflowHistory(t.Context(), record.WorkflowID, record.RunID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			if err != nil {
				t.Fatal(err)
			}
			events++
			if event.EventType == enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
				activities++
			}
		}
	}
	return events, activities
}

// searchForWords searches Temporal's database and the ledger for people's words and names.
func (w *whole) searchForWords(t *testing.T) {
	t.Helper()
	var files [][]byte
	for _, folder := range []string{w.state, filepath.Join(w.root, "_ledger"), filepath.Join(w.root, "_exports")} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			files = append(files, b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	words := []string{fake.AdministratorToken}
	for _, id := range w.site.Conversations(schemas.Window{From: from, To: to})[:200] {
		thread, _ := w.site.Thread(id)
		for _, m := range thread.Messages {
			if m.Text != nil && len(*m.Text) > 12 {
				words = append(words, *m.Text)
			}
		}
		for _, p := range thread.Participants {
			for _, text := range []*string{p.Name, p.Email, p.Phone} {
				if text != nil && len(*text) > 6 {
					words = append(words, *text)
				}
			}
		}
	}
	if len(files) < 3 || len(words) < 1000 {
		t.Fatalf("%d files and %d words to look for", len(files), len(words))
	}
	for _, word := range words {
		for _, file := range files {
			if bytes.Contains(file, []byte(word)) {
				t.Errorf("%d letters that somebody wrote, or is called, are in a history or in the ledger", len(word))
				return
			}
		}
	}
}

func records(t testing.TB, l *lake.Lake) []ledger.Record {
	t.Helper()
	all, err := l.Current(t.Context(), ledger.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// silent keeps the SDK's log out of the test's output.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
