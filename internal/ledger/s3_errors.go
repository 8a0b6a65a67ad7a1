package ledger

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/chatlake/chatlake/internal/redact"
)

// storageError is the readable form of a failed request. The SDK's own error is only its cause: it is long and quotes bodies,
// headers and the output of processes.
type storageError struct {
	text  string
	cause error
}

func (e *storageError) Error() string { return e.text }
func (e *storageError) Unwrap() error { return e.cause }

// answer is what is known about a refused request, without anything that the response may quote.
type answer struct {
	code, message, requestID string
	status                   int
	region                   string // of the bucket, if the server sent it
}

func answerOf(err error) answer {
	var a answer
	var api smithy.APIError
	if errors.As(err, &api) {
		a.code, a.message = redact.Code(api.ErrorCode()), redact.Text(api.ErrorMessage())
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		a.requestID = redact.Code(response.ServiceRequestID())
		a.status = response.HTTPStatusCode()
		if response.Response != nil {
			a.region = redact.Code(response.HTTPResponse().Header.Get("X-Amz-Bucket-Region"))
		}
	}
	return a
}

func isBeyondEnd(err error) bool {
	a := answerOf(err)
	return a.code == "InvalidRange" || a.status == http.StatusRequestedRangeNotSatisfiable
}

// explain returns an error that says what was attempted and, if known, what to do about it.
func (b *bucket) explain(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	a := answerOf(err)
	switch {
	case a.code == "PreconditionFailed" || a.status == http.StatusPreconditionFailed:
		return fmt.Errorf("%s %s: %w", verb, key, ErrExists)
	case a.code == "NoSuchKey" || a.code == "NotFound" && verb == "stat": // a HEAD has no body with details
		return fmt.Errorf("%s %s: %w", verb, key, ErrNotExist)
	}
	text := fmt.Sprintf("%s %s in the bucket %s at %s: ", verb, key, b.name, b.where)
	if a.status == 0 {
		return &storageError{text + b.unanswered(err), err}
	}
	text += strings.TrimLeft(fmt.Sprintf("%s status %d", a.code, a.status), " ")
	if a.requestID != "" {
		text += ", request " + a.requestID
	}
	if advice := b.advice(a); advice != "" {
		text += ": " + advice
	}
	return &storageError{text + a.words(), err}
}

// words is the store's own message, for the end of an error. Advice never replaces it.
func (a answer) words() string {
	if a.message == "" || a.message == a.code { // the SDK fills in the code if there is no message
		return ""
	}
	return fmt.Sprintf(" (the store says: %s)", a.message)
}

// advice is what a person can do about a response. It is empty if only retrying helps or nothing is known.
func (b *bucket) advice(a answer) string {
	switch a.code {
	case "NoSuchBucket":
		return "there is no such bucket; create it, or correct the lake's url or endpoint"
	case "InvalidAccessKeyId", "XAdminUserNotFound": // the second is versitygw's
		return "the store does not know this access key;  correct the lake's access_key, or its endpoint"
	case "SignatureDoesNotMatch":
		return "the secret key does not match the access key; correct the lake's secret_key"
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "ExpiredTokenException":
		return "the session has expired; renew the credentials"
	case "RequestTimeTooSkewed", "RequestExpired":
		return "the clocks of this machine and of the server differ by minutes; set this machine's clock"
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "MovedPermanently":
		return b.otherRegion(a)
	case "AccessDenied", "AllAccessDisabled", "Forbidden", "AccountProblem":
		return b.permissions()
	case "NotImplemented", "InvalidEncryptionAlgorithmError":
		return "the store does not support this request; check that it supports the lake's sse"
	case "InvalidObjectState":
		return "the object is archived; keep the lake in a storage class that can be read at once"
	}
	switch {
	case strings.HasPrefix(a.code, "KMS."):
		return "the KMS key cannot be used; check the lake's kms_key_id and that the key is enabled"
	case a.status == http.StatusForbidden:
		return b.permissions()
	case a.region != "" && a.region != b.client.Options().Region, a.status >= 300 && a.status < 400:
		return b.otherRegion(a)
	case a.status == http.StatusOK:
		return "the response cannot be read: it was cut off, or the address is not an S3 endpoint; if it happens again, check the lake's endpoint"
	case a.code == "" || a.code == "UnknownError" || a.code == "NotFound" || a.code == "MethodNotAllowed", a.code == "BadRequest":
		return "the address does not answer as S3 does; correct the lake's endpoint (http or https, host, port), and check whether it needs path_style: true"
	}
	return ""
}

