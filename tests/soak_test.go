package tests

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
	"github.com/chatlake/chatlake/simulator"
)

var (
	soak = flag.Duration("soak", time.Second, "how long to begin new rounds of the soak")
	seed = flag.Uint64("seed", 18, "seed of the soak's first round; the next rounds have the next ones")
)

// TestSoak exports again and again from all four platforms, while processes, the S3 server and connections die at random and
// provider and store answer with errors. After each round the rows equal the truth, the lake verifies, and the worker that
// survives all rounds holds no more resources than before. It prints a line per round, and ends at the first violation.
//
//	go -C tests test -run TestSoak -timeout 0 -soak 168h -seed 1
//
// To repeat a single round, use its seed and -soak 1s.
func TestSoak(t *testing.T) {
	if _, err := binary(); err != nil { // the first build takes minutes
		t.Fatal(err)
	}
	until, next := time.Now().Add(*soak), *seed
	for next == *seed || time.Now().Before(until) {
		passed := t.Run(fmt.Sprintf("from seed %d", next), func(t *testing.T) {
			e := newEra(t, next/eraRounds%2 == 1)
			// The directory is one shard per day, so no era continues after midnight UTC.
			for {
				e.round(t, next)
				if t.Failed() {
					return
				}
				next++
				if next%eraRounds == 0 || time.Now().After(until) || time.Now().UTC().YearDay() != e.day {
					return
				}
			}
		})
		if !passed {
			t.Fatalf("violation: play it again with -soak 1s -seed %d", next)
		}
	}
}

// eraRounds is after how many rounds the servers, the lake and the worker are replaced. Lakes on S3 and in a folder alternate.
const eraRounds = 20

// era is a series of rounds with the same servers, lake and long-lived worker.
type era struct {
	*wire
	day      int    // of the year on which it began
	folder   string // of the configuration
	onFolder bool
	server   s3test.Server
	storm    storm
	boards   map[string]*switchboard
	fronts   []*httptest.Server
	worker   *process
	before   held
	kills    int // of processes that may have left something behind
	outages  int // of the S3 server
}

func newEra(t *testing.T, onFolder bool) *era {
	t.Helper()
	address := serveTemporal(t).address
	e := &era{
		wire: &wire{}, day: time.Now().UTC().YearDay(), folder: t.TempDir(), onFolder: onFolder,
		storm: storm{share: 0.02}, boards: map[string]*switchboard{},
	}
	lake := "{url: file:lake}"
	e.root = filepath.Join(e.folder, "lake")
	if !onFolder {
		e.server = s3test.Start(t)
		e.root = filepath.Join(e.server.Dir, "chatlake")
		front := s3test.Proxy(t, e.server, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if e.refuses(&e.lake) {
				panic(http.ErrAbortHandler)
			}
			e.storm.pass(w, r, next)
		})
		lake = fmt.Sprintf("{url: s3://%s/chatlake, endpoint: %q, region: %s, path_style: true, access_key: file:access_key, secret_key: file:secret_key}",
			front.Bucket, front.Endpoint, front.Region)
	}
	config := fmt.Sprintf("state_dir: state\nlake: %s\ntemporal: {address: %q, task_queue: soak}\naccounts:\n", lake, address)
	for _, p := range platforms {
		board := &switchboard{}
		board.connect(http.NotFoundHandler())
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if e.refuses(&e.site) {
				panic(http.ErrAbortHandler)
			}
			board.ServeHTTP(w, r)
		}))
		t.Cleanup(front.Close)
		e.boards[p.name], e.fronts = board, append(e.fronts, front)
		config += fmt.Sprintf("  %s: %sprovider: %s, base_url: %q, retention: 0, rate: {requests_per_second: 0}}\n", p.name, p.account, p.name, front.URL)
	}
	for name, text := range map[string]string{"chatlake.yaml": config, "access_key": e.server.AccessKey, "secret_key": e.server.SecretKey} {
		if err := os.WriteFile(filepath.Join(e.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.worker = start(t, e.folder, "worker")
	e.before = e.worker.holdsAtRest(t, func(held) bool { return strings.Contains(e.worker.out.String(), `"working"`) })
	return e
}

// round exports two months of a new world, and checks the result.
func (e *era) round(t *testing.T, seed uint64) {
	began, dice := time.Now(), rand.New(rand.NewPCG(seed, 0))
	p := platforms[seed%uint64(len(platforms))]
	world := p.site(simulator.NewCorpus(simulator.CorpusConfig{
		Seed: seed, Conversations: 30 + dice.IntN(120), From: soaked.From, To: soaked.To, GiantMessages: dice.IntN(300),
	}))
	faults := &simulator.Faults{Seed: seed, Probability: p.share, Kinds: p.faults()}
	site := faults.Wrap(world)
	heavy := p.name == "chatwoot" && !e.onFolder && dice.IntN(3) == 0
	if heavy {
		site = faults.Wrap(padded(world, seed, len(world.Conversations(soaked))))
	}
	e.boards[p.name].connect(site)
	storms, parts := e.storm.count.Load(), e.storm.parts.Load()

	deaths := e.export(t, dice, fmt.Sprintf("round-%d", seed), p.name)
	if t.Failed() {
		return
	}
	lake := openLake(t, e.root)
	lake.Account = p.name
	sameInLake(t, lake, world, soaked, p.kinds...)
	e.judgeLake(t)
	now := e.judgeWorker(t)

	if t.Failed() {
		return
	}
	struck := int64(0)
	for _, n := range faults.Counts() {
		struck += n
	}
	weight := ""
	if parts = e.storm.parts.Load() - parts; parts > 0 {
		weight = fmt.Sprintf(", %d parts of uploads", parts)
	} else if heavy {
		t.Error("no file was uploaded in parts")
	}
	fmt.Printf("seed %d: %s, %d conversations%s, %.0f s: %s, %d faults of the provider, %d of the store; equal; the worker holds %s\n", seed, p.name,
		len(world.Conversations(soaked)), weight, time.Since(began).Seconds(), list(deaths), struck, e.storm.count.Load()-storms, now)
}

func list(counts map[string]int) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%d × %s", counts[name], name))
	}
	if len(words) == 0 {
		return "no deaths"
	}
	return strings.Join(words, ", ")
}

