package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Probe checks that the lake can be written, listed, read and deleted, and that it honours conditional writes. Without them two
// exports could commit the same shard, so Probe refuses a store that ignores them.
func (l *Ledger) Probe(ctx context.Context) error {
	t := l.try(ctx)
	switch {
	case t.write != nil:
		return fmt.Errorf("write to the lake %s: %w", l.root, t.write)
	case t.list != nil:
		return fmt.Errorf("list the lake %s: %w", l.root, t.list)
	case t.read != nil:
		return fmt.Errorf("read from the lake %s: %w", l.root, t.read)
	case t.remove != nil:
		return fmt.Errorf("delete from the lake %s: %w", l.root, t.remove)
	case t.overwritten:
		return fmt.Errorf("the lake %s ignores conditional writes (If-None-Match), so commits would not be safe: %s", l.root, otherStore)
	case t.again != nil:
		return fmt.Errorf("write conditionally to the lake %s: %w", l.root, t.again)
	case !t.listed:
		return fmt.Errorf("the lake %s does not list new objects, so commits could be missed: %s", l.root, otherStore)
	}
	return nil
}

// otherStore is the advice about a store that does not do what S3 promises.
const otherStore = "use a store that does, such as AWS S3, or a local folder"

// attempt is the result of trying every operation on one object.
type attempt struct {
	write, read, list, remove error
	again                     error // of a second write to the same key; nil if it was refused, as it should be
	overwritten, listed       bool
}

// try writes an object, tries to overwrite it, reads it, lists it and deletes it.
func (l *Ledger) try(ctx context.Context) (t attempt) {
	const first = "first"
	key := probeRoot + random()
	put := func(text string) error {
		return l.store.Put(ctx, key, strings.NewReader(text), int64(len(text)), true)
	}
	// The key is random, so "taken" means that an earlier attempt of this request wrote it and its response was lost.
	if t.write = put(first); errors.Is(t.write, ErrExists) {
		t.write = nil
	}
	if t.write != nil {
		return t
	}
	t.again = put("other")
	t.overwritten = t.again == nil
	if errors.Is(t.again, ErrExists) {
		t.again = nil
	}
	var existing []byte
	if existing, t.read = l.read(ctx, key); t.read == nil && string(existing) != first {
		t.overwritten = true
	}
	t.listed, t.list = l.lists(ctx, key)
	t.remove = l.store.Delete(ctx, key)
	return t
}

// lists reports whether a key is listed.
func (l *Ledger) lists(ctx context.Context, key string) (bool, error) {
	for object, err := range l.store.List(ctx, key) {
		if err != nil || object.Key == key {
			return err == nil, err
		}
	}
	return false, nil
}