func (b *bucket) otherRegion(a answer) string {
	if a.region != "" && a.region != b.client.Options().Region {
		return fmt.Sprintf("the bucket is in the region %s, not in %s; correct the lake's region", a.region, b.client.Options().Region)
	}
	return "the bucket cannot be reached with this region or endpoint; correct the lake's region"
}

func (b *bucket) permissions() string {
	actions := "s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects"
	if strings.HasPrefix(b.sse, "aws:kms") {
		actions += ", and kms:GenerateDataKey and kms:Decrypt on the key"
	}
	return "the credentials lack a permission; they need " + actions
}

// unanswered explains requests that got no response.
func (b *bucket) unanswered(err error) string {
	cause := redact.Error(err).Error()
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var dial *net.OpError
	switch {
	case strings.Contains(err.Error(), "get credentials"): // the SDK has no type for it
		return credentialsError(err).Error()
	case errors.As(err, &dns):
		return cause + "; correct the lake's endpoint, and check whether it needs path_style: true"
	case errors.As(err, &authority):
		return cause + ", or in AWS_CA_BUNDLE"
	case errors.As(err, &hostname):
		return cause + "; check whether it needs path_style: true"
	case errors.Is(err, http.ErrSchemeMismatch):
		return cause + ": correct the lake's endpoint"
	case errors.As(err, &dial) && dial.Op == "dial":
		return cause + ": nothing answers there; check that the store is running and that the lake's endpoint is correct"
	}
	return cause
}

// permanent stops the SDK from retrying errors that do not go away: a certificate that is not trusted, http where TLS is
// expected or the reverse, a proxy that refuses, a redirect that cannot be parsed.
func permanent(err error) aws.Ternary {
	var verification *tls.CertificateVerificationError
	var ready *redact.Cause
	if errors.As(err, &verification) || errors.As(err, &ready) || errors.Is(err, http.ErrSchemeMismatch) || strings.Contains(err.Error(), "parse Location header") {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// wrongScheme is what TLS servers answer to plain http.
var wrongScheme = [][]byte{[]byte("HTTP request to an HTTPS server"), []byte("plain HTTP request was sent to HTTPS port")}

// explainer is a transport that explains two responses that the SDK would only fail to parse: a proxy's refusal, and a TLS
// server's reply to plain http.
type explainer struct{ next awshttpClient }

// awshttpClient is the SDK's interface for sending requests.
type awshttpClient interface {
	Do(*http.Request) (*http.Response, error)
}

func (t explainer) Do(r *http.Request) (*http.Response, error) {
	resp, err := t.next.Do(r)
	if err != nil {
		return resp, err
	}
	switch {
	case resp.StatusCode == http.StatusProxyAuthRequired:
		err = redact.Because(redact.ProxyRefusal("", resp.StatusCode), nil)
	case resp.StatusCode == http.StatusBadRequest && r.URL.Scheme == "http":
		head, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		for _, words := range wrongScheme {
			if bytes.Contains(head, words) {
				err = redact.Because("the server expects TLS: the lake's endpoint should begin with https://", nil)
			}
		}
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	}
	if err != nil {
		_ = resp.Body.Close() // the body is not needed
		return nil, err
	}
	return resp, nil
}

// redactedBody is a body whose read errors quote nothing.
type redactedBody struct{ io.ReadCloser }

func (c redactedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = redact.Error(err)
	}
	return n, err
}
