package trial

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
)

// store is a ledger.Store in memory. Each request to it takes a turn. It fails the trial if a ledger record or a data file changes,
// or if a record is written before its files.
type store struct {
	w *world
	// forgetful ignores conditions, as some servers do.
	forgetful bool

	mu      sync.Mutex
	objects map[string]object
	made    int
	commits []commit
}

type object struct {
	body  []byte
	at    time.Time
	order int // of its creation; replaces the random part of its key
}

// commit is a ledger record as it was written.
type commit struct {
	record ledger.Record
	by     *run
	at     time.Time
	clock  time.Time // of the lake
}

var errStore = errors.New("503 SlowDown")

var randomPart = regexp.MustCompile(`-[0-9a-f]{16}$`)

// plain is a key without its random part.
func plain(key string) string {
	if strings.HasPrefix(key, "_probe/") {
		return "_probe/"
	}
	return randomPart.ReplaceAllString(key, "")
}

// request waits for a turn and then acts. It returns an error if the answer is lost.
func (s *store) request(ctx context.Context, what string, act func() error) error {
	return s.requestOr(ctx, what, new(verdict), act)
}

// requestOr is a request whose answer may be wrong without an error.
func (s *store) requestOr(ctx context.Context, what string, spoiled *verdict, act func() error) error {
	switch v := s.w.turn(ctx, what); v {
	case cut, mixed:
		*spoiled = v
	case die:
		return errKilled
	case refuse:
		if err := ctx.Err(); err != nil {
			return err
		}
		return errStore
	case lose:
		_ = act()
		return errStore
	case after:
		_ = act()
		return errKilled
	}
	return act()
}

func (s *store) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, ifAbsent bool) error {
	b, err := io.ReadAll(body)
	if err != nil || int64(len(b)) != size {
		return fmt.Errorf("body of %d bytes, %d promised: %w", len(b), size, err)
	}
	a, _ := ctx.Value(attemptKey{}).(*attempt)
	return s.request(ctx, "put "+plain(key), func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		old, stands := s.objects[key]
		if stands && ifAbsent && !s.forgetful {
			return ledger.ErrExists
		}
		if stands && !bytes.Equal(old.body, b) {
			s.changed(key)
		}
		s.made++
		s.objects[key] = object{body: b, at: s.w.clock(), order: s.made}
		if strings.HasPrefix(key, "_ledger/") {
			s.committed(key, b, a)
		}
		return nil
	})
}

// changed checks an object whose bytes change.
func (s *store) changed(key string) {
	if strings.HasPrefix(key, "_ledger/") || strings.HasPrefix(key, "data/") {
		s.w.fail("%s was written again, with other bytes", key)
	}
}

// committed checks a record at the moment it begins to count.
func (s *store) committed(key string, b []byte, a *attempt) {
	var record ledger.Record
	if err := json.Unmarshal(b, &record); err != nil {
		s.w.fail("record %s: %v", key, err)
		return
	}
	for _, f := range record.Files {
		if problem := s.problem(f); problem != "" {
			s.w.fail("generation %d of %s was committed, and %s", record.Generation, record.Shard, problem)
		}
	}
	c := commit{record: record, at: time.Now(), clock: s.w.clock()}
	if a != nil {
		c.by = a.run
	}
	s.commits = append(s.commits, c)
}

// problem is how a file differs from its entry in a record.
func (s *store) problem(f ledger.File) string {
	o, ok := s.objects[f.Key]
	if !ok {
		return f.Key + " is not there"
	}
	if sum := sha256.Sum256(o.body); hex.EncodeToString(sum[:]) != f.SHA256 {
		return f.Key + " is not what was sealed"
	}
	return ""
}

