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

// howToLogIn is the advice for every failure to find credentials.
const howToLogIn = "set access_key and secret_key of the lake, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role of AWS"

// credentialsError is about credentials that the SDK could not get. Its own words quote the output of processes, files and
// bodies.
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
		return "the session of AWS SSO has ended or cannot be read; run aws sso login"
	}
	a := answerOf(err)
	if service := errors.As(err, &operation); service && a.status > 0 {
		return strings.TrimSpace(fmt.Sprintf("%s %s answered %s status %d", operation.ServiceID, operation.OperationName, a.code, a.status)) + a.words()
	} else if service && operation.ServiceID == "ec2imds" {
		return "nothing is configured, and this machine has no instance role"
	}
	return redact.Error(err).Error()
}

// processCause names what is wrong with a credential process, and nothing that it printed.
func processCause(err *processcreds.ProviderError) string {
	const run = "; run the credential_process of the profile by hand to see what it prints: one JSON document and nothing else is right"
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

// settingName is the name of a variable that the SDK blames for its settings.
var settingName = regexp.MustCompile(`\bAWS_[A-Z0-9_]+\b`)

// settingsError is about settings that the SDK found and could not use. Its own words quote their values.
func settingsError(err error) error {
	var missing config.SharedConfigProfileNotExistError
	var role config.SharedConfigAssumeRoleError
	var file config.SharedConfigLoadError
	text := "the settings of AWS in the environment or in its shared files cannot be used"
	switch name := settingName.FindString(err.Error()); {
	case errors.As(err, &missing):
		text = fmt.Sprintf("there is no profile %s in the shared files of AWS; correct AWS_PROFILE", missing.Profile)
	case errors.As(err, &role):
		text = fmt.Sprintf("the profile %s of AWS names a role that cannot be taken; check its source_profile and role_arn", role.Profile)
	case errors.As(err, &file):
		text = fmt.Sprintf("the shared file %s of AWS cannot be read; correct it", file.Filename)
	case strings.Contains(err.Error(), "CA bundle"):
		text = "the file in AWS_CA_BUNDLE cannot be read, or holds no certificate in PEM form"
	case name != "":
		text = fmt.Sprintf("the value of %s cannot be used; correct it", name)
	}
	return &storageError{"read the settings for S3: " + redact.Mask(text), err}
}

// learn keeps credentials out of everything that is printed.
func learn(c aws.Credentials) {
	for _, secret := range []string{c.AccessKeyID, c.SecretAccessKey, c.SessionToken} {
		redact.Learn(secret)
	}
}
