package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
)

// OpenShardInput names a shard and the content that it should have.
type OpenShardInput struct {
	Shard ledger.Shard `json:"shard"`
	// Spec is the account's spec. Refresh is what an export adds to it to request a new generation.
	Spec    string `json:"spec"`
	Refresh string `json:"refresh,omitempty"`
	// Adopt means that nothing will be copied, so the provider is not asked for its count.
	Adopt bool `json:"adopt,omitempty"`
	// Depth is how much of the window is asked for again. With DepthList, the provider is asked for its count only if the ledger does not
	// have the window.
	Depth Depth `json:"depth,omitempty"`
	Lease Lease `json:"lease"`
	// Uncounted means that the provider is not asked for its count: the window is probably so small that the list's own count is enough.
	Uncounted bool `json:"uncounted,omitempty"`
}

// OpenShardOutput reports what has to be done.
type OpenShardOutput struct {
	SpecDigest string `json:"spec_digest"`
	// Adopted is set if the ledger already has the shard with the same spec. Refreshed shards are adopted too, unless they are to
	// be refreshed again.
	Adopted *Commit `json:"adopted,omitempty"`
	// Halved is set if the ledger does not have the window, but has windows that come from halving it, as a split does. The
	// window must be split again: existing windows are then adopted or replaced, and nothing is copied twice.
	Halved     bool `json:"halved,omitempty"`
	Generation int  `json:"generation"` // the generation to make
	// Rewrites is the digest of the record that counts now, or empty if there is none. OpenedAt is the time before anything was read. A
	// guarded commit needs both; see SealShardInput.
	Rewrites string     `json:"rewrites,omitempty"`
	OpenedAt *time.Time `json:"opened_at,omitempty"`
	// Total is the provider's own count of the window, or nil if it has none.
	Total *int64 `json:"total,omitempty"`
	Usage Usage  `json:"usage"`
}

// Commit is the ledger's information about a committed shard.
type Commit struct {
	Outcome    string        `json:"outcome"` // committed or adopted
	Generation int           `json:"generation"`
	Counts     ledger.Counts `json:"counts"`
	Files      int           `json:"files"`
	Bytes      int64         `json:"bytes"`
	Flags      []string      `json:"flags,omitempty"`
	// Unwitnessed names the lists that only the platform's own answers support.
	Unwitnessed []string `json:"unwitnessed,omitempty"`
}

func commitOf(outcome string, r ledger.Record) Commit {
	c := Commit{Outcome: outcome, Generation: r.Generation, Counts: r.Counts, Files: len(r.Files), Flags: r.Flags, Unwitnessed: r.Unwitnessed}
	for _, f := range r.Files {
		c.Bytes += f.Bytes
	}
	return c
}

// OpenShard looks up the shard in the ledger and asks the provider how many conversations the window has.
func (a *Activities) OpenShard(ctx context.Context, in OpenShardInput) (OpenShardOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.openShard(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) openShard(ctx context.Context, in OpenShardInput) (OpenShardOutput, error) {
	opened := a.Lake.Now().UTC().Truncate(time.Millisecond)
	out := OpenShardOutput{SpecDigest: SpecDigest(in.Spec, in.Shard, in.Refresh), Generation: 1, OpenedAt: &opened}
	latest, err := a.Lake.Latest(ctx, in.Shard)
	if err != nil {
		return out, err
	}
	if latest != nil {
		made, err := a.matchesSpec(ctx, in, *latest)
		if err != nil {
			return out, err
		}
		if made {
			commit := commitOf("adopted", *latest)
			out.Adopted = &commit
			return out, nil
		}
		out.Generation, out.Rewrites = latest.Generation+1, latest.Digest
	} else if out.Halved, err = a.halved(ctx, in.Shard); err != nil || out.Halved {
		return out, err
	}
	if in.Adopt || in.Uncounted || in.Depth == DepthList && latest != nil {
		return out, nil
	}
	total, usage, err := a.count(ctx, in.Shard, in.Lease)
	out.Total, out.Usage = total, usage
	return out, err
}

// matchesSpec reports whether a record has the requested content: its digest comes from the input's spec or from another spec for
// the same settings. Refreshed records match too, unless they are to be refreshed again.
func (a *Activities) matchesSpec(ctx context.Context, in OpenShardInput, r ledger.Record) (bool, error) {
	made := func(spec string) bool {
		return r.SpecDigest == SpecDigest(spec, in.Shard, in.Refresh) || in.Refresh == "" && r.SpecDigest == SpecDigest(spec, in.Shard, r.Refresh)
	}
	if made(in.Spec) {
		return true, nil
	}
	account, err := a.Account(ctx, in.Shard.Account)
	if err != nil || account.Specs == nil {
		return false, err
	}
	specs := account.Specs()
	// A run that started with older settings knows only its own spec.
	return slices.Contains(specs, in.Spec) && slices.ContainsFunc(specs, made), nil
}

// halved reports whether the ledger has windows that come from halving a shard's window.
func (a *Activities) halved(ctx context.Context, shard ledger.Shard) (bool, error) {
	parts, err := a.Lake.Parts(ctx, shard)
	return slices.ContainsFunc(parts, shard.Window.Yields), err
}

// count asks the provider how many conversations the window has. It returns nil if the provider cannot count.
func (a *Activities) count(ctx context.Context, shard ledger.Shard, lease Lease) (*int64, Usage, error) {
	if !shard.Stream.IsByCreation() {
		return nil, Usage{}, nil
	}
	ctx, s, err := a.session(ctx, shard.Account, lease)
	if err != nil {
		return nil, Usage{}, err
	}
	counter, ok := s.reader.(providers.Counter)
	if !ok {
		return nil, Usage{}, nil
	}
	n, err := counter.Count(ctx, shard.Window)
	if err != nil {
		return nil, s.usage(), err
	}
	return &n, s.usage(), nil
}

// SpecDigest is the spec digest in a shard's commit record: a digest of the account's spec, the shard, and what an export added
// to request a new generation.
func SpecDigest(spec string, shard ledger.Shard, refresh string) string {
	sum := sha256.Sum256([]byte(spec + "\n" + shard.Provider + "\n" + shard.String() + "\n" + refresh))
	return hex.EncodeToString(sum[:])
}
