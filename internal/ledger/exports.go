package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/schemas"
)

// Forgotten is a generation that the manifest of an export names and that is not in the ledger any more.
type Forgotten struct {
	Manifest string // key
	Shard    Shard
	// Generation is what the manifest names, Newest the highest that the ledger has, 0 for none.
	Generation, Newest int
}

// Forgotten compares what exports found committed when they ended with the entries of a ledger. Manifests and the ledger are lists of
// their own, so a record that is gone from the end of one, where no gap shows, is noticed by the other. A record that is there and
// that the entries lack is ErrIncompleteList. Manifests that cannot be read are findings.
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
			shard, err := parseShard(named.Shard)
			if err != nil {
				findings = append(findings, Finding{m.key, err.Error()})
				continue
			}
			if shard.Provider = m.Provider; shard.Provider == "" { // of an earlier build
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
		// It may have been committed since the entries were listed.
		if err := l.mustList(ctx, ledgerFolder(f.Shard), []string{ledgerKey(f.Shard, f.Generation)}); err != nil {
			return nil, nil, err
		}
	}
	return gone, findings, nil
}

// exportManifest is what is read of a manifest.
type exportManifest struct {
	key      string
	Provider string `json:"provider"`
	Shards   []struct {
		Shard      string `json:"shard"` // as Shard.String has it
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
			if err != nil && !isOfOne(err) {
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

// parseShard is the inverse of Shard.String, but for the provider.
func parseShard(text string) (s Shard, err error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return Shard{}, fmt.Errorf("%q is not account/stream/window", text)
	}
	s.Account, s.Stream = parts[0], schemas.Stream(parts[1])
	if s.Window, err = schemas.ParseWindow(parts[2]); err != nil {
		return Shard{}, fmt.Errorf("%q is not account/stream/window: %w", text, err)
	}
	return s, nil
}