func (s *store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	var body []byte
	var spoiled verdict
	err := s.requestOr(ctx, "get "+plain(key), &spoiled, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		o, ok := s.objects[key]
		if !ok {
			return ledger.ErrNotExist
		}
		body = o.body[min(offset, int64(len(o.body))):]
		if length >= 0 {
			body = body[:min(length, int64(len(body)))]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	switch spoiled {
	case cut:
		body = body[:len(body)/2]
	case mixed:
		body = s.beside(key)
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

func (s *store) Stat(ctx context.Context, key string) (found ledger.Object, err error) {
	err = s.request(ctx, "stat "+plain(key), func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		o, ok := s.objects[key]
		if !ok {
			return ledger.ErrNotExist
		}
		found = ledger.Object{Key: key, Bytes: int64(len(o.body)), ModifiedAt: o.at}
		return nil
	})
	return found, err
}

// List returns three objects at a time, as they are at that time.
func (s *store) List(ctx context.Context, prefix string) iter.Seq2[ledger.Object, error] {
	return func(yield func(ledger.Object, error) bool) {
		const most = 3
		for last := ""; ; {
			var page []ledger.Object
			err := s.request(ctx, "list/ "+plain(prefix), func() error {
				page, last = s.page(prefix, last, most)
				return nil
			})
			if err != nil {
				yield(ledger.Object{}, err)
				return
			}
			for _, o := range page {
				if !yield(o, nil) {
					return
				}
			}
			if len(page) < most {
				return
			}
		}
	}
}

// page is the objects after a position. Keys that differ only in their random part are in order of creation.
func (s *store) page(prefix, last string, most int) (page []ledger.Object, at string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	places := map[string]string{}
	for key, o := range s.objects {
		if place := fmt.Sprintf("%s %06d", plain(key), o.order); strings.HasPrefix(key, prefix) && place > last {
			places[place] = key
		}
	}
	var order []string
	for place := range places {
		order = append(order, place)
	}
	slices.Sort(order)
	for _, place := range order[:min(most, len(order))] {
		key := places[place]
		o := s.objects[key]
		page, last = append(page, ledger.Object{Key: key, Bytes: int64(len(o.body)), ModifiedAt: o.at}), place
	}
	return page, last
}

func (s *store) Delete(ctx context.Context, key string) error {
	return s.request(ctx, "delete "+plain(key), func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, c := range s.commits {
			old := slices.ContainsFunc(s.commits[i+1:], func(later commit) bool { return later.record.Shard == c.record.Shard })
			if s.w.plan.kept && old {
				continue // a vacuum may remove it
			}
			if slices.ContainsFunc(c.record.Files, func(f ledger.File) bool { return f.Key == key }) {
				s.w.fail("%s was deleted, and generation %d of %s names it", key, c.record.Generation, c.record.Shard)
			}
		}
		delete(s.objects, key)
		return nil
	})
}

// beside is another object of the same folder and kind.
func (s *store) beside(key string) []byte {
	kind, _, _ := strings.Cut(key[strings.LastIndex(key, "/")+1:], "-")
	place := key[:strings.LastIndex(key, "/")+1] + kind
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.objects[key]
	oldest := s.made + 1
	for other, o := range s.objects {
		if strings.HasPrefix(other, place) && plain(other) != plain(key) && o.order < oldest {
			found, oldest = o, o.order
		}
	}
	return found.body
}

// named are the files of all records.
func (s *store) named() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	named := map[string]bool{}
	for _, c := range s.commits {
		for _, f := range c.record.Files {
			named[f.Key] = true
		}
	}
	return named
}

// remove deletes an object without a turn.
func (s *store) remove(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
}

// below is the sorted keys with a prefix.
func (s *store) below(prefix string) (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.objects {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// lasting is the ledger and the data, which must not change once everything is committed.
func (s *store) lasting() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	stands := map[string]string{}
	for key, o := range s.objects {
		if strings.HasPrefix(key, "_ledger/") || strings.HasPrefix(key, "data/") {
			sum := sha256.Sum256(o.body)
			stands[key] = hex.EncodeToString(sum[:])
		}
	}
	return stands
}
