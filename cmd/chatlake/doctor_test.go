package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/worker/embedded"
)

// doctor runs the command and returns what is not in order: "part: name" to level.
func doctor(t *testing.T, config string, args ...string) (map[string]ledger.Level, string, int) {
	t.Helper()
	out, log, status := chatlake(t, append([]string{"doctor", "--config", config, "--output", "json"}, args...)...)
	var parts []inspect.Part
	if err := json.Unmarshal([]byte(out), &parts); err != nil {
		t.Fatalf("%v in %s%s", err, out, log)
	}
	found := map[string]ledger.Level{}
	for _, part := range parts {
		for _, c := range part.Checks {
			if c.Level != ledger.LevelOK {
				found[strings.Fields(part.Part)[0]+": "+c.Name] = c.Level
			}
		}
	}
	return found, out, status
}

// sick is an account whose platform has a clock of its own and knows an agent beside the administrator.
func sick(t *testing.T, ahead time.Duration) string {
	t.Helper()
	fake := chatwoot.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 5, From: demo.From, To: demo.To}),
		chatwoot.Options{Tokens: map[string]chatwoot.Role{chatwoot.AdministratorToken: chatwoot.Administrator, "agent": chatwoot.Agent}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	roomy := func(t *testing.T) string {
		return write(t, sick(t, 0), t.TempDir(), filepath.Join(t.TempDir(), "state"))
	}
	tests := []struct {
		name   string
		config func(t *testing.T) string
		want   map[string]ledger.Level
		status int
		say    string
	}{
		{"all in order", roomy, map[string]ledger.Level{}, exitComplete, "it starts inside chatlake when needed"},
		{"a token that is refused", func(t *testing.T) string {
			config := roomy(t)
			setToken(t, config, "unknown")
			return config
		}, map[string]ledger.Level{"account: credentials": ledger.LevelFailed}, exitBlocked, "accounts.acme.token"},
		{"a token that is missing", func(t *testing.T) string {
			config := roomy(t)
			setToken(t, config, "")
			return config
		}, map[string]ledger.Level{"account: settings": ledger.LevelFailed}, exitBlocked, "/token cannot be read: no such file"},
		{"an agent's token", func(t *testing.T) string {
			config := roomy(t)
			setToken(t, config, "agent")
			return config
		}, map[string]ledger.Level{"account: visibility": ledger.LevelWarning}, exitGaps, "an export would miss the rest"},
		{"a clock that is a minute off", func(t *testing.T) string { return write(t, sick(t, -time.Minute), t.TempDir(), t.TempDir()) },
			map[string]ledger.Level{"account: clock": ledger.LevelWarning}, exitGaps, "behind this machine's"},
		{"a clock that is an hour off", func(t *testing.T) string { return write(t, sick(t, time.Hour), t.TempDir(), t.TempDir()) },
			map[string]ledger.Level{"account: clock": ledger.LevelFailed}, exitBlocked, "refuses signed requests"},
		{"a platform that is down", func(t *testing.T) string { return write(t, "http://127.0.0.1:1", t.TempDir(), t.TempDir()) },
			map[string]ledger.Level{"account: clock": ledger.LevelNote, "account: credentials": ledger.LevelFailed}, exitBlocked, "accounts.acme.base_url"},
		{"a state folder that is a file", func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return write(t, sick(t, 0), t.TempDir(), file)
		}, map[string]ledger.Level{"folders: state": ledger.LevelFailed, "temporal: reachable": ledger.LevelWarning}, exitBlocked, "cannot be written"},
		{"a damaged database of the embedded server", func(t *testing.T) string {
			state := t.TempDir()
			if err := os.WriteFile(filepath.Join(state, "temporal-1.32.db"), bytes.Repeat([]byte("not a database"), 100), 0o600); err != nil {
				t.Fatal(err)
			}
			return write(t, sick(t, 0), t.TempDir(), state)
		}, map[string]ledger.Level{"temporal: reachable": ledger.LevelFailed}, exitBlocked, "temporal-1.32.db is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := tt.config(t)
			found, out, status := doctor(t, config)
			for key, level := range found { // how much room this machine has is not the test's
				if strings.HasPrefix(key, "folders: ") && tt.want[key] == "" && level == ledger.LevelWarning {
					delete(found, key)
				}
			}
			if diff := cmp.Diff(tt.want, found); diff != "" || status != tt.status || !strings.Contains(out, tt.say) {
				t.Errorf("exit status %d, want %d and %q; not in order (-want +got):\n%s\n%s", status, tt.status, tt.say, diff, out)
			}
			if strings.Contains(out, chatwoot.AdministratorToken) {
				t.Errorf("a token is told:\n%s", out)
			}
		})
	}
	t.Run("nothing is left behind", func(t *testing.T) {
		parent := t.TempDir()
		doctor(t, write(t, sick(t, 0), t.TempDir(), filepath.Join(parent, "not/there/yet")))
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, error %v", left, err)
		}
	})
	t.Run("an account that is none", func(t *testing.T) {
		out, log, status := chatlake(t, "doctor", "--config", roomy(t), "--account", "nobody")
		expect(t, "doctor", status, exitUsage, out+log, "there is no account nobody")
	})
}

