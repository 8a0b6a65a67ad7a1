package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// doctor tests lists with small pages. If the store ignores the page size, it uses more keys than S3 puts on one page.
const (
	smallPage     = 3
	fewKeys       = 8
	largestPage   = 1000
	manyProbeKeys = largestPage + 1
)

// examineLists writes more objects than fit on one page of a list, and lists them page by page.
func (b *bucket) examineLists(ctx context.Context) Check {
	const name = "list pages"
	folder := probeRoot + random() + "/"
	paged, err := b.tryPages(ctx, folder, fewKeys)
	if err == nil && !paged {
		paged, err = b.tryPages(ctx, folder, manyProbeKeys)
	}
	switch {
	case err != nil:
		return failed(name, err)
	case !paged:
		return Check{name, LevelNote, fmt.Sprintf("the store lists %d keys on one page, so paging was not tested", manyProbeKeys)}
	}
	return Check{name, LevelOK, "a list of several pages is complete"}
}

// tryPages reports whether listing this many keys took more than one page. It returns an error if a key is not listed.
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
	for _, pageKeys := range []int32{smallPage, 0} { // small pages, and the store's default
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
			return false, l.incomplete("of %d new keys %d are listed", keys, listed)
		}
	}
	return paged, nil
}

// each calls do for all keys, several at a time.
func each(ctx context.Context, keys []string, do func(context.Context, string) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for _, key := range keys {
		group.Go(func() error { return do(ctx, key) })
	}
	return group.Wait()
}

// examineReading writes an object, reads a range of it, and compares its times in a list and in a HEAD.
func (b *bucket) examineReading(ctx context.Context) (checks []Check) {
	const content = "0123456789"
	key := probeRoot + random()
	if err := b.Put(ctx, key, strings.NewReader(content), int64(len(content)), false); err != nil {
		return []Check{failed("ranges", err)}
	}
	defer func() {
		if err := b.Delete(ctx, key); err != nil {
			checks = append(checks, failed("delete", err))
		}
	}()
	return []Check{b.examineRanges(ctx, key, content), b.examineTimes(ctx, key)}
}

func (b *bucket) examineRanges(ctx context.Context, key, content string) Check {
	const name = "ranges"
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
		return Check{name, LevelFailed, "the store returns a different range of an object than requested: " + otherStore}
	case ignored:
		return Check{name, LevelWarning, "the store, or a proxy in between, ignores ranges and sends whole objects, so verify and why are slow: " +
			"let the proxy forward the Range header"}
	}
	return Check{name, LevelOK, "a range of an object can be read"}
}

// sameMoment is how much the times of one object may differ: some stores use milliseconds in lists and seconds elsewhere.
const sameMoment = 2 * time.Second

func (b *bucket) examineTimes(ctx context.Context, key string) Check {
	const name = "times"
	existing, err := b.Stat(ctx, key)
	if err != nil {
		return failed(name, err)
	}
	for listed, err := range b.List(ctx, key) {
		switch {
		case err != nil:
			return failed(name, err)
		case listed.Key != key:
		case listed.ModifiedAt.IsZero() || existing.ModifiedAt.IsZero():
			return Check{name, LevelWarning, "the store does not report when an object was written, so lake sweep removes nothing"}
		case listed.ModifiedAt.Sub(existing.ModifiedAt).Abs() > sameMoment:
			return Check{name, LevelWarning, fmt.Sprintf("the modification times in a list and of the object itself differ by %s; lake sweep uses the later one",
				listed.ModifiedAt.Sub(existing.ModifiedAt).Abs().Round(time.Second))}
		default:
			return Check{name, LevelOK, "the modification times in a list and of the object itself agree"}
		}
	}
	return Check{name, LevelFailed, "a new object is not listed, so commits could be missed: " + otherStore}
}
