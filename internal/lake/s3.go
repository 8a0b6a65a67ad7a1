package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	uploadtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// How objects travel. An upload in parts holds three parts in memory; anything else is sent from where it stands.
const (
	onePutBytes     = 16 << 20 // larger unconditional writes go in parts
	partBytes       = 8 << 20
	partsAtOnce     = 2
	requestAttempts = 5
	answerTimeout   = 2 * time.Minute  // without a first byte of an answer a request is given up
	abortTimeout    = 10 * time.Second // to clear the parts of an upload that failed
	longestBackoff  = 2 * time.Second  // longer outages are waited for by whoever calls
)

// bucket is a Store in S3-compatible storage.
type bucket struct {
	client  *s3.Client
	uploads *transfermanager.Client
	name    string
	prefix  string // empty, or ends with a slash
	where   string // the endpoint or AWS region, as a person knows it
	sse     string
	kmsKey  *string
}

// newBucket takes what the configuration leaves open from where the SDK finds it: environment, shared files, the machine.
func newBucket(ctx context.Context, c Config) (*bucket, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the lake's url should be like s3://bucket/prefix, without a login in it")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	b := &bucket{name: u.Host, prefix: strings.Trim(u.Path, "/"), sse: c.SSE}
	if b.prefix != "" {
		if err := checkKey(b.prefix); err != nil {
			return nil, fmt.Errorf("the prefix in the lake's url: %w", err)
		}
		b.prefix += "/"
	}
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
		if o.BaseEndpoint != nil { // not every server knows the checksums that AWS has
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
			if o.Region == "" {
				o.Region = "us-east-1"
			}
		}
		o.UsePathStyle = c.PathStyle
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	options := b.client.Options()
	if options.Region == "" {
		return nil, errors.New("no region is known: set the lake's region, or AWS_REGION")
	}
	b.uploads = transfermanager.New(b.client, func(o *transfermanager.Options) {
		o.MultipartUploadThreshold = partBytes
		o.PartSizeBytes = partBytes
		o.Concurrency = partsAtOnce
		o.FailTimeout = abortTimeout
		o.RequestChecksumCalculation = options.RequestChecksumCalculation
	})
	b.where = "AWS " + options.Region
	if options.BaseEndpoint != nil {
		b.where = *options.BaseEndpoint
	}
	return b, nil
}

// check refuses settings of S3 that cannot be meant.
func (c Config) check() error {
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return errors.New("the lake's endpoint should be like https://s3.example.com, without a login in it")
		}
	}
	switch {
	case c.SSE != "" && c.SSE != "AES256" && c.SSE != "aws:kms" && c.SSE != "aws:kms:dsse":
		return fmt.Errorf("the lake's sse is %q, expected AES256 or aws:kms", c.SSE)
	case c.KMSKeyID != "" && !strings.HasPrefix(c.SSE, "aws:kms"):
		return errors.New("the lake's kms_key_id counts only with sse: aws:kms")
	case (c.AccessKey == "") != (c.SecretKey == ""):
		return errors.New("the lake's access key and secret key go together: set both or none")
	}
	return nil
}

func awsSettings(ctx context.Context, c Config) (aws.Config, error) {
	// A client of this kind, unlike any other, lets the SDK add the certificates of AWS_CA_BUNDLE.
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = answerTimeout
	})
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithRetryer(func() aws.Retryer {
			standard := retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = requestAttempts, longestBackoff
			})
			// The second is what versitygw says of a key whose neighbour goes at the same moment.
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
		return aws.Config{}, fmt.Errorf("read the settings for S3: %w", err)
	}
	if _, err := settings.Credentials.Retrieve(ctx); err != nil {
		return aws.Config{}, fmt.Errorf("no credentials (set access_key and secret_key of the lake, or AWS_ACCESS_KEY_ID "+
			"and AWS_SECRET_ACCESS_KEY, or a profile or role of AWS): %w", err)
	}
	return settings, nil
}

func (b *bucket) key(key string) (*string, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return aws.String(b.prefix + key), nil
}

// Put sends a conditional write in one request, since servers differ in what they make of conditions on uploads in parts.
func (b *bucket) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, ifAbsent bool) error {
	name, err := b.key(key)
	if err != nil {
		return err
	}
	if err := checkSize(body, size); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	if size > onePutBytes && !ifAbsent {
		return b.putParts(ctx, key, name, body, size)
	}
	in := &s3.PutObjectInput{
		Bucket: &b.name, Key: name, Body: body, ContentLength: &size, ServerSideEncryption: types.ServerSideEncryption(b.sse), SSEKMSKeyId: b.kmsKey,
	}
	if ifAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	_, err = b.client.PutObject(ctx, in)
	if err == nil {
		return nil
	}
	if ifAbsent && answerOf(err).status == 0 {
		// A server that knows at once that the key is taken may say so, and hang up, before it has read a long body.
		if _, failed := b.Stat(ctx, key); failed == nil {
			return fmt.Errorf("write %s: %w", key, ErrExists)
		}
	}
	return b.explain("write", key, err)
}

func (b *bucket) putParts(ctx context.Context, key string, name *string, body io.Reader, size int64) error {
	_, err := b.uploads.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: &b.name, Key: name, Body: body,
		ServerSideEncryption: uploadtypes.ServerSideEncryption(b.sse), SSEKMSKeyID: b.kmsKey,
	})
	if err == nil {
		return nil
	}
	if answerOf(err).code == "NoSuchUpload" {
		// The upload was completed, but the answer was lost, and the request was sent again.
		if object, failed := b.Stat(ctx, key); failed == nil && object.Bytes == size {
			return nil
		}
	}
	return b.explain("write", key, err)
}

// checkSize compares what a body has left with what was promised.
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

func (b *bucket) Stat(ctx context.Context, key string) (Object, error) {
	name, err := b.key(key)
	if err != nil {
		return Object{}, err
	}
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: name})
	if err != nil {
		return Object{}, b.explain("stat", key, err)
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
