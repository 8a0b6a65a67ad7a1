package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/schemas"
)

// Forgotten is a generation that the manifest of an export names but the ledger no longer has.
type Forgotten struct {
	Manifest string // key
	Shard    Shard
	// Generation is the one that the manifest names. Newest is the highest in the ledger, or 0.
	Generation, Newest int
}

// Forgotten compares the manifests of exports, which name what was committed when each export ended, with the entries of a
// ledger. It finds deleted records at the end of a ledger, where no gap in the generations shows. It returns ErrIncompleteList if
// a record exists but the entries lack it. Manifests that cannot be read are findings.
func (l *Ledger) Forgotten(ctx context.Context, account string, entries []Entry) ([]Forgotten, []Finding, error) {
	manifests, findings, err := l.manifests(ctx, account)
	if err != nil {
		return nil, nil, err
	}
	newest, providers := map[string]int{}, map[string]string{}
	for _, e := range entries {
		newest[e.Shard.String()] = max(newest[e.Shard.String()], e.Generation)
		providers[e.Shard.Account] = e.Shard.Provider
	}
	var missing []Forgotten
	seen := map[string]int{}
	for _, m := range manifests {
		for _, named := range m.Shards {
			if named.Generation <= max(newest[named.Shard], seen[named.Shard]) {
				continue
			}
			seen[named.Shard] = named.Generation
			shard, err := ParseShard(named.Shard)
			if err != nil {
				findings = append(findings, Finding{m.key, err.Error()})
				continue
			}
			if shard.Provider = m.Provider; shard.Provider == "" { // written by an earlier build
				shard.Provider = providers[shard.Account]
			}
			missing = append(missing, Forgotten{m.key, shard, named.Generation, newest[named.Shard]})
		}
	}
	var gone []Forgotten
	for _, f := range missing {
		r, err := l.generation(ctx, f.Shard, f.Generation)
		if err != nil {
			return nil, nil, err
		}
		if r == nil {
			gone = append(gone, f)
			continue
		}
		// The record may have been committed after the entries were listed.
		if err := l.mustList(ctx, ledgerFolder(f.Shard), []string{ledgerKey(f.Shard, f.Generation)}); err != nil {
			return nil, nil, err
		}
	}
	return gone, findings, nil
}

// Export is an export that ended, as its manifest tells.
type Export struct {
	Manifest string // key
	Account  string
	Name     string
	Window   schemas.Window
	Shards   int // that the ledger had then for the range
}

// Exports returns the exports of an account, or of all if account is empty, that have ended, by their manifests. An export that was run
// again and ended with another result is there twice. Manifests that cannot be read are left out; Forgotten finds them.
func (l *Ledger) Exports(ctx context.Context, account string) ([]Export, error) {
	manifests, _, err := l.manifests(ctx, account)
	var all []Export
	for _, m := range manifests {
		if m.Account != "" {
			all = append(all, Export{m.key, m.Account, m.Name, m.Window, len(m.Shards)})
		}
	}
	return all, err
}

// exportManifest is the part of a manifest that Forgotten and Exports read.
type exportManifest struct {
	key      string
	Provider string `json:"provider"`
	Account  string `json:"account"`
	Name     string `json:"name"`
	schemas.Window
	Shards []struct {
		Shard      string `json:"shard"` // as in Shard.String
		Generation int    `json:"generation"`
	} `json:"shards"`
}

func (l *Ledger) manifests(ctx context.Context, account string) ([]exportManifest, []Finding, error) {
	prefix := exportsRoot
	if account != "" {
		prefix += account + "/"
	}
	var all []exportManifest
	for object, err := range l.store.List(ctx, prefix) {
		if err != nil {
			return nil, nil, fmt.Errorf("list manifests of exports: %w", err)
		}
		all = append(all, exportManifest{key: object.Key})
	}
	problems := make([]string, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for i := range all {
		group.Go(func() error {
			b, err := l.read(ctx, all[i].key)
			if err != nil && !isOfOneObject(err) {
				return fmt.Errorf("read manifest: %w", err)
			}
			if err == nil {
				err = json.Unmarshal(b, &all[i])
			}
			if err != nil {
				problems[i] = "the manifest of an export cannot be read: " + err.Error()
			}
			return nil
		})
	}
	err := group.Wait()
	var findings []Finding
	for i, problem := range problems {
		if problem != "" {
			findings = append(findings, Finding{all[i].key, problem})
		}
	}
	return all, findings, err
}

// ParseShard is the inverse of Shard.String. It leaves Provider empty.
func ParseShard(text string) (s Shard, err error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return Shard{}, fmt.Errorf("shard %q: expected account/stream/window", text)
	}
	s.Account, s.Stream = parts[0], schemas.Stream(parts[1])
	if s.Window, err = schemas.ParseWindow(parts[2]); err != nil {
		return Shard{}, fmt.Errorf("shard %q: expected account/stream/window: %w", text, err)
	}
	return s, nil
}
