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

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
)

// Config is a configuration file, checked and with its defaults filled in. Secrets stay references until they are needed.
type Config struct {
	// StateDir is the folder for what this machine keeps.
	StateDir string
	Lake     LakeConfig
	// Temporal is nil where the server in process is to be used.
	Temporal *TemporalConfig
	// EmbeddedQueue is the task queue on the server in process; empty is DefaultTaskQueue.
	EmbeddedQueue string
	Export        ExportConfig
	Accounts      map[string]AccountConfig

	source *source // nil when a program made it
}

// LakeConfig says where the lake is and how it is reached.
type LakeConfig struct {
	URL, Endpoint, Region              string
	PathStyle, AllowPlaintext          bool
	SSE, KMSKeyID                      string
	AccessKey, SecretKey, SessionToken Secret
}

// TemporalConfig says how a Temporal service is reached.
type TemporalConfig struct {
	Address, Namespace, TaskQueue string
	APIKey                        Secret
	TLS                           TLSConfig
	AllowPlaintext                bool // the API key without TLS to another machine
}

// TLSConfig says whether and how to speak TLS. Paths are those of PEM files.
type TLSConfig struct {
	Enabled                               bool
	CAFile, CertFile, KeyFile, ServerName string
}

// ExportConfig says how exports work.
type ExportConfig struct {
	Shards, Chunks, Chunk int
	Window, OnMismatch    string
}

// AccountConfig is one login at one platform.
type AccountConfig struct {
	Provider  string
	BaseURL   string
	AccountID string
	Token     Secret
	Secrets   map[string]Secret // beyond the token, by the names that the provider gives them
	// RequestsPerSecond is the account's budget; 0 is no limit.
	RequestsPerSecond float64
	// Schedule are the hours in which only a part of it is used.
	Schedule providers.Schedule
	// SyncShare is the part of the budget that syncs have while one is at work, from 0 to 1.
	SyncShare float64
	// AllowPlaintext lets the credentials go to another machine over plain http.
	AllowPlaintext bool
	// AllowUnreadable says that texts which cannot be decrypted with the account's keys keep no export from being complete.
	AllowUnreadable bool
	Options         map[string]string
}

// DefaultTaskQueue is where exports and workers meet unless the configuration says otherwise.
const DefaultTaskQueue = "chatlake"

// TaskQueue is the queue that exports and workers meet on.
func (c Config) TaskQueue() string {
	if c.Temporal == nil {
		return cmp.Or(c.EmbeddedQueue, DefaultTaskQueue)
	}
	return c.Temporal.TaskQueue
}

// Load reads a configuration file. What is wrong with it comes all at once, as Problems.
func Load(file string) (Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Config{}, Problems{{File: file, Reason: fmt.Sprintf(
			"cannot be read: %v; examples/chatlake.yaml shows what it may hold, and --config names another file", plain(err))}}
	}
	return Parse(file, text)
}

// Parse is Load for a text that was read already; file stands in its errors.
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

// Problem says what is wrong at a key, with the line of it or of the nearest key above it that is in the file.
func (c Config) Problem(key, reason string) Problem {
	p := Problem{Key: key, Reason: reason}
	if c.source != nil {
		p.File, p.Line = c.source.name, c.source.line(key)
	}
	return p
}

