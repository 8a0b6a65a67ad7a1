package freshchat

import (
	"context"
	"slices"
	"sync"

	"github.com/chatlake/chatlake/providers"
)

// shelf keeps what was used last, up to a bound. Another process fills its own.
type shelf[T any] struct {
	most  int           // things
	limit int64         // bytes, 0 is none
	size  func(T) int64 // of one

	mu     sync.Mutex
	things []*shelved[T] // used last at the end
}

type shelved[T any] struct {
	key  string
	busy chan struct{} // holds one token while the thing is being made
	done bool
	full T
}

// get is the thing under a key. Of several that ask for it one makes it, and the others wait.
func (s *shelf[T]) get(ctx context.Context, key string, fill func() (T, error)) (full T, err error) {
	one := s.find(key)
	select {
	case one.busy <- struct{}{}:
		defer func() { <-one.busy }()
	case <-ctx.Done():
		return full, &providers.Error{Kind: providers.Transient, Op: "wait for the reports", Err: context.Cause(ctx)}
	}
	if one.done {
		return one.full, nil
	}
	if full, err = fill(); err != nil {
		return full, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one.full, one.done = full, true
	s.bound()
	return full, nil
}

// has reports whether the thing under a key is there.
func (s *shelf[T]) has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.things, func(one *shelved[T]) bool { return one.key == key })
	return i >= 0 && s.things[i].done
}

func (s *shelf[T]) find(key string) *shelved[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.things, func(one *shelved[T]) bool { return one.key == key })
	if i < 0 {
		one := &shelved[T]{key: key, busy: make(chan struct{}, 1)}
		s.things = append(s.things, one)
		return one
	}
	one := s.things[i]
	s.things = append(slices.Delete(s.things, i, i+1), one)
	return one
}

// bound drops what was not used for the longest time. The caller holds s.mu.
func (s *shelf[T]) bound() {
	var size int64
	for i := len(s.things) - 1; i >= 0; i-- {
		if one := s.things[i]; one.done && s.size != nil {
			size += s.size(one.full)
		}
		if s.limit > 0 && size > s.limit && i < len(s.things)-1 || len(s.things)-i > s.most {
			s.things = slices.Delete(s.things, 0, i+1)
			return
		}
	}
}
