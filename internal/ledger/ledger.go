package ledger

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/redact"
)

// Config is the location and the settings of a lake's storage.
type Config struct {
	// URL is file:<folder> or s3://<bucket>/<prefix>.
	URL string
	// The other settings apply to s3 URLs only. Endpoint and PathStyle are for servers other than AWS.
	Endpoint, Region                   string
	PathStyle                          bool
	AllowPlaintext                     bool   // allow an endpoint over http on another machine
	SSE, KMSKeyID                      string // AES256, or aws:kms with an optional key
	AccessKey, SecretKey, SessionToken string // empty: the SDK's default chain
	// LongestBackoff is the longest wait before a request to S3 is retried; 0 means two seconds.
	LongestBackoff time.Duration
	// MustExist opens the lake for reading only: Open creates nothing, and returns ErrNoLake if there is no lake.
	MustExist bool
}

// Ledger is the storage of one data lake and the commit records in it. Its methods are safe for concurrent use.
type Ledger struct {
	store Store
	root  string // the URL or path below which people find keys
	now   func() time.Time
	// fewest is the least number of records of a checkpoint.
	fewest int
}

// Open opens the storage of a lake. It creates a missing local folder, unless MustExist is set. It never creates a bucket.
func Open(ctx context.Context, c Config) (*Ledger, error) {
	l := &Ledger{now: time.Now, fewest: checkpointFewest}
	folder, isFolder := Folder(c.URL)
	var err error
	switch {
	case isFolder:
		if l.root, err = filepath.Abs(folder); err != nil {
			return nil, fmt.Errorf("open lake %s: %w", c.URL, err)
		}
		if c.MustExist {
			if l.store, err = existingFolder(l.root); err != nil {
				return nil, err
			}
		} else {
			l.store, err = newFolder(l.root)
		}
	case strings.HasPrefix(c.URL, "s3:"):
		l.root = normalizedURL(c.URL)
		if l.store, err = newBucket(ctx, c); err != nil {
			return nil, fmt.Errorf("open lake: %w", err) // the URL may contain a login
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

// Folder returns the path in a file: URL, exactly as written (nothing is decoded), and false for other URLs.
func Folder(address string) (path string, ok bool) {
	path, ok = strings.CutPrefix(address, "file:")
	return strings.TrimPrefix(path, "//"), ok
}

// Server returns the endpoint and region of a lake in a bucket, from the configuration, the environment or the AWS configuration.
// The endpoint is empty on AWS; both are empty for a folder.
func (l *Ledger) Server() (endpoint, region string) {
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

// exists returns ErrNoLake if no object of a lake is found.
func (l *Ledger) exists(ctx context.Context) error {
	if f, ok := l.store.(*folder); ok && f.initialized() {
		return nil
	}
	for _, root := range []string{ledgerRoot, dataRoot, exportsRoot, stagingRoot} {
		for object, err := range l.store.List(ctx, root) {
			if err != nil || object.Key != "" {
				return err
			}
		}
	}
	return fmt.Errorf("%w at %s: nothing written by chatlake is there; correct the address, or export something first", ErrNoLake, l.root)
}

// New returns a ledger in the caller's store. root is the URL or path below which people find keys. now is the ledger's clock;
// nil means the system clock.
func New(store Store, root string, now func() time.Time) *Ledger {
	if now == nil {
		now = time.Now
	}
	return &Ledger{store: store, root: root, now: now, fewest: checkpointFewest}
}

// Store returns the store that holds the lake.
func (l *Ledger) Store() Store { return l.store }

// Now is the current time by the ledger's clock.
func (l *Ledger) Now() time.Time { return l.now() }

// Location returns where a person finds a key: a path, or an s3:// URL.
func (l *Ledger) Location(key string) string {
	if strings.HasPrefix(l.root, "s3://") {
		return l.root + "/" + key
	}
	return filepath.Join(l.root, filepath.FromSlash(key))
}
