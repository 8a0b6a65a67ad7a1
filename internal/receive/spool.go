package receive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Errors of a spool.
var (
	ErrFull  = errors.New("the spool is full: what was received could not be delivered for long")
	ErrInUse = errors.New("another chatlake process uses the spool")

	errClosed = errors.New("the spool is closed")
)

// Spool keeps events in a folder until they are delivered. It outlives the process: whatever Keep has returned nil for is delivered, at
// least once.
type Spool struct {
	folder string
	most   int64 // bytes
	lock   *flock.Flock
	queue  chan *kept
	stop   chan struct{}
	done   chan struct{} // closed when nothing is written any more

	mu     sync.Mutex
	bytes  int64 // of all segments
	closed bool
	failed error // why the last write failed; nil if it succeeded
	// delivered is the time up to which everything was delivered.
	delivered time.Time
	sealed    []segment
	current   *open // nil until something is written
	next      uint64
}

// leastRoom is how many bytes a spool that is ready has left. Most announcements are shorter.
const leastRoom = 1 << 10

// kept is an event that waits to be on disk.
type kept struct {
	entry []byte
	done  chan error
}

// OpenSpool opens a spool and creates its folder. Events of earlier processes are in it. It holds at most so many bytes.
func OpenSpool(folder string, most int64) (*Spool, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("create the spool: %w", err)
	}
	lock := flock.New(filepath.Join(folder, "lock"), flock.SetPermissions(0o600))
	switch free, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock the spool: %w", err)
	case !free:
		return nil, fmt.Errorf("%s: %w", folder, ErrInUse)
	}
	s := &Spool{
		folder: folder, most: most, lock: lock,
		queue: make(chan *kept, mostAtOnce), stop: make(chan struct{}), done: make(chan struct{}), delivered: time.Now(),
	}
	if err := s.find(); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	go s.write()
	return s, nil
}

// Keep returns when the event is on disk. Events that are kept at the same time share one fsync.
func (s *Spool) Keep(e Event) error {
	entry, err := encode(e)
	if err != nil {
		return err
	}
	k := &kept{entry, make(chan error, 1)}
	select {
	case s.queue <- k:
	case <-s.stop:
		return errClosed
	}
	select {
	case err := <-k.done:
		return err
	case <-s.done:
		select {
		case err := <-k.done:
			return err
		default:
			return errClosed
		}
	}
}

// Waiting returns how many bytes wait to be delivered, and why the last write failed, if it did.
func (s *Spool) Waiting() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes, s.failed
}

// Delivered is the time up to which everything that was received is delivered. It is not before the process began.
func (s *Spool) Delivered() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delivered
}

// Ready returns an error if Keep would fail now, as far as is known without a write.
func (s *Spool) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errClosed
	case s.bytes+leastRoom > s.most:
		return ErrFull
	}
	return s.failed
}

// Close writes what is being kept and releases the folder. What was not delivered stays.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	<-s.done
	return s.lock.Unlock()
}

// write is the only writer. It writes everything that waits at once.
func (s *Spool) write() {
	defer close(s.done)
	for {
		var batch []*kept
		select {
		case k := <-s.queue:
			batch = append(batch, k)
		case <-s.stop:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seal()
			return
		}
		for more := true; more && len(batch) < mostAtOnce; {
			select {
			case k := <-s.queue:
				batch = append(batch, k)
			default:
				more = false
			}
		}
		err := s.append(batch)
		for _, k := range batch {
			k.done <- err
		}
	}
}

func (s *Spool) append(batch []*kept) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.failed = err }()
	var entries []byte
	for _, k := range batch {
		entries = append(entries, k.entry...)
	}
	if s.bytes+int64(len(entries)) > s.most {
		return ErrFull
	}
	if s.current == nil {
		if s.current, err = create(s.folder, s.next); err != nil {
			return err
		}
		s.next++
	}
	if err := s.current.append(entries); err != nil {
		// What is on disk now is not known. The segment takes no more; what it has of this batch may be delivered, which costs nothing.
		s.seal()
		return err
	}
	s.bytes += int64(len(entries))
	return nil
}

// seal makes the current segment one that can be delivered.
func (s *Spool) seal() {
	if s.current == nil {
		return
	}
	s.sealed = append(s.sealed, s.current.close())
	s.current = nil
}

// oldest returns the oldest segment that can be delivered, or false if there is none.
func (s *Spool) oldest() (segment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sealed) == 0 && !s.closed {
		s.seal()
	}
	if len(s.sealed) == 0 {
		if !s.closed {
			s.delivered = time.Now()
		}
		return segment{}, false
	}
	return s.sealed[0], true
}

// remove removes a segment that was delivered.
func (s *Spool) remove(done segment) error {
	if err := os.Remove(done.name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = slices.DeleteFunc(s.sealed, func(g segment) bool { return g.name == done.name })
	s.bytes = max(0, s.bytes-done.bytes)
	return nil
}

// Delivery says what a spool does with its events.
type Delivery struct {
	// Deliver takes the conversations that were announced of an account, each once. If it fails, it is called again later.
	Deliver func(ctx context.Context, account string, conversations []string) error
	// Every is the time between two deliveries. Everything that is announced of an account meanwhile is one delivery.
	Every time.Duration
	// Failed, if set, is told of each failure and of segments that cannot be read to their end.
	Failed func(error)
}

// longestRetry is the longest wait after a delivery that failed.
const longestRetry = 30 * time.Second

// Run delivers until ctx is cancelled.
func (s *Spool) Run(ctx context.Context, d Delivery) {
	wait := d.Every
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := s.Drain(ctx, d); err != nil && ctx.Err() == nil {
			if d.Failed != nil {
				d.Failed(err)
			}
			wait = min(max(2*wait, time.Second), longestRetry)
			continue
		}
		wait = d.Every
	}
}

// Drain delivers what is there now.
func (s *Spool) Drain(ctx context.Context, d Delivery) error {
	for ctx.Err() == nil {
		next, ok := s.oldest()
		if !ok {
			return nil
		}
		events, torn, err := next.read()
		if err != nil {
			return fmt.Errorf("read the spool: %w", err)
		}
		if torn > 0 && d.Failed != nil {
			d.Failed(fmt.Errorf("%d bytes of %s are in no whole entry; after a crash these were not acknowledged, otherwise the disk has damaged them", torn, filepath.Base(next.name)))
		}
		named := map[string][]string{}
		var accounts []string
		for _, e := range events {
			if named[e.Account] == nil {
				accounts = append(accounts, e.Account)
			}
			named[e.Account] = append(named[e.Account], e.Conversations...)
		}
		for _, account := range accounts {
			if err := d.Deliver(ctx, account, distinct(named[account])); err != nil {
				return fmt.Errorf("deliver what was announced of %s: %w", account, err)
			}
		}
		if err := s.remove(next); err != nil {
			return fmt.Errorf("remove what was delivered: %w", err)
		}
	}
	return ctx.Err()
}

// distinct returns each text once, in the order of their first place.
func distinct(texts []string) []string {
	seen := make(map[string]bool, len(texts))
	return slices.DeleteFunc(texts, func(text string) bool {
		again := seen[text]
		seen[text] = true
		return again
	})
}