// TestDoctorOfABucketAndAServer asks a real S3 server and a real Temporal server.
func TestDoctorOfABucketAndAServer(t *testing.T) {
	server := s3test.Start(t)
	temporal, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := temporal.Stop(); err != nil {
			t.Error(err)
		}
	}()
	config := write(t, sick(t, 0), "unused", t.TempDir())
	rewriteLake(t, config, server)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	with := func(section string) string {
		name := filepath.Join(t.TempDir(), "chatlake.yaml")
		if err := os.WriteFile(name, append([]byte(section+"\n"), text...), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	found, out, status := doctor(t, with(fmt.Sprintf("temporal: {address: '%s'}", temporal.Address())))
	for _, want := range []string{"it responds; version 1.", "default exists", "ended exports are kept for", "none on the task queue chatlake", "a multipart upload can be started and aborted"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if status == exitBlocked || found["temporal: workers"] != ledger.LevelNote {
		t.Errorf("exit status %d, not in order: %v", status, found)
	}
	found, out, _ = doctor(t, with(fmt.Sprintf("temporal: {address: '%s', namespace: other}", temporal.Address())))
	if found["temporal: namespace"] != ledger.LevelFailed || !strings.Contains(out, "temporal.namespace: there is no namespace other") {
		t.Errorf("of another namespace: %v\n%s", found, out)
	}
	t.Setenv("CHATLAKE_TEST_SECRET", "wrong")
	found, out, status = doctor(t, with(fmt.Sprintf("temporal: {address: '%s'}", temporal.Address())))
	if found["lake: write"] != ledger.LevelFailed || status != exitBlocked || !strings.Contains(out, "correct the lake's secret_key") {
		t.Errorf("with a wrong secret: exit status %d, %v\n%s", status, found, out)
	}
}

func TestExaminedText(t *testing.T) {
	check := func(level ledger.Level) ledger.Check { return ledger.Check{Name: "name", Level: level, Text: "text"} }
	for _, test := range []struct {
		checks []ledger.Check
		want   string
		status int
	}{
		{[]ledger.Check{check(ledger.LevelOK), check(ledger.LevelNote)}, "part\n  ok    name  text\n  note  name  text\nAll is in order.\n", exitComplete},
		{[]ledger.Check{check(ledger.LevelWarning)}, "part\n  warning  name  text\n1 warning. Exports work, but look at this before something goes wrong.\n", exitGaps},
		{[]ledger.Check{check(ledger.LevelFailed), check(ledger.LevelFailed)}, "part\n  failed  name  text\n  failed  name  text\n2 checks failed and must be fixed before an export.\n", exitBlocked},
		{[]ledger.Check{check(ledger.LevelFailed), check(ledger.LevelWarning)}, "part\n  failed   name  text\n  warning  name  text\n1 check failed and must be fixed before an export; 1 warning.\n", exitBlocked},
	} {
		var got bytes.Buffer
		parts := []inspect.Part{{Part: "part", Checks: test.checks}}
		if err := writeExamined(&got, parts); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got.String()); diff != "" || diagnosis(parts) != test.status {
			t.Errorf("exit status %d, want %d; text (-want +got):\n%s", diagnosis(parts), test.status, diff)
		}
	}
}

// TestDoctorSendsAnnouncements runs doctor beside chatlake serve, and without it.
func TestDoctorSendsAnnouncements(t *testing.T) {
	config, address, _ := serving(t)
	t.Setenv("CHATLAKE_TEST_PATH", "0123456789abcdef0123")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("receive: {"), fmt.Appendf(nil, "receive: {public_url: 'http://%s', ", address), 1)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, out, _ := doctor(t, config); found["account: push paths.0"] != ledger.LevelWarning || !strings.Contains(out, "connection refused; start what listens there") {
		t.Errorf("without a receiver: %v\n%s", found, out)
	}
	ctx, stop := context.WithCancel(t.Context())
	var log bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- (&app{out: &log, log: &log}).run(ctx, []string{"serve", "--config", config}) }()
	var found map[string]ledger.Level
	var out string
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(out, "address ends in this secret") && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		found, out, _ = doctor(t, config)
	}
	if _, bad := found["account: push paths.0"]; bad || !strings.Contains(out, "address ends in this secret") || strings.Contains(out, "0123456789abcdef0123") {
		t.Errorf("with a receiver: %v\n%s", found, out)
	}
	stop()
	if status := <-ended; status != exitComplete {
		t.Errorf("serve ended with %d: %s", status, log.String())
	}
}
