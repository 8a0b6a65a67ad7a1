package receive

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	kills = flag.Int("kills", 3, "how often the receiver is killed under load")
	load  = flag.Duration("load", 0, "how long the latency of answers is measured, on a machine with nothing else to do; 0 does not measure it")
)

const childSpool = "CHATLAKE_TEST_SPOOL"

// TestMain runs a receiver instead of the tests in a process that is to be killed.
func TestMain(m *testing.M) {
	if folder := os.Getenv(childSpool); folder != "" {
		if err := child(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child receives until it is killed. It delivers to a file, as a Temporal that is slow.
func child(folder string) error {
	spool, err := OpenSpool(folder, 1<<30)
	if err != nil {
		return err
	}
	delivered, err := os.OpenFile(folder+".delivered", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	go spool.Run(context.Background(), Delivery{Every: 50 * time.Millisecond, Deliver: func(_ context.Context, _ string, ids []string) error {
		_, err := io.WriteString(delivered, strings.Join(ids, "\n")+"\n")
		return err
	}})
	r := &Receiver{Accounts: map[string]Account{"a": {Push: fake, Trust: TrustSigned, Keys: []string{"k"}}}, Keep: spool.Keep}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return r.Serve(context.Background(), l)
}

// TestKillLosesNothing kills a receiver under load, again and again, and then looks for every event that it acknowledged.
// `go test ./internal/receive -run TestKill -kills 20 -v` kills it more often.
func TestKillLosesNothing(t *testing.T) {
	folder := t.TempDir() + "/spool"
	var acknowledged sync.Map
	var count, next atomic.Int64
	for range *kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childSpool+"="+folder)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		address, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				for ctx.Err() == nil {
					id := fmt.Sprint("c", next.Add(1))
					if send(ctx, "http://"+strings.TrimSpace(address)+Path("a"), id) == nil {
						acknowledged.Store(id, true)
						count.Add(1)
					}
				}
			})
		}
		time.Sleep(150*time.Millisecond + time.Duration(rand.IntN(300))*time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		stop()
		group.Wait()
	}
	there := map[string]bool{}
	text, err := os.ReadFile(folder + ".delivered")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for id := range strings.FieldsSeq(string(text)) {
		there[id] = true
	}
	early := len(there)
	for _, id := range collect(t, openSpool(t, folder, 1<<30)) {
		there[strings.TrimPrefix(id, "a:")] = true
	}
	lost := 0
	acknowledged.Range(func(id, _ any) bool {
		if !there[id.(string)] {
			lost++
		}
		return true
	})
	t.Logf("%d kills: %d sent, %d acknowledged, %d lost; %d were delivered before a kill", *kills, next.Load(), count.Load(), lost, early)
	if lost > 0 || count.Load() == 0 || early == 0 {
		t.Errorf("%d of %d acknowledged events are lost; %d were delivered", lost, count.Load(), early)
	}
}

func send(ctx context.Context, url, id string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(id))
	if err != nil {
		return err
	}
	req.Header.Set("Sig", "k")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %d", answer.StatusCode)
	}
	return nil
}

// TestAnswersInTime sends 500 events a second and measures how long the answers take.
func TestAnswersInTime(t *testing.T) {
	if *load == 0 {
		t.Skip("measures only with -load")
	}
	spool := openSpool(t, t.TempDir(), 1<<30)
	ctx, stop := context.WithCancel(t.Context())
	go spool.Run(ctx, Delivery{Every: time.Second, Deliver: func(context.Context, string, []string) error { return nil }})
	r := &Receiver{Accounts: map[string]Account{"a": {Push: fake, Trust: TrustSigned, Keys: []string{"k"}}}, Keep: spool.Keep}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx, l) }()
	var mu sync.Mutex
	var took []time.Duration
	var group sync.WaitGroup
	began := time.Now()
	for i := range int(load.Seconds() * 500) {
		due := began.Add(time.Duration(i) * 2 * time.Millisecond)
		time.Sleep(time.Until(due))
		group.Go(func() {
			err := send(context.Background(), "http://"+l.Addr().String()+Path("a"), fmt.Sprint(i))
			mu.Lock()
			defer mu.Unlock()
			if took = append(took, time.Since(due)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	slices.Sort(took)
	at99 := took[len(took)*99/100]
	t.Logf("%.0f events a second: median %s, 99th percentile %s, worst %s", float64(len(took))/time.Since(began).Seconds(), took[len(took)/2], at99, took[len(took)-1])
	if at99 > 250*time.Millisecond {
		t.Errorf("the 99th percentile is %s", at99)
	}
}
