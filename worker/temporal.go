package worker

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	temporallog "go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/worker"
	"google.golang.org/grpc"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/worker/embedded"
)

// Build is the version of the program; the build sets it.
var Build = "dev"

// unversioned are the versions of builds that cannot be told apart.
var unversioned = map[string]bool{"": true, "dev": true, "(devel)": true}

// stopTimeout is how long a stopping worker waits for its activities. They give up at once.
const stopTimeout = 10 * time.Second

// StopWithin is the longest that a worker process takes to end after it is asked to: for its activities, for the last metrics, and for the
// embedded server. Who waits for it, such as systemd or Kubernetes, should wait longer.
const StopWithin = 20 * time.Second

// Temporal is a connection to the embedded server or to an external one. Call Stop when done.
type Temporal struct {
	Client client.Client
	// UIURL is the address of the embedded server's UI; empty for an external server.
	UIURL      string
	Embedded   bool
	activities int
	// mayTakeOver means that workers on this connection may make their build the current version.
	mayTakeOver bool
	// OnWorking, if set, is called after a worker has started and, if allowed, has made its build the current version.
	OnWorking func()
	// Alerting, if set, finds and sends alerts for the workers on this connection.
	Alerting  activities.Alerting
	server    *embedded.Server
	telemetry *telemetry.Telemetry
	tally     *tally // nil if no worker can be on this connection
	changes   *slog.Logger
}

// ConnectOptions are choices of the command, not of the configuration.
type ConnectOptions struct {
	UI     bool
	UIPort int // 0 picks a free port
	// Logger is for Temporal's SDK, ServerLogger for the embedded server. Changes gets one line for each change of the state of a run or a
	// shard. Nil drops the messages.
	Logger, ServerLogger, Changes *slog.Logger
	// Activities is the number of concurrent activities of a worker on this connection; 0 means as many as fit the machine.
	Activities int
	// TakeOver lets the worker make its build the current version of the configured deployment. A command that runs only for a
	// while does not set it.
	TakeOver bool
	// Telemetry shows what the connection and workers on it do; nil shows nothing.
	Telemetry *telemetry.Telemetry
}

// Connect starts the embedded server, or dials the one that the configuration names.
func Connect(ctx context.Context, c Config, o ConnectOptions) (*Temporal, error) {
	if name := buildName(); name != "" {
		sdk.SetBinaryChecksum(name) // otherwise the SDK reads the whole binary, which takes a third of a second
	}
	options := client.Options{Namespace: embedded.Namespace, Logger: temporallog.NewStructuredLogger(logger(o.Logger))}
	t := &Temporal{activities: cmp.Or(o.Activities, Activities()), mayTakeOver: o.TakeOver, telemetry: o.Telemetry, changes: o.Changes, tally: &tally{}}
	err := o.Telemetry.ClientOptions(&options)
	if err != nil {
		return nil, err
	}
	if c.Temporal == nil {
		t.Embedded = true
		if t.server, err = embedded.Start(ctx, embedded.Config{Dir: c.StateDir, UI: o.UI, UIPort: o.UIPort, Keywords: attributeNames(), Logger: o.ServerLogger}); err != nil {
			return nil, c.advised(err)
		}
		t.UIURL, options.HostPort = t.server.UIURL(), t.server.Address()
	} else if err := c.external(&options); err != nil {
		return nil, err
	}
	var last atomic.Pointer[error]
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(cleanRPC(&last)))
	if t.Client, err = client.DialContext(ctx, options); err != nil {
		t.Client = nil
		if !t.Embedded && ctx.Err() == nil {
			return nil, c.unreachable(err, last.Load())
		}
		return nil, errors.Join(fmt.Errorf("connect to Temporal at %s: %w", options.HostPort, err), t.Stop())
	}
	if t.Embedded {
		if err := releaseOrphans(ctx, t.Client, t.server); err != nil {
			logger(o.Logger).Warn("work of the process that used this state folder before continues only after its timeouts", "error", err)
		}
	}
	return t, nil
}

// advised adds advice to an error of the embedded server.
func (c Config) advised(err error) error {
	if errors.Is(err, embedded.ErrNotIncluded) {
		return c.Problem("temporal", err.Error()+"; set the address of a server in this section, or use a build that contains one")
	}
	var database *embedded.DatabaseError
	if !errors.As(err, &database) {
		return err
	}
	if !database.Damaged {
		return fmt.Errorf("%w; give this user read and write access to the file and its folder, or set another state_dir", err)
	}
	return fmt.Errorf("%w. Move it, and all files whose names begin with its name, elsewhere and run the command again to create a new one; "+
		"then run `chatlake lake rebuild` to restore the committed exports from the lake", err)
}

// external fills in how to reach the configured server. A file or secret that it cannot read is a Problem.
func (c Config) external(options *client.Options) error {
	options.HostPort, options.Namespace = c.Temporal.Address, c.Temporal.Namespace
	if problem, plain := c.plaintextTemporal(); plain {
		return problem
	}
	key, err := c.Temporal.APIKey.Resolve()
	if err != nil {
		return err
	}
	if key != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(key)
	}
	if c.Temporal.TLS.Enabled {
		options.ConnectionOptions.TLS, err = c.tls()
	}
	return err
}

