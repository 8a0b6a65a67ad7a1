// Package s3test starts a real S3-compatible server for tests: versitygw, in the version of the tools module.
//
// It must not know what is kept on it.
package s3test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Server is a running server, and what a client has to know of it.
type Server struct {
	Endpoint, Region, AccessKey, SecretKey, Bucket string
	// Dir is the folder of the bucket: an object is the file of its key, so that tests can read it past the server.
	Dir string
}

const (
	region    = "us-east-1"
	accessKey = "chatlake-tests"
	secretKey = "not-a-secret"
	bucket    = "lake"
)

// startTimeout is for a machine that is busy with other tests.
const startTimeout = 30 * time.Second

// Start runs a server of its own on loopback, with one empty bucket, until t ends. The first call on a machine builds
// the server, which takes minutes. A server that cannot be built or started fails t.
func Start(t testing.TB) Server {
	t.Helper()
	program, err := build(t.Context())
	if err != nil {
		t.Fatalf("build the S3 server for tests: %v", err)
	}
	data, sidecar := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(data, bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	// The second way is for file systems without extended attributes, the third for a port that was taken meanwhile.
	ways := [][]string{{"posix", data}, {"posix", "--sidecar", sidecar, data}, {"posix", data}}
	for _, way := range ways {
		address, err := freeAddress()
		if err != nil {
			t.Fatal(err)
		}
		if err = run(t, address, program, way); err == nil {
			return Server{
				Endpoint: "http://" + address, Region: region, AccessKey: accessKey, SecretKey: secretKey,
				Bucket: bucket, Dir: filepath.Join(data, bucket),
			}
		}
		t.Logf("start the S3 server: %v", err)
	}
	t.Fatal("the S3 server for tests does not start")
	return Server{}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// run starts the server and waits until it answers. It is stopped when t ends, or at once when it does not answer.
func run(t testing.TB, address, program string, way []string) error {
	var said output
	cmd := exec.Command(program, append([]string{"--port", address, "--region", region, "--quiet"}, way...)...)
	cmd.Env = []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey, "HOME=" + t.TempDir()}
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop := func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-ended
	}
	deadline, tick := time.After(startTimeout), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("it ended by itself: %v\n%s", err, said.String())
		case <-deadline:
			stop()
			return fmt.Errorf("no answer in %s\n%s", startTimeout, said.String())
		case <-tick.C:
			if answers(address) {
				t.Cleanup(stop)
				return nil
			}
		}
	}
}

// answers says that an S3 server is there; without a signature it refuses, in XML.
func answers(address string) bool {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + address + "/")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusForbidden && resp.Header.Get("Server") == "VERSITYGW"
}

// output keeps what a process says while it is still speaking.
type output struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.String()
}
