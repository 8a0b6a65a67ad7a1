package alerts

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
)

// answerWithin is how long a receiver may take to answer. Standard Webhooks recommends 15 to 30 seconds.
const answerWithin = 15 * time.Second

// mostAfter is the longest wait that a receiver may ask for.
const mostAfter = time.Hour

// newClient follows no redirect: an event with its signature goes to the configured address and to no other.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       answerWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// event is the body of a webhook.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
type event struct {
	Type      string    `json:"type"` // alert.fired, alert.resolved or alert.repeated
	Timestamp time.Time `json:"timestamp"`
	Data      eventData `json:"data"`
}

type eventData struct {
	Alert    string     `json:"alert"` // the name of the kind
	Account  string     `json:"account,omitempty"`
	About    string     `json:"about,omitempty"`
	Severity string     `json:"severity"`
	Since    time.Time  `json:"since"`
	Count    int64      `json:"count,omitempty"`
	At       *time.Time `json:"at,omitempty"`
	Summary  string     `json:"summary"`
	Advice   string     `json:"advice"`
	Runbook  string     `json:"runbook"`
}

// Runbook is where the documentation says more about a kind.
func Runbook(kind string) string { return "docs/runbook.md#" + kind }

// Send sends an event to a receiver. Why it was not taken is said without anything that the receiver has written, and without the address,
// which may be a secret.
func (a *Alerts) Send(ctx context.Context, in activities.SendAlertInput) activities.SendAlertOutput {
	receiver, ok := a.config.Alerts.Receivers[in.Receiver]
	if !ok {
		return activities.SendAlertOutput{Failure: "it is not in the configuration of this worker"}
	}
	request, err := a.request(ctx, receiver, in)
	if err != nil {
		return activities.SendAlertOutput{Failure: "its address or its secret cannot be read; a worker that starts says why"}
	}
	response, err := a.client.Do(request)
	if err != nil {
		return activities.SendAlertOutput{Failure: reasonOf(err)}
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	switch status := response.StatusCode; {
	case status >= 200 && status <= 299:
		return activities.SendAlertOutput{}
	case status == http.StatusGone:
		return activities.SendAlertOutput{Failure: "it answers 410: it wants no more; remove it from the configuration", Gone: true}
	case status >= 300 && status <= 399:
		return activities.SendAlertOutput{Failure: fmt.Sprintf("it answers %d, a redirect, which is not followed; correct its address", status)}
	default:
		return activities.SendAlertOutput{Failure: fmt.Sprintf("it answers %d", status), After: afterOf(response, a.now())}
	}
}

// reasonOf says why there was no answer. Texts of errors contain the address.
func reasonOf(err error) string {
	var dns *net.DNSError
	var network *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return fmt.Sprintf("no answer within %s", words.Duration(answerWithin))
	case errors.As(err, &dns):
		return "its host is not found"
	case errors.As(err, &network) && network.Op == "dial":
		return "it cannot be reached"
	}
	return "the connection broke"
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// afterOf is how long a receiver asks to wait.
func afterOf(r *http.Response, now time.Time) time.Duration {
	text := r.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return min(max(0, time.Duration(seconds)*time.Second), mostAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, at.Sub(now)), mostAfter)
	}
	return 0
}

func (a *Alerts) request(ctx context.Context, r worker.AlertReceiver, in activities.SendAlertInput) (*http.Request, error) {
	address, key, err := a.config.AlertSecrets(in.Receiver)
	if err != nil {
		return nil, err
	}
	var body []byte
	if r.IsSlack() {
		body, err = json.Marshal(map[string]string{"text": slackText(in)})
	} else {
		body, err = json.Marshal(eventOf(in))
	}
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "chatlake/"+worker.Build)
	if !r.IsSlack() {
		at := strconv.FormatInt(a.now().Unix(), 10)
		request.Header.Set("webhook-id", in.ID)
		request.Header.Set("webhook-timestamp", at)
		request.Header.Set("webhook-signature", sign(key, in.ID, at, body))
	}
	return request, nil
}

// sign returns the signature of a webhook, as Standard Webhooks defines it for symmetric keys.
func sign(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func eventOf(in activities.SendAlertInput) event {
	summary, advice, severity := Describe(in.AlertState)
	return event{
		Type: "alert." + string(in.Event), Timestamp: in.HappenedAt.UTC(),
		Data: eventData{
			Alert: in.Kind, Account: in.Account, About: in.About, Severity: severity, Since: in.Since.UTC(), Count: in.Count, At: in.At,
			Summary: summary, Advice: advice, Runbook: Runbook(in.Kind),
		},
	}
}

// slackText is an event as a message of Slack, with the characters escaped that have a meaning there.
// https://docs.slack.dev/messaging/formatting-message-text#escaping
func slackText(in activities.SendAlertInput) string {
	summary, advice, severity := Describe(in.AlertState)
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	since := words.Time(in.Since)
	if in.Event == activities.AlertResolved {
		return escape(fmt.Sprintf("*resolved*, since %s: %s", since, summary))
	}
	return escape(fmt.Sprintf("*%s*, since %s: %s\n%s (%s)", severity, since, summary, advice, Runbook(in.Kind)))
}
