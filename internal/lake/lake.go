// Package lake writes and reads the content of a data lake: staged objects with documents, and the Parquet files that documents
// are sealed into. The ledger decides which of the files count.
//
// It must not know any vendor, Temporal, or what a column means.
package lake

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/chatlake/chatlake/internal/ledger"
)

// Config has the settings for writing to a lake.
type Config struct {
	// Scratch is a local folder for files in progress; empty means the system's temporary folder.
	Scratch string
	// Writer names the build. It is written to every Parquet footer and commit record.
	Writer string
	// FileBytes is the maximum size of a data file; 0 means 128 MB.
	FileBytes int64
	// SealBytes is how much all seals of the process may buffer together; 0 means 36 MB, enough for two seals. One seal may
	// always run, however small the value.
	SealBytes int64
}

// Lake is one data lake: its ledger and its staged and sealed objects. Its methods are safe for concurrent use.
type Lake struct {
	*ledger.Ledger
	scratch string
	writer  string
	// fileBytes is Config.FileBytes.
	fileBytes int64
	decoders  sync.Pool // of staged objects
	headers   headers
	seals     *semaphore.Weighted // bytes that seals may buffer; nil means no limit
	indexes   *indexes
	extracts  *extracts
	hash      func(id string) uint64 // of conversations in indexes
}

// Open opens the lake in the given storage, as ledger.Open does.
func Open(ctx context.Context, at ledger.Config, c Config) (*Lake, error) {
	l, err := ledger.Open(ctx, at)
	if err != nil {
		return nil, err
	}
	return New(l, c), nil
}

// New returns the lake of a ledger.
func New(l *ledger.Ledger, c Config) *Lake {
	if c.Scratch == "" {
		c.Scratch = filepath.Join(os.TempDir(), "chatlake")
	}
	seals := semaphore.NewWeighted(max(cmp.Or(c.SealBytes, defaultSealBytes), sealBufferedBytes))
	seed := maphash.MakeSeed()
	return &Lake{
		Ledger: l, scratch: c.Scratch, writer: c.Writer, fileBytes: c.FileBytes, seals: seals, indexes: newIndexes(), extracts: newExtracts(),
		hash: func(id string) uint64 { return maphash.String(seed, id) },
	}
}

// ErrStagingLost means that a staged object is missing or has other content. The shard must be fetched again.
var ErrStagingLost = errors.New("staged object is lost")

// IsScratch reports whether an error is about a local file in progress, such as a full disk of this machine, and not about the
// lake's store.
func (l *Lake) IsScratch(err error) bool {
	var file *fs.PathError
	if !errors.As(err, &file) {
		return false
	}
	path, scratch := filepath.Clean(file.Path), filepath.Clean(l.scratch)
	return path == scratch || strings.HasPrefix(path, scratch+string(filepath.Separator))
}

// Scratch is the local folder for files in progress.
func (l *Lake) Scratch() string { return l.scratch }

// Writer names the build.
func (l *Lake) Writer() string { return l.writer }