// check is what the schema cannot say: whether providers are content with their accounts, and which keys want others. It
// passes over accounts in which problems were found already.
func (c Config) check(found Problems) Problems {
	var problems Problems
	if c.Lake.KMSKeyID != "" && c.Lake.SSE != "aws:kms" {
		problems = append(problems, c.Problem("lake.kms_key_id", "counts only with sse: aws:kms; add that, or remove this key"))
	}
	problems = append(problems, c.checkPlaintext()...)
	problems = append(problems, c.checkPlaces()...)
	if c.source != nil {
		for _, key := range c.source.unknownZones() {
			problems = append(problems, c.Problem(key, "no such time zone; give its name in the IANA database, like Europe/Helsinki"))
		}
		for _, key := range c.source.besideEmbedded() {
			problems = append(problems, c.Problem(key, "has no effect on the embedded server; remove this key, or remove embedded: true"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		at := "accounts." + name + "."
		if slices.ContainsFunc(found, func(p Problem) bool { return strings.HasPrefix(p.Key+".", at) }) {
			continue
		}
		if a := c.Accounts[name]; a.RequestsPerSecond == 0 && slices.ContainsFunc(a.Schedule, func(h providers.Hours) bool { return h.Share > 0 }) {
			problems = append(problems, c.Problem(at+"rate.schedule", "is a part of a budget, and there is none: requests_per_second is 0; only a share of 0 can be kept"))
		}
		definition, account, ok := c.account(name)
		if !ok {
			problems = append(problems, c.Problem(at+"provider", unknownProvider(c.Accounts[name].Provider)))
			continue
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

func unknownProvider(name string) string {
	var names []string
	for _, d := range registry {
		names = append(names, d.Name)
	}
	if near := nearest(name, names); near != "" {
		return "unknown provider (did you mean " + near + "?)"
	}
	return "unknown provider; there are " + strings.Join(names, ", ")
}

// checkSecrets says which credentials of an account the provider wants or does not know.
func (c Config) checkSecrets(at string, d providers.Definition, a AccountConfig) (problems Problems) {
	if a.Token.IsZero() && !d.TokenOptional {
		problems = append(problems, c.Problem(at+"token", missing(accountRule().below("token"))))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Secrets)) {
		if !slices.Contains(d.Secrets, name) {
			reason := d.Name + " needs no secret beyond the token; remove this key"
			if len(d.Secrets) > 0 {
				reason = unknownKey(name, d.Secrets)
			}
			problems = append(problems, c.Problem(at+"secrets."+name, reason))
		}
	}
	return problems
}

// account is an account as its provider is given it, with the reference of its token instead of the token and secrets
// without what they hold.
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

// all are the token and the other secrets, in the order of their names.
func (a AccountConfig) all() []Secret {
	secrets := []Secret{a.Token}
	for _, name := range slices.Sorted(maps.Keys(a.Secrets)) {
		secrets = append(secrets, a.Secrets[name])
	}
	return secrets
}

// fingerprint changes when any secret does. It is kept in memory only.
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

// Open makes the provider of an account, its secrets resolved. It does no network. Its errors are *providers.Error.
func (c Config) Open(name string) (providers.Definition, providers.Provider, error) {
	return c.open(name, nil)
}

func (c Config) open(name string, take func(context.Context, providers.Quota) error) (providers.Definition, providers.Provider, error) {
	refused := func(err error) error {
		return &providers.Error{Kind: providers.Denied, Op: "open account " + name, Err: err}
	}
	if _, ok := c.Accounts[name]; !ok {
		return providers.Definition{}, nil, refused(errors.New("the configuration has no such account"))
	}
	d, account, ok := c.account(name)
	if !ok {
		return d, nil, refused(errors.New("there is no such provider"))
	}
	if problem, plain := c.plaintextAccount(name); plain {
		return d, nil, refused(problem)
	}
	var err error
	if account.Token, err = c.Accounts[name].Token.Resolve(); err != nil {
		return d, nil, refused(err)
	}
	for key, secret := range c.Accounts[name].Secrets {
		if account.Secrets[key], err = secret.Resolve(); err != nil {
			return d, nil, refused(err)
		}
	}
	account.Take = take
	account.Scratch = func() (providers.File, error) { return lake.NewScratchFile(c.Scratch()) }
	provider, err := d.Open(account)
	if err != nil {
		return d, nil, refused(err)
	}
	return d, provider, nil
}

// Secrets resolves, and forgets, all that work on the accounts needs. It returns Problems with every secret that is
// missing.
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

// WithDefaults fills in what was left out, for configurations that are made by a program.
func (c Config) WithDefaults() Config {
	c.StateDir = cmp.Or(c.StateDir, ".chatlake")
	c.Export.Shards = cmp.Or(c.Export.Shards, 2)
	c.Export.Chunks = cmp.Or(c.Export.Chunks, 2)
	c.Export.Window = cmp.Or(c.Export.Window, "month")
	c.Export.OnMismatch = cmp.Or(c.Export.OnMismatch, "block")
	if c.Temporal != nil {
		temporal := *c.Temporal
		temporal.Namespace = cmp.Or(temporal.Namespace, "default")
		temporal.TaskQueue = cmp.Or(temporal.TaskQueue, DefaultTaskQueue)
		c.Temporal = &temporal
	}
	accounts := map[string]AccountConfig{}
	for name, a := range c.Accounts {
		d, _ := definition(a.Provider)
		a.BaseURL = strings.TrimRight(cmp.Or(a.BaseURL, d.BaseURL), "/")
		if a.Options == nil {
			a.Options = map[string]string{}
		}
		accounts[name] = a
	}
	c.Accounts = accounts
	return c
}

// Scratch is the folder for files in progress.
func (c Config) Scratch() string { return filepath.Join(c.StateDir, "scratch") }
