package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// serverOverPostgres starts PostgreSQL in a new folder, and a Temporal server on it.
func (s *stage) serverOverPostgres(ctx context.Context) (*server, error) {
	var found []string
	for _, name := range []string{"initdb", "postgres"} {
		path, err := exec.LookPath(name)
		if err != nil {
			return nil, &errLeftOut{fmt.Sprintf("PostgreSQL is not at hand: there is no %s among the programs", name)}
		}
		found = append(found, path)
	}
	owner, err := owner()
	if err != nil {
		return nil, &errLeftOut{"PostgreSQL does not run as root: " + err.Error()}
	}
	if s.temporal == "" {
		if s.temporal, err = s.compile(ctx, "temporal", here(), "./temporal"); err != nil {
			return nil, err
		}
	}
	port, err := s.startPostgres(ctx, owner, found[0], found[1])
	if err != nil {
		return nil, err
	}
	return s.startTemporal(ctx, port)
}

// postgresUser is the superuser of the database, not of the system.
const postgresUser = "bench"

// owner is the user that PostgreSQL runs as: the current one, or the system's postgres user if we are root.
func owner() (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, err
}

// startPostgres creates a database cluster with default settings and starts it on a free loopback port.
func (s *stage) startPostgres(ctx context.Context, owner *syscall.SysProcAttr, initdb, postgres string) (int, error) {
	folder, err := os.MkdirTemp("", "chatlake-bench-postgres-") // not below our own folder, which only we may enter
	if err != nil {
		return 0, err
	}
	s.free = append(s.free, func() { _ = os.RemoveAll(folder) })
	if owner != nil {
		if err := os.Chown(folder, int(owner.Credential.Uid), int(owner.Credential.Gid)); err != nil {
			return 0, err
		}
	}
	data := filepath.Join(folder, "data")
	init := exec.CommandContext(ctx, initdb, "--pgdata", data, "--username", postgresUser, "--auth", "trust", "--encoding", "UTF8", "--locale", "C")
	init.Dir, init.SysProcAttr = folder, owner
	if out, err := init.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	var said tail
	run := exec.Command(postgres, "-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", folder)
	run.Dir, run.SysProcAttr, run.Stdout, run.Stderr = folder, owner, &said, &said
	if err := run.Start(); err != nil {
		return 0, fmt.Errorf("start PostgreSQL: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	s.free = append(s.free, func() {
		_ = run.Process.Signal(syscall.SIGQUIT) // immediate shutdown: its data is not needed
		<-ended
	})
	for !listens(fmt.Sprintf("127.0.0.1:%d", port)) {
		select {
		case err := <-ended:
			ended <- err
			return 0, fmt.Errorf("PostgreSQL ended: %v\n%s", err, said.String())
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return port, nil
}

func (s *stage) startTemporal(ctx context.Context, port int) (*server, error) {
	config, err := json.Marshal(map[string]any{"Host": "127.0.0.1", "Port": port, "User": postgresUser})
	if err != nil {
		return nil, err
	}
	in, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	said, out := io.Pipe()
	p, err := start("", nil, out, in, s.temporal, string(config))
	if err != nil {
		_ = input.Close()
		return nil, err
	}
	go func() {
		<-p.exited
		_ = out.Close()
	}()
	s.free = append(s.free, func() {
		_ = input.Close()
		select {
		case <-p.exited:
		case <-time.After(20 * time.Second):
			p.kill()
		}
	})
	address, control, err := announcedTemporal(ctx, said)
	if err != nil {
		return nil, fmt.Errorf("start Temporal over PostgreSQL: %w\n%s", err, p.said.String())
	}
	return &server{process: p, address: address, events: func(ctx context.Context) (n int64, err error) {
		err = ask(ctx, control+"/events", p, &n)
		return n, err
	}}, nil
}

// announcedTemporal waits for the line of JSON in the output of the server's tools.
func announcedTemporal(ctx context.Context, said io.Reader) (address, control string, err error) {
	type line struct{ Address, Control string }
	found := make(chan line, 1)
	go func() {
		defer close(found)
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			var l line
			if json.Unmarshal(lines.Bytes(), &l) == nil && l.Address != "" {
				found <- l
				break
			}
		}
		_, _ = io.Copy(io.Discard, said)
	}()
	select {
	case l, ok := <-found:
		if !ok {
			return "", "", errors.New("it ended")
		}
		return l.Address, l.Control, nil
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
}
