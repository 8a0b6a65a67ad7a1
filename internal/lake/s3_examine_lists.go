package lake

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
)

// How doctor tries lists: with small pages, or, where the store does not let the client choose, with more keys than a page of S3.
const (
	smallPage     = 3
	fewKeys       = 8
	largestPage   = 1000
	manyProbeKeys = largestPage + 1
)

// examineLists writes more objects than a page of a list has, and lists them in pages.
func (b *bucket) examineLists(ctx context.Context) Check {
	const name = "lists in pages"
	folder := probeRoot + random() + "/"
	paged, err := b.tryPages(ctx, folder, fewKeys)
	if err == nil && !paged {
		paged, err = b.tryPages(ctx, folder, manyProbeKeys)
	}
	switch {
	case err != nil:
		return failed(name, err)
	case !paged:
		return Check{name, LevelNote, fmt.Sprintf("the store lists %d keys in one page, so pages were not tried", manyProbeKeys)}
	}
	return Check{name, LevelOK, "a list of more than one page is complete"}
}

// tryPages reports whether a list of so many keys took more than one page. It is an error when a key is not listed.
func (b *bucket) tryPages(ctx context.Context, folder string, keys int) (paged bool, err error) {
	all := make([]string, keys)
	for i := range all {
		all[i] = fmt.Sprintf("%s%04d", folder, i)
	}
	defer func() {
		err = errors.Join(err, each(ctx, all, func(ctx context.Context, key string) error { return b.Delete(ctx, key) }))
	}()
	err = each(ctx, all, func(ctx context.Context, key string) error {
		return b.Put(ctx, key, strings.NewReader("page"), 4, false)
	})
	if err != nil {
		return false, err
	}
	for _, pageKeys := range []int32{smallPage, 0} { // as small as can be, and as the store likes it
		l := listing{bucket: b, prefix: folder, pageKeys: pageKeys, tokens: map[string]bool{}}
		listed := 0
		for !l.ended {
			page, err := l.next(ctx)
			if err != nil {
				return false, err
			}
			listed += len(page)
			paged = paged || len(page) > 0 && len(page) < keys
		}
		if listed != keys {
			return false, l.incomplete("of %d keys that were just written %d are listed", keys, listed)
		}
	}
	return paged, nil
}

// each does something with all keys, several at a time.
func each(ctx context.Context, keys []string, do func(context.Context, string) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for _, key := range keys {
		group.Go(func() error { return do(ctx, key) })
	}
	return group.Wait()
}

// examineRanges reads a part of an object.
func (b *bucket) examineRanges(ctx context.Context) (check Check) {
	const name, content = "ranges", "0123456789"
	key := probeRoot + random()
	if err := b.Put(ctx, key, strings.NewReader(content), int64(len(content)), false); err != nil {
		return failed(name, err)
	}
	defer func() {
		if err := b.Delete(ctx, key); err != nil {
			check = failed(name, err)
		}
	}()
	out, err := b.getRange(ctx, key, 4, 3)
	if err != nil {
		return failed(name, err)
	}
	ignored := rangeIgnored(out)
	got, err := readWithin(out, 4, 3)
	switch {
	case err != nil:
		return failed(name, b.explain("read", key, err))
	case got != content[4:7]:
		return Check{name, LevelFailed, "the store answers a request for a part of an object with another part: " + otherStore}
	case ignored:
		return Check{name, LevelWarning, "the store, or a proxy in between, ignores ranges and sends whole objects; verify and why read all of a file " +
			"for each part of it, and are slow: let the proxy pass the header Range"}
	}
	return Check{name, LevelOK, "a part of an object can be read by itself"}
}
