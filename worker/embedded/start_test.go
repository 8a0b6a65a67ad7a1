//go:build !noembedded

package embedded

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAReservedPortIsTheServersAlone reserves ports, requests many others, and then listens on the reserved ones as the server does.
func TestAReservedPortIsTheServersAlone(t *testing.T) {
	reserved, err := reserve(5)
	if err != nil {
		t.Fatal(err)
	}
	defer reserved.release()
	mine := map[int]bool{}
	for _, port := range reserved.numbers {
		mine[port] = true
	}
	if len(mine) != 5 {
		t.Fatalf("reserved %v, want five ports", reserved.numbers)
	}
	for range 200 {
		other, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if port := other.Addr().(*net.TCPAddr).Port; mine[port] {
			t.Errorf("port %d is reserved and was given to another", port)
		}
	}
	reserved.handOver()
	for port := range mine {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			t.Errorf("the server cannot listen: %v", err)
			continue
		}
		defer l.Close()
	}
}

// TestATakenPortIsAnError launches a server although one of its ports is taken. The server then tries to end the process, which must
// survive.
func TestATakenPortIsAnError(t *testing.T) {
	for i, service := range services {
		taken, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		free, err := reserve(len(services))
		if err != nil {
			t.Fatal(err)
		}
		defer free.release()
		free.numbers[i] = taken.Addr().(*net.TCPAddr).Port
		database := filepath.Join(t.TempDir(), databaseName)
		if err := prepare(database, nil); err != nil {
			t.Fatal(err)
		}
		free.handOver()
		err = (&Server{}).launch(t.Context(), database, free.numbers, nil)
		if !errors.Is(err, syscall.EADDRINUSE) || strings.Contains(err.Error(), "\n") {
			t.Errorf("port of %s: error %v, want a line that says that it is in use", service, err)
		}
	}
}

// TestACrashIsAnError makes a part of a running server try to end the process.
func TestACrashIsAnError(t *testing.T) {
	server, err := Start(t.Context(), Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.server.Stop() }() // Server.Stop does not stop it after a crash
	if err := server.Err(); err != nil {
		t.Errorf("error %v before the crash", err)
	}
	returned := make(chan bool, 1)
	go func() {
		server.crash.Fatal("Failed to serve on frontend listener")
		returned <- true
	}()
	<-server.Failed()
	if err := server.Err(); err == nil || err.Error() != "the embedded Temporal server stopped unexpectedly: Failed to serve on frontend listener" {
		t.Errorf("error %v, want what the server said", err)
	}
	if err := server.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if len(returned) > 0 {
		t.Error("the part of the server that asked for the end goes on")
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := Start(ctx, Config{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the context was cancelled", err)
	}
	if address, err := Running(dir); address != "" || err != nil {
		t.Errorf("the folder is in use at %q, error %v", address, err)
	}
}

func TestDatabasesThatCannotBeUsed(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole.db")
	if err := create(whole); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	torn := []byte(string(text))
	for i := len(torn) / 2; i < len(torn)/2+20000; i++ {
		torn[i] = 'U'
	}
	for name, test := range map[string]struct {
		content []byte
		mode    os.FileMode
		damaged bool
	}{
		"another file":     {[]byte(strings.Repeat("not a database", 100)), 0o600, true},
		"a damaged page":   {torn, 0o600, true},
		"half of one":      {text[:len(text)/2], 0o600, true},
		"one of others":    {text, 0o400, false},
		"one not readable": {text, 0o000, false},
	} {
		t.Run(name, func(t *testing.T) {
			if !test.damaged && os.Getuid() == 0 {
				t.Skip("root may write every file")
			}
			dir := t.TempDir()
			file := filepath.Join(dir, databaseName)
			if err := os.WriteFile(file, test.content, test.mode); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := Start(ctx, Config{Dir: dir})
			var database *DatabaseError
			if !errors.As(err, &database) || database.File != file || database.Damaged != test.damaged {
				t.Fatalf("error %v, want one that says of the file whether it is damaged: %v", err, test.damaged)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("not one line: %v", err)
			}
		})
	}
}

// TestPathsAreNoURIs starts a server in a folder whose name has a special meaning in a URI.
func TestPathsAreNoURIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "50%20off? #1")
	server, err := Start(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	if !HasState(dir) {
		t.Error("the database is elsewhere")
	}
}
