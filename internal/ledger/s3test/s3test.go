// Package s3test starts a real S3-compatible server for tests: versitygw, in the version that the tools module pins.
//
// It must not know what is kept on it.
package s3test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Server is a running server and how to reach it.
type Server struct {
	Endpoint, Region, AccessKey, SecretKey, Bucket string
	// Dir is the folder of the bucket. Each object is the file at its key, so tests can read it without the server.
	Dir string

	process *process
}

const (
	region    = "us-east-1"
	accessKey = "chatlake-tests"
	secretKey = "not-a-secret"
	bucket    = "lake"
)

// startTimeout allows for a machine that is busy with other tests.
const startTimeout = 30 * time.Second

// Start runs a separate server on loopback, with one empty bucket, until t ends. The first call on a machine builds the server,
// which takes minutes. Start fails t if the server cannot be built or started.
func Start(t testing.TB) Server {
	t.Helper()
	program, err := build(t.Context())
	if err != nil {
		t.Fatalf("build the S3 server for tests: %v", err)
	}
	data, sidecar := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(data, bucket), 0o700); err != nil {
		t.Fatal(err)
	}
	// The second variant is for file systems without extended attributes, the third for a port that was taken in the meantime.
	ways := [][]string{{"posix", data}, {"posix", "--sidecar", sidecar, data}, {"posix", data}}
	for _, way := range ways {
		address, err := freeAddress()
		if err != nil {
			t.Fatal(err)
		}
		p := &process{program: program, address: address, way: way, home: t.TempDir()}
		if err = p.start(t.Context()); err == nil {
			t.Cleanup(p.kill)
			return Server{
				Endpoint: "http://" + address, Region: region, AccessKey: accessKey, SecretKey: secretKey,
				Bucket: bucket, Dir: filepath.Join(data, bucket), process: p,
			}
		}
		t.Logf("start the S3 server: %v", err)
	}
	t.Fatal("the S3 server for tests does not start")
	return Server{}
}

// Kill kills the server with SIGKILL, in the middle of whatever it is doing. Its data stays.
func (s Server) Kill() { s.process.kill() }

// Restart restarts a killed server at the same endpoint with the same data, and waits until it answers.
func (s Server) Restart(ctx context.Context) error { return s.process.start(ctx) }

// Uploads returns the number of multipart uploads on the server's disk that were neither completed nor aborted.
func (s Server) Uploads() (int, error) {
	found, err := filepath.Glob(filepath.Join(s.Dir, ".sgwtmp", "multipart", "*", "*"))
	n := 0
	for _, name := range found {
		if info, failed := os.Stat(name); failed == nil && info.IsDir() {
			n++
		}
	}
	return n, err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// answers reports whether an S3 server answers: without a signature it refuses, in XML.
func answers(address string) bool {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + address + "/")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusForbidden && resp.Header.Get("Server") == "VERSITYGW"
}
