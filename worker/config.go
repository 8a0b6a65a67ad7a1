package worker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Config is a configuration file, checked, with defaults filled in. Secrets stay references until they are needed.
type Config struct {
	// StateDir is the folder for this machine's local state.
	StateDir string
	Lake     LakeConfig
	// Temporal is nil if chatlake runs the embedded server.
	Temporal *TemporalConfig
	// EmbeddedQueue is the task queue on the embedded server; empty means DefaultTaskQueue.
	EmbeddedQueue string
	Export        ExportConfig
	Accounts      map[string]AccountConfig
	// Receive is where announcements of platforms are received; nil if they are not.
	Receive *ReceiveConfig
	// Alerts is who is told of what a person should know; nil if nobody is.
	Alerts *AlertsConfig
	// Telemetry is what processes show of themselves.
	Telemetry TelemetryConfig
	// UI is who may use the page.
	UI UIConfig

	source *source // nil if a program built the configuration
}

// LakeConfig is the location of the lake and how to reach it.
type LakeConfig struct {
	URL, Endpoint, Region              string
	PathStyle, AllowPlaintext          bool
	SSE, KMSKeyID                      string
	AccessKey, SecretKey, SessionToken Secret
}

// TemporalConfig is how to reach a Temporal service.
type TemporalConfig struct {
	Address, Namespace, TaskQueue string
	APIKey                        Secret
	Deployment                    DeploymentConfig
	TLS                           TLSConfig
	AllowPlaintext                bool // allow sending the API key to another machine without TLS
}

// TLSConfig is whether and how to use TLS. Paths name PEM files.
type TLSConfig struct {
	Enabled                               bool
	CAFile, CertFile, KeyFile, ServerName string
}

// ExportConfig has the settings of exports.
type ExportConfig struct {
	// Shards is how many windows are at work at the same time; 0 means two, and up to mostShards if they are small.
	Shards                    int
	ChunksInFlight, ChunkSize int
	Window, OnMismatch        string
}

// mostShards is how many windows are at work at the same time unless the configuration has a number: the account's requests are shared
// by all of them, but each has workflows and files of its own.
const mostShards = 16

func (x ExportConfig) shards() int { return cmp.Or(x.Shards, 2) }

func (x ExportConfig) mostShards() int { return cmp.Or(x.Shards, mostShards) }

// AccountConfig is one login at one platform.
type AccountConfig struct {
	Provider  string
	BaseURL   string
	AccountID string
	Token     Secret
	Secrets   map[string]Secret // other than the token, under the names that the provider defines
	// RequestsPerSecond is the account's budget; 0 means no limit.
	RequestsPerSecond float64
	// Schedule is the hours in which only a share of the budget is used.
	Schedule providers.Schedule
	// SyncShare is the share of the budget reserved for syncs while one runs, from 0 to 1.
	SyncShare float64
	// AllowPlaintext allows sending the credentials to another machine over plain http.
	AllowPlaintext bool
	// AllowUnreadable means that an export counts as complete even if the account's keys cannot decrypt some texts.
	AllowUnreadable bool
	// Retention is how long the platform keeps what it has; nil means as long as it states. See Config.Retention.
	Retention *schemas.Retention
	// Sync is how the account's copy is kept up to date; nil if it is not. SyncDefaults has the defaults.
	Sync *activities.SyncSettings
	// EndStale is how conversations that never end are ended on a schedule; nil if they are not.
	EndStale *EndStaleConfig
	Options  map[string]string
	// Push is how announcements about the account are checked; nil if none are received.
	Push *PushConfig
}

// DefaultTaskQueue is the task queue that exports and workers share unless the configuration names another.
const DefaultTaskQueue = "chatlake"

// TaskQueue is the task queue that exports and workers share.
func (c Config) TaskQueue() string {
	if c.Temporal == nil {
		return cmp.Or(c.EmbeddedQueue, DefaultTaskQueue)
	}
	return c.Temporal.TaskQueue
}

// Load reads a configuration file. It returns everything that is wrong with it at once, as Problems.
func Load(file string) (Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Config{}, Problems{{File: file, Reason: fmt.Sprintf(
			"cannot be read: %v; see examples/chatlake.yaml for an example, or name another file with --config", plain(err))}}
	}
	return Parse(file, text)
}

