package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/chatlake/chatlake/internal/redact"
)

func (b *bucket) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if length == 0 { // a range cannot be empty
		_, err := b.Stat(ctx, key)
		return http.NoBody, err
	}
	out, err := b.getRange(ctx, key, offset, length)
	if isBeyondEnd(err) { // the range starts at the end of the object or after it
		return http.NoBody, nil
	}
	if err != nil {
		return nil, err
	}
	if offset == 0 && length < 0 {
		return out.Body, nil
	}
	body, err := within(out, offset, length)
	if err != nil {
		return nil, errors.Join(b.explain("read", key, err), out.Body.Close())
	}
	return body, nil
}

// getRange requests length bytes from offset; a negative length means up to the end.
func (b *bucket) getRange(ctx context.Context, key string, offset, length int64) (*s3.GetObjectOutput, error) {
	name, err := b.key(key)
	if err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &b.name, Key: name}
	switch {
	case length > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	case offset > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	out, err := b.client.GetObject(ctx, in)
	if err != nil {
		return nil, b.explain("read", key, err)
	}
	out.Body = redactedBody{out.Body}
	return out, nil
}

func readWithin(out *s3.GetObjectOutput, offset, length int64) (string, error) {
	body, err := within(out, offset, length)
	if err != nil {
		return "", errors.Join(err, out.Body.Close())
	}
	text, err := io.ReadAll(body)
	return string(text), errors.Join(err, body.Close())
}

// within returns the requested range of a response. Some stores and proxies ignore ranges and send the whole object: then the
// rest is skipped.
func within(out *s3.GetObjectOutput, offset, length int64) (io.ReadCloser, error) {
	if !rangeIgnored(out) {
		var from int64
		if n, _ := fmt.Sscanf(aws.ToString(out.ContentRange), "bytes %d-", &from); n == 1 && from != offset {
			return nil, redact.Because(fmt.Sprintf("the response begins at byte %d, expected %d", from, offset), nil)
		}
		return out.Body, nil
	}
	if _, err := io.CopyN(io.Discard, out.Body, offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if length < 0 {
		return out.Body, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(out.Body, length), out.Body}, nil
}

// rangeIgnored reports whether the response to a range request is the whole object.
func rangeIgnored(out *s3.GetObjectOutput) bool {
	response, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	return ok && response.StatusCode == http.StatusOK && out.ContentRange == nil
}
