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

// Acceptance is a person's decision that a part of a stream stays out of the lake. It is written once and never changed. A window that is
// committed there later counts as any other.
type Acceptance struct {
	FormatVersion int            `json:"format_version"`
	Account       string         `json:"account"`
	Stream        schemas.Stream `json:"stream"`
	Window        schemas.Window `json:"window"`
	// Reason says why, in the person's words.
	Reason     string    `json:"reason"`
	AcceptedAt time.Time `json:"accepted_at"`
	// Writer is the program and version that wrote it, such as "chatlake 0.3.0".
	Writer string `json:"writer"`
}

// acceptanceFolder is the prefix of the acceptances of an account, or of all if account is empty.
func acceptanceFolder(account string) string {
	if account == "" {
		return gapsRoot
	}
	return gapsRoot + "account=" + account + "/"
}

func acceptanceKey(a Acceptance) string {
	return fmt.Sprintf("%sstream=%s/%s.json", acceptanceFolder(a.Account), a.Stream, a.Window)
}

// Accept writes an acceptance, or returns the one that exists for the same stream and window: the first reason stands.
func (l *Ledger) Accept(ctx context.Context, a Acceptance) (Acceptance, error) {
	a.FormatVersion, a.AcceptedAt = formatVersion, l.now().UTC().Truncate(time.Second)
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return a, fmt.Errorf("write acceptance: %w", err)
	}
	text = append(text, '\n')
	err = l.store.Put(ctx, acceptanceKey(a), bytes.NewReader(text), int64(len(text)), true)
	if errors.Is(err, ErrExists) {
		return l.acceptance(ctx, acceptanceKey(a))
	}
	if err != nil {
		return a, fmt.Errorf("write acceptance: %w", err)
	}
	return a, nil
}

// Accepted returns the acceptances of an account, or of all if account is empty, sorted by account, stream and window.
func (l *Ledger) Accepted(ctx context.Context, account string) ([]Acceptance, error) {
	var all []Acceptance
	for object, err := range l.store.List(ctx, acceptanceFolder(account)) {
		if err != nil {
			return nil, fmt.Errorf("list accepted gaps: %w", err)
		}
		a, err := l.acceptance(ctx, object.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// AcceptedWindows returns the windows of one stream among acceptances.
func AcceptedWindows(all []Acceptance, account string, stream schemas.Stream) (windows []schemas.Window) {
	for _, a := range all {
		if a.Account == account && a.Stream == stream {
			windows = append(windows, a.Window)
		}
	}
	return windows
}

func (l *Ledger) acceptance(ctx context.Context, key string) (a Acceptance, err error) {
	text, err := l.read(ctx, key)
	if err != nil {
		return a, fmt.Errorf("read accepted gap: %w", err)
	}
	if err := json.Unmarshal(text, &a); err != nil || acceptanceKey(a) != key {
		return a, &damagedError{fmt.Sprintf("%s is damaged: it is not the acceptance of that window; restore it, or delete it to have the gap reported again", key)}
	}
	if a.FormatVersion != formatVersion || strings.TrimSpace(a.Reason) == "" {
		return a, &damagedError{fmt.Sprintf("%s has format version %d, this build reads version %d: use a newer build", key, a.FormatVersion, formatVersion)}
	}
	return a, nil
}
