package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/schemas"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// script is the configuration of the script's process.
type script struct {
	URL      string  `json:"url"`
	Budget   float64 `json:"budget"`
	Folder   string  `json:"folder"`
	Parallel int     `json:"parallel"`
	// Parts are the further paths that are requested for each conversation.
	Parts []string `json:"parts"`
}

// scriptMain is what a person writes in an afternoon: a pool of requests, each answer written as lines of JSON. It reads every page
// once, repeats a request that fails, and remembers nothing.
func scriptMain(ctx context.Context, config string) error {
	var s script
	if err := json.Unmarshal([]byte(config), &s); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	loop := &scriptLoop{script: s, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: s.Parallel}}, out: map[string]*lines{}}
	for _, table := range scriptTables {
		if err := loop.create(table); err != nil {
			return err
		}
	}
	if err := loop.run(ctx); err != nil {
		return err
	}
	for _, l := range loop.out {
		if err := l.close(); err != nil {
			return err
		}
	}
	return nil
}

// scriptTables are the tables that the script writes; partsTable has the answers to its further requests.
var scriptTables = []string{schemas.Conversations.Table, schemas.Messages.Table, schemas.Contacts.Table, partsTable}

const partsTable = "parts"

// scriptFile is where the script writes a table.
func scriptFile(folder, table string) string { return filepath.Join(folder, table+".ndjson") }

// lines is a file with one JSON object in each line.
type lines struct {
	mu   sync.Mutex
	file *os.File
	*bufio.Writer
}

func (l *lines) write(objects ...json.RawMessage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range objects {
		_, _ = l.Write(o)
		if err := l.WriteByte('\n'); err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) close() error {
	if err := l.Flush(); err != nil {
		return err
	}
	return l.file.Close()
}

type scriptLoop struct {
	script
	client *http.Client
	out    map[string]*lines

	mu   sync.Mutex
	next time.Time // when the budget allows the next request
}

func (s *scriptLoop) create(table string) error {
	f, err := os.Create(scriptFile(s.Folder, table))
	if err != nil {
		return err
	}
	s.out[table] = &lines{file: f, Writer: bufio.NewWriterSize(f, 1<<20)}
	return nil
}

func (s *scriptLoop) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.Parallel)
	for page := 1; ; page++ {
		var list struct {
			Data struct{ Payload []json.RawMessage }
		}
		if err := s.get(ctx, fmt.Sprintf("conversations?status=all&page=%d", page), &list); err != nil {
			_ = group.Wait()
			return err
		}
		if len(list.Data.Payload) == 0 {
			break
		}
		if err := s.out[schemas.Conversations.Table].write(list.Data.Payload...); err != nil {
			return err
		}
		for _, row := range list.Data.Payload {
			id, err := numberOf(row)
			if err != nil {
				return err
			}
			group.Go(func() error { return s.conversation(ctx, id) })
		}
	}
	group.Go(func() error { return s.contacts(ctx) })
	return group.Wait()
}

// numberOf is the id of an object.
func numberOf(object json.RawMessage) (int64, error) {
	var row struct{ ID int64 }
	err := json.Unmarshal(object, &row)
	return row.ID, err
}

// afterPage is how many messages one answer has at most.
const afterPage = 100

func (s *scriptLoop) conversation(ctx context.Context, id int64) error {
	for after := int64(0); ; {
		var page struct{ Payload []json.RawMessage }
		if err := s.get(ctx, fmt.Sprintf("conversations/%d/messages?after=%d", id, after), &page); err != nil {
			return err
		}
		if err := s.out[schemas.Messages.Table].write(page.Payload...); err != nil {
			return err
		}
		if len(page.Payload) < afterPage {
			break
		}
		for _, row := range page.Payload {
			number, err := numberOf(row)
			if err != nil {
				return err
			}
			after = max(after, number)
		}
	}
	for _, part := range s.Parts {
		var answer json.RawMessage
		if err := s.get(ctx, fmt.Sprintf("conversations/%d%s", id, part), &answer); err != nil {
			return err
		}
		if err := s.out[partsTable].write(answer); err != nil {
			return err
		}
	}
	return nil
}

func (s *scriptLoop) contacts(ctx context.Context) error {
	for page := 1; ; page++ {
		var list struct{ Payload []json.RawMessage }
		if err := s.get(ctx, fmt.Sprintf("contacts?page=%d", page), &list); err != nil {
			return err
		}
		if len(list.Payload) == 0 {
			return nil
		}
		if err := s.out[schemas.Contacts.Table].write(list.Payload...); err != nil {
			return err
		}
	}
}

// patience is how long the script waits before it repeats a request for the first time; it doubles with every repetition.
const patience = 250 * time.Millisecond

func (s *scriptLoop) get(ctx context.Context, path string, into any) error {
	for failures := 1; ; failures++ {
		if err := s.pace(ctx); err != nil {
			return err
		}
		again, err := s.ask(ctx, path, into)
		if err == nil || !again || failures == tries {
			return err
		}
		if err := sleep(ctx, patience<<(failures-1)); err != nil {
			return err
		}
	}
}

// ask sends one request. It reports whether an error may go away.
func (s *scriptLoop) ask(ctx context.Context, path string, into any) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/v1/accounts/1/"+path, nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("api_access_token", fake.AdministratorToken)
	answer, err := s.client.Do(request)
	if err != nil {
		return true, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return true, err
	}
	if code := answer.StatusCode; code != http.StatusOK {
		return code == http.StatusTooManyRequests || code >= http.StatusInternalServerError, fmt.Errorf("%s: status %d", path, code)
	}
	return false, json.Unmarshal(body, into)
}

// pace waits until the budget allows one more request.
func (s *scriptLoop) pace(ctx context.Context) error {
	if s.Budget == 0 {
		return nil
	}
	s.mu.Lock()
	now := time.Now()
	if s.next.Before(now) {
		s.next = now
	}
	wait := s.next.Sub(now)
	s.next = s.next.Add(time.Duration(float64(time.Second) / s.Budget))
	s.mu.Unlock()
	return sleep(ctx, wait)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
