package ledger

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// stagedDays is how many days a rule must keep staged objects: as long as a sweep does. A shard needs all of its staged objects until it
// is committed, however long it takes, is paused, or waits for a person. If one is missing, the shard starts from the beginning, and it
// blocks if that happens too often.
const stagedDays = int32(openKept / (24 * time.Hour))

// examine checks what only a bucket has.
func (b *bucket) examine(ctx context.Context) []Check {
	checks := append([]Check{b.examineLists(ctx)}, b.examineReading(ctx)...)
	checks = append(checks, b.examineParts(ctx))
	checks = append(checks, b.examineClock(ctx)...)
	versioned, versioning := b.examineVersioning(ctx)
	checks = append(checks, versioning)
	checks = append(checks, b.examineLifecycle(ctx, versioned)...)
	return append(checks, b.examineAccess(ctx)...)
}

// examineParts starts a multipart upload and aborts it, as an interrupted upload is.
func (b *bucket) examineParts(ctx context.Context) Check {
	const name = "multipart upload"
	key := probeRoot + random()
	full := aws.String(b.prefix + key)
	in := &s3.CreateMultipartUploadInput{
		Bucket: &b.name, Key: full, ServerSideEncryption: types.ServerSideEncryption(b.sse), SSEKMSKeyId: b.kmsKey,
	}
	if b.wantsChecksums.Load() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
	}
	upload, err := b.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return failed(name, b.explain("start the multipart upload of", key, err))
	}
	_, err = b.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &b.name, Key: full, UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part"), ContentLength: aws.Int64(4),
		ChecksumAlgorithm: in.ChecksumAlgorithm,
	})
	err = b.explain("upload a part of", key, err)
	_, abortErr := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: full, UploadId: upload.UploadId})
	switch {
	case err != nil:
		return failed(name, err)
	case abortErr != nil:
		return failed(name, b.explain("abort the upload of", key, abortErr))
	}
	return Check{name, LevelOK, "a multipart upload can be started and aborted"}
}

func (b *bucket) examineClock(ctx context.Context) []Check {
	out, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: aws.String(b.prefix + probeRoot), MaxKeys: aws.Int32(1)})
	if err != nil {
		return []Check{failed("clock", b.explain("list", probeRoot, err))}
	}
	server, said := awsmiddleware.GetServerTime(out.ResultMetadata)
	here, _ := awsmiddleware.GetResponseAt(out.ResultMetadata)
	if !said {
		return []Check{{"clock", LevelNote, "the server does not send its time"}}
	}
	return []Check{Clock(server, here)}
}

// notReported is the check of a setting that the store does not report.
func notReported(name string, err error) Check {
	a := answerOf(err)
	if a.status == http.StatusForbidden {
		return Check{name, LevelNote, "these credentials may not read this setting; ask the bucket's owner" + a.words()}
	}
	return Check{name, LevelNote, "the store does not report this setting: " + strings.TrimSpace(fmt.Sprintf("%s status %d", a.code, a.status)) + a.words()}
}

func (b *bucket) examineVersioning(ctx context.Context) (versioned bool, _ Check) {
	out, err := b.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.name})
	switch {
	case err != nil:
		return false, notReported("versioning", err)
	case out.Status == types.BucketVersioningStatusEnabled:
		return true, Check{"versioning", LevelNote, "old versions are kept: objects deleted below _staging/ still use space, and damaged files can be restored"}
	}
	return false, Check{"versioning", LevelOK, "off; it is not needed"}
}

func (b *bucket) examineLifecycle(ctx context.Context, versioned bool) []Check {
	out, err := b.client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &b.name})
	var rules []types.LifecycleRule
	switch {
	case err == nil:
		rules = out.Rules
	case answerOf(err).code != "NoSuchLifecycleConfiguration":
		return []Check{notReported("lifecycle", err)}
	}
	checks := b.checkRules(rules, versioned)
	if len(checks) == 0 {
		checks = append(checks, Check{"lifecycle", LevelOK, "no rule harms the lake"})
	}
	return checks
}

