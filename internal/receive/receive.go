// Package receive takes what platforms announce: it checks each request, keeps the ids of the conversations that it names on disk, and
// answers. The ids are delivered later, as often as that takes.
//
// Send is the other side: it tries whether announcements arrive at a receiver.
//
// It must not know any platform, a row, a document, or where ids are delivered.
package receive

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// Trust is what an account believes.
type Trust string

const (
	// TrustSigned accepts only announcements with a valid signature.
	TrustSigned Trust = "signed"
	// TrustHint also accepts announcements without a signature, if the path of the request ends in one of the account's secrets.
	TrustHint Trust = "hint"
)

// Account is an account that a platform sends announcements about.
type Account struct {
	AccountID string // the platform's own id
	Push      *providers.Push
	Trust     Trust
	Keys      []string // any of them may have signed
	Paths     []string // any of them may end the path
}

// Event is an accepted announcement.
type Event struct {
	Account       string    `json:"a"`
	Conversations []string  `json:"c"`
	ReceivedAt    time.Time `json:"t"`
}

// Receiver answers the requests of platforms.
type Receiver struct {
	// Accounts are the accounts by their names in the configuration.
	Accounts map[string]Account
	// Keep stores an event so that it outlives the process. Nothing is acknowledged before it returns.
	Keep func(Event) error
	// Ready, if set, returns an error if Keep would fail now. Probes ask it.
	Ready func() error
	Log   *slog.Logger
	// Now replaces the clock.
	Now func() time.Time

	tally  tally
	seen   seen
	places chan struct{}
}

const (
	// maxBody is the longest body. Announcements are a few kilobytes; long e-mails make longer ones.
	maxBody = 1 << 20
	// maxHeader is the longest header, with the query, in which tokens are sent.
	maxHeader = 32 << 10
	// mostAtOnce is how many requests are read at the same time.
	mostAtOnce = 256
)

// These are the reasons of refusals beside those of providers.
const (
	unknownAccount providers.Reason = "unknown_account"
	badPath        providers.Reason = "bad_path"   // the path ends in something that is no secret of the account
	badMethod      providers.Reason = "bad_method" // neither GET nor POST
	tooLarge       providers.Reason = "too_large"
	tooSlow        providers.Reason = "too_slow"
	brokenOff      providers.Reason = "broken_off" // the request ended early
	busy           providers.Reason = "busy"       // too many requests at once
	notKept        providers.Reason = "not_kept"   // the spool is full or cannot be written
	panicked       providers.Reason = "panicked"
)

// statuses are the HTTP statuses of refusals; others are 401. Platforms that try again do so after a status of 500 or above.
var statuses = map[providers.Reason]int{
	unknownAccount: http.StatusNotFound, badMethod: http.StatusMethodNotAllowed, tooLarge: http.StatusRequestEntityTooLarge,
	tooSlow: http.StatusRequestTimeout, brokenOff: http.StatusBadRequest, busy: http.StatusServiceUnavailable, notKept: http.StatusServiceUnavailable,
	panicked: http.StatusInternalServerError, providers.Unreadable: http.StatusBadRequest, providers.OtherAccount: http.StatusForbidden,
}

// Path is the path of the requests about an account.
func Path(account string) string { return "/push/" + account }

