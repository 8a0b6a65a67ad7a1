package freshchat

import (
	"context"
	"slices"
	"sync"

	"github.com/chatlake/chatlake/providers"
)

// cache keeps the values that were used last. Each process has its own.
type cache[T any] struct {
	maxEntries int
	maxBytes   int64         // 0 means no limit
	size       func(T) int64 // of a value, in bytes

	mu      sync.Mutex
	entries []*cacheEntry[T] // the last one was used last
}

type cacheEntry[T any] struct {
	key   string
	busy  chan struct{} // holds one token while the value is being made
	done  bool
	value T
}

// get returns the value of a key. If several goroutines ask for it, one makes it and the others wait.
func (s *cache[T]) get(ctx context.Context, key string, fill func() (T, error)) (value T, err error) {
	one := s.find(key)
	select {
	case one.busy <- struct{}{}:
		defer func() { <-one.busy }()
	case <-ctx.Done():
		return value, &providers.Error{Kind: providers.Transient, Op: "wait for the reports", Err: context.Cause(ctx)}
	}
	if one.done {
		return one.value, nil
	}
	if value, err = fill(); err != nil {
		return value, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one.value, one.done = value, true
	s.evict()
	return value, nil
}

// has reports whether the cache has the value of a key.
func (s *cache[T]) has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.entries, func(one *cacheEntry[T]) bool { return one.key == key })
	return i >= 0 && s.entries[i].done
}

func (s *cache[T]) find(key string) *cacheEntry[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.entries, func(one *cacheEntry[T]) bool { return one.key == key })
	if i < 0 {
		one := &cacheEntry[T]{key: key, busy: make(chan struct{}, 1)}
		s.entries = append(s.entries, one)
		return one
	}
	one := s.entries[i]
	s.entries = append(slices.Delete(s.entries, i, i+1), one)
	return one
}

// evict removes the values that were not used for the longest time. The caller holds s.mu.
func (s *cache[T]) evict() {
	var size int64
	for i := len(s.entries) - 1; i >= 0; i-- {
		if one := s.entries[i]; one.done && s.size != nil {
			size += s.size(one.value)
		}
		if s.maxBytes > 0 && size > s.maxBytes && i < len(s.entries)-1 || len(s.entries)-i > s.maxEntries {
			s.entries = slices.Delete(s.entries, 0, i+1)
			return
		}
	}
}
