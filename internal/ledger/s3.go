package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/chatlake/chatlake/internal/redact"
)

// How objects are uploaded. A multipart upload holds three parts in memory; everything else is sent from its source.
const (
	onePutBytes     = 16 << 20 // larger unconditional writes are multipart uploads
	partBytes       = 8 << 20
	partsAtOnce     = 2
	requestAttempts = 5
	answerTimeout   = 2 * time.Minute  // a request without a first byte of the response fails after this time
	abortTimeout    = 10 * time.Second // to remove the parts of an upload that failed
	longestBackoff  = 2 * time.Second  // callers wait out longer outages
)

// bucket is a Store in S3-compatible storage.
type bucket struct {
	client  *s3.Client
	uploads *transfermanager.Client
	checked *transfermanager.Client // uploads with checksums
	name    string
	prefix  string // empty, or ends with a slash
	where   string // the endpoint or AWS region, for messages
	sse     string
	kmsKey  *string
	// wantsChecksums is set once the store has refused a write without a checksum.
	wantsChecksums atomic.Bool
}

// newBucket takes settings that are not configured from the SDK's sources: environment, shared files, the machine.
func newBucket(ctx context.Context, c Config) (*bucket, error) {
	name, prefix, err := bucketOf(c.URL)
	if err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	b := &bucket{name: name, prefix: prefix, sse: c.SSE}
	if c.KMSKeyID != "" {
		b.kmsKey = &c.KMSKeyID
	}
	settings, err := awsSettings(ctx, c)
	if err != nil {
		return nil, err
	}
	b.client = s3.NewFromConfig(settings, func(o *s3.Options) {
		if c.Endpoint != "" {
			o.BaseEndpoint = &c.Endpoint
		}
		if o.BaseEndpoint != nil { // not every server knows the checksums of AWS
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
			if o.Region == "" {
				o.Region = "us-east-1"
			}
		}
		o.HTTPClient = explainer{o.HTTPClient}
		o.UsePathStyle = c.PathStyle
		o.APIOptions = append(o.APIOptions, leaveEncodingUnsigned, unpackAnswers)
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	options := b.client.Options()
	if options.Region == "" {
		return nil, errors.New("no region is known: set the lake's region, or AWS_REGION")
	}
	b.uploads = uploader(b.client, options.RequestChecksumCalculation)
	b.checked = uploader(b.client, aws.RequestChecksumCalculationWhenSupported)
	b.where = "AWS " + options.Region
	if options.BaseEndpoint != nil {
		if err := c.checkEndpoint(*options.BaseEndpoint); err != nil {
			return nil, fmt.Errorf("%w; it comes from AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url in the AWS configuration", err)
		}
		b.where = redact.Mask(*options.BaseEndpoint)
	}
	return b, nil
}

func uploader(client *s3.Client, checksums aws.RequestChecksumCalculation) *transfermanager.Client {
	return transfermanager.New(client, func(o *transfermanager.Options) {
		o.MultipartUploadThreshold = partBytes
		o.PartSizeBytes = partBytes
		o.Concurrency = partsAtOnce
		o.FailTimeout = abortTimeout
		o.RequestChecksumCalculation = checksums
	})
}

// bucketOf splits an s3 URL. The prefix is decoded, and is empty or ends with a slash.
func bucketOf(address string) (name, prefix string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Port() != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", errors.New("the lake's url should be like s3://bucket/prefix, without a login, a port or a query in it")
	}
	prefix = strings.Trim(u.Path, "/")
	if prefix == "" {
		return u.Host, "", nil
	}
	if err := checkKey(prefix); err != nil {
		return "", "", fmt.Errorf("the prefix in the lake's url: %w", err)
	}
	if strings.Contains(prefix, "?") { // DuckDB would take it for the start of a query
		return "", "", errors.New("the prefix in the lake's url contains a question mark; use another prefix")
	}
	return u.Host, prefix + "/", nil
}

// normalizedURL normalizes an s3 URL: one slash between folders, nothing percent-encoded.
func normalizedURL(address string) string {
	name, prefix, err := bucketOf(address)
	if err != nil {
		return address // opening it will fail
	}
	return strings.TrimSuffix("s3://"+name+"/"+prefix, "/")
}

// check refuses S3 settings that cannot work.
func (c Config) check() error {
	if c.Endpoint != "" {
		if err := c.checkEndpoint(c.Endpoint); err != nil {
			return err
		}
	}
	switch {
	case c.SSE != "" && c.SSE != "AES256" && c.SSE != "aws:kms" && c.SSE != "aws:kms:dsse":
		return fmt.Errorf("the lake's sse is %q, expected AES256 or aws:kms", c.SSE)
	case c.KMSKeyID != "" && !strings.HasPrefix(c.SSE, "aws:kms"):
		return errors.New("the lake's kms_key_id needs sse: aws:kms")
	case (c.AccessKey == "") != (c.SecretKey == ""):
		return errors.New("the lake's access key and secret key go together: set both or none")
	}
	return nil
}

// httpClient returns an HTTP client of the only type to which the SDK adds the certificates in AWS_CA_BUNDLE.
func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = answerTimeout
		t.OnProxyConnectResponse = redact.ProxyAnswer
	})
}

func awsSettings(ctx context.Context, c Config) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(httpClient()),
		config.WithLogger(logging.Nop{}), // its warnings quote requests and responses
		config.WithRetryer(func() aws.Retryer {
			standard := retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = requestAttempts, cmp.Or(c.LongestBackoff, longestBackoff)
				o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(permanent)}, retry.DefaultRetryables...)
			})
			// versitygw returns the second code for a key if a neighbouring key is deleted at the same moment.
			return retry.AddWithErrorCodes(standard, "ConditionalRequestConflict", "ExistingObjectIsDirectory")
		}),
	}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	if c.AccessKey != "" {
		options = append(options, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken)))
	}
	settings, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, settingsError(err)
	}
	found, err := settings.Credentials.Retrieve(ctx)
	if err != nil {
		return aws.Config{}, credentialsError(err)
	}
	hideCredentials(found)
	return settings, nil
}

func (b *bucket) key(key string) (*string, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return aws.String(b.prefix + key), nil
}

func (b *bucket) Stat(ctx context.Context, key string) (Object, error) {
	name, err := b.key(key)
	if err != nil {
		return Object{}, err
	}
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: name})
	if err != nil {
		return Object{}, b.explain("stat", key, err)
	}
	if out.ContentLength == nil {
		return Object{}, b.explain("stat", key, redact.Because("the store does not report the object's size; look for a proxy in between", nil))
	}
	return Object{Key: key, Bytes: aws.ToInt64(out.ContentLength), ModifiedAt: aws.ToTime(out.LastModified)}, nil
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	name, err := b.key(key)
	if err != nil {
		return err
	}
	_, err = b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: name})
	if err = b.explain("delete", key, err); errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}
