package worker_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/worker"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestProblems compares the errors about each broken file in testdata/broken with the text next to it.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d broken files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = worker.Parse("chatlake.yaml", text)
			if err == nil {
				t.Fatal("the file was taken")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if diff := cmp.Diff(string(want), err.Error()+"\n"); diff != "" {
				t.Errorf("what is said (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("a secret is repeated")
			}
		})
	}
}

const minimal = `
lake: {url: "file:./lake"}
accounts:
  acme: {provider: chatwoot, account_id: 1, token: env:TOKEN}
`

func load(t *testing.T, text string) worker.Config {
	t.Helper()
	c, err := worker.Parse("chatlake.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := load(t, minimal)
	if c.Temporal != nil {
		t.Error("a file without temporal: does not mean the server in process")
	}
	acme := c.Accounts["acme"]
	got := []any{c.StateDir, c.TaskQueue(), c.Export, acme.BaseURL, acme.AccountID, acme.RequestsPerSecond}
	want := []any{
		".chatlake", "chatlake", worker.ExportConfig{ChunksInFlight: 2, Window: "month", OnMismatch: "block"},
		"https://app.chatwoot.com", "1", 10.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestQueueOfTheEmbeddedServer(t *testing.T) {
	c := load(t, minimal+"temporal: {embedded: true, task_queue: own}\n")
	if c.Temporal != nil || c.TaskQueue() != "own" {
		t.Errorf("temporal %+v, task queue %q; want the embedded server and own", c.Temporal, c.TaskQueue())
	}
	c = load(t, minimal+"temporal: {embedded: false, address: \"localhost:7233\"}\n")
	if c.Temporal == nil || c.TaskQueue() != "chatlake" {
		t.Errorf("temporal %+v, task queue %q; want the server at the address and chatlake", c.Temporal, c.TaskQueue())
	}
}

func TestZeroIsAValue(t *testing.T) {
	c := load(t, strings.Replace(minimal, "token: env:TOKEN", "token: env:TOKEN, rate: {requests_per_second: 0}", 1))
	if rate := c.Accounts["acme"].RequestsPerSecond; rate != 0 {
		t.Errorf("a rate of 0 became %v", rate)
	}
}

func TestSchedule(t *testing.T) {
	c := load(t, strings.Replace(minimal, "token: env:TOKEN", `token: env:TOKEN, rate: {sync_share: 0.3, schedule: [
		{from: "08:00", to: "18:30", share: 0.6, zone: Europe/Helsinki, days: [mon, fri]}, {from: "22:00", to: "02:00", share: 0}]}`, 1))
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	want := providers.Schedule{
		{From: 8 * time.Hour, To: 18*time.Hour + 30*time.Minute, Zone: zone, Days: []time.Weekday{time.Monday, time.Friday}, Share: 0.6},
		{From: 22 * time.Hour, To: 2 * time.Hour, Zone: time.UTC},
	}
	acme := c.Accounts["acme"]
	if diff := cmp.Diff(want, acme.Schedule, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("the schedule (-want +got):\n%s", diff)
	}
	if acme.SyncShare != 0.3 || load(t, minimal).Accounts["acme"].SyncShare != 0.5 {
		t.Errorf("the share of syncs is %g, without one %g", acme.SyncShare, load(t, minimal).Accounts["acme"].SyncShare)
	}
}

func TestNumbersStayAsWritten(t *testing.T) {
	for written, want := range map[string]string{"7": "7", `"7"`: "7", "0017": "0017", "18446744073709551615": "18446744073709551615"} {
		text := strings.Replace(minimal, "account_id: 1", "account_id: "+written, 1)
		c, err := worker.Parse("chatlake.yaml", []byte(text))
		if err == nil && c.Accounts["acme"].AccountID != want {
			t.Errorf("account_id: %s became %s", written, c.Accounts["acme"].AccountID)
		} else if err != nil && len(written) < 10 {
			t.Errorf("account_id: %s: %v", written, err)
		}
	}
}

func TestTLS(t *testing.T) {
	tests := []struct {
		temporal string
		want     bool
	}{
		{"", false},
		{", tls: {enabled: true}", true},
		{", tls: {server_name: temporal.example.com}", true},
		{", api_key: env:KEY", true},
		{", api_key: env:KEY, tls: {enabled: false}", false},
		{", tls: {enabled: false, server_name: temporal.example.com}", false},
	}
	for _, tt := range tests {
		c := load(t, minimal+"temporal: {address: \"localhost:7233\""+tt.temporal+"}\n")
		if c.Temporal.TLS.Enabled != tt.want {
			t.Errorf("temporal: {…%s}: TLS is %v, want %v", tt.temporal, c.Temporal.TLS.Enabled, tt.want)
		}
		if c.Temporal.Namespace != "default" || c.TaskQueue() != "chatlake" {
			t.Errorf("namespace %q, task queue %q", c.Temporal.Namespace, c.TaskQueue())
		}
	}
}

// TestSpec pins the digests: if they changed, every lake would be exported again.
func TestSpec(t *testing.T) {
	const pinned, before = "ed6d7123a9dd239298dc0d5e4b64f43181abaec0e0bdafffce0af7f19370972c", "712e17ce933f933b343cfd75c1f63fb785b72d1836fc84237a29cba6c12a0bb7"
	if got := load(t, minimal).Spec("acme"); got != pinned {
		t.Errorf("spec %s, want %s", got, pinned)
	}
	if !slices.Contains(load(t, minimal).Specs("acme"), before) {
		t.Errorf("windows with the spec of builds without details: auto would be copied again")
	}
	tests := []struct {
		name, old, new string
		same           bool
	}{
		{"rate", "1, token", "1, rate: {requests_per_second: 3}, token", true},
		{"token", "env:TOKEN", "env:OTHER", true},
		{"default spelled out", "1, token", "1, base_url: \"https://app.chatwoot.com/\", token", true},
		{"id as a text", "id: 1,", `id: "1",`, true},
		{"no options", "1, token", "1, options: {}, token", true},
		{"another id", "id: 1,", "id: 2,", false},
		{"another host", "1, token", "1, base_url: \"https://chat.example.com\", token", false},
		{"another provider", "chatwoot, ", "inquirly, base_url: \"https://app.chatwoot.com\", ", false},
		{"an option", "1, token", "1, options: {details: false}, token", false},
	}
	for _, tt := range tests {
		text := strings.Replace(minimal, tt.old, tt.new, 1)
		if got := load(t, text).Spec("acme"); (got == pinned) != tt.same {
			t.Errorf("%s: spec %s, want the same: %v", tt.name, got, tt.same)
		}
	}
}

func TestExamplesLoad(t *testing.T) {
	for _, file := range []string{"../examples/chatlake.yaml", "../deploy/chatlake.yaml"} {
		if _, err := worker.Load(file); err != nil {
			t.Error(err)
		}
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "missing.yaml")
	_, err := worker.Load(file)
	if err == nil || !strings.HasPrefix(err.Error(), file+": cannot be read: ") || strings.Count(err.Error(), file) != 1 {
		t.Errorf("error %v, want the file named once and first", err)
	}
}

func TestProblemPointsAtTheNearestKey(t *testing.T) {
	c := load(t, minimal)
	for key, want := range map[string]string{
		"lake.url":              "chatlake.yaml:2: lake.url: wrong",
		"lake.region":           "chatlake.yaml:2: lake.region: wrong",
		"accounts.acme.token":   "chatlake.yaml:4: accounts.acme.token: wrong",
		"accounts.other.token":  "chatlake.yaml:3: accounts.other.token: wrong",
		"temporal.tls.key_file": "chatlake.yaml: temporal.tls.key_file: wrong",
	} {
		if got := c.Problem(key, "wrong").Error(); got != want {
			t.Errorf("problem %q, want %q", got, want)
		}
	}
}

// TestOpenRefusesAsAPersonMustAct wants errors that block a shard instead of failing it: once the secret is corrected, the
// shard continues.
func TestOpenRefusesAsAPersonMustAct(t *testing.T) {
	c := load(t, minimal)
	c.Accounts["beta"] = worker.AccountConfig{Provider: "none"}
	c.Accounts["gamma"] = worker.AccountConfig{Provider: "chatwoot", AccountID: "none", BaseURL: "https://chat.example.com"}
	for name, want := range map[string]string{
		"acme":  "open account acme: chatlake.yaml:4: accounts.acme.token: the environment variable TOKEN is not set; set it to the secret",
		"beta":  "open account beta: this build has no such provider",
		"gamma": "open account gamma: account_id: must be the account's number; a browser shows it in the address, as /app/accounts/<number>/",
		"other": "open account other: the configuration has no account with this name",
	} {
		t.Setenv("TOKEN", "")
		_, _, err := c.Open(name)
		var refused *providers.Error
		if !errors.As(err, &refused) || refused.Kind != providers.Denied || err.Error() != want {
			t.Errorf("error %v, want it Denied: %s", err, want)
		}
	}
	t.Setenv("TOKEN", "hunter2")
	if d, provider, err := c.Open("acme"); err != nil || provider == nil || d.Name != "chatwoot" {
		t.Errorf("opened %s as %v: %v", d.Name, provider, err)
	}
}

// TestCredentialsInParts reads accounts whose credentials are not just a token.
func TestCredentialsInParts(t *testing.T) {
	c := load(t, minimal+`  parts: {provider: liveperson, account_id: "1", secrets: {client_id: env:ID, client_secret: "file:secret"}}
  whole: {provider: liveperson, account_id: "1", token: env:TOKEN}
`)
	if got := c.Accounts["parts"].Secrets; len(got) != 2 || got["client_secret"].String() != "file:secret" || !c.Accounts["parts"].Token.IsZero() {
		t.Errorf("secrets %v", got)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte("-----BEGIN\nlines\n-----END\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c = load(t, minimal+fmt.Sprintf(`  parts: {provider: liveperson, account_id: "1", secrets: {client_id: env:ID, client_secret: "file:%s"}}
`, file))
	if got, err := c.Accounts["parts"].Secrets["client_secret"].Resolve(); err != nil || got != "-----BEGIN\nlines\n-----END" {
		t.Errorf("the file was read as %q, %v; want all of its lines", got, err)
	}
}
