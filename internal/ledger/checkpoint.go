package ledger

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/schemas"
)

// A checkpoint repeats the records of absorbed shards of one account, stream and month, so that readers need not read each of them. It is
// never the truth. A list of the ledger says which generation of a shard is the highest, and a record of a checkpoint stands for exactly
// that generation of that shard: if there is a higher one, or no checkpoint, or one that cannot be read, the record itself is read.
// Windows of creation are in no checkpoint, because a person may ask for them again.

// checkpointFewest is the least number of records for which a checkpoint is written, and for which readers look for one.
const checkpointFewest = 100

// checkpointVersion is the version of the layout of checkpoints. Readers ignore others.
const checkpointVersion = 1

// maxCheckpointBytes limits what readers unpack: about a million records.
const maxCheckpointBytes = 1 << 30

// checkpointKey is what the key of a checkpoint says.
type checkpointKey struct {
	shard   Shard // without a window
	month   string
	records int
	sha256  string // of the object, in hex
}

// month of absorbed shards, as it is written.
func (k checkpointKey) folder() string {
	return fmt.Sprintf("%sprovider=%s/account=%s/stream=%s/%s/", checkpointRoot, k.shard.Provider, k.shard.Account, k.shard.Stream, k.month)
}

// String is the key. Of two checkpoints of a month, the one with more records has the greater key.
func (k checkpointKey) String() string {
	return fmt.Sprintf("%s%09d-%s.jsonl.gz", k.folder(), k.records, k.sha256)
}

func parseCheckpointKey(key string) (k checkpointKey, ok bool) {
	parts := strings.Split(strings.TrimPrefix(key, checkpointRoot), "/")
	if len(parts) != 5 {
		return k, false
	}
	_, k.shard.Provider, _ = strings.Cut(parts[0], "=")
	_, k.shard.Account, _ = strings.Cut(parts[1], "=")
	_, stream, _ := strings.Cut(parts[2], "=")
	k.shard.Stream, k.month = schemas.Stream(stream), parts[3]
	records, sum, _ := strings.Cut(strings.TrimSuffix(parts[4], ".jsonl.gz"), "-")
	k.records, _ = strconv.Atoi(records)
	k.sha256 = sum
	return k, k.String() == key
}

// checkpointHead is the first line of a checkpoint. The others are records.
type checkpointHead struct {
	FormatVersion int `json:"format_version"`
	Records       int `json:"records"`
}

// CheckpointFrom makes the ledger write and look for checkpoints of fewer records than usual. It is meant for tests.
func (l *Ledger) CheckpointFrom(records int) *Ledger {
	l.fewest = records
	return l
}

// replaceable reports whether a checkpoint may have the record of a generation: an absorption is never a shard's first.
func replaceable(g Generation) bool { return g.Number > 1 && !g.Shard.Stream.IsByCreation() }

// Checkpoint writes the checkpoints of an account for which enough absorbed shards are not in one yet. newest are the highest generations of
// its shards. Several processes may do so at once. It returns how many records were read for it.
func (l *Ledger) Checkpoint(ctx context.Context, f Filter, newest []Generation) (int, error) {
	months := map[checkpointKey][]Generation{}
	for _, g := range newest {
		if replaceable(g) && f.matches(g.Shard) {
			of := checkpointKey{shard: Shard{Provider: g.Shard.Provider, Account: g.Shard.Account, Stream: g.Shard.Stream}, month: g.Shard.Partition().Month}
			months[of] = append(months[of], g)
		}
	}
	before := l.checkpointed(ctx, f)
	read := 0
	for _, month := range slices.SortedFunc(maps.Keys(months), func(a, b checkpointKey) int { return cmp.Compare(a.folder(), b.folder()) }) {
		var records []Record
		var missing []Generation
		for _, g := range months[month] {
			if r, ok := before[g]; ok {
				records = append(records, r)
			} else {
				missing = append(missing, g)
			}
		}
		if len(missing) < l.fewest {
			continue
		}
		absorbed, err := l.absorbed(ctx, missing)
		if err != nil {
			return read, err
		}
		read += len(missing)
		if len(absorbed) < l.fewest {
			continue
		}
		if err := l.putCheckpoint(ctx, month, append(records, absorbed...)); err != nil {
			return read, err
		}
	}
	return read, nil
}

// absorbed reads records and returns those of absorbed shards.
func (l *Ledger) absorbed(ctx context.Context, generations []Generation) (records []Record, err error) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for _, g := range generations {
		group.Go(func() error {
			r, err := l.generation(ctx, g.Shard, g.Number)
			if err != nil || r == nil || r.AbsorbedBy == "" || len(r.Files) > 0 {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			records = append(records, *r)
			return nil
		})
	}
	return records, group.Wait()
}

// putCheckpoint writes a checkpoint of a month, and removes those that have fewer records.
func (l *Ledger) putCheckpoint(ctx context.Context, month checkpointKey, records []Record) error {
	body, err := packCheckpoint(records)
	if err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	sum := sha256.Sum256(body)
	month.records, month.sha256 = len(records), hex.EncodeToString(sum[:])
	if err := l.store.Put(ctx, month.String(), bytes.NewReader(body), int64(len(body)), true); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	for object, err := range l.store.List(ctx, month.folder()) {
		if err != nil || object.Key >= month.String() {
			break // what is left costs a few bytes, and readers take the last one
		}
		_ = l.store.Delete(ctx, object.Key)
	}
	return nil
}

