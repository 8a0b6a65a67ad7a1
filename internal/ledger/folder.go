package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// folder is a Store in a local folder. Each object is a file, which is synced first and then linked or renamed into place, so it
// appears whole. Files and new folders are readable by this user only, because they contain conversations.
type folder struct {
	root string
	temp string // files in progress; on the same file system, never listed
}

// abandonedAfter is the age from which a file in progress belongs to no running process.
const abandonedAfter = 24 * time.Hour

func newFolder(root string) (*folder, error) {
	f := folderAt(root)
	if err := os.MkdirAll(f.temp, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	f.sweep()
	return f, nil
}

// folderAt returns a folder that is only read until something is written.
func folderAt(root string) *folder { return &folder{root: root, temp: filepath.Join(root, ".tmp")} }

// existingFolder returns a folder that must exist.
func existingFolder(root string) (*folder, error) {
	info, err := os.Stat(root)
	switch {
	case errors.Is(absent(err), ErrNotExist):
		return nil, fmt.Errorf("%w: the folder %s does not exist; correct the address, start chatlake in the folder that the address is relative to, or export something first", ErrNoLake, root)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%w: %s is a file, not a folder", ErrNoLake, root)
	}
	return folderAt(root), nil
}

// initialized reports whether a lake was ever opened here for writing.
func (f *folder) initialized() bool {
	_, err := os.Stat(f.temp)
	return err == nil
}

// sweep removes the files in progress of killed processes.
func (f *folder) sweep() {
	entries, _ := os.ReadDir(f.temp) // writes will report the error
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > abandonedAfter {
			_ = os.Remove(filepath.Join(f.temp, entry.Name())) // another process may have removed it
		}
	}
}

// file returns the path of a key, and refuses keys that would leave the folder.
func (f *folder) file(key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	return filepath.Join(f.root, filepath.FromSlash(key)), nil
}

func (f *folder) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, ifAbsent bool) error {
	name, err := f.file(key)
	if err != nil {
		return err
	}
	temp, err := f.write(ctx, body, size)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	defer os.Remove(temp)
	// Delete removes folders that become empty, so a folder may disappear between MkdirAll and the link or rename.
	for range 100 {
		if err = f.place(temp, name, ifAbsent); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: %w", key, ErrExists)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// place gives a file its final name.
func (f *folder) place(temp, name string, ifAbsent bool) error {
	dir := filepath.Dir(name)
	existed := f.existingParent(dir)
	err := os.MkdirAll(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return fs.ErrNotExist // the folder was deleted a moment ago; the object itself may not exist
	}
	if err != nil {
		return err
	}
	if ifAbsent {
		err = os.Link(temp, name)
	} else {
		err = os.Rename(temp, name)
	}
	if err != nil {
		return err
	}
	return syncUpTo(dir, existed)
}

// write makes a synced file of exactly size bytes.
func (f *folder) write(ctx context.Context, body io.Reader, size int64) (_ string, err error) {
	out, err := os.CreateTemp(f.temp, "put-")
	if err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, out.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(out.Name()))
		}
	}()
	n, err := io.Copy(out, contextReader{ctx, body})
	if err != nil {
		return "", err
	}
	if n != size {
		return "", fmt.Errorf("body has %d bytes, expected %d", n, size)
	}
	return out.Name(), out.Sync()
}

// existingParent returns the deepest folder on the path to dir, or dir itself, that already exists.
func (f *folder) existingParent(dir string) string {
	for dir != f.root {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

// syncUpTo makes the names of a new file and its new folders survive a power failure: it syncs dir and its parents up to one that
// already existed.
func syncUpTo(dir, existed string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	for ; ; dir = filepath.Dir(dir) {
		open, err := os.Open(dir)
		if err != nil {
			return err
		}
		err = errors.Join(open.Sync(), open.Close())
		if err != nil || dir == existed || len(dir) <= len(existed) {
			return err
		}
	}
}

func (f *folder) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	name, err := f.file(key)
	if err != nil {
		return nil, err
	}
	if _, err := f.Stat(ctx, key); err != nil { // os.Open also opens folders
		return nil, err
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, absent(err))
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", key, err), file.Close())
	}
	if length < 0 {
		return file, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, length), file}, nil
}

func (f *folder) Stat(_ context.Context, key string) (Object, error) {
	name, err := f.file(key)
	if err != nil {
		return Object{}, err
	}
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Object{}, fmt.Errorf("stat %s: %w", key, absent(err))
	}
	return Object{Key: key, Bytes: info.Size(), ModifiedAt: info.ModTime()}, nil
}

func (f *folder) Delete(ctx context.Context, key string) error {
	name, err := f.file(key)
	if err != nil {
		return err
	}
	if _, err := f.Stat(ctx, key); errors.Is(err, ErrNotExist) { // a folder is not an object
		return nil
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	// Remove parent folders that are now empty. Folders with content stay, and so do links.
	for at := filepath.Dir(name); at != f.root; at = filepath.Dir(at) {
		if info, err := os.Lstat(at); err != nil || !info.IsDir() || os.Remove(at) != nil {
			break
		}
	}
	return nil
}

// absent returns ErrNotExist if there is no file, or if a parent folder is a file.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return ErrNotExist
	}
	return err
}

// contextReader stops a long copy when its context is cancelled.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
