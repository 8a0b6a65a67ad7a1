// Package lake writes and reads what a data lake holds: staged objects of documents, and the Parquet files that they are sealed into.
// Which of the files count is the ledger's to say.
//
// It must not know any vendor, Temporal, or what a column means.
package lake

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/chatlake/chatlake/internal/ledger"
)

// Config says how a lake is written.
type Config struct {
	// Scratch is a local folder for files in progress; empty is the system's folder for temporary files.
	Scratch string
	// Writer names the build that writes; it stands in every footer and commit record.
	Writer string
	// FileBytes is the size that no data file grows beyond; 0 is 128 MB.
	FileBytes int64
	// SealBytes is how much all seals of the process may buffer together; 0 is 40 MB, which are two seals. One may go on
	// however little it is.
	SealBytes int64
}

// Lake is one data lake: its ledger, and what is staged and sealed beside it. Its methods are safe for concurrent use.
type Lake struct {
	*ledger.Ledger
	scratch string
	writer  string
	// fileBytes is that of the Config.
	fileBytes int64
	decoders  sync.Pool // of staged objects
	headers   headers
	seals     *semaphore.Weighted // of bytes that seals buffer; nil has no end
}

// Open opens the lake whose storage is at a place, as ledger.Open does.
func Open(ctx context.Context, at ledger.Config, c Config) (*Lake, error) {
	l, err := ledger.Open(ctx, at)
	if err != nil {
		return nil, err
	}
	return Over(l, c), nil
}

// Over is the lake of a ledger.
func Over(l *ledger.Ledger, c Config) *Lake {
	if c.Scratch == "" {
		c.Scratch = filepath.Join(os.TempDir(), "chatlake")
	}
	seals := semaphore.NewWeighted(max(cmp.Or(c.SealBytes, defaultSealBytes), sealBufferedBytes))
	return &Lake{Ledger: l, scratch: c.Scratch, writer: c.Writer, fileBytes: c.FileBytes, seals: seals}
}

// ErrStagingLost says that a staged object is missing or is not what was written; the shard must be fetched again.
var ErrStagingLost = errors.New("staged object is lost")

// IsScratch reports whether an error is of a file in progress, and not of the lake's store: such as a full disk of this machine.
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

// Writer names the build that writes.
func (l *Lake) Writer() string { return l.writer }
