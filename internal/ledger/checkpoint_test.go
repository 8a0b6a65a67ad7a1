package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// quarter is the n-th window of a quarter of an hour of an account's changes.
func quarter(n int) Shard {
	from := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 15 * time.Minute)
	return Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamChanges, Window: schemas.Window{From: from, To: from.Add(15 * time.Minute)}}
}

// follow commits the next generation of a shard: with a file, or absorbed.
func follow(t *testing.T, l *Ledger, shard Shard, absorbed bool) Record {
	t.Helper()
	before, err := l.Latest(t.Context(), shard)
	if err != nil {
		t.Fatal(err)
	}
	opened := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	next := Record{Shard: shard, Generation: 1, SpecDigest: "spec", OpenedAt: &opened, Counts: Counts{Listed: 3, Conversations: 3}}
	if before != nil {
		next.Generation, next.Rewrites = before.Generation+1, before.Digest
	}
	if absorbed {
		next.Cause, next.AbsorbedBy, next.Files, next.Counts = CauseAbsorb, "other", []File{}, Counts{Listed: 3, Unchanged: 3}
	} else {
		content := fmt.Sprintf("%s-%d", shard, next.Generation)
		key := "data/messages/" + content
		if err := l.store.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), false); err != nil {
			t.Fatal(err)
		}
		next.Files = []File{{Table: "messages", Key: key, Bytes: int64(len(content)), Rows: 1}}
	}
	_, r, err := l.CommitNext(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkpoint writes the checkpoints that are due and returns how many records it read.
func checkpoint(t *testing.T, l *Ledger) int {
	t.Helper()
	newest, err := l.Newest(t.Context(), Filter{Account: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	n, err := l.Checkpoint(t.Context(), Filter{Provider: "chatwoot", Account: "acme"}, newest)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// counted counts the requests to a store.
type counted struct {
	Store
	gets, lists atomic.Int64
}

func (s *counted) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	s.gets.Add(1)
	return s.Store.Get(ctx, key, offset, length)
}

func (s *counted) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	s.lists.Add(1)
	return s.Store.List(ctx, prefix)
}

// absorbed is a ledger of so many absorbed shards, in which a checkpoint is due for each of them.
func absorbed(t *testing.T, shards int) *Ledger {
	t.Helper()
	l := openFolder(t)
	l.fewest = 1
	for n := range shards {
		follow(t, l, quarter(n), false)
		follow(t, l, quarter(n), true)
	}
	return l
}

// expectSame fails unless readers see the same with checkpoints and without.
func expectSame(t *testing.T, l *Ledger, f Filter, what string) {
	t.Helper()
	plain := *l
	plain.fewest = 1 << 30
	without, err := plain.Current(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	with, err := l.Current(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(without, with); diff != "" {
		t.Fatalf("%s (-without +with checkpoints):\n%s", what, diff)
	}
}

func keysBelow(t *testing.T, s Store, prefix string) (keys []string) {
	t.Helper()
	for object, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, object.Key)
	}
	return keys
}

// TestCheckpointSavesReading: readers see the same with a checkpoint, and read only what came after it.
func TestCheckpointSavesReading(t *testing.T) {
	l := openFolder(t)
	if n := checkpoint(t, l); n != 0 {
		t.Errorf("%d records of an empty ledger were read", n)
	}
	follow(t, l, may("acme"), false)
	for n := range 2 * checkpointFewest {
		follow(t, l, quarter(n), false)
		if n < checkpointFewest+50 {
			follow(t, l, quarter(n), true)
		}
	}
	if n := checkpoint(t, l); n != checkpointFewest+50 {
		t.Errorf("%d records were read for the checkpoint, want %d", n, checkpointFewest+50)
	}
	if n := checkpoint(t, l); n != 0 {
		t.Errorf("%d records were read again", n)
	}
	follow(t, l, quarter(0), false) // a person has asked for it again
	follow(t, l, quarter(2*checkpointFewest), false)
	store := &counted{Store: l.store}
	l.store = store
	expectSame(t, l, Filter{}, "after a checkpoint")
	store.gets.Store(0)
	if _, err := l.Current(t.Context(), Filter{Account: "acme"}); err != nil {
		t.Fatal(err)
	}
	// The checkpoint, and two for each shard that is not in it: 50 with files, the two that came, and the window of creation.
	if got, want := store.gets.Load(), int64(1+2*(50+2+1)); got != want {
		t.Errorf("%d objects were read, want %d", got, want)
	}
	if _, err := l.Sweep(t.Context(), "", true); err != nil {
		t.Fatal(err)
	}
	if keys := keysBelow(t, l.store, checkpointRoot); len(keys) != 1 {
		t.Errorf("checkpoints %v, want one, also after a sweep", keys)
	}
}

// TestCheckpointsAreNeverTheTruth: whatever happens to shards and checkpoints, in any order, readers see what the records say.
func TestCheckpointsAreNeverTheTruth(t *testing.T) {
	for seed := range uint64(20) {
		dice := rand.New(rand.NewPCG(seed, 1))
		l := openFolder(t)
		l.fewest = 1
		root := l.root
		for range 60 {
			shard := quarter(dice.IntN(4) * 1000) // in three months
			if dice.IntN(8) == 0 {
				shard.Stream = schemas.StreamCreated
			}
			switch dice.IntN(7) {
			case 0, 1:
				follow(t, l, shard, false)
			case 2, 3, 4:
				if before, err := l.Latest(t.Context(), shard); err != nil || before == nil {
					follow(t, l, shard, false)
				}
				follow(t, l, shard, true)
			case 5:
				checkpoint(t, l)
			case 6:
				if keys := keysBelow(t, l.store, checkpointRoot); len(keys) > 0 {
					damage(t, l.store, keys[dice.IntN(len(keys))], dice.IntN(4))
				}
			}
			f := Filter{Account: []string{"", "acme", "other"}[dice.IntN(3)]}
			if dice.IntN(2) == 0 {
				f.Provider, f.Stream = "chatwoot", schemas.StreamChanges
			}
			if dice.IntN(2) == 0 {
				f.Window = quarter(dice.IntN(4000)).Window
			}
			expectSame(t, l, f, fmt.Sprintf("seed %d, %s, %+v", seed, root, f))
		}
	}
}

// damage does one of four things to an object: it cuts it, turns a byte over, empties it, or removes it.
func damage(t *testing.T, s Store, key string, how int) {
	t.Helper()
	body, err := s.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close(), s.Delete(t.Context(), key)); err != nil {
		t.Fatal(err)
	}
	switch how {
	case 0:
		content = content[:len(content)/2]
	case 1:
		if len(content) > 0 {
			content[len(content)/2] ^= 1
		}
	case 2:
		content = nil
	default:
		return
	}
	if err := s.Put(t.Context(), key, bytes.NewReader(content), int64(len(content)), false); err != nil {
		t.Fatal(err)
	}
}

// faulty is a store whose checkpoints cannot be reached.
type faulty struct {
	Store
	list, get error
}

func (s faulty) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	if s.list != nil && strings.HasPrefix(prefix, checkpointRoot) {
		return func(yield func(Object, error) bool) { yield(Object{}, s.list) }
	}
	return s.Store.List(ctx, prefix)
}

