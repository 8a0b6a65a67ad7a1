package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// The roots of a lake's keys. Staged objects are never below data/ and never end in .parquet: readers with glob patterns also
// look into folders whose names begin with _ or a dot.
const (
	dataRoot    = "data/"
	ledgerRoot  = "_ledger/v1/"
	stagingRoot = "_staging/"
	exportsRoot = "_exports/"
	gapsRoot    = "_gaps/v1/"
	// Checkpoints are not below the ledger, where every object is a record.
	checkpointRoot = "_checkpoints/v1/"
	skipsRoot      = "_skips/v1/"
	verifiedRoot   = "_verified/v1/"
	probeRoot      = "_probe/"
)

// checkKey refuses keys that could leave the root of the lake or collide with the files in progress of a folder.
func checkKey(key string) error {
	if !filepath.IsLocal(filepath.FromSlash(key)) || path.Clean(key) != key || strings.HasPrefix(key, ".") {
		return fmt.Errorf("key %q is not a plain relative path", key)
	}
	return nil
}

// ledgerFolder is the prefix of all generations of a shard.
func ledgerFolder(s Shard) string {
	return fmt.Sprintf("%sprovider=%s/account=%s/stream=%s/%s/", ledgerRoot, s.Provider, s.Account, s.Stream, s.Window)
}

func ledgerKey(s Shard, generation int) string {
	return fmt.Sprintf("%sg%04d.json", ledgerFolder(s), generation)
}

// ledgerPrefix is the longest prefix of ledger keys that a filter determines.
func ledgerPrefix(f Filter) string {
	prefix := ledgerRoot
	for _, level := range []struct{ name, value string }{{"provider", f.Provider}, {"account", f.Account}, {"stream", string(f.Stream)}} {
		if level.value == "" {
			break
		}
		prefix += level.name + "=" + level.value + "/"
	}
	return prefix
}

// parseLedgerKey is the inverse of ledgerKey.
func parseLedgerKey(key string) (Shard, int, error) {
	parts := strings.Split(strings.TrimPrefix(key, ledgerRoot), "/")
	bad := fmt.Errorf("ledger key %q: expected provider=/account=/stream=/window/generation", key)
	if len(parts) != 5 || !strings.HasPrefix(key, ledgerRoot) {
		return Shard{}, 0, bad
	}
	var s Shard
	for i, level := range []struct {
		name  string
		value *string
	}{{"provider", &s.Provider}, {"account", &s.Account}, {"stream", (*string)(&s.Stream)}} {
		value, ok := strings.CutPrefix(parts[i], level.name+"=")
		if !ok {
			return Shard{}, 0, bad
		}
		*level.value = value
	}
	window, err := schemas.ParseWindow(parts[3])
	if err != nil {
		return Shard{}, 0, fmt.Errorf("ledger key %q: %w", key, err)
	}
	s.Window = window
	generation, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(parts[4], "g"), ".json"))
	if err != nil || ledgerKey(s, generation) != key {
		return Shard{}, 0, bad
	}
	return s, generation, nil
}

// StagingFolder is the prefix of the keys that all attempts at a generation write. It ends with a slash.
func StagingFolder(s Shard, generation int) string {
	return fmt.Sprintf("%sg%04d/", shardStaging(s), generation)
}

// shardStaging is the prefix of the staged objects of all generations of a shard.
func shardStaging(s Shard) string {
	return fmt.Sprintf("%s%s/%s/%s/", stagingRoot, s.Account, s.Stream, s.Window)
}

// fileFolder is the prefix of a shard's data files in one table.
func fileFolder(table string, s Shard) string {
	folder := dataRoot + table + "/"
	for _, column := range schemas.PartitionColumns() {
		folder += column + "=" + s.Partition().Value(column) + "/"
	}
	return folder
}

// FileKey is the key of the number-th data file of a shard in a table, counted from 1. sha256 is the file's digest in hex: the
// key depends on the content, so writing the file again produces the same object.
func FileKey(table string, s Shard, number int, sha256 string) string {
	return fmt.Sprintf("%s%s-%04d-%s.parquet", fileFolder(table, s), s.Window, number, sha256[:16])
}

// shardOfFile returns the shard of a data file, or false if the key is not a data file's.
func shardOfFile(key string) (s Shard, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 7 {
		return Shard{}, false
	}
	window, _, found := strings.Cut(parts[6], "-")
	var err error
	if s.Window, err = schemas.ParseWindow(window); err != nil || !found {
		return Shard{}, false
	}
	_, s.Provider, _ = strings.Cut(parts[2], "=")
	_, s.Account, _ = strings.Cut(parts[3], "=")
	_, stream, _ := strings.Cut(parts[4], "=")
	s.Stream = schemas.Stream(stream)
	return s, strings.HasPrefix(key, fileFolder(parts[1], s)) && strings.HasSuffix(key, ".parquet")
}

func manifestKey(account, export string, number int) string {
	name := "manifest.json"
	if number > 1 {
		name = fmt.Sprintf("manifest-%04d.json", number)
	}
	return path.Join(exportsRoot+account, export, name)
}

// random returns 16 random hex digits.
func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// matchesKey reports whether the folders in a data file's key match the filter. It does not check the window.
func (f Filter) matchesKey(key string) bool {
	for _, level := range []struct{ name, value string }{{"provider", f.Provider}, {"account", f.Account}, {"stream", string(f.Stream)}} {
		if level.value != "" && !strings.Contains(key, "/"+level.name+"="+level.value+"/") {
			return false
		}
	}
	return true
}
