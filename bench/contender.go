package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// The contenders.
const (
	bareName     = "bare"     // the least possible, see bareMain
	folderName   = "folder"   // chatlake with the server in process and a lake in a folder
	s3Name       = "s3"       // the same with a lake on a real S3 server
	apartName    = "apart"    // as folder, but the server is a process of its own, and is not counted
	postgresName = "postgres" // as apart, with a Temporal server that keeps its state in PostgreSQL
)

const account = "acme"

// chatlake is configured as it comes: windows at a time, fetches in each, and requests of each at once.
const (
	shards           = 2
	chunks           = 2
	requestsPerChunk = 8
	parallel         = shards * chunks * requestsPerChunk
)

// outcome is what a contender did.
type outcome struct {
	wall   time.Duration
	cpu    time.Duration   // of its processes, without servers apart
	each   []time.Duration // that, of each process of chatlake in the order in which they were started
	memory int64           // the most that one of its processes had resident
	server int64           // the same of the Temporal server apart, 0 where there is none
	// serverCPU is what the server apart used, without its database.
	serverCPU time.Duration
	others    time.Duration // what the rest of the machine used meanwhile, the platform included
	events    int64         // of all histories, -1 where there are none
	lake      *lake.Lake
	files     []ledger.File
}

// stage is where one contender plays.
type stage struct {
	*programs
	Scenario
	platform *platform
	folder   string
	// free gives back what was taken for the run, when the lake has been looked at.
	free []func()
}

// errLeftOut says that a contender cannot take part here, and why.
type errLeftOut struct{ why string }

func (e *errLeftOut) Error() string { return e.why }

func (s *stage) run(ctx context.Context, contender string) (outcome, error) {
	if contender == bareName {
		return s.runBare(ctx)
	}
	return s.runChatlake(ctx, contender)
}

func (s *stage) runBare(ctx context.Context) (outcome, error) {
	began, used := time.Now(), busy()
	p, err := start(s.folder, nil, nil, nil, s.self, "bare", s.bareConfig())
	if err == nil {
		err = p.wait(ctx)
	}
	if err != nil {
		return outcome{}, err
	}
	out := outcome{wall: time.Since(began), cpu: p.cpu(), memory: p.memory(), events: -1}
	out.others = busy() - used - out.cpu
	return out, s.openBare(ctx, &out)
}

// bareConfig is what the process of the bare loop is given.
func (s *stage) bareConfig() string {
	text, err := json.Marshal(bare{World: s.World, URL: s.platform.URL, Budget: s.Site.Budget, Folder: s.folder, Parallel: parallel})
	if err != nil {
		panic(err) // numbers and texts
	}
	return string(text)
}

// openBare opens what the bare loop wrote.
func (s *stage) openBare(ctx context.Context, out *outcome) (err error) {
	if out.lake, err = s.open(ctx, ledger.Config{URL: "file:" + filepath.Join(s.folder, "lake")}); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(s.folder, bareFiles))
	if err == nil {
		err = json.Unmarshal(text, &out.files)
	}
	return err
}

func (s *stage) open(ctx context.Context, at ledger.Config) (*lake.Lake, error) {
	return lake.Open(ctx, at, lake.Config{Scratch: filepath.Join(s.folder, "harness"), Writer: "bench"})
}

// environment gives chatlake its secrets.
func environment(store ledger.Config) []string {
	return []string{"BENCH_TOKEN=" + fake.AdministratorToken, "BENCH_ACCESS_KEY=" + store.AccessKey, "BENCH_SECRET_KEY=" + store.SecretKey}
}

// configure writes chatlake.yaml into a folder below the stage's and returns that folder.
func (s *stage) configure(name string, store ledger.Config, temporal string) (string, error) {
	folder := filepath.Join(s.folder, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "state_dir: state\nlake:\n  url: %s\n", store.URL)
	if store.Endpoint != "" {
		fmt.Fprintf(&text, "  endpoint: %s\n  region: %s\n  path_style: true\n  access_key: env:BENCH_ACCESS_KEY\n  secret_key: env:BENCH_SECRET_KEY\n",
			store.Endpoint, store.Region)
	}
	if temporal != "" {
		text.WriteString(temporal)
	}
	fmt.Fprintf(&text, "accounts:\n  %s:\n    provider: chatwoot\n    base_url: %s\n    account_id: 1\n    token: env:BENCH_TOKEN\n    rate: {requests_per_second: %g}\n",
		account, s.platform.URL, s.Site.Budget)
	return folder, os.WriteFile(filepath.Join(folder, "chatlake.yaml"), []byte(text.String()), 0o600)
}

// external is the section of a configuration that names a Temporal server.
func external(address, queue string) string {
	return fmt.Sprintf("temporal: {address: %q, task_queue: %s}\n", address, queue)
}

// defaultQueue is where processes with a server of their own work.
const defaultQueue = "chatlake"

// apartQueue is one that the process which holds the server does not work on.
const apartQueue = "apart"

func (s *stage) runChatlake(ctx context.Context, contender string) (outcome, error) {
	store, err := s.store(contender)
	if err != nil {
		return outcome{}, err
	}
	server, err := s.server(ctx, contender, store)
	if err != nil {
		return outcome{}, err
	}
	temporal := ""
	if server != nil {
		temporal = external(server.address, apartQueue)
	}
	folder, err := s.configure("first", store, temporal)
	if err != nil {
		return outcome{}, err
	}
	crew := &crew{stage: s, folder: folder, store: store, server: server}
	before := server.cpu()
	out, err := crew.work(ctx)
	if err != nil {
		return out, err
	}
	if server != nil {
		out.server, out.serverCPU = server.process.memory(), server.cpu()-before
	}
	if out.events, err = crew.events(ctx); err != nil {
		return out, err
	}
	if out.lake, err = s.open(ctx, store); err != nil {
		return out, err
	}
	records, err := out.lake.Current(ctx, ledger.Filter{})
	for _, r := range records {
		out.files = append(out.files, r.Files...)
	}
	return out, err
}

// store is where the lake is.
func (s *stage) store(contender string) (ledger.Config, error) {
	if contender == s3Name {
		return s.bucket()
	}
	return ledger.Config{URL: "file:" + filepath.Join(s.folder, "lake")}, nil
}
