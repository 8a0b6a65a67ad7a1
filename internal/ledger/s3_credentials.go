package ledger

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"

	"github.com/chatlake/chatlake/internal/redact"
)

// howToLogIn is the advice whenever no credentials are found.
const howToLogIn = "set access_key and secret_key of the lake, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role of AWS"

// credentialsError is about credentials that the SDK could not get. The SDK's own errors quote the output of processes, files and
// response bodies.
func credentialsError(err error) error {
	return &storageError{fmt.Sprintf("no credentials (%s): %s", howToLogIn, credentialsCause(err)), err}
}

func credentialsCause(err error) string {
	var process *processcreds.ProviderError
	var session *ssocreds.InvalidTokenError
	var operation *smithy.OperationError
	switch {
	case errors.As(err, &process):
		return processCause(process)
	case errors.As(err, &session):
		return "the AWS SSO session has expired or cannot be read; run aws sso login"
	}
	a := answerOf(err)
	if service := errors.As(err, &operation); service && a.status > 0 {
		return strings.TrimSpace(fmt.Sprintf("%s %s answered %s status %d", operation.ServiceID, operation.OperationName, a.code, a.status)) + a.words()
	} else if service && operation.ServiceID == "ec2imds" {
		return "nothing is configured, and this machine has no instance role"
	}
	return redact.Error(err).Error()
}

// processCause names what is wrong with a credential process, without quoting its output.
func processCause(err *processcreds.ProviderError) string {
	const run = "; run the profile's credential_process by hand: it must print one JSON document and nothing else"
	text := err.Err.Error()
	for _, known := range []string{"wrong version in process output (not 1)", "missing AccessKeyId in process output", "missing SecretAccessKey in process output"} {
		if text == known {
			return known + run
		}
	}
	switch {
	case strings.HasPrefix(text, "parse failed of process output"):
		return "the output of the credential process is not JSON" + run
	case strings.HasPrefix(text, "credential process timed out"):
		return "the credential process took too long" + run
	}
	return "the credential process failed: " + redact.Error(err.Err).Error() + run
}

// settingName matches the variable that the SDK blames.
var settingName = regexp.MustCompile(`\bAWS_[A-Z0-9_]+\b`)

// settingsError is about settings that the SDK found and could not use. The SDK's own errors quote their values.
func settingsError(err error) error {
	var missing config.SharedConfigProfileNotExistError
	var role config.SharedConfigAssumeRoleError
	var file config.SharedConfigLoadError
	text := "the AWS settings in the environment or in the shared files cannot be used"
	switch name := settingName.FindString(err.Error()); {
	case errors.As(err, &missing):
		text = fmt.Sprintf("the shared AWS files have no profile %s; correct AWS_PROFILE", missing.Profile)
	case errors.As(err, &role):
		text = fmt.Sprintf("the role of the AWS profile %s cannot be assumed; check its source_profile and role_arn", role.Profile)
	case errors.As(err, &file):
		text = fmt.Sprintf("the shared AWS file %s cannot be read; correct it", file.Filename)
	case strings.Contains(err.Error(), "CA bundle"):
		text = "the file in AWS_CA_BUNDLE cannot be read or contains no PEM certificate"
	case name != "":
		text = fmt.Sprintf("the value of %s cannot be used; correct it", name)
	}
	return &storageError{"read the settings for S3: " + redact.Mask(text), err}
}

// hideCredentials registers credentials with redact, so that they are never printed.
func hideCredentials(c aws.Credentials) {
	for _, secret := range []string{c.AccessKeyID, c.SecretAccessKey, c.SessionToken} {
		redact.Learn(secret)
	}
}