// Parse is Load for text that is already in memory; errors name file.
func Parse(file string, text []byte) (Config, error) {
	s, problems := parse(file, text)
	if len(problems) > 0 {
		return Config{}, problems
	}
	problems = s.validate()
	c := s.config()
	if problems = append(problems, c.check(problems)...); len(problems) > 0 {
		problems.sort()
		return Config{}, problems
	}
	return c, nil
}

// Problem describes what is wrong at a key. It has the line of that key, or of its nearest parent that is in the file.
func (c Config) Problem(key, reason string) Problem {
	p := Problem{Key: key, Reason: reason}
	if c.source != nil {
		p.File, p.Line = c.source.name, c.source.line(key)
	}
	return p
}

// check finds what the schema cannot: settings that a provider rejects, and keys that require others. It skips accounts in
// which problems were found already.
func (c Config) check(found Problems) Problems {
	var problems Problems
	if c.Lake.KMSKeyID != "" && c.Lake.SSE != "aws:kms" {
		problems = append(problems, c.Problem("lake.kms_key_id", "has an effect only with sse: aws:kms; add that, or remove this key"))
	}
	problems = append(problems, slices.Concat(c.checkPlaintext(), c.checkPlaces(), c.checkReceive(), c.checkTelemetry(), c.checkAlerts(), c.checkUI())...)
	if c.source != nil {
		for _, key := range c.source.unknownZones() {
			problems = append(problems, c.Problem(key, unknownZone))
		}
		for _, key := range c.source.unusedWithEmbedded() {
			problems = append(problems, c.Problem(key, "has no effect on the embedded server; remove this key, or remove embedded: true"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		at := "accounts." + name + "."
		if slices.ContainsFunc(found, func(p Problem) bool { return strings.HasPrefix(p.Key+".", at) }) {
			continue
		}
		if a := c.Accounts[name]; a.RequestsPerSecond == 0 && slices.ContainsFunc(a.Schedule, func(h providers.Hours) bool { return h.Share > 0 }) {
			problems = append(problems, c.Problem(at+"rate.schedule", "needs requests_per_second above 0; without a limit, the only possible share is 0"))
		}
		definition, account, ok := c.account(name)
		if !ok {
			problems = append(problems, c.Problem(at+"provider", unknownProvider(c.Accounts[name].Provider)))
			continue
		}
		problems = append(problems, c.checkRetention(name)...)
		if sync := c.Accounts[name].Sync; sync != nil {
			problems = append(problems, c.checkSync(name, definition, *sync, time.Now())...)
		}
		if end := c.Accounts[name].EndStale; end != nil {
			problems = append(problems, c.checkEndStale(name, definition, *end)...)
		}
		if push := c.Accounts[name].Push; push != nil {
			problems = append(problems, c.checkPush(name, definition, *push)...)
		}
		if own := c.checkSecrets(at, definition, c.Accounts[name]); len(own) > 0 {
			problems = append(problems, own...)
			continue
		}
		var setting *providers.Setting
		switch err := definition.Check(account); {
		case errors.As(err, &setting):
			problems = append(problems, c.Problem(at+setting.Key, setting.Reason))
		case err != nil:
			problems = append(problems, c.Problem(strings.TrimSuffix(at, "."), err.Error()))
		}
	}
	return problems
}

const unknownZone = "unknown time zone; use a name from the IANA database, such as Europe/Helsinki"

func unknownProvider(name string) string {
	var names []string
	for _, d := range registry {
		names = append(names, d.Name)
	}
	if near := nearest(name, names); near != "" {
		return "unknown provider (did you mean " + near + "?)"
	}
	return "unknown provider; expected one of " + strings.Join(names, ", ")
}

// checkSecrets reports which credentials of an account are missing or unknown to its provider.
func (c Config) checkSecrets(at string, d providers.Definition, a AccountConfig) (problems Problems) {
	if a.Token.IsZero() && !d.TokenOptional {
		problems = append(problems, c.Problem(at+"token", missing(accountRule().below("token"))))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Secrets)) {
		if !slices.Contains(d.Secrets, name) {
			reason := d.Name + " takes no secret other than the token; remove this key"
			if len(d.Secrets) > 0 {
				reason = unknownKey(name, d.Secrets)
			}
			problems = append(problems, c.Problem(at+"secrets."+name, reason))
		}
	}
	return problems
}

// account returns the account in the form that its provider takes, with the reference of the token instead of the token, and with
// empty secrets.
func (c Config) account(name string) (providers.Definition, providers.Account, bool) {
	a := c.Accounts[name]
	d, ok := definition(a.Provider)
	secrets := map[string]string{}
	for key := range a.Secrets {
		secrets[key] = ""
	}
	return d, providers.Account{
		Name: name, BaseURL: a.BaseURL, AccountID: a.AccountID, Token: a.Token.String(), Secrets: secrets,
		Rate: providers.Rate{RequestsPerSecond: a.RequestsPerSecond, Schedule: a.Schedule}, Options: a.Options,
	}, ok
}

// all returns the token, then the other secrets sorted by name.
func (a AccountConfig) all() []Secret {
	secrets := []Secret{a.Token}
	for _, name := range slices.Sorted(maps.Keys(a.Secrets)) {
		secrets = append(secrets, a.Secrets[name])
	}
	return secrets
}

// fingerprint returns a value that changes whenever a secret changes. It is kept in memory only.
func (a AccountConfig) fingerprint() (string, error) {
	sum := sha256.New()
	for _, secret := range a.all() {
		value, err := secret.Resolve()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%d:%s", len(value), value)
	}
	return string(sum.Sum(nil)), nil
}

// Open resolves an account's secrets and returns its reader. It sends no requests. Its errors are *providers.Error.
func (c Config) Open(name string) (providers.Definition, providers.Reader, error) {
	return c.open(name, nil, nil)
}

func (c Config) open(name string, take func(context.Context, providers.Quota) error, watch providers.Watch) (providers.Definition, providers.Reader, error) {
	d, account, err := c.known(name)
	if err != nil {
		return d, nil, err
	}
	if problem, plain := c.plaintextAccount(name); plain {
		return d, nil, refused(name, problem)
	}
	if account.Token, err = c.Accounts[name].Token.Resolve(); err != nil {
		return d, nil, refused(name, err)
	}
	for key, secret := range c.Accounts[name].Secrets {
		if account.Secrets[key], err = secret.Resolve(); err != nil {
			return d, nil, refused(name, err)
		}
	}
	account.Take, account.Watch = take, watch
	account.Scratch = func() (providers.File, error) { return lake.NewScratchFile(c.Scratch()) }
	reader, err := d.Open(account)
	if err != nil {
		return d, nil, refused(name, err)
	}
	return d, reader, nil
}

// Mapper returns the mapper of an account. It resolves only the mapping secrets of the provider, so it works if the token is
// missing, expired or wrong. Its errors are *providers.Error.
func (c Config) Mapper(name string) (providers.Mapper, error) {
	d, account, err := c.known(name)
	if err != nil {
		return nil, err
	}
	settings := providers.Settings{Options: account.Options, Secrets: map[string]string{}}
	for _, key := range d.MappingSecrets {
		secret, ok := c.Accounts[name].Secrets[key]
		if !ok {
			continue
		}
		if settings.Secrets[key], err = secret.Resolve(); err != nil {
			return nil, refused(name, err)
		}
	}
	mapper, err := d.Mapper(settings)
	if err != nil {
		return nil, refused(name, err)
	}
	return mapper, nil
}

// known returns an account of the configuration and its provider. Its error is a *providers.Error.
func (c Config) known(name string) (providers.Definition, providers.Account, error) {
	if _, ok := c.Accounts[name]; !ok {
		return providers.Definition{}, providers.Account{}, refused(name, errors.New("the configuration has no account with this name"))
	}
	d, account, ok := c.account(name)
	if !ok {
		return d, account, refused(name, errors.New("this build has no such provider"))
	}
	return d, account, nil
}

func refused(account string, err error) error {
	return &providers.Error{Kind: providers.Denied, Op: "open account " + account, Err: err}
}

// Secrets resolves every secret that work on the accounts needs, and discards the values. It returns Problems with every
// secret that is missing.
func (c Config) Secrets(accounts ...string) error {
	secrets := []Secret{c.Lake.AccessKey, c.Lake.SecretKey, c.Lake.SessionToken}
	if c.Temporal != nil {
		secrets = append(secrets, c.Temporal.APIKey)
	}
	for _, name := range accounts {
		secrets = append(secrets, c.Accounts[name].all()...)
	}
	var problems Problems
	for _, secret := range secrets {
		_, err := secret.Resolve()
		var problem Problem
		if errors.As(err, &problem) {
			problems = append(problems, problem)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}

// Scratch is the folder for files in progress.
func (c Config) Scratch() string { return filepath.Join(c.StateDir, "scratch") }