func (s faulty) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if s.get != nil && strings.HasPrefix(key, checkpointRoot) {
		return nil, s.get
	}
	return s.Store.Get(ctx, key, offset, length)
}

// TestCheckpointsOutOfReach: a store that lists or returns no checkpoint, hides it, or lists a record late, costs reads and nothing else.
func TestCheckpointsOutOfReach(t *testing.T) {
	l := absorbed(t, 3)
	checkpoint(t, l)
	follow(t, l, quarter(1), false)
	sound := l.store
	refused := errors.New("refused")
	for name, store := range map[string]Store{
		"the list fails":     faulty{Store: sound, list: refused},
		"it cannot be read":  faulty{Store: sound, get: refused},
		"it is gone by then": faulty{Store: sound, get: ErrNotExist},
		"it is not listed":   hiding{sound, func(key string) bool { return strings.HasPrefix(key, checkpointRoot) }},
	} {
		l.store = store
		expectSame(t, l, Filter{}, name)
	}
	// The list shows only the first generation of a shard that a checkpoint has the second of.
	l.store = hiding{sound, func(key string) bool { return key == ledgerKey(quarter(0), 2) }}
	if _, err := l.Current(t.Context(), Filter{}); !errors.Is(err, ErrIncompleteList) {
		t.Errorf("%v, want that the list is known to be incomplete", err)
	}
}

// TestCheckpointWriters: two processes write a checkpoint at once, also of different states, and the one with more records stays.
func TestCheckpointWriters(t *testing.T) {
	l := absorbed(t, 20)
	newest, err := l.Newest(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for _, seen := range [][]Generation{newest[:10], newest, newest, newest[:15]} {
		group.Go(func() {
			if _, err := l.Checkpoint(t.Context(), Filter{}, seen); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	expectSame(t, l, Filter{}, "after several writers")
	keys := keysBelow(t, l.store, checkpointRoot)
	if k, ok := parseCheckpointKey(keys[len(keys)-1]); !ok || k.records != 20 {
		t.Errorf("the last checkpoint is %+v, want one of 20 records", k)
	}
}

// TestVerifyComparesCheckpoints: what a checkpoint says otherwise than the ledger is a finding, and so is one that cannot be read.
func TestVerifyComparesCheckpoints(t *testing.T) {
	l := absorbed(t, 3)
	checkpoint(t, l)
	find := func(what string, want ...string) {
		t.Helper()
		entries, err := l.Entries(t.Context(), Filter{})
		if err != nil {
			t.Fatal(err)
		}
		findings, err := l.CheckpointFindings(t.Context(), Filter{}, entries)
		if err != nil || len(findings) != len(want) {
			t.Fatalf("%s: findings %v, %v; want %d", what, findings, err, len(want))
		}
		for i, f := range findings {
			if !strings.Contains(f.Problem, want[i]) {
				t.Errorf("%s: %q, want %q in it", what, f.Problem, want[i])
			}
		}
	}
	find("a sound one")
	follow(t, l, quarter(0), false)
	find("an older one")
	k, _ := parseCheckpointKey(keysBelow(t, l.store, checkpointRoot)[0])
	records, err := l.readCheckpoint(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	records[1].Counts.Unchanged++
	body, err := packCheckpoint(slices.Clone(records))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	lying := k
	lying.sha256 = hex.EncodeToString(sum[:])
	if err := errors.Join(l.store.Delete(t.Context(), k.String()), l.store.Put(t.Context(), lying.String(), bytes.NewReader(body), int64(len(body)), true)); err != nil {
		t.Fatal(err)
	}
	find("one with another record", "generation 2 of "+quarter(1).String())
	damage(t, l.store, lying.String(), 0)
	find("a damaged one", "damaged")
	damage(t, l.store, lying.String(), 3)
	if err := l.store.Put(t.Context(), checkpointRoot+"notes.txt", strings.NewReader("x"), 1, true); err != nil {
		t.Fatal(err)
	}
	find("something else", "something else put it there")
}