func packCheckpoint(records []Record) ([]byte, error) {
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(ledgerFolder(a.Shard), ledgerFolder(b.Shard)) })
	var body bytes.Buffer
	pack := gzip.NewWriter(&body)
	lines := json.NewEncoder(pack)
	if err := lines.Encode(checkpointHead{checkpointVersion, len(records)}); err != nil {
		return nil, err
	}
	for _, r := range records {
		if err := lines.Encode(r); err != nil {
			return nil, err
		}
	}
	err := pack.Close()
	return body.Bytes(), err
}

// readCheckpoint reads a checkpoint, whole and as it was written, or returns an error.
func (l *Ledger) readCheckpoint(ctx context.Context, k checkpointKey) ([]Record, error) {
	body, err := l.read(ctx, k.String())
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != k.sha256 {
		return nil, &damagedError{"its content is not what was written"}
	}
	unpack, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, &damagedError{"it cannot be unpacked"}
	}
	lines := json.NewDecoder(io.LimitReader(unpack, maxCheckpointBytes))
	var head checkpointHead
	if err := lines.Decode(&head); err != nil || head.FormatVersion != checkpointVersion || head.Records != k.records {
		return nil, &damagedError{fmt.Sprintf("its first line says format version %d and %d records, expected %d and %d", head.FormatVersion, head.Records, checkpointVersion, k.records)}
	}
	records := make([]Record, 0, head.Records)
	for range head.Records {
		var r Record
		if err := lines.Decode(&r); err != nil || r.FormatVersion != formatVersion || r.AbsorbedBy == "" || len(r.Files) > 0 || !k.has(r.Shard) {
			return nil, &damagedError{fmt.Sprintf("its line %d is not the record of an absorbed shard of that month", len(records)+2)}
		}
		records = append(records, r)
	}
	return records, nil
}

// has reports whether a shard belongs into a checkpoint.
func (k checkpointKey) has(s Shard) bool {
	return s.Provider == k.shard.Provider && s.Account == k.shard.Account && s.Stream == k.shard.Stream && s.Partition().Month == k.month
}

// checkpoints returns the keys of the checkpoints that may have records of a filter's shards, in order.
func (l *Ledger) checkpoints(ctx context.Context, f Filter) (keys []checkpointKey, others []string, err error) {
	for object, err := range l.store.List(ctx, checkpointRoot+strings.TrimPrefix(ledgerPrefix(f), ledgerRoot)) {
		if err != nil {
			return nil, nil, fmt.Errorf("list checkpoints: %w", err)
		}
		k, ok := parseCheckpointKey(object.Key)
		switch {
		case !ok:
			others = append(others, object.Key)
		case f.Account == "" || f.Account == k.shard.Account:
			keys = append(keys, k)
		}
	}
	return keys, others, nil
}

// checkpointed returns the records of the checkpoints of a filter, by generation. Whatever is wrong with a checkpoint, its records are
// missing in the result, and nothing else.
func (l *Ledger) checkpointed(ctx context.Context, f Filter) map[Generation]Record {
	keys, _, err := l.checkpoints(ctx, f)
	if err != nil {
		return nil
	}
	months := map[string][]checkpointKey{}
	for _, k := range keys {
		months[k.folder()] = append(months[k.folder()], k)
	}
	all := map[Generation]Record{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(4) // each is several megabytes
	for _, of := range months {
		group.Go(func() error {
			for _, k := range slices.Backward(of) {
				records, err := l.readCheckpoint(ctx, k)
				if err != nil {
					continue // an older one may do
				}
				mu.Lock()
				defer mu.Unlock()
				for _, r := range records {
					all[Generation{r.Shard, r.Generation}] = r
				}
				return nil
			}
			return nil
		})
	}
	_ = group.Wait() // never fails
	return all
}

// Absorbed returns those records of generations that are in a checkpoint. It reads none if they are few. f must match the generations.
func (l *Ledger) Absorbed(ctx context.Context, f Filter, generations []Generation) map[Generation]Record {
	many := 0
	for _, g := range generations {
		if replaceable(g) {
			many++
		}
	}
	if many < l.fewest {
		return nil
	}
	return l.checkpointed(ctx, f)
}

// CheckpointFindings compares the checkpoints with the entries of the ledger that match a filter.
func (l *Ledger) CheckpointFindings(ctx context.Context, f Filter, entries []Entry) ([]Finding, error) {
	keys, others, err := l.checkpoints(ctx, f)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, key := range others {
		findings = append(findings, Finding{key, "this is not the key of a checkpoint; something else put it there"})
	}
	records := map[Generation]*Record{}
	for _, e := range entries {
		if e.Record != nil {
			records[Generation{e.Shard, e.Generation}] = e.Record
		}
	}
	for _, k := range keys {
		all, err := l.readCheckpoint(ctx, k)
		switch {
		case errors.Is(err, ErrNotExist):
			continue // replaced by a later one
		case err != nil && !isOfOneObject(err):
			return findings, fmt.Errorf("read checkpoint: %w", err)
		case err != nil:
			findings = append(findings, Finding{k.String(), fmt.Sprintf("the checkpoint is damaged: %s; readers do without it, so delete it", err)})
		}
		for _, r := range all {
			if g := (Generation{r.Shard, r.Generation}); !sameRecord(records[g], r) {
				findings = append(findings, Finding{k.String(), fmt.Sprintf("the checkpoint has another record of generation %d of %s than the ledger, or the ledger has lost it; "+
					"delete the checkpoint, and restore the record if it is gone", g.Number, g.Shard)})
				break
			}
		}
	}
	return findings, nil
}

func sameRecord(a *Record, b Record) bool {
	if a == nil {
		return false
	}
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
