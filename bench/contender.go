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
	scriptName   = "script"   // what a person writes in an afternoon, see scriptMain
	benthosName  = "benthos"  // a stream of the engine from which Bento was forked, see benthosStream
	folderName   = "folder"   // chatlake with the embedded server and a lake in a folder
	s3Name       = "s3"       // the same with a lake on a real S3 server
	apartName    = "apart"    // as folder, but with the server in a separate process, which is not counted
	postgresName = "postgres" // as apart, with a Temporal server on PostgreSQL
)

const account = "acme"

// chatlake's default configuration: concurrent windows, fetches in each, and concurrent requests in each fetch.
const (
	shards           = 2
	chunks           = 2
	requestsPerChunk = 8
	parallel         = shards * chunks * requestsPerChunk
)

// outcome is the result of a contender's run.
type outcome struct {
	wall   time.Duration
	again  time.Duration   // from the start after a kill to the end
	cpu    time.Duration   // of its processes, without separate servers
	each   []time.Duration // the same for each process of chatlake, in the order in which they were started
	memory int64           // the largest resident size of one of its processes
	server int64           // the same for the separate Temporal server, 0 if there is none
	// serverCPU is the processor time of the separate server, without its database.
	serverCPU time.Duration
	others    time.Duration // processor time of the rest of the machine meanwhile, including the platform
	events    int64         // of all histories, -1 if there are none
	lake      *lake.Lake
	files     []ledger.File
	keys      rowKeys // of a contender that writes no lake
}

// stage is the environment of one contender's run.
type stage struct {
	*programs
	Scenario
	platform *platform
	folder   string
	// free releases the resources of the run, once the lake has been checked.
	free []func()
}

// errLeftOut means that a contender cannot take part here, and says why.
type errLeftOut struct{ why string }

func (e *errLeftOut) Error() string { return e.why }

func (s *stage) run(ctx context.Context, contender string) (outcome, error) {
	if err := s.Account.refused(); err != nil {
		return outcome{}, &errLeftOut{err.Error()}
	}
	switch contender {
	case bareName:
		return s.runBare(ctx)
	case scriptName:
		return s.runScript(ctx)
	case benthosName:
		return s.runBenthos(ctx)
	}
	return s.runChatlake(ctx, contender)
}

func (s *stage) runBare(ctx context.Context) (outcome, error) {
	out, err := s.loop(ctx, "bare", s.bareConfig())
	if err != nil {
		return out, err
	}
	return out, s.openBare(ctx, &out)
}

// loop runs this program in one of its roles.
func (s *stage) loop(ctx context.Context, role, config string) (outcome, error) {
	began, used := time.Now(), busy()
	p, err := start(s.folder, nil, nil, nil, s.self, role, config)
	if err == nil {
		err = p.wait(ctx)
	}
	if err != nil {
		return outcome{}, err
	}
	out := outcome{wall: time.Since(began), cpu: p.cpu(), memory: p.memory(), events: -1}
	out.others = busy() - used - out.cpu
	return out, nil
}

func (s *stage) runScript(ctx context.Context) (outcome, error) {
	parts := []string{} // the script asks what the options ask for
	for option, path := range map[string]string{"details": "", "participants": "/participants"} {
		if s.Account.effective(option) == "true" {
			parts = append(parts, path)
		}
	}
	return s.runLines(ctx, "script", encoded(s.script(parts)))
}

func (s *stage) script(parts []string) script {
	return script{URL: s.platform.URL, Budget: s.Site.Budget, Folder: s.folder, Parallel: parallel, Parts: parts}
}

func (s *stage) runBenthos(ctx context.Context) (outcome, error) {
	if s.Account.each() > 0 {
		return outcome{}, &errLeftOut{"the stream asks for conversations and messages only"}
	}
	return s.runLines(ctx, "benthos", benthosStream(s.script(nil)))
}

// runLines runs a role that writes lines of JSON.
func (s *stage) runLines(ctx context.Context, role, config string) (outcome, error) {
	out, err := s.loop(ctx, role, config)
	if err == nil {
		out.keys, err = scriptKeys(s.folder)
	}
	return out, err
}

// encoded is a configuration as the argument of a process.
func encoded(config any) string {
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // numbers and texts can always be encoded
	}
	return string(text)
}

// bareConfig is the argument of the bare loop's process.
func (s *stage) bareConfig() string {
	return encoded(bare{World: s.World, Account: s.Account, URL: s.platform.URL, Budget: s.Site.Budget, Folder: s.folder, Parallel: parallel})
}

// openBare opens the files that the bare loop wrote.
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

// environment contains chatlake's secrets.
func environment(store ledger.Config) []string {
	return []string{"BENCH_TOKEN=" + fake.AdministratorToken, "BENCH_ACCESS_KEY=" + store.AccessKey, "BENCH_SECRET_KEY=" + store.SecretKey}
}

// configure writes chatlake.yaml into a new folder below the stage's, and returns the new folder.
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
	if options := s.Account.options(); len(options) > 0 {
		fmt.Fprintf(&text, "    options: %s\n", encoded(options)) // JSON is YAML
	}
	return folder, os.WriteFile(filepath.Join(folder, "chatlake.yaml"), []byte(text.String()), 0o600)
}

// external is the configuration section for an external Temporal server.
func external(address, queue string) string {
	return fmt.Sprintf("temporal: {address: %q, task_queue: %s}\n", address, queue)
}

// defaultQueue is the task queue of processes with an embedded server.
const defaultQueue = "chatlake"

// apartQueue is a task queue that the process with the server does not work on.
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
