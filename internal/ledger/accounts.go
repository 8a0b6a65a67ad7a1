package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Accounts returns the names of all accounts with at least one object in the lake, committed or not, sorted.
func (l *Ledger) Accounts(ctx context.Context) ([]string, error) {
	names := map[string]bool{}
	for _, root := range []string{dataRoot, ledgerRoot, stagingRoot, exportsRoot} {
		for object, err := range l.store.List(ctx, root) {
			if err != nil {
				return nil, fmt.Errorf("look for accounts: %w", err)
			}
			if name := accountIn(root, object.Key); name != "" {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// accountIn returns the account in a key below one of the roots, or "" if the key names none.
func accountIn(root, key string) string {
	parts := strings.Split(strings.TrimPrefix(key, root), "/")
	if root == stagingRoot || root == exportsRoot {
		return parts[0]
	}
	for _, part := range parts {
		if name, ok := strings.CutPrefix(part, "account="); ok {
			return name
		}
	}
	return ""
}
