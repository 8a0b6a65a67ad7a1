package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
)

// server is a Temporal server in a separate process.
type server struct {
	process *process
	address string
	events  func(context.Context) (int64, error)
}

// cpu is the server's processor time so far; 0 if there is no server.
func (s *server) cpu() time.Duration {
	if s == nil {
		return 0
	}
	return cpuOf(s.process.cmd.Process.Pid)
}

// server starts the server that a contender needs; nil if the contender uses the embedded one.
func (s *stage) server(ctx context.Context, contender string, store ledger.Config) (*server, error) {
	switch contender {
	case apartName:
		return s.serverApart(ctx, store)
	case postgresName:
		return s.serverOverPostgres(ctx)
	}
	return nil, nil
}

// serverApart is a chatlake worker whose only purpose is to run the server.
func (s *stage) serverApart(ctx context.Context, store ledger.Config) (*server, error) {
	folder, err := s.configure("server", store, "")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p, err := start(folder, environment(store), nil, nil, s.chatlake, "worker", "--ui-port", strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	s.free = append(s.free, p.stop)
	address, err := announcedAddress(ctx, filepath.Join(folder, "state"), p)
	if err != nil {
		return nil, err
	}
	if _, err := historyEvents(ctx, port, p); err != nil { // the server is ready once it answers
		return nil, err
	}
	return &server{process: p, address: address, events: func(ctx context.Context) (int64, error) { return historyEvents(ctx, port, p) }}, nil
}

// historyEvents sums the lengths of all histories that a server keeps. It uses Temporal's HTTP API, which the UI also uses.
func historyEvents(ctx context.Context, port int, p *process) (int64, error) {
	var sum int64
	for token := ""; ; {
		var page struct {
			Executions []struct {
				HistoryLength int64 `json:",string"`
			}
			NextPageToken string
		}
		address := fmt.Sprintf("http://127.0.0.1:%d/api/v1/namespaces/default/workflows?nextPageToken=%s", port, url.QueryEscape(token))
		if err := ask(ctx, address, p, &page); err != nil {
			return 0, err
		}
		for _, run := range page.Executions {
			sum += run.HistoryLength
		}
		if token = page.NextPageToken; token == "" {
			return sum, nil
		}
	}
}

// ask gets a JSON document from a process's server, as soon as that answers.
func ask(ctx context.Context, address string, p *process, into any) error {
	for {
		answer, err := http.Get(address)
		if err == nil && answer.StatusCode == http.StatusOK {
			defer answer.Body.Close()
			return json.NewDecoder(answer.Body).Decode(into)
		}
		if err == nil {
			_ = answer.Body.Close()
		}
		select {
		case <-p.exited:
			return fmt.Errorf("it ended before it answered:\n%s", p.said.String())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func listens(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
