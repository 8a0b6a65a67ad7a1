package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// The keys of a lake. Staged objects are never below data/ and never end in .parquet: readers that glob look into folders
// that begin with _ or a dot too.
const (
	dataRoot    = "data/"
	ledgerRoot  = "_ledger/v1/"
	stagingRoot = "_staging/"
	exportsRoot = "_exports/"
	probeRoot   = "_probe/"
)

// checkKey refuses keys that could leave the root of the lake or meet the files in progress of a folder.
func checkKey(key string) error {
	if !filepath.IsLocal(filepath.FromSlash(key)) || path.Clean(key) != key || strings.HasPrefix(key, ".") {
		return fmt.Errorf("key %q is not a plain relative path", key)
	}
	return nil
}

// ledgerFolder is where the generations of a shard stand.
func ledgerFolder(s Shard) string {
	return fmt.Sprintf("%sprovider=%s/account=%s/stream=%s/%s/", ledgerRoot, s.Provider, s.Account, s.Stream, s.Window)
}

func ledgerKey(s Shard, generation int) string {
	return fmt.Sprintf("%sg%04d.json", ledgerFolder(s), generation)
}

// ledgerPrefix is as much of a ledger key as a filter decides.
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
	bad := fmt.Errorf("ledger key %q is not provider=/account=/stream=/window/generation", key)
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

// StagingFolder is the prefix of the keys that the attempts at a generation write under. It ends with a slash.
func StagingFolder(s Shard, generation int) string {
	return fmt.Sprintf("%sg%04d/", shardStaging(s), generation)
}

// shardStaging is where the attempts at all generations of a shard write.
func shardStaging(s Shard) string {
	return fmt.Sprintf("%s%s/%s/%s/", stagingRoot, s.Account, s.Stream, s.Window)
}

// fileFolder is where the data files of a shard stand that are of one table.
func fileFolder(table string, s Shard) string {
	return fmt.Sprintf("%s%s/provider=%s/account=%s/stream=%s/month=%s/", dataRoot, table, s.Provider, s.Account, s.Stream,
		s.Window.From.UTC().Format("2006-01"))
}

// FileKey is the key of a data file: file number of those that a shard has in a table. It is named by its content, so that whoever
// writes it again writes the same bytes. The number counts from 1, the digest is the hex SHA-256 of the file.
func FileKey(table string, s Shard, number int, sha256 string) string {
	return fmt.Sprintf("%s%s-%04d-%s.parquet", fileFolder(table, s), s.Window, number, sha256[:16])
}

// shardOfFile is the shard of a data file; it reports whether the key is that of one.
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

// random is 16 hex digits that are used once.
func random() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// overlaps says whether a window has time in common with [from, to); zero bounds are open.
func overlaps(w schemas.Window, from, to time.Time) bool {
	return (from.IsZero() || w.To.After(from)) && (to.IsZero() || w.From.Before(to))
}

// matchesKey says whether a data file is of the shards that the filter asks for, as far as its folders tell.
func (f Filter) matchesKey(key string) bool {
	for _, level := range []struct{ name, value string }{{"provider", f.Provider}, {"account", f.Account}, {"stream", string(f.Stream)}} {
		if level.value != "" && !strings.Contains(key, "/"+level.name+"="+level.value+"/") {
			return false
		}
	}
	return true
}
