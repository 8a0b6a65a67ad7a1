package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/simulator/freshchat"
	"github.com/chatlake/chatlake/simulator/giosg"
	"github.com/chatlake/chatlake/simulator/liveperson"
)

// patience is how long a run of the binary may take on a slow machine.
const patience = 10 * time.Minute

var built string // folder of the binary, once it is built

func TestMain(m *testing.M) {
	status := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(status)
}

// binary builds chatlake as shipped, once.
var binary = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "chatlake-tests-")
	if err != nil {
		return "", err
	}
	built = folder
	name := filepath.Join(folder, "chatlake")
	build := exec.Command("go", "build", "-o", name, "./cmd/chatlake")
	build.Dir = top
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build chatlake: %w\n%s", err, out)
	}
	return name, nil
})

// process is a running chatlake.
type process struct {
	cmd    *exec.Cmd
	out    output // of both kinds
	result output // standard output alone, without what the process says while it works
	exited chan struct{}
}

// output collects a process's output and can be read while the process runs.
type output struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.Write(p)
}

func (o *output) Bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.said.Bytes())
}

func (o *output) String() string { return string(o.Bytes()) }

// start runs chatlake in a folder, with the fake sites' credentials in its environment. It is killed when the test ends.
func start(t *testing.T, folder string, args ...string) *process {
	t.Helper()
	p, err := launch(folder, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// launch is start without a test: the caller has to kill the process.
func launch(folder string, args ...string) (*process, error) {
	name, err := binary()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(name, args...), exited: make(chan struct{})}
	p.cmd.Dir = folder
	p.cmd.Env = append(os.Environ(), "CHATWOOT_TOKEN="+chatwoot.AdministratorToken, "FRESHCHAT_TOKEN="+freshchat.Token,
		"GIOSG_TOKEN="+giosg.ManagerToken, "GIOSG_KEY="+giosg.PrivateKey,
		"LIVEPERSON_CLIENT_ID="+liveperson.ClientID, "LIVEPERSON_CLIENT_SECRET="+liveperson.ClientSecret)
	p.cmd.Stdout, p.cmd.Stderr = io.MultiWriter(&p.out, &p.result), &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait()
	}()
	return p, nil
}

// kill ends the process with SIGKILL and waits until it is gone.
func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err == nil || errors.Is(err, os.ErrProcessDone) {
		<-p.exited
	}
}

// terminate asks the process to end, as a service manager does.
func (p *process) terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// status waits until the process has ended and returns its exit status, -1 if a signal ended it.
func (p *process) status(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.kill()
		t.Fatalf("no end after %s:\n%s", patience, tail(p.out.Bytes()))
	}
	return p.cmd.ProcessState.ExitCode()
}

// succeed waits until the process has ended with status 0.
func (p *process) succeed(t *testing.T) {
	t.Helper()
	if status := p.status(t); status != 0 {
		t.Fatalf("exit status %d:\n%s", status, tail(p.out.Bytes()))
	}
}

// ask gets a JSON document from the process's server, as soon as that answers.
func (p *process) ask(t *testing.T, address string, into any) {
	t.Helper()
	for {
		answer, err := http.Get(address)
		if err == nil {
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("GET %s: %s", address, answer.Status)
			}
			if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
				t.Fatalf("GET %s: %v", address, err)
			}
			return
		}
		select {
		case <-p.exited:
			t.Fatalf("ended before it answered:\n%s", tail(p.out.Bytes()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ports are handed out once each, from below the range that systems use for outgoing connections. Otherwise a connection of
// another process could take a free port before a server binds it.
var ports atomic.Int64

func freePort(t *testing.T) int {
	t.Helper()
	const first, count = 20_000, 12_000
	for range 100 {
		port := first + (os.Getpid()*101+int(ports.Add(1)))%count
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func tail(out []byte) []byte { return out[max(0, len(out)-4000):] }

// year is the window in which the conversations of the fake sites were created.
var year = schemas.Window{
	From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
	To:   time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
}

// exportYear are the arguments that export it.
var exportYear = []string{"export", "--config", "chatlake.yaml", "--account", "acme", "--from", "2025-01-01", "--to", "2026-01-01"}

func newSite(conversations int) *chatwoot.Site {
	return chatwoot.New(simulator.NewCorpus(simulator.CorpusConfig{
		Seed: 7, Conversations: conversations, From: year.From, To: year.To, GiantMessages: 1500,
	}), chatwoot.Options{})
}

// serve puts a site on a loopback port and returns its address.
func serve(t *testing.T, site http.Handler) string {
	t.Helper()
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	return server.URL
}

// configure writes chatlake.yaml into a new folder, in which the embedded server also keeps its state.
func configure(t *testing.T, site, lake, export string) string {
	t.Helper()
	return configureAccount(t, lake, export, fmt.Sprintf(`
    provider: chatwoot
    base_url: %s
    account_id: 1
    token: env:CHATWOOT_TOKEN`, site))
}

// configureAccount is configure for an account of any kind.
func configureAccount(t *testing.T, lake, export, account string) string {
	t.Helper()
	folder := t.TempDir()
	config := fmt.Sprintf(`
state_dir: state
lake: %s
export: %s
accounts:
  acme: %s
    rate: {requests_per_second: 0}
`, lake, export, account)
	if err := os.WriteFile(filepath.Join(folder, "chatlake.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
