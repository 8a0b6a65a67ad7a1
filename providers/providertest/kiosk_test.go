package providertest_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/providers/providertest/testdata/kiosk"
	"github.com/chatlake/chatlake/providers/providertest/testdata/kiosk/fake"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/workflows"
)

var kioskWindow = schemas.Window{From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}

func kioskSite() *fake.Site {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 5, Conversations: 60, From: kioskWindow.From, To: kioskWindow.To})
	return fake.New(corpus, providertest.Secret)
}

func openKiosk(t *testing.T, options map[string]string) func(t *testing.T, base string) providers.Reader {
	return func(_ *testing.T, base string) providers.Reader {
		t.Helper()
		return providertest.Open[providers.Reader](t, kiosk.Definition, providers.Account{BaseURL: base, Token: providertest.Secret, Options: options})
	}
}

func kioskCase(t *testing.T, options map[string]string) providertest.Case {
	mapper, err := kiosk.Definition.Mapper(providers.Settings{Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return providertest.Case{
		Window: kioskWindow, Conversations: kioskSite().Conversations(kioskWindow), Mapper: mapper, Open: openKiosk(t, options),
		Platform: func(*testing.T) providertest.Platform {
			site := kioskSite()
			return providertest.Platform{Handler: site, Delete: site.Delete}
		},
	}
}

// TestKiosk tests the whole contract with the smallest provider.
func TestKiosk(t *testing.T) { providertest.Run(t, kioskCase(t, nil)) }

func TestKioskOptions(t *testing.T) {
	def := kiosk.Definition
	account := providers.Account{BaseURL: "https://kiosk.example.com", Options: map[string]string{"notes": "T"}}
	if err := def.Check(account); err != nil {
		t.Error(err)
	}
	normal, defaults := def.Normal(account)
	if len(normal.Options) != 0 || !cmp.Equal(defaults, map[string]string{"notes": "true"}) {
		t.Errorf("normal options %v, defaults %v", normal.Options, defaults)
	}
	account.Options["colour"] = "red"
	if err := def.Check(account); err == nil {
		t.Error("an unknown option is accepted")
	}
}

// TestKioskExport exports the platform into a lake, with the same workflow and activities as every other platform.
func TestKioskExport(t *testing.T) {
	site := kioskSite()
	server := httptest.NewServer(site)
	defer server.Close()
	def, root := kiosk.Definition, t.TempDir()
	reader := openKiosk(t, nil)(t, server.URL)
	mapper, err := def.Mapper(providers.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := lake.Open(t.Context(), ledger.Config{URL: "file:" + root}, lake.Config{Scratch: t.TempDir(), Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	do := &activities.Activities{Lake: l, Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{
			Reader: providertest.Reads(reader), Mapper: providertest.Maps(mapper), Name: def.Name, Spec: "spec", Parallel: 4, Costs: def.Prices(nil).Costs,
		}, nil
	}}
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(quiet{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.RegisterWorkflow(workflows.Shard)
	env.RegisterActivity(do)
	env.ExecuteWorkflow(workflows.Shard, workflows.ShardInput{
		Shard: ledger.Shard{Provider: def.Name, Account: "acme", Stream: schemas.StreamCreated, Window: kioskWindow}, Spec: "spec",
		ChunksInFlight: 2, ChunkSize: 8, Costs: def.Prices(nil).Costs, Policy: workflows.NewPolicy(),
	})
	var out workflows.ShardOutput
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	records, err := l.Current(t.Context(), ledger.Filter{})
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	record := records[0]
	if findings, err := l.VerifyRecord(t.Context(), record, true); err != nil || len(findings) > 0 {
		t.Errorf("findings %v, error %v", findings, err)
	}
	ids := site.Conversations(kioskWindow)
	n := int64(len(ids))
	if c := record.Counts; c.Conversations != n || c.Dead != 0 || record.TotalBefore == nil || *record.TotalBefore != n || len(record.Flags) > 0 {
		t.Errorf("counts %+v, %v before, flags %v; want %d conversations", c, record.TotalBefore, record.Flags, n)
	}
	var got, want []string
	for _, f := range record.Files {
		if f.Table != "messages" {
			continue
		}
		file, err := os.Open(filepath.Join(root, filepath.FromSlash(f.Key)))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		err = parquet.Scan(file, f.Bytes, parquet.Query{Columns: []string{"conversation_id", "text"}}, func(r parquet.Row) error {
			if text := r.Cells[1]; !text.Null {
				got = append(got, r.Cells[0].Text+" "+text.Text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids {
		for _, text := range site.Texts(id) {
			want = append(want, id+" "+text)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
		t.Errorf("texts of messages (-platform +lake):\n%s", diff)
	}
}

// quiet keeps the SDK's log out of the test's output.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
