// Package ledger is the storage of a data lake, over a local folder and over S3-compatible storage alike, and the write-once commit
// records in it that say which data files count: their keys, how they are committed, and the rule by which they are read.
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

// Store is a bucket: keys with slashes, whole objects, strong read-after-write consistency. Keys are relative to the
// lake's root. Methods are safe for concurrent use.
type Store interface {
	// Put writes an object of size bytes whole or not at all. With ifAbsent it returns ErrExists, and leaves the object
	// that stands alone, when the key is taken; of any number of racing calls at most one succeeds. A call whose answer was
	// lost may have written the object all the same, and may find its own object under the key: who needs to know compares.
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, ifAbsent bool) error
	// Get reads length bytes from offset on; length -1 is up to the end. ErrNotExist when there is no such key.
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	// Stat returns ErrNotExist when there is no such key.
	Stat(ctx context.Context, key string) (Object, error)
	// List yields all objects whose key begins with prefix, in the order of keys. A list that the store breaks off is
	// ErrIncompleteList, never a shorter list.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Delete removes an object; a key that does not exist is no error.
	Delete(ctx context.Context, key string) error
}

// Object is what a store knows of an object without reading it.
type Object struct {
	Key        string
	Bytes      int64
	ModifiedAt time.Time
}

var (
	// ErrExists says that a conditional write found the key taken.
	ErrExists = errors.New("object exists already")
	// ErrNoLake says that there is no lake where one is to be read.
	ErrNoLake = errors.New("there is no lake")
	// ErrNotExist says that there is no object under the key.
	ErrNotExist = errors.New("no such object")
	// ErrIncompleteList says that a store lists less than it has. What a list lacks must not be taken to be absent.
	ErrIncompleteList = errors.New("list is incomplete")
	// ErrFilesLost says that data files that were sealed are missing or are not what was written; they must be sealed again.
	ErrFilesLost = errors.New("sealed file is lost")
)
