// Package ledger is the storage of a data lake, in a local folder or in S3-compatible storage, and the write-once commit records
// in it. It defines the keys of the lake, how records are committed, and which records and data files readers use.
//
// It must not know any vendor, Temporal, Parquet, or what a row is.
package ledger

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Store is a bucket: keys with slashes, whole objects, strong read-after-write consistency. Keys are relative to the root of the
// lake. Methods are safe for concurrent use.
type Store interface {
	// Put writes an object of size bytes, whole or not at all. With ifAbsent it returns ErrExists and leaves the existing object
	// alone if the key is taken; of several racing calls at most one succeeds. If the response is lost, the object may have been
	// written all the same, and a retry may then find the caller's own object: callers who need to know compare the content.
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, ifAbsent bool) error
	// Get reads length bytes from offset; length -1 means up to the end. It returns ErrNotExist if there is no such key.
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	// Stat returns ErrNotExist if there is no such key.
	Stat(ctx context.Context, key string) (Object, error)
	// List yields all objects whose keys begin with prefix, sorted by key. If the store ends a list early, List yields
	// ErrIncompleteList, never just a shorter list.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Delete removes an object. It returns no error if the key does not exist.
	Delete(ctx context.Context, key string) error
}

// Object is what a store reports about an object without reading it.
type Object struct {
	Key        string
	Bytes      int64
	ModifiedAt time.Time
}

var (
	// ErrExists means that a conditional write found the key taken.
	ErrExists = errors.New("object already exists")
	// ErrNoLake means that there is no lake to read.
	ErrNoLake = errors.New("there is no lake")
	// ErrNotExist means that there is no object with this key.
	ErrNotExist = errors.New("no such object")
	// ErrIncompleteList means that the store lists less than it has. A key that is not listed may still exist.
	ErrIncompleteList = errors.New("list is incomplete")
	// ErrFilesLost means that sealed data files are missing or have other content. They must be sealed again.
	ErrFilesLost = errors.New("sealed file is lost")
)