func (c Config) tls() (*tls.Config, error) {
	t := c.Temporal.TLS
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		text, err := c.pemFile("temporal.tls.ca_file", t.CAFile)
		if err != nil {
			return nil, err
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(text) {
			return nil, c.Problem("temporal.tls.ca_file", "contains no certificate in PEM form")
		}
	}
	if t.CertFile != "" || t.KeyFile != "" {
		certificate, err := c.pemFile("temporal.tls.cert_file", t.CertFile)
		if err != nil {
			return nil, err
		}
		key, err := c.pemFile("temporal.tls.key_file", t.KeyFile)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return nil, c.Problem("temporal.tls.cert_file", "cannot be used together with key_file: "+redact.Text(err.Error()))
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// pemFile reads a PEM file. Its error names the key of the configuration.
func (c Config) pemFile(key, file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, c.Problem(key, "cannot be read: "+plain(err).Error())
	}
	if reason := unclean(string(text), true); reason != "" {
		return nil, c.Problem(key, reason)
	}
	if block, _ := pem.Decode(text); block == nil {
		return nil, c.Problem(key, "is not in PEM form, which begins with -----BEGIN")
	}
	return text, nil
}

// Stop closes the connection and stops the embedded server, if there is one.
func (t *Temporal) Stop() error {
	if t.Client != nil {
		t.Client.Close()
	}
	if t.server != nil {
		return t.server.Stop()
	}
	return nil
}

// OpenLake opens the configured lake and creates its folder if there is none.
func OpenLake(ctx context.Context, c Config) (*lake.Lake, error) { return c.openLake(ctx, false) }

// ReadLake opens the configured lake for commands that write no conversations. It creates nothing; if there is no lake, the error is
// a Problem.
func ReadLake(ctx context.Context, c Config) (*lake.Lake, error) {
	l, err := c.openLake(ctx, true)
	if errors.Is(err, ledger.ErrNoLake) {
		return nil, noLake{c.Problem("lake.url", err.Error())}
	}
	return l, err
}

// noLake is the Problem that there is no lake.
type noLake struct{ problem Problem }

func (e noLake) Error() string   { return e.problem.Error() }
func (e noLake) Unwrap() []error { return []error{e.problem, ledger.ErrNoLake} }

func (c Config) openLake(ctx context.Context, mustExist bool) (*lake.Lake, error) {
	at := ledger.Config{
		URL: c.Lake.URL, Endpoint: c.Lake.Endpoint, Region: c.Lake.Region, PathStyle: c.Lake.PathStyle,
		AllowPlaintext: c.Lake.AllowPlaintext, SSE: c.Lake.SSE, KMSKeyID: c.Lake.KMSKeyID, MustExist: mustExist,
	}
	for secret, to := range map[*Secret]*string{
		&c.Lake.AccessKey: &at.AccessKey, &c.Lake.SecretKey: &at.SecretKey, &c.Lake.SessionToken: &at.SessionToken,
	} {
		var err error
		if *to, err = secret.Resolve(); err != nil {
			return nil, err
		}
	}
	return lake.Open(ctx, at, lake.Config{Scratch: c.Scratch(), Writer: "chatlake " + Build})
}

// Failed is closed when the embedded server stops unexpectedly. Err then returns the reason.
func (t *Temporal) Failed() <-chan struct{} {
	if t.server == nil {
		return nil
	}
	return t.server.Failed()
}

// Err is the reason why the embedded server stopped unexpectedly, nil while it runs.
func (t *Temporal) Err() error {
	if t.server == nil {
		return nil
	}
	return t.server.Err()
}

// options returns the options of a worker on this connection.
func (t *Temporal) options() sdk.Options {
	options := sdk.Options{
		WorkerStopTimeout: stopTimeout, MaxConcurrentActivityExecutionSize: t.activities, MaxHeartbeatThrottleInterval: activities.HeartbeatInterval,
	}
	if t.changes != nil {
		options.Interceptors = []interceptor.WorkerInterceptor{&changeLog{log: t.changes}}
	}
	return options
}

// watch is what the requests of an account are told to; nil if nobody wants to know.
func (t *Temporal) watch(account string) providers.Watch {
	return t.tally.watch(account, t.telemetry.Watch(account))
}

// Run works on the task queue until ctx is cancelled, and returns when the running activities have given up. It returns an error
// if the embedded server stops earlier.
func Run(ctx context.Context, c Config, t *Temporal, l *lake.Lake) error {
	connection := t.Client
	options, err := c.versioned(t.options())
	if err != nil {
		return err
	}
	w := sdk.New(connection, c.TaskQueue(), options)
	shared := counters{connection, c.TaskQueue()}
	Register(w, &activities.Activities{Lake: l, Account: newAccounts(c, shared, t.watch).account, Join: shared.join, LeaseOf: shared.leaseOf, Maintain: shared.maintain, Alerting: t.Alerting})
	if err := w.Start(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	defer w.Stop()
	if err := t.takeOver(ctx, c); err != nil && ctx.Err() == nil {
		return err
	}
	t.telemetry.Check(checkWorker, nil, 0)
	if t.OnWorking != nil {
		t.OnWorking()
	}
	select {
	case <-ctx.Done():
	case <-t.Failed():
	}
	t.telemetry.Check(checkWorker, errStopping, 0)
	return t.Err()
}

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