// checkRules finds the rules that harm the lake and those that are missing. No rule may delete or archive data or the ledger. A rule may
// delete staged objects only when a sweep would: it cannot know which of them are still needed.
func (b *bucket) checkRules(rules []types.LifecycleRule, versioned bool) (checks []Check) {
	add := func(level Level, format string, args ...any) {
		checks = append(checks, Check{"lifecycle", level, fmt.Sprintf(format, args...)})
	}
	aborts, expires := false, false
	for _, r := range rules {
		prefix, tagged := scopeOf(r)
		if r.Status != types.ExpirationStatusEnabled || tagged { // objects of the lake have no tags
			continue
		}
		name := fmt.Sprintf("the rule %q", aws.ToString(r.ID))
		covers := func(root string) bool { return strings.HasPrefix(b.prefix+root, prefix) }
		touches := func(root string) bool { return covers(root) || strings.HasPrefix(prefix, b.prefix+root) }
		deletes := r.Expiration != nil && (r.Expiration.Days != nil || r.Expiration.Date != nil)
		for _, root := range []string{dataRoot, ledgerRoot} {
			switch {
			case !touches(root):
			case deletes:
				add(LevelFailed, "%s deletes objects below %s, where the lake keeps its data: change it or remove it", name, b.prefix+root)
			case archives(r):
				add(LevelFailed, "%s archives objects below %s, which must be readable at once: change it or remove it", name, b.prefix+root)
			}
		}
		if touches(stagingRoot) {
			level, problem := early(r)
			if problem != "" {
				add(level, "%s %s. Let it wait at least %d days, or remove it: `chatlake lake sweep` removes the staged objects that no export needs", name, problem, stagedDays)
			}
		}
		aborts = aborts || covers(dataRoot) && r.AbortIncompleteMultipartUpload != nil
		expires = expires || covers(stagingRoot) && r.NoncurrentVersionExpiration != nil
	}
	if !aborts {
		add(LevelNote, "no rule removes incomplete multipart uploads below %s; a rule that removes them after some days saves space", b.prefix+dataRoot)
	}
	if versioned && !expires {
		add(LevelWarning, "no rule removes old versions below %s, so you pay for every staged object forever: add one for noncurrent versions", b.prefix+stagingRoot)
	}
	return checks
}

// scopeOf returns the prefix that a rule applies to, and whether it applies only to objects with tags.
func scopeOf(r types.LifecycleRule) (prefix string, tagged bool) {
	switch f := r.Filter; {
	case f == nil:
		//lint:ignore SA1019 old rules have it
		return aws.ToString(r.Prefix), false
	case f.And != nil:
		return aws.ToString(f.And.Prefix), len(f.And.Tags) > 0
	default:
		return aws.ToString(f.Prefix), f.Tag != nil
	}
}

// early describes what a rule does to staged objects that an export may still need, or returns an empty string.
func early(r types.LifecycleRule) (Level, string) {
	const since = "%s staged objects from %s on, however new they are, so no export can finish that takes longer than a day"
	const after = "%s staged objects after %d days; a window that takes longer, is paused, or waits for a person is then fetched again from the beginning"
	day := func(at *time.Time) string { return at.UTC().Format(time.DateOnly) }
	if e := r.Expiration; e != nil {
		switch {
		case e.Date != nil:
			return LevelFailed, fmt.Sprintf(since, "deletes", day(e.Date))
		case e.Days != nil && *e.Days < stagedDays:
			return LevelWarning, fmt.Sprintf(after, "deletes", *e.Days)
		}
	}
	for _, t := range r.Transitions {
		switch {
		case !archive(t):
		case t.Date != nil:
			return LevelFailed, fmt.Sprintf(since, "archives", day(t.Date))
		case aws.ToInt32(t.Days) < stagedDays:
			return LevelWarning, fmt.Sprintf(after, "archives", aws.ToInt32(t.Days))
		}
	}
	return LevelOK, ""
}

// archives reports whether a rule moves objects to a storage class that cannot be read at once.
func archives(r types.LifecycleRule) bool { return slices.ContainsFunc(r.Transitions, archive) }

func archive(t types.Transition) bool {
	return t.StorageClass == types.TransitionStorageClassGlacier || t.StorageClass == types.TransitionStorageClassDeepArchive
}

// examineAccess reports a bucket that could be made public. Only AWS has this setting.
func (b *bucket) examineAccess(ctx context.Context) []Check {
	out, err := b.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &b.name})
	if code := answerOf(err).code; err != nil && code != "NoSuchPublicAccessBlockConfiguration" {
		return nil
	}
	if err == nil && out.PublicAccessBlockConfiguration != nil {
		p := out.PublicAccessBlockConfiguration
		if aws.ToBool(p.BlockPublicAcls) && aws.ToBool(p.BlockPublicPolicy) && aws.ToBool(p.IgnorePublicAcls) && aws.ToBool(p.RestrictPublicBuckets) {
			return []Check{{"public access", LevelOK, "blocked"}}
		}
	}
	return []Check{{"public access", LevelNote, "not blocked for the bucket; conversations should never be public, so block it"}}
}