// export runs one export to its end, through up to four deaths. It runs the command again whenever the process is gone.
func (e *era) export(t *testing.T, dice *rand.Rand, name, account string) map[string]int {
	t.Helper()
	args := []string{"export", "--account", account, "--name", name, "--from", "2025-01-01", "--to", "2025-03-01", "--refresh"}
	p := start(t, e.folder, args...)
	deaths, starts, deadline := map[string]int{}, 1, time.Now().Add(patience)
	for left := dice.IntN(5); ; {
		var pause <-chan time.Time
		if left > 0 {
			pause = time.After(200*time.Millisecond + time.Duration(dice.Int64N(int64(3*time.Second))))
		}
		select {
		case <-pause:
			left--
			deaths[e.strike(t, dice, p)]++
		case <-time.After(time.Until(deadline)):
			t.Errorf("no end after %s:\n%s", patience, tail(p.out.Bytes()))
			p.kill()
			return deaths
		case <-p.exited:
			switch status := p.cmd.ProcessState.ExitCode(); {
			case status == 0:
				return deaths
			case status == 3 || status == 4 || starts == 12:
				t.Errorf("export ended with status %d:\n%s", status, tail(p.out.Bytes()))
				return deaths
			}
			starts++ // it was killed, or something that it needs to start was not available
			p = start(t, e.folder, args...)
		}
	}
}

// strike kills something, and brings it back.
func (e *era) strike(t *testing.T, dice *rand.Rand, p *process) string {
	away := time.Duration(dice.Int64N(int64(4 * time.Second)))
	switch n := dice.IntN(6); {
	case n == 0:
		e.kills++
		p.kill()
		return "SIGKILL"
	case n == 1:
		p.terminate()
		return "SIGTERM"
	case n == 2 && !e.onFolder:
		e.outages++
		e.server.Kill()
		time.Sleep(away)
		if err := e.server.Restart(context.Background()); err != nil {
			t.Error(err)
		}
		return "S3 server killed"
	case n == 3 && !e.onFolder:
		e.outages++
		e.cut(false, true)
		time.Sleep(away)
		e.cut(false, false)
		return "S3 cut off"
	default:
		e.cut(true, false)
		time.Sleep(away)
		e.cut(false, false)
		return "provider cut off"
	}
}
