package worker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/internal/receive"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/worker/embedded"
	"github.com/chatlake/chatlake/workflows"
)

const (
	// spoolBytes is how much may wait to be delivered: about two million announcements.
	spoolBytes = 256 << 20
	// deliverEvery is the time between two deliveries of a spool.
	deliverEvery = time.Second
	// namedPerSignal is how many conversations a signal names.
	namedPerSignal = 1000
	// longestSignal is how long a server has to take a signal.
	longestSignal = 10 * time.Second
)

// Receiver receives announcements of platforms and hands them to the inboxes of their accounts.
type Receiver struct {
	config   Config
	log      *slog.Logger
	spool    *receive.Spool
	listener net.Listener
	receiver *receive.Receiver
	connect  func(context.Context) (client.Client, error)
	failing  bool // the last delivery failed, and the log says so
}

// OpenReceiver checks the section receive and the secrets of the accounts, opens the spool, and begins to listen. t is the connection of a
// worker in the same process; if it is nil, the receiver makes its own when there is something to deliver.
func OpenReceiver(c Config, t *Temporal, log *slog.Logger) (*Receiver, error) {
	if c.Receive == nil {
		return nil, c.Problem("receive", "is missing; it says where announcements come in: see docs/push.md")
	}
	r := &Receiver{config: c, log: logger(log)}
	accounts, err := c.receivers()
	if err != nil {
		return nil, err
	}
	var secure *tls.Config
	if c.Receive.CertFile != "" {
		certificate, err := receive.NewCertificate(c.Receive.CertFile, c.Receive.KeyFile, r.log)
		if err != nil {
			return nil, c.Problem("receive.tls", "cannot be used: "+plain(err).Error())
		}
		secure = certificate.Config()
	}
	if r.spool, err = receive.OpenSpool(c.Spool(), spoolBytes); err != nil {
		if errors.Is(err, receive.ErrInUse) {
			return nil, fmt.Errorf("%w: stop that process, or choose another folder with receive.spool", err)
		}
		return nil, err
	}
	if r.listener, err = net.Listen("tcp", c.Receive.Listen); err != nil {
		return nil, errors.Join(c.Problem("receive.listen", "cannot be used: "+err.Error()), r.spool.Close())
	}
	if secure != nil {
		r.listener = tls.NewListener(r.listener, secure)
	}
	r.receiver = &receive.Receiver{Accounts: accounts, Keep: r.spool.Keep, Ready: r.spool.Ready, Log: r.log}
	r.connect = func(context.Context) (client.Client, error) { return t.Client, nil }
	if t == nil {
		own := &ownConnection{config: c}
		r.connect = own.client
	}
	return r, nil
}

// Address is the address that the receiver listens on.
func (r *Receiver) Address() string { return r.listener.Addr().String() }

// Accounts are the names of the accounts that it receives announcements about, sorted.
func (r *Receiver) Accounts() []string { return sortedKeys(r.receiver.Accounts) }

// Stats are the counts since it began.
func (r *Receiver) Stats() receive.Stats { return r.receiver.Stats() }

// Run receives until ctx is cancelled. What was received and not delivered by then stays in the spool.
func (r *Receiver) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() {
		r.spool.Run(ctx, receive.Delivery{Deliver: r.deliver, Every: deliverEvery, Failed: r.deliveryFailed})
	})
	err := r.receiver.Serve(ctx, r.listener)
	stop()
	group.Wait()
	return errors.Join(err, r.spool.Close())
}

// CheckReceiver is the check of /readyz that announcements can be kept.
const CheckReceiver = "receiver"

// checkEvery is the time between two checks whether announcements can be kept.
const checkEvery = 5 * time.Second

// Show shows what is received, until ctx ends.
func (r *Receiver) Show(ctx context.Context, t *telemetry.Telemetry) {
	t.ReadSource(CheckReceiver, r.samples)
	for {
		t.Check(CheckReceiver, r.spool.Ready(), 3*checkEvery)
		select {
		case <-ctx.Done():
			return
		case <-time.After(checkEvery):
		}
	}
}

// samples are what is received, as metrics.
func (r *Receiver) samples() []telemetry.Sample {
	waiting, _ := r.spool.Waiting()
	all := []telemetry.Sample{
		telemetry.NewSample(telemetry.ReceiverQueue, float64(waiting)),
		telemetry.NewSample(telemetry.ReceiverDelivered, float64(r.spool.Delivered().UnixMilli())/1000),
	}
	for account, c := range r.Stats() {
		for outcome, n := range map[string]int64{"kept": c.Accepted, "repeated": c.Repeated, "ignored": c.Ignored} {
			all = append(all, telemetry.NewSample(telemetry.ReceiverAccepted, float64(n), account, outcome))
		}
		for reason, n := range c.Refused {
			all = append(all, telemetry.NewSample(telemetry.ReceiverRefused, float64(n), account, string(reason)))
		}
	}
	return all
}

// deliver signals the inbox of an account, and starts it if it does not run.
func (r *Receiver) deliver(ctx context.Context, account string, conversations []string) error {
	if _, ok := r.config.Accounts[account]; !ok {
		r.log.Warn("announcements are dropped: the configuration no longer has their account", "account", account, "conversations", len(conversations))
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, longestSignal)
	defer stop()
	temporal, err := r.connect(ctx)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(conversations, namedPerSignal) {
		_, err := temporal.SignalWithStartWorkflow(ctx, workflows.InboxID(account), workflows.AnnouncedSignal, workflows.AnnouncedInput{Conversations: some},
			client.StartWorkflowOptions{TaskQueue: r.config.TaskQueue()}, workflows.Inbox, workflows.InboxInput{Account: account, Policy: workflows.NewPolicy()})
		if err != nil {
			return err
		}
	}
	if r.failing {
		r.failing = false
		r.log.Info("announcements are delivered again")
	}
	return nil
}

// deliveryFailed says that something could not be delivered, once until it can.
func (r *Receiver) deliveryFailed(err error) {
	if !r.failing {
		waiting, _ := r.spool.Waiting()
		r.log.Warn("announcements cannot be delivered; they wait on disk", "error", err, "bytes", waiting)
	}
	r.failing = true
}

// errNoServer is the error while no worker runs. The text is for a log, which leaves out paths.
var errNoServer = errors.New("no Temporal server runs in the state folder, because no worker does")

// ownConnection connects to Temporal when it is needed. It starts no server: the one of a worker must run.
type ownConnection struct {
	config Config
	mu     sync.Mutex
	made   *Temporal
	at     string // the address of the embedded server
}

func (o *ownConnection) client(ctx context.Context) (client.Client, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := ""
	if o.config.Temporal == nil {
		var err error
		if at, err = embedded.Running(o.config.StateDir); err != nil {
			return nil, err
		}
		if at == "" {
			return nil, errNoServer
		}
	}
	if o.made != nil && o.at == at {
		return o.made.Client, nil
	}
	made, err := Visit(ctx, o.config)
	if err != nil {
		return nil, err
	}
	if o.made != nil {
		_ = o.made.Stop() // of a server that is gone
	}
	o.made, o.at = made, at
	return made.Client, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
