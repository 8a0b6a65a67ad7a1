package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Probe checks that the lake can be written, listed, read and deleted, and that it honours conditional writes: without
// them two exports could commit the same shard, so a store that ignores them is refused.
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
		return fmt.Errorf("the lake %s does not list what was just written, so commits could be overlooked: %s", l.root, otherStore)
	}
	return nil
}

// otherStore is what to do about a store that does not keep its promises.
const otherStore = "use a store that does, such as AWS S3, or a local folder"

// trial is how one object fared in the lake.
type trial struct {
	write, read, list, remove error
	again                     error // of a second write under the same key; nil when it was refused as it should be
	overwritten, listed       bool
}

// try writes an object, tries to write over it, reads it, lists it and deletes it.
func (l *Ledger) try(ctx context.Context) (t trial) {
	const first = "first"
	key := probeRoot + random()
	put := func(text string) error {
		return l.store.Put(ctx, key, strings.NewReader(text), int64(len(text)), true)
	}
	// Nobody else has this key: taken means that an earlier try of the same request got no answer.
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
	var standing []byte
	if standing, t.read = l.read(ctx, key); t.read == nil && string(standing) != first {
		t.overwritten = true
	}
	t.listed, t.list = l.lists(ctx, key)
	t.remove = l.store.Delete(ctx, key)
	return t
}

// lists says whether a key is found by listing.
func (l *Ledger) lists(ctx context.Context, key string) (bool, error) {
	for object, err := range l.store.List(ctx, key) {
		if err != nil || object.Key == key {
			return err == nil, err
		}
	}
	return false, nil
}
