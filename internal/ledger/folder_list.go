package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// List walks only folders that can contain keys with the prefix.
func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		from, err := f.root, error(nil)
		if dir := path.Dir(prefix + "x"); dir != "." {
			from, err = f.file(dir)
		}
		if err == nil {
			err = f.walk(ctx, from, prefix, yield)
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(Object{}, fmt.Errorf("list %s: %w", prefix, err))
		}
	}
}

var errStop = errors.New("stop")

// walk yields the files below dir in the order of their keys; a folder sorts as its name plus a slash. It follows links, because
// a part of a lake may be on another disk.
func (f *folder) walk(ctx context.Context, dir, prefix string, yield func(Object, error) bool) error {
	names, err := os.ReadDir(dir)
	if errors.Is(absent(err), ErrNotExist) {
		return f.brokenLink(dir)
	}
	if err != nil {
		return err
	}
	entries := make([]folderEntry, len(names))
	for i, entry := range names {
		entries[i] = folderEntry{entry, filepath.Join(dir, entry.Name()), isFolder(dir, entry)}
	}
	slices.SortFunc(entries, func(a, b folderEntry) int { return strings.Compare(a.key(), b.key()) })
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		relative, err := filepath.Rel(f.root, entry.path)
		if err != nil {
			return err
		}
		key := filepath.ToSlash(relative)
		switch {
		case entry.path == f.temp:
		case entry.folder:
			if strings.HasPrefix(key+"/", prefix) || strings.HasPrefix(prefix, key+"/") {
				if err := f.walk(ctx, entry.path, prefix, yield); err != nil {
					return err
				}
			}
		case strings.HasPrefix(key, prefix):
			info, err := os.Stat(entry.path)
			if errors.Is(err, fs.ErrNotExist) { // deleted in the meantime, unless it is a link
				err = f.brokenLink(entry.path)
				if err == nil {
					continue
				}
			}
			if err != nil {
				return err
			}
			if !yield(Object{Key: key, Bytes: info.Size(), ModifiedAt: info.ModTime()}, nil) {
				return errStop
			}
		}
	}
	return nil
}

// brokenLink returns an error if a path does not exist because of a link to a missing target, such as a disk that is not
// mounted. Then nothing can be said about what exists below it.
func (f *folder) brokenLink(path string) error {
	for at := path; at != f.root && len(at) > len(f.root); at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			continue
		}
		if _, err := os.Stat(at); err != nil {
			return fmt.Errorf("the target of the link %s does not exist: %w", at, ErrIncompleteList)
		}
	}
	return nil
}

// folderEntry is a file or folder on a walk.
type folderEntry struct {
	fs.DirEntry
	path   string
	folder bool
}

func (e folderEntry) key() string {
	if e.folder {
		return e.Name() + "/"
	}
	return e.Name()
}

// isFolder reports whether an entry of dir is a folder or a link to one.
func isFolder(dir string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := os.Stat(filepath.Join(dir, entry.Name()))
	return err == nil && info.IsDir()
}
