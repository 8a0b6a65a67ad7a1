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

// storageError is what a person reads of a failed request. The SDK's own words stay behind it: they are long, and quote
// bodies, headers and the output of processes.
type storageError struct {
	text  string
	cause error
}

func (e *storageError) Error() string { return e.text }
func (e *storageError) Unwrap() error { return e.cause }

// answer is what is known of a request that the server refused, without what it may quote.
type answer struct {
	code, message, requestID string
	status                   int
	region                   string // where the bucket is, if the server said so
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

// explain says what was being done and, where that is known, what a person can do about it.
func (b *bucket) explain(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	a := answerOf(err)
	switch {
	case a.code == "PreconditionFailed" || a.status == http.StatusPreconditionFailed:
		return fmt.Errorf("%s %s: %w", verb, key, ErrExists)
	case a.code == "NoSuchKey" || a.code == "NotFound" && verb == "stat": // a HEAD has no body to tell more
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

// words are the store's own, at the end of an error: advice never replaces them.
func (a answer) words() string {
	if a.message == "" || a.message == a.code { // the SDK fills in the code where there is no message
		return ""
	}
	return fmt.Sprintf(" (the store says: %s)", a.message)
}

// advice is what a person can do about an answer, empty when only trying again helps or nothing is known.
func (b *bucket) advice(a answer) string {
	switch a.code {
	case "NoSuchBucket":
		return "there is no such bucket; create it, or correct the lake's url or endpoint"
	case "InvalidAccessKeyId", "XAdminUserNotFound": // the second is versitygw's
		return "the access key is not known there; correct the lake's access_key, or its endpoint"
	case "SignatureDoesNotMatch":
		return "the secret key does not fit the access key; correct the lake's secret_key"
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "ExpiredTokenException":
		return "the session has ended; renew the credentials"
	case "RequestTimeTooSkewed", "RequestExpired":
		return "the clocks of this machine and of the server differ by minutes; set this machine's clock"
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "MovedPermanently":
		return b.otherRegion(a)
	case "AccessDenied", "AllAccessDisabled", "Forbidden", "AccountProblem":
		return b.permissions()
	case "NotImplemented", "InvalidEncryptionAlgorithmError":
		return "the store does not know what was asked of it; is the lake's sse something that it supports?"
	case "InvalidObjectState":
		return "the object is archived; the lake has to stay in a storage class that can be read at once"
	}
	switch {
	case strings.HasPrefix(a.code, "KMS."):
		return "the KMS key cannot be used; look at the lake's kms_key_id, and whether the key is enabled"
	case a.status == http.StatusForbidden:
		return b.permissions()
	case a.region != "" && a.region != b.client.Options().Region, a.status >= 300 && a.status < 400:
		return b.otherRegion(a)
	case a.status == http.StatusOK:
		return "the answer cannot be read; it was cut off, or the address does not answer as S3 does: see the lake's endpoint if it happens again"
	case a.code == "" || a.code == "UnknownError" || a.code == "NotFound" || a.code == "MethodNotAllowed", a.code == "BadRequest":
		return "the address does not answer as S3 does; correct the lake's endpoint (http or https, host, port), and see whether it needs path_style: true"
	}
	return ""
}

func (b *bucket) otherRegion(a answer) string {
	if a.region != "" && a.region != b.client.Options().Region {
		return fmt.Sprintf("the bucket is in the region %s, not in %s; correct the lake's region", a.region, b.client.Options().Region)
	}
	return "the bucket is not to be reached with this region or endpoint; correct the lake's region"
}

func (b *bucket) permissions() string {
	actions := "s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects"
	if strings.HasPrefix(b.sse, "aws:kms") {
		actions += ", and kms:GenerateDataKey and kms:Decrypt on the key"
	}
	return "these credentials may not do this; they need " + actions
}

// unanswered is about requests that got no answer.
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
		return cause + "; correct the lake's endpoint, and see whether it needs path_style: true"
	case errors.As(err, &authority):
		return cause + ", or in AWS_CA_BUNDLE"
	case errors.As(err, &hostname):
		return cause + "; see whether it needs path_style: true"
	case errors.Is(err, http.ErrSchemeMismatch):
		return cause + ": correct the lake's endpoint"
	case errors.As(err, &dial) && dial.Op == "dial":
		return cause + ": nothing answers there; is the store running, and the lake's endpoint right?"
	}
	return cause
}

// refusedForGood keeps the SDK from trying again where every try ends alike: a certificate that is not trusted, a server
// without TLS or with it, a proxy that refuses, a redirect that cannot be read.
func refusedForGood(err error) aws.Ternary {
	var verification *tls.CertificateVerificationError
	var ready *redact.Cause
	if errors.As(err, &verification) || errors.As(err, &ready) || errors.Is(err, http.ErrSchemeMismatch) || strings.Contains(err.Error(), "parse Location header") {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// wrongScheme is what servers of TLS say when they are asked without it.
var wrongScheme = [][]byte{[]byte("HTTP request to an HTTPS server"), []byte("plain HTTP request was sent to HTTPS port")}

// explainer is a transport that says what is wrong where the SDK would only fail to parse the answer: a proxy that refuses,
// and a server that wants TLS.
type explainer struct{ next awshttpClient }

// awshttpClient is what the SDK sends requests with.
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
				err = redact.Because("the server speaks TLS: the lake's endpoint should begin with https://", nil)
			}
		}
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	}
	if err != nil {
		_ = resp.Body.Close() // nothing of it is wanted
		return nil, err
	}
	return resp, nil
}

// cleaned is a body whose errors quote nothing.
type cleaned struct{ io.ReadCloser }

func (c cleaned) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = redact.Error(err)
	}
	return n, err
}
