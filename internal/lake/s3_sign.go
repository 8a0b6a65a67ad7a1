package lake

import (
	"context"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const acceptEncoding = "Accept-Encoding"

// leaveEncodingUnsigned keeps Accept-Encoding out of the signature of a request: Google's front ends and some proxies change that
// header, and the store then finds that the signature does not match. The request has it all the same.
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

// heldHeader is a header on its way past the signing of a request. A stack is of one operation, whose attempts follow each other.
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
