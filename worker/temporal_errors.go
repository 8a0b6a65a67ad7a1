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

// cleanRPC takes what gRPC quotes out of every error of a Temporal server before the SDK sees it: bodies of what is no
// Temporal server, answers of proxies, headers. It keeps what the last failure to connect was, since the SDK reports only
// that time ran out.
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

// rpcText is what may be said of a message of gRPC. Within the quotation marks of desc are words of gRPC itself.
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

// noFrontend is what gRPC says of a server that speaks HTTP and not gRPC.
const noFrontend = "unexpected HTTP status code"

// blames are the keys of the section temporal that failures to connect come from, by what gRPC says of them.
var blames = []struct{ words, key, advice string }{
	{"signed by unknown authority", "tls.ca_file", "the server's certificate is signed by an authority that this machine does not know; name a PEM file with the authority's certificate here, or in SSL_CERT_FILE"},
	{"certificate is valid for", "tls.server_name", "the server's certificate is for another name; give that name here, or correct temporal.address"},
	{"certificate is not valid for any names", "tls.server_name", "the server's certificate is for another name; give that name here, or correct temporal.address"},
	{"certificate has expired", "tls", "the server's certificate has expired or is not valid yet; check this machine's clock"},
	{"certificate required", "tls.cert_file", "the server wants a client certificate; give one here, and its key in key_file"},
	{"bad certificate", "tls.cert_file", "the server does not accept the client certificate"},
	{"does not look like a TLS handshake", "tls.enabled", "the server does not speak TLS; set this to false, or correct temporal.address"},
	{"the proxy", "address", ""},
	{"no such host", "address", "there is no such host; correct this key"},
	{"connection refused", "address", "nothing answers there; is the server running, and this address right?"},
	{"server preface", "address", "no Temporal frontend answers there, or it wants TLS: correct this key, or set temporal.tls.enabled: true"},
	{noFrontend, "address", "no Temporal frontend answers there; correct this key"},
}

// TemporalProblem names the key of the configuration that keeps a configured Temporal server from working for us. It is
// false for an error that no key is known for.
func (c Config) TemporalProblem(err error) (Problem, bool) {
	if c.Temporal == nil || err == nil {
		return Problem{}, false
	}
	if strings.Contains(err.Error(), noFrontend) {
		return Problem{}, false // gRPC takes the status of a web server for one of Temporal's
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
		return c.Problem(key, "the server refuses the credentials; correct them, or what they may do in the namespace "+c.Temporal.Namespace+" ("+rpcText(err.Error())+")"), true
	}
	return Problem{}, false
}

// unreachable names the key that keeps a configured server from being reached. last is what gRPC said of the last try to connect.
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

// codeOf is the code of gRPC that an error carries, OK for one that carries none.
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
