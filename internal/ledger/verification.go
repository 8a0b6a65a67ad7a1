package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Verification says that somebody verified the lake, or one account of it, from its oldest to its newest window, and how that ended. It has
// counts only; the findings are for those who verify again.
type Verification struct {
	FormatVersion int `json:"format_version"`
	// Account is the account that was verified; empty is all accounts of the lake.
	Account string `json:"account,omitempty"`
	// BeganAt is when the ledger was read: the verification says nothing of what was committed later.
	BeganAt time.Time `json:"began_at"`
	EndedAt time.Time `json:"ended_at"`
	// Deep means that every file was read completely, and Totals that the platforms were asked for their counts.
	Deep    bool  `json:"deep"`
	Totals  bool  `json:"totals"`
	Windows int   `json:"windows"`
	Files   int   `json:"files"`
	Bytes   int64 `json:"bytes"`
	// Problems keep the lake from being whole. Unchecked are streams that the program does not know.
	Problems  int `json:"problems"`
	Unchecked int `json:"unchecked"`
	// Writer is the program and version that verified, and Host the machine.
	Writer string `json:"writer"`
	Host   string `json:"host,omitempty"`
}

// Whole reports whether the verification found nothing wrong and could check everything.
func (v Verification) Whole() bool { return v.Problems == 0 && v.Unchecked == 0 }

// verificationsKept is how many verifications of one scope the lake keeps. A list of them is read with every look at the lake's freshness.
const verificationsKept = 100

func (v Verification) folder() string {
	if v.Account == "" {
		return verifiedRoot + "all/"
	}
	return verifiedRoot + "account=" + v.Account + "/"
}

func (v Verification) key() string {
	return v.folder() + v.BeganAt.UTC().Format("20060102T150405.000Z") + ".json"
}

// KeepVerification writes a verification into the lake, and removes the oldest if there are very many. If two begin in the same millisecond, the
// first one written stands.
func (l *Ledger) KeepVerification(ctx context.Context, v Verification) error {
	v.FormatVersion, v.BeganAt, v.EndedAt = formatVersion, v.BeganAt.UTC().Truncate(time.Millisecond), v.EndedAt.UTC().Truncate(time.Second)
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write verification: %w", err)
	}
	text = append(text, '\n')
	if err := l.store.Put(ctx, v.key(), bytes.NewReader(text), int64(len(text)), true); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("write verification: %w", err)
	}
	var keys []string
	for object, err := range l.store.List(ctx, v.folder()) {
		if err != nil {
			return fmt.Errorf("list verifications: %w", err)
		}
		keys = append(keys, object.Key)
	}
	for _, key := range keys[:max(0, len(keys)-verificationsKept)] {
		if err := l.store.Delete(ctx, key); err != nil {
			return fmt.Errorf("remove an old verification: %w", err)
		}
	}
	return nil
}

// LastVerifications returns the newest verification of each scope that the lake keeps: of all accounts together, and of single ones. One
// that this build cannot read is passed over, because a verification only reports and nothing depends on it.
func (l *Ledger) LastVerifications(ctx context.Context) ([]Verification, error) {
	newest := map[string]string{}
	for object, err := range l.store.List(ctx, verifiedRoot) {
		if err != nil {
			return nil, fmt.Errorf("list verifications: %w", err)
		}
		if strings.HasSuffix(object.Key, ".json") {
			newest[path.Dir(object.Key)] = object.Key // a list is sorted, and the name is the time
		}
	}
	var all []Verification
	for _, key := range newest {
		text, err := l.read(ctx, key)
		if errors.Is(err, ErrNotExist) {
			continue // removed since it was listed
		}
		if err != nil {
			return nil, fmt.Errorf("read verification: %w", err)
		}
		var v Verification
		if json.Unmarshal(text, &v) == nil && v.FormatVersion == formatVersion && v.key() == key {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b Verification) int { return strings.Compare(a.Account, b.Account) })
	return all, nil
}

// LastVerificationOf returns the newest verification that covers an account, or nil if none does.
func LastVerificationOf(account string, all []Verification) (last *Verification) {
	for i, v := range all {
		if (v.Account == "" || v.Account == account) && (last == nil || v.BeganAt.After(last.BeganAt)) {
			last = &all[i]
		}
	}
	return last
}
