package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// decisions are what people have decided about windows: acceptances or skips. Each is an object that is written once and never changed.
type decisions[D any] struct {
	root string
	what string // for errors: "accepted gap"
	bad  string // of an object that does not fit its key: what it is not, and what to do
	key  func(D) string
	// says returns the parts that all kinds of decisions have.
	says func(D) (formatVersion int, reason string)
}

// write writes a decision, or returns the one that exists under its key.
func (k decisions[D]) write(ctx context.Context, l *Ledger, d D) (D, error) {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return d, fmt.Errorf("write %s: %w", k.what, err)
	}
	text = append(text, '\n')
	err = l.store.Put(ctx, k.key(d), bytes.NewReader(text), int64(len(text)), true)
	if errors.Is(err, ErrExists) {
		return k.read(ctx, l, k.key(d))
	}
	if err != nil {
		return d, fmt.Errorf("write %s: %w", k.what, err)
	}
	return d, nil
}

// list returns the decisions about an account, or about all if account is empty, sorted by key.
func (k decisions[D]) list(ctx context.Context, l *Ledger, account string) (all []D, err error) {
	prefix := k.root
	if account != "" {
		prefix += "account=" + account + "/"
	}
	for object, err := range l.store.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("list %ss: %w", k.what, err)
		}
		d, err := k.read(ctx, l, object.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func (k decisions[D]) read(ctx context.Context, l *Ledger, key string) (d D, err error) {
	text, err := l.read(ctx, key)
	if err != nil {
		return d, fmt.Errorf("read %s: %w", k.what, err)
	}
	damaged := &damagedError{fmt.Sprintf("%s is damaged: %s", key, k.bad)}
	if err := json.Unmarshal(text, &d); err != nil || k.key(d) != key {
		return d, damaged
	}
	switch version, reason := k.says(d); {
	case version != formatVersion:
		return d, &damagedError{fmt.Sprintf("%s has format version %d, this build reads version %d: use a newer build", key, version, formatVersion)}
	case strings.TrimSpace(reason) == "":
		return d, damaged
	}
	return d, nil
}
