package ledger

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const acceptEncoding = "Accept-Encoding"

// leaveEncodingUnsigned excludes Accept-Encoding from the signature of a request but still sends it. Google's front ends and some
// proxies change this header, and then the signature does not match.
func leaveEncodingUnsigned(stack *middleware.Stack) error {
	if _, signs := stack.Finalize.Get("Signing"); !signs {
		return nil
	}
	var taken heldHeader
	if err := stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("HoldAcceptEncoding", taken.hold), "Signing", middleware.Before); err != nil {
		return err
	}
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("RestoreAcceptEncoding", taken.restore), "Signing", middleware.After)
}

// heldHeader keeps the header while a request is signed. Each operation has its own middleware stack, and its attempts are
// sequential.
type heldHeader struct{ values []string }

func (h *heldHeader) hold(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	if r, ok := in.Request.(*smithyhttp.Request); ok {
		h.values = r.Header.Values(acceptEncoding)
		r.Header.Del(acceptEncoding)
	}
	return next.HandleFinalize(ctx, in)
}

func (h *heldHeader) restore(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	if r, ok := in.Request.(*smithyhttp.Request); ok && h.values != nil {
		r.Header[acceptEncoding] = h.values
	}
	return next.HandleFinalize(ctx, in)
}

// unpackAnswers decompresses responses, because a proxy may ask the store for gzip on the client's behalf. No object of a lake is
// stored with a content encoding.
func unpackAnswers(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("UnpackAnswer", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		r, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok || !strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
			return out, metadata, err
		}
		r.Body = &gzipBody{compressed: r.Body}
		r.Header.Del("Content-Encoding")
		r.Header.Del("Content-Length") // the compressed length; the object's size is not known
		r.ContentLength = -1
		return out, metadata, nil
	}), middleware.After)
}

// gzipBody is a body that is decompressed while it is read.
type gzipBody struct {
	compressed io.ReadCloser
	body       *gzip.Reader
}

func (p *gzipBody) Read(b []byte) (n int, err error) {
	if p.body == nil {
		if p.body, err = gzip.NewReader(p.compressed); errors.Is(err, io.EOF) {
			return 0, io.EOF // no body, for example of a HEAD
		} else if err != nil {
			return 0, fmt.Errorf("decompress the response: %w", err)
		}
	}
	return p.body.Read(b)
}

func (p *gzipBody) Close() error { return p.compressed.Close() }