// Handler returns the handler of all requests.
func (r *Receiver) Handler() http.Handler {
	r.places = make(chan struct{}, mostAtOnce)
	if r.Now == nil {
		r.Now = time.Now
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/push/{account}", r.serve)
	mux.HandleFunc("/push/{account}/{secret}", r.serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not found", http.StatusNotFound) })
	return mux
}

// Stats returns what has been received so far.
func (r *Receiver) Stats() Stats { return r.tally.stats() }

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) {
	name, result := req.PathValue("account"), verdict{}
	if _, ok := r.Accounts[name]; !ok {
		name = "" // what a stranger sends is not repeated in logs
	}
	defer func() {
		if recover() != nil {
			r.answer(w, name, verdict{refused: panicked})
		}
	}()
	select {
	case r.places <- struct{}{}:
		defer func() { <-r.places }()
		result = r.take(w, req, name)
	default:
		result.refused = busy
	}
	r.answer(w, name, result)
}

func (r *Receiver) answer(w http.ResponseWriter, account string, v verdict) {
	w.Header().Set("Cache-Control", "no-store")
	if v.refused == "" {
		w.WriteHeader(http.StatusOK)
		if v.probe {
			_, _ = io.WriteString(w, v.receipt.under(accepted)) // whoever does not get it asks again
		}
		return
	}
	if r.tally.refuse(account, v.refused, r.Now()) && r.Log != nil {
		r.Log.Warn("announcements are refused", "account", account, "reason", v.refused)
	}
	status := statusOf(v.refused)
	if status == http.StatusRequestEntityTooLarge || status == http.StatusRequestTimeout {
		w.Header().Set("Connection", "close")
	}
	http.Error(w, v.receipt.under(v.refused), status)
}

func statusOf(refused providers.Reason) int {
	if status := statuses[refused]; status != 0 {
		return status
	}
	return http.StatusUnauthorized
}

// verdict is what became of a request.
type verdict struct {
	refused providers.Reason // empty if it is accepted
	probe   bool             // it is accepted, and it is a probe
	receipt receipt          // of what arrived; empty unless it was read to its end
}

// take checks a request and keeps what it announces.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request, name string) verdict {
	account, ok := r.Accounts[name]
	if !ok {
		return verdict{refused: unknownAccount}
	}
	knows := false // the sender knows a secret
	if secret := req.PathValue("secret"); secret != "" {
		if knows = contains(account.Paths, secret); !knows {
			return verdict{refused: badPath}
		}
	}
	notice := providers.Notice{Method: req.Method, Header: req.Header, Query: req.URL.Query(), AccountID: account.AccountID}
	switch req.Method {
	case http.MethodGet:
	case http.MethodPost:
		var err error
		if notice.Body, err = io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody)); err != nil {
			return verdict{refused: reasonOf(err)}
		}
	default:
		return verdict{refused: badMethod}
	}
	v := verdict{}
	if v.refused, v.probe = r.judge(name, account, notice, knows); v.refused != "" || v.probe {
		v.receipt = receiptOf(name, account.Push, notice, r.Now())
	}
	return v
}

// judge keeps what a notice announces if it is accepted. A probe has nothing to keep. knows means that the sender knows a secret.
func (r *Receiver) judge(name string, account Account, notice providers.Notice, knows bool) (refused providers.Reason, probe bool) {
	read, err := account.Push.Read(notice, account.Keys, r.Now())
	var refusal *providers.Refusal
	switch {
	case errors.As(err, &refusal):
		return refusal.Reason, false
	case err != nil:
		return providers.Unreadable, false
	case !read.Signed && (account.Trust != TrustHint || !knows):
		return providers.Unsigned, false
	case !read.Probe:
		return r.keep(name, notice, read), false
	case r.Ready != nil && r.Ready() != nil:
		return notKept, false
	}
	r.tally.count(name, func(c *Counts) { c.Ignored++ })
	return "", true
}

func (r *Receiver) keep(name string, notice providers.Notice, read providers.Announcement) providers.Reason {
	key := digest(name, read.Stamp, notice)
	switch {
	case len(read.Conversations) == 0:
		r.tally.count(name, func(c *Counts) { c.Ignored++ })
		return ""
	case r.seen.has(key, r.Now()):
		// It is acknowledged: a platform that did not get the first answer would otherwise send it for ever.
		r.tally.count(name, func(c *Counts) { c.Repeated++ })
		return ""
	}
	if err := r.Keep(Event{Account: name, Conversations: read.Conversations, ReceivedAt: r.Now().UTC()}); err != nil {
		return notKept
	}
	r.seen.add(key, r.Now()) // only now: a repetition of what was not kept must be kept
	r.tally.count(name, func(c *Counts) { c.Accepted++ })
	return ""
}

// contains reports whether a text is one of the secrets, in a time that does not depend on where they differ.
func contains(secrets []string, text string) bool {
	got, found := sha256.Sum256([]byte(text)), 0
	for _, secret := range secrets {
		want := sha256.Sum256([]byte(secret))
		found |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	return found == 1
}

// digest is the same for equal requests.
func digest(account, stamp string, n providers.Notice) (key [16]byte) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %q %s %s\n", account, stamp, n.Method, n.Query.Encode())
	sum.Write(n.Body)
	return [16]byte(sum.Sum(nil)[:16])
}

// reasonOf is why a body could not be read.
func reasonOf(err error) providers.Reason {
	var long *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &long):
		return tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return tooSlow
	}
	return brokenOff
}

// Serve answers requests on a listener until ctx is cancelled. Then it finishes the requests that have begun.
func (r *Receiver) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: r.Handler(), MaxHeaderBytes: maxHeader, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("receive announcements: %w", err)
	case <-ctx.Done():
	}
	within, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := server.Shutdown(within); err != nil {
		return server.Close()
	}
	return nil
}
