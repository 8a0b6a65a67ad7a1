package ledger

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// versioned reports whether the bucket keeps versions, or did so once.
func (b *bucket) versioned(ctx context.Context) (bool, error) {
	out, err := b.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.name})
	if err != nil {
		return false, fmt.Errorf("ask whether the bucket %s keeps versions: %w", b.name, b.explain("read the versioning of", "", err))
	}
	return out.Status != "", nil
}

// deleteVersions removes the noncurrent versions and the delete markers of an object first.
func (b *bucket) deleteVersions(ctx context.Context, key string) (int, error) {
	name, err := b.key(key)
	if err != nil {
		return 0, err
	}
	var current, others []string
	in := &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: name}
	for {
		page, err := b.client.ListObjectVersions(ctx, in)
		if err != nil {
			return 0, b.explain("list the versions of", key, err)
		}
		add := func(of *string, id *string, latest *bool) {
			switch {
			case aws.ToString(of) != *name: // another key that begins alike
			case aws.ToBool(latest):
				current = append(current, aws.ToString(id))
			default:
				others = append(others, aws.ToString(id))
			}
		}
		for _, v := range page.Versions {
			add(v.Key, v.VersionId, v.IsLatest)
		}
		for _, m := range page.DeleteMarkers {
			add(m.Key, m.VersionId, m.IsLatest)
		}
		if !aws.ToBool(page.IsTruncated) {
			break
		}
		if aws.ToString(page.NextKeyMarker) == aws.ToString(in.KeyMarker) && aws.ToString(page.NextVersionIdMarker) == aws.ToString(in.VersionIdMarker) {
			return 0, fmt.Errorf("list the versions of %s: a page claims that more follow, but does not say where: %w", key, ErrIncompleteList)
		}
		in.KeyMarker, in.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
	}
	if len(others)+len(current) == 0 {
		return 1, b.Delete(ctx, key)
	}
	for _, id := range append(others, current...) {
		in := &s3.DeleteObjectInput{Bucket: &b.name, Key: name, VersionId: &id}
		if _, err := b.client.DeleteObject(ctx, in); err != nil {
			return 0, b.explain("delete a version of", key, err)
		}
	}
	return len(others) + len(current), nil
}
