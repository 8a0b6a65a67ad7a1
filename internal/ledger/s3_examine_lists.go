package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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

// examineReading writes an object, reads a part of it, and asks in both ways when it was written.
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
		return Check{name, LevelFailed, "the store answers a request for a part of an object with another part: " + otherStore}
	case ignored:
		return Check{name, LevelWarning, "the store, or a proxy in between, ignores ranges and sends whole objects; verify and why read all of a file " +
			"for each part of it, and are slow: let the proxy pass the header Range"}
	}
	return Check{name, LevelOK, "a part of an object can be read by itself"}
}

// sameMoment is how far the times of one object may differ: some stores give them in milliseconds in a list, and in seconds elsewhere.
const sameMoment = 2 * time.Second

func (b *bucket) examineTimes(ctx context.Context, key string) Check {
	const name = "times"
	standing, err := b.Stat(ctx, key)
	if err != nil {
		return failed(name, err)
	}
	for listed, err := range b.List(ctx, key) {
		switch {
		case err != nil:
			return failed(name, err)
		case listed.Key != key:
		case listed.ModifiedAt.IsZero() || standing.ModifiedAt.IsZero():
			return Check{name, LevelWarning, "the store does not say when an object was written, so lake sweep removes nothing"}
		case listed.ModifiedAt.Sub(standing.ModifiedAt).Abs() > sameMoment:
			return Check{name, LevelWarning, fmt.Sprintf("a list and the object itself differ by %s about when it was written; lake sweep goes by the later time",
				listed.ModifiedAt.Sub(standing.ModifiedAt).Abs().Round(time.Second))}
		default:
			return Check{name, LevelOK, "a list and the object itself agree when it was written"}
		}
	}
	return Check{name, LevelFailed, "what was just written is not listed, so that commits could be overlooked: " + otherStore}
}
