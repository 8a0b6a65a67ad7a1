package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serving writes a configuration with a receiver on a free port, and returns its file, the port, and the folder of its spool.
func serving(t *testing.T) (config, address, spool string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	spool = filepath.Join(folder, "state", "spool")
	config = filepath.Join(folder, "chatlake.yaml")
	text := fmt.Sprintf(`state_dir: %s
lake: {url: "file:%s"}
receive: {listen: "%s"}
accounts:
  acme:
    provider: chatwoot
    account_id: 1
    token: env:CHATLAKE_TEST_TOKEN
    push: {trust: hint, paths: [env:CHATLAKE_TEST_PATH]}
`, filepath.Join(folder, "state"), filepath.Join(folder, "lake"), address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, address, spool
}

// TestServeKeepsWhatItCannotDeliver receives while no Temporal server runs, and is stopped.
func TestServeKeepsWhatItCannotDeliver(t *testing.T) {
	config, address, spool := serving(t)
	t.Setenv("CHATLAKE_TEST_PATH", "0123456789abcdef0123")
	ctx, stop := context.WithCancel(t.Context())
	var out, log bytes.Buffer
	ended := make(chan int, 1)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := free.Addr().String()
	_ = free.Close()
	go func() {
		ended <- (&app{out: &out, log: &log}).run(ctx, []string{"serve", "--config", config, "--listen", listen})
	}()
	post := func() (int, error) {
		body := strings.NewReader(`{"event":"conversation_created","id":42,"content":"Grüße","account":{"id":1}}`)
		answer, err := http.Post("http://"+address+"/push/acme/0123456789abcdef0123", "application/json", body)
		if err != nil {
			return 0, err
		}
		return answer.StatusCode, answer.Body.Close()
	}
	code := 0
	for deadline := time.Now().Add(20 * time.Second); code == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		code, err = post()
	}
	if code != http.StatusOK {
		t.Errorf("answered %d, %v", code, err)
	}
	if answer, err := http.Post("http://"+address+"/push/acme/wrong", "application/json", strings.NewReader("{}")); err != nil || answer.StatusCode == http.StatusOK {
		t.Errorf("a wrong path: %v, %v", answer, err)
	}
	for path, want := range map[string][]string{
		"/metrics": {
			`chatlake_receiver_accepted_total{account="acme",outcome="kept"} 1`, `chatlake_receiver_refused_total{account="acme",reason="bad_path"} 1`,
			"chatlake_receiver_delivered_timestamp_seconds 1", "chatlake_receiver_queue_bytes ",
		},
		"/readyz": {"receiver: ok"},
	} {
		answer, err := http.Get("http://" + listen + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		for _, line := range want {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s lacks %s:\n%s", path, line, text)
			}
		}
		if strings.Contains(string(text), "chatlake_receiver_queue_bytes 0") {
			t.Errorf("what cannot be delivered does not wait:\n%s", text)
		}
	}
	var second bytes.Buffer
	if status := (&app{out: &second, log: &second}).run(ctx, []string{"serve", "--config", config}); status != exitFailed || !strings.Contains(second.String(), "another chatlake process") {
		t.Errorf("a second one ends with %d: %s", status, second.String())
	}
	time.Sleep(1500 * time.Millisecond) // until it has tried to deliver
	stop()
	if status := <-ended; status != exitComplete {
		t.Errorf("ended with %d: %s", status, log.String())
	}
	kept, err := filepath.Glob(filepath.Join(spool, "*.spool"))
	if err != nil || len(kept) != 1 {
		t.Errorf("kept %v, %v", kept, err)
	}
	if !strings.Contains(log.String(), "wait on disk") || !strings.Contains(log.String(), "because no worker does") || strings.Contains(log.String(), "Grüße") {
		t.Errorf("the log: %s", log.String())
	}
}

func TestServeRefuses(t *testing.T) {
	config, _, _ := serving(t)
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"a missing secret": {nil, "accounts.acme.push.paths.0: the environment variable CHATLAKE_TEST_PATH is not set"},
		"a wrong level":    {[]string{"--log-level", "loud"}, "--log-level"},
	} {
		var out bytes.Buffer
		status := (&app{out: &out, log: &out}).run(t.Context(), append([]string{"serve", "--config", config}, test.args...))
		if status != exitUsage || !strings.Contains(out.String(), test.says) {
			t.Errorf("%s: %d, %s", name, status, out.String())
		}
	}
}
