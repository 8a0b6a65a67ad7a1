package ledger

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	uploadtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Put sends a conditional write as one request, because servers differ in how they treat conditions on multipart uploads.
func (b *bucket) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, ifAbsent bool) error {
	name, err := b.key(key)
	if err != nil {
		return err
	}
	if err := checkSize(body, size); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	err = b.withChecksums(body, func(checked bool) error {
		if size > onePutBytes && !ifAbsent {
			return b.putParts(ctx, key, name, body, size, checked)
		}
		return b.putOnce(ctx, name, body, size, ifAbsent, checked)
	})
	if err == nil {
		return nil
	}
	if ifAbsent && answerOf(err).status == 0 {
		// A server may refuse a taken key and hang up before it has read a long body.
		if _, failed := b.Stat(ctx, key); failed == nil {
			return fmt.Errorf("write %s: %w", key, ErrExists)
		}
	}
	return b.explain("write", key, err)
}

// withChecksums writes a body, with checksums if the store has asked for them before. If the store asks for them now, it writes
// the body again with checksums: buckets with Object Lock refuse writes without them.
func (b *bucket) withChecksums(body io.Seeker, write func(checked bool) error) error {
	start, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	checked := b.wantsChecksums.Load()
	err = write(checked)
	if checked || !asksForChecksum(err) {
		return err
	}
	if _, err := body.Seek(start, io.SeekStart); err != nil {
		return err
	}
	b.wantsChecksums.Store(true)
	return write(true)
}

// asksForChecksum reports whether a write was refused because it had no checksum. AWS says: "Content-MD5 OR x-amz-checksum- HTTP
// header is required for Put Object requests with Object Lock parameters"; MinIO uses the code MissingContentMD5.
func asksForChecksum(err error) bool {
	a := answerOf(err)
	if err == nil || a.status != http.StatusBadRequest {
		return false
	}
	text := strings.ToLower(a.message)
	names := strings.Contains(text, "content-md5") || strings.Contains(text, "x-amz-checksum")
	return a.code == "MissingContentMD5" || names && !slices.Contains([]string{"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"}, a.code)
}

func (b *bucket) putOnce(ctx context.Context, name *string, body io.ReadSeeker, size int64, ifAbsent, checked bool) error {
	in := &s3.PutObjectInput{
		Bucket: &b.name, Key: name, Body: body, ContentLength: &size, ServerSideEncryption: types.ServerSideEncryption(b.sse), SSEKMSKeyId: b.kmsKey,
	}
	if ifAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	if checked {
		var err error
		if in.ContentMD5, in.ChecksumCRC32, err = checksums(body); err != nil {
			return err
		}
	}
	_, err := b.client.PutObject(ctx, in)
	return err
}

// checksums returns the checksums of the rest of a body as header values. Older servers support only Content-MD5. Servers other
// than AWS understand checksums in headers but not in trailers.
func checksums(body io.ReadSeeker) (contentMD5, crc *string, err error) {
	start, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, nil, err
	}
	m, c := md5.New(), crc32.NewIEEE()
	if _, err := io.Copy(io.MultiWriter(m, c), body); err != nil {
		return nil, nil, err
	}
	if _, err := body.Seek(start, io.SeekStart); err != nil {
		return nil, nil, err
	}
	encode := func(sum []byte) *string { return aws.String(base64.StdEncoding.EncodeToString(sum)) }
	return encode(m.Sum(nil)), encode(binary.BigEndian.AppendUint32(nil, c.Sum32())), nil
}

func (b *bucket) putParts(ctx context.Context, key string, name *string, body io.Reader, size int64, checked bool) error {
	uploads := b.uploads
	if checked {
		uploads = b.checked
	}
	_, err := uploads.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: &b.name, Key: name, Body: body,
		ServerSideEncryption: uploadtypes.ServerSideEncryption(b.sse), SSEKMSKeyID: b.kmsKey,
	})
	if answerOf(err).code == "NoSuchUpload" {
		// The upload was completed, but its response was lost and the request was sent again.
		if object, failed := b.Stat(ctx, key); failed == nil && object.Bytes == size {
			return nil
		}
	}
	return err
}

// checkSize compares the rest of a body with the promised size.
func checkSize(body io.Seeker, size int64) error {
	start, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	end, err := body.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := body.Seek(start, io.SeekStart); err != nil {
		return err
	}
	if end-start != size {
		return fmt.Errorf("body has %d bytes, expected %d", end-start, size)
	}
	return nil
}
