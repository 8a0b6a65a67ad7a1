package worker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chatlake/chatlake/internal/redact"
)

// cleanRPC removes what gRPC quotes from every error of a Temporal server before the SDK sees it: bodies from servers other
// than Temporal, answers of proxies, headers. It stores the last failure to connect in last, because the SDK reports only a
// timeout.
func cleanRPC(last *atomic.Pointer[error]) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		err := invoke(ctx, method, req, reply, cc, opts...)
		s, ok := status.FromError(err)
		if err == nil || !ok {
			return err
		}
		clean := s.Proto()
		clean.Message = rpcText(clean.Message)
		err = status.FromProto(clean).Err()
		if last != nil && s.Code() == codes.Unavailable {
			last.Store(&err)
		}
		return err
	}
}

var (
	described  = regexp.MustCompile(`desc = ("(?:[^"\\\\]|\\\\.)*")`)
	handshaken = regexp.MustCompile(`failed to do connect handshake, status code: ([0-9]{3})`)
)

// rpcText is the part of a gRPC message that may be shown. The text in the quotation marks of desc comes from gRPC itself.
func rpcText(message string) string {
	message = described.ReplaceAllStringFunc(message, func(found string) string {
		text, err := strconv.Unquote(described.FindStringSubmatch(found)[1])
		if err != nil {
			return found
		}
		return "desc = " + text
	})
	if found := handshaken.FindStringSubmatch(message); found != nil {
		code, _ := strconv.Atoi(found[1])
		return redact.ProxyRefusal("", code)
	}
	return redact.Text(strings.NewReplacer("connection error: desc = ", "", "transport: ", "").Replace(message))
}

// noFrontend is gRPC's message about a server that speaks HTTP but not gRPC.
const noFrontend = "unexpected HTTP status code"

// blames maps gRPC's messages about failures to connect to keys of the temporal section.
var blames = []struct{ words, key, advice string }{
	{"signed by unknown authority", "tls.ca_file", "the server's certificate is signed by an authority that this machine does not trust; set this key, or SSL_CERT_FILE, to a PEM file with the authority's certificate"},
	{"certificate is valid for", "tls.server_name", "the server's certificate is for another name; set this key to that name, or correct temporal.address"},
	{"certificate is not valid for any names", "tls.server_name", "the server's certificate is for another name; set this key to that name, or correct temporal.address"},
	{"certificate has expired", "tls", "the server's certificate has expired or is not valid yet; check this machine's clock"},
	{"certificate required", "tls.cert_file", "the server requires a client certificate; set this key and key_file"},
	{"bad certificate", "tls.cert_file", "the server does not accept the client certificate"},
	{"does not look like a TLS handshake", "tls.enabled", "the server does not speak TLS; set this to false, or correct temporal.address"},
	{"the proxy", "address", ""},
	{"no such host", "address", "no such host; correct this key"},
	{"connection refused", "address", "nothing answers there; check that the server is running and that this address is right"},
	{"server preface", "address", "no Temporal frontend answers there, or it requires TLS; correct this key, or set temporal.tls.enabled: true"},
	{noFrontend, "address", "no Temporal frontend answers there; correct this key"},
}

// TemporalProblem names the key of the configuration that makes the configured Temporal server refuse requests. It returns false
// if no key is known for the error.
func (c Config) TemporalProblem(err error) (Problem, bool) {
	if c.Temporal == nil || err == nil {
		return Problem{}, false
	}
	if strings.Contains(err.Error(), noFrontend) {
		return Problem{}, false // gRPC would mistake the status of a web server for one of Temporal
	}
	var missing *serviceerror.NamespaceNotFound
	switch code := codeOf(err); {
	case errors.As(err, &missing):
		return c.Problem("temporal.namespace", fmt.Sprintf("there is no namespace %s; create it, or correct this key (%s)", c.Temporal.Namespace, rpcText(err.Error()))), true
	case code == codes.Unauthenticated, code == codes.PermissionDenied:
		key := "temporal.api_key"
		if c.Temporal.APIKey.IsZero() && c.Temporal.TLS.CertFile != "" {
			key = "temporal.tls.cert_file"
		}
		return c.Problem(key, "the server refuses the credentials; correct them, or their permissions in the namespace "+c.Temporal.Namespace+" ("+rpcText(err.Error())+")"), true
	}
	return Problem{}, false
}

// unreachable names the key that makes a configured server unreachable. last is gRPC's error from the last attempt to connect.
func (c Config) unreachable(err error, last *error) error {
	if problem, ok := c.TemporalProblem(err); ok {
		return problem
	}
	if last != nil {
		err = *last
	}
	text := rpcText(status.Convert(err).Message())
	for _, b := range blames {
		if strings.Contains(text, b.words) && b.advice == "" {
			return c.Problem("temporal."+b.key, text)
		} else if strings.Contains(text, b.words) {
			return c.Problem("temporal."+b.key, b.advice+" ("+text+")")
		}
	}
	return c.Problem("temporal.address", "connect to Temporal: "+text)
}

// codeOf returns an error's gRPC code, or OK if it has none.
func codeOf(err error) codes.Code {
	var service serviceerror.ServiceError
	if errors.As(err, &service) {
		return service.Status().Code()
	}
	if s, ok := status.FromError(err); ok {
		return s.Code()
	}
	return codes.OK
}
