package ledger

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// List skips the empty objects that consoles create to show folders.
func (b *bucket) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return b.list(ctx, prefix, 0)
}

// list requests pages of pageKeys keys; with 0 the store chooses the size.
func (b *bucket) list(ctx context.Context, prefix string, pageKeys int32) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		l := listing{bucket: b, prefix: prefix, pageKeys: pageKeys, tokens: map[string]bool{}}
		for !l.ended {
			objects, err := l.next(ctx)
			for _, o := range objects {
				key := strings.TrimPrefix(aws.ToString(o.Key), b.prefix)
				if strings.HasSuffix(key, "/") {
					continue
				}
				if !yield(Object{Key: key, Bytes: aws.ToInt64(o.Size), ModifiedAt: aws.ToTime(o.LastModified)}, nil) {
					return
				}
			}
			if err != nil {
				yield(Object{}, err)
				return
			}
		}
	}
}

// listing reads the pages of one list. It accepts the end of the list only if the store confirms it: a page that says there are
// more must have a token for the next page, no token may repeat, and nothing may follow the last key.
type listing struct {
	bucket   *bucket
	prefix   string
	pageKeys int32
	last     string          // the last key so far, with the bucket's prefix
	token    *string         // of the next page; nil asks for the keys after last
	tokens   map[string]bool // all tokens so far
	ended    bool
}

// next returns the next page. If a key is out of place, it returns the keys before it together with the error.
func (l *listing) next(ctx context.Context) ([]types.Object, error) {
	in := &s3.ListObjectsV2Input{Bucket: &l.bucket.name, Prefix: aws.String(l.bucket.prefix + l.prefix), ContinuationToken: l.token}
	if l.pageKeys > 0 {
		in.MaxKeys = &l.pageKeys
	}
	confirms := l.token == nil && l.last != ""
	if confirms {
		in.StartAfter = &l.last
	}
	page, err := l.bucket.client.ListObjectsV2(ctx, in)
	if confirms && answerOf(err).status == http.StatusNotImplemented {
		l.ended = true // the store cannot confirm the end
		return nil, nil
	}
	if err != nil {
		return nil, l.bucket.explain("list", l.prefix, err)
	}
	if page.Name == nil && page.IsTruncated == nil {
		return nil, l.incomplete("the response is not a list of objects")
	}
	if claimed := int(aws.ToInt32(page.KeyCount)); claimed > len(page.Contents)+len(page.CommonPrefixes) {
		return nil, l.incomplete("a page contains %d keys but claims %d", len(page.Contents), claimed)
	}
	if confirms && len(page.Contents) > 0 && aws.ToString(page.Contents[0].Key) <= l.last {
		l.ended = true // the store ignores start-after
		return nil, nil
	}
	for i, o := range page.Contents {
		key := aws.ToString(o.Key)
		switch {
		case !strings.HasPrefix(key, l.bucket.prefix+l.prefix):
			return page.Contents[:i], l.incomplete("a key does not begin with the requested prefix")
		case l.last != "" && key <= l.last:
			return page.Contents[:i], l.incomplete("a page repeats keys or has them out of order")
		}
		l.last = key
	}
	return page.Contents, l.advance(page)
}

// advance decides what to request after a page.
func (l *listing) advance(page *s3.ListObjectsV2Output) error {
	confirmed := l.token == nil && len(page.Contents) == 0
	l.token = nil
	if !aws.ToBool(page.IsTruncated) {
		l.ended = confirmed || l.last == ""
		return nil
	}
	token := aws.ToString(page.NextContinuationToken)
	switch {
	case token == "":
		return l.incomplete("a page claims that more follow, but has no token for the next page")
	case l.tokens[token]:
		return l.incomplete("a page repeats an earlier token")
	}
	l.tokens[token] = true
	l.token = &token
	return nil
}

func (l *listing) incomplete(format string, args ...any) error {
	what := fmt.Sprintf("list %s in the bucket %s at %s: ", l.prefix, l.bucket.name, l.bucket.where)
	return &storageError{what + fmt.Sprintf(format, args...) + "; " + incompleteAdvice, ErrIncompleteList}
}

const incompleteAdvice = "the list is incomplete and cannot be trusted: look for a proxy in between, or use another store"
