package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/chatlake/chatlake/internal/redact"
)

// Config says where a lake is and how it is reached.
type Config struct {
	// URL is file:<folder> or s3://<bucket>/<prefix>.
	URL string
	// The rest of the S3 settings are for s3 URLs. Endpoint and PathStyle are for servers that are not AWS.
	Endpoint, Region                   string
	PathStyle                          bool
	AllowPlaintext                     bool   // an endpoint over http on another machine
	SSE, KMSKeyID                      string // AES256, or aws:kms with an optional key
	AccessKey, SecretKey, SessionToken string // empty: the SDK's default chain
	// MustExist says that the lake is only read: nothing is created, and ErrNoLake is returned where there is none.
	MustExist bool
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

// Lake is one data lake. Its methods are safe for concurrent use.
type Lake struct {
	store   Store
	scratch string
	writer  string
	root    string // how a person finds a key
	now     func() time.Time
	// fileBytes is that of the Config.
	fileBytes int64
	decoders  sync.Pool // of staged objects
	headers   headers
	seals     *semaphore.Weighted // of bytes that seals buffer; nil has no end
}

// Open makes a lake. It creates a local folder that does not exist, unless the lake must exist; a bucket must be there.
func Open(ctx context.Context, c Config) (*Lake, error) {
	l := &Lake{scratch: c.scratch(), writer: c.Writer, now: time.Now, fileBytes: c.FileBytes, seals: c.seals()}
	folder, isFolder := Folder(c.URL)
	var err error
	switch {
	case isFolder:
		if l.root, err = filepath.Abs(folder); err != nil {
			return nil, fmt.Errorf("open lake %s: %w", c.URL, err)
		}
		if c.MustExist {
			if l.store, err = standingFolder(l.root); err != nil {
				return nil, err
			}
		} else {
			l.store, err = newFolder(l.root)
		}
	case strings.HasPrefix(c.URL, "s3:"):
		l.root = rootOf(c.URL)
		if l.store, err = newBucket(ctx, c); err != nil {
			return nil, fmt.Errorf("open lake: %w", err) // the URL may hold a login
		}
	default:
		return nil, fmt.Errorf("lake URL %q: expected file:<folder> or s3://<bucket>/<prefix>", redact.Mask(c.URL))
	}
	if err != nil {
		return nil, fmt.Errorf("open lake %s: %w", c.URL, err)
	}
	if c.MustExist {
		return l, l.exists(ctx)
	}
	return l, nil
}

// Folder is the path in the URL of a lake in a folder, as it is written: nothing in it is decoded.
func Folder(address string) (path string, ok bool) {
	path, ok = strings.CutPrefix(address, "file:")
	return strings.TrimPrefix(path, "//"), ok
}

// Server is where a lake in a bucket is reached: as it is configured, or as the environment or the AWS configuration say. The endpoint is
// empty on AWS; both are empty for a folder.
func (l *Lake) Server() (endpoint, region string) {
	b, ok := l.store.(*bucket)
	if !ok {
		return "", ""
	}
	options := b.client.Options()
	if options.BaseEndpoint != nil {
		endpoint = *options.BaseEndpoint
	}
	return endpoint, options.Region
}

// exists looks for anything of a lake's.
func (l *Lake) exists(ctx context.Context) error {
	if f, ok := l.store.(*folder); ok && f.begun() {
		return nil
	}
	for _, root := range []string{ledgerRoot, dataRoot, exportsRoot, stagingRoot} {
		for object, err := range l.store.List(ctx, root) {
			if err != nil || object.Key != "" {
				return err
			}
		}
	}
	return fmt.Errorf("%w at %s: nothing of chatlake is there; correct the address, or export something first", ErrNoLake, l.root)
}

// Over makes a lake in a store of the caller's. now is its clock; nil is the machine's.
func Over(store Store, c Config, now func() time.Time) *Lake {
	if now == nil {
		now = time.Now
	}
	return &Lake{store: store, scratch: c.scratch(), writer: c.Writer, root: c.URL, now: now, fileBytes: c.FileBytes, seals: c.seals()}
}

// scratch is the folder for files in progress.
func (c Config) scratch() string {
	if c.Scratch != "" {
		return c.Scratch
	}
	return filepath.Join(os.TempDir(), "chatlake")
}

// seals is the memory that seals share.
func (c Config) seals() *semaphore.Weighted {
	return semaphore.NewWeighted(max(cmp.Or(c.SealBytes, defaultSealBytes), sealBufferedBytes))
}

// Store is the bucket below the lake.
func (l *Lake) Store() Store { return l.store }

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

// Location is where a person finds a key: a path, or an s3:// URL.
func (l *Lake) Location(key string) string {
	if strings.HasPrefix(l.root, "s3://") {
		return l.root + "/" + key
	}
	return filepath.Join(l.root, filepath.FromSlash(key))
}

// Probe checks that the lake can be written, listed, read and deleted, and that it honours conditional writes: without
// them two exports could commit the same shard, so a store that ignores them is refused.
func (l *Lake) Probe(ctx context.Context) error {
	t := l.try(ctx)
	switch {
	case t.write != nil:
		return fmt.Errorf("write to the lake %s: %w", l.root, t.write)
	case t.list != nil:
		return fmt.Errorf("list the lake %s: %w", l.root, t.list)
	case t.read != nil:
		return fmt.Errorf("read from the lake %s: %w", l.root, t.read)
	case t.remove != nil:
		return fmt.Errorf("delete from the lake %s: %w", l.root, t.remove)
	case t.overwritten:
		return fmt.Errorf("the lake %s ignores conditional writes (If-None-Match), so commits would not be safe: %s", l.root, otherStore)
	case t.again != nil:
		return fmt.Errorf("write conditionally to the lake %s: %w", l.root, t.again)
	case !t.listed:
		return fmt.Errorf("the lake %s does not list what was just written, so commits could be overlooked: %s", l.root, otherStore)
	}
	return nil
}

// otherStore is what to do about a store that does not keep its promises.
const otherStore = "use a store that does, such as AWS S3, or a local folder"

// trial is how one object fared in the lake.
type trial struct {
	write, read, list, remove error
	again                     error // of a second write under the same key; nil when it was refused as it should be
	overwritten, listed       bool
}

// try writes an object, tries to write over it, reads it, lists it and deletes it.
func (l *Lake) try(ctx context.Context) (t trial) {
	const first = "first"
	key := probeRoot + random()
	put := func(text string) error {
		return l.store.Put(ctx, key, strings.NewReader(text), int64(len(text)), true)
	}
	// Nobody else has this key: taken means that an earlier try of the same request got no answer.
	if t.write = put(first); errors.Is(t.write, ErrExists) {
		t.write = nil
	}
	if t.write != nil {
		return t
	}
	t.again = put("other")
	t.overwritten = t.again == nil
	if errors.Is(t.again, ErrExists) {
		t.again = nil
	}
	var standing []byte
	if standing, t.read = l.read(ctx, key); t.read == nil && string(standing) != first {
		t.overwritten = true
	}
	t.listed, t.list = l.lists(ctx, key)
	t.remove = l.store.Delete(ctx, key)
	return t
}

// lists says whether a key is found by listing.
func (l *Lake) lists(ctx context.Context, key string) (bool, error) {
	for object, err := range l.store.List(ctx, key) {
		if err != nil || object.Key == key {
			return err == nil, err
		}
	}
	return false, nil
}
