package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Skip says that a person gave up a window for now, while its shard was blocked. Unlike an [Acceptance], it changes nothing: the gap stays a
// gap, the watermark stays where it is, and the next run tries again. A window may be skipped several times.
type Skip struct {
	FormatVersion int            `json:"format_version"`
	Account       string         `json:"account"`
	Stream        schemas.Stream `json:"stream"`
	Window        schemas.Window `json:"window"`
	// Kind is why the shard was blocked, and Reason why it was given up, in the person's words.
	Kind      string    `json:"kind"`
	Reason    string    `json:"reason"`
	SkippedAt time.Time `json:"skipped_at"`
	// Writer is the program and version that wrote it.
	Writer string `json:"writer"`
}

func skipKey(s Skip) string {
	return fmt.Sprintf("%saccount=%s/stream=%s/%s/%s.json", skipsRoot, s.Account, s.Stream, s.Window, s.SkippedAt.UTC().Format("20060102T150405Z"))
}

// Skip writes that a window was skipped, once for each second.
func (l *Ledger) Skip(ctx context.Context, s Skip) (Skip, error) {
	s.FormatVersion, s.SkippedAt = formatVersion, l.now().UTC().Truncate(time.Second)
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return s, fmt.Errorf("write skipped window: %w", err)
	}
	text = append(text, '\n')
	err = l.store.Put(ctx, skipKey(s), bytes.NewReader(text), int64(len(text)), true)
	if errors.Is(err, ErrExists) {
		return l.skip(ctx, skipKey(s))
	}
	if err != nil {
		return s, fmt.Errorf("write skipped window: %w", err)
	}
	return s, nil
}

// Skips returns what was skipped of an account, or of all if account is empty, sorted by account, stream, window and time.
func (l *Ledger) Skips(ctx context.Context, account string) ([]Skip, error) {
	prefix := skipsRoot
	if account != "" {
		prefix += "account=" + account + "/"
	}
	var all []Skip
	for object, err := range l.store.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("list skipped windows: %w", err)
		}
		s, err := l.skip(ctx, object.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func (l *Ledger) skip(ctx context.Context, key string) (s Skip, err error) {
	text, err := l.read(ctx, key)
	if err != nil {
		return s, fmt.Errorf("read skipped window: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil || skipKey(s) != key {
		return s, &damagedError{fmt.Sprintf("%s is damaged: it does not say that this window was skipped; restore it, or delete it", key)}
	}
	if s.FormatVersion != formatVersion || strings.TrimSpace(s.Reason) == "" {
		return s, &damagedError{fmt.Sprintf("%s has format version %d, this build reads version %d: use a newer build", key, s.FormatVersion, formatVersion)}
	}
	return s, nil
}

// MadeUpFor reports whether the ledger has what was skipped: records that were read from the platform after that cover the window. Older
// is true if records of before cover it.
func (s Skip) MadeUpFor(records []Record) (made, older bool) {
	var after, all []schemas.Window
	for _, r := range records {
		if r.Shard.Account != s.Account || r.Shard.Stream != s.Stream {
			continue
		}
		window := r.Shard.Window
		if !s.Stream.IsContinuous() && !window.To.Before(s.Window.To) {
			window = s.Window // a later snapshot is as good
		}
		all = append(all, window)
		if r.readAfter(s.SkippedAt) {
			after = append(after, window)
		}
	}
	return len(s.Window.Without(after)) == 0, len(s.Window.Without(all)) == 0
}

// readAfter reports whether the platform was asked for what is in the record after a time.
func (r Record) readAfter(at time.Time) bool {
	switch r.Cause {
	case CauseMerge, CauseAbsorb, CauseRemap: // from what was in the lake
		return r.OpenedAt != nil && r.OpenedAt.After(at)
	}
	return r.CommittedAt.After(at)
}
