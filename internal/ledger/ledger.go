package ledger

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/redact"
)

// Config says where the storage of a lake is and how it is reached.
type Config struct {
	// URL is file:<folder> or s3://<bucket>/<prefix>.
	URL string
	// The rest of the S3 settings are for s3 URLs. Endpoint and PathStyle are for servers that are not AWS.
	Endpoint, Region                   string
	PathStyle                          bool
	AllowPlaintext                     bool   // an endpoint over http on another machine
	SSE, KMSKeyID                      string // AES256, or aws:kms with an optional key
	AccessKey, SecretKey, SessionToken string // empty: the SDK's default chain
	// LongestBackoff is the longest wait before a request to S3 is sent again; 0 is two seconds.
	LongestBackoff time.Duration
	// MustExist says that the lake is only read: nothing is created, and ErrNoLake is returned where there is none.
	MustExist bool
}

// Ledger is the storage of one data lake, and the commit records in it. Its methods are safe for concurrent use.
type Ledger struct {
	store Store
	root  string // how a person finds a key
	now   func() time.Time
}

// Open opens the storage of a lake. It creates a local folder that does not exist, unless the lake must exist; a bucket must be
// there.
func Open(ctx context.Context, c Config) (*Ledger, error) {
	l := &Ledger{now: time.Now}
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

// exists looks for anything of a lake's.
func (l *Ledger) exists(ctx context.Context) error {
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

// Over is a ledger in a store of the caller's. root is how a person finds a key, now its clock; nil is the machine's.
func Over(store Store, root string, now func() time.Time) *Ledger {
	if now == nil {
		now = time.Now
	}
	return &Ledger{store: store, root: root, now: now}
}

// Store is the bucket below the lake.
func (l *Ledger) Store() Store { return l.store }

// Now is the time by the clock of the lake.
func (l *Ledger) Now() time.Time { return l.now() }

// Location is where a person finds a key: a path, or an s3:// URL.
func (l *Ledger) Location(key string) string {
	if strings.HasPrefix(l.root, "s3://") {
		return l.root + "/" + key
	}
	return filepath.Join(l.root, filepath.FromSlash(key))
}
