package worker_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chatlake/chatlake/worker"
)

// TestAWorkerEndsWithItsServer closes the frontend's socket of an embedded server, like a fault that the server cannot survive: the
// worker must return an error instead of waiting forever.
func TestAWorkerEndsWithItsServer(t *testing.T) {
	state := t.TempDir()
	c := worker.Config{StateDir: state, Lake: worker.LakeConfig{URL: "file:" + t.TempDir()}}.WithDefaults()
	connected, err := worker.Connect(t.Context(), c, worker.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := worker.OpenLake(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(t.Context(), c, connected, l) }()

	address, err := os.ReadFile(filepath.Join(state, "temporal.address"))
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(strings.TrimSpace(string(address)), ":")
	if !endListening(t, port) {
		t.Fatalf("nobody listens on port %s", port)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "the embedded Temporal server stopped unexpectedly: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want a line that says that the server ended", err)
		}
	case <-time.After(time.Minute):
		t.Error("the worker continues without a server")
	}
	if err := connected.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// endListening shuts down the socket of this process that listens on a port.
func endListening(t *testing.T, port string) bool {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		fd, err := strconv.Atoi(file.Name())
		if err != nil {
			continue
		}
		if listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN); err != nil || listens == 0 {
			continue
		}
		if address, err := syscall.Getsockname(fd); err == nil {
			if local, ok := address.(*syscall.SockaddrInet4); ok && strconv.Itoa(local.Port) == port {
				return syscall.Shutdown(fd, syscall.SHUT_RDWR) == nil
			}
		}
	}
	return false
}
