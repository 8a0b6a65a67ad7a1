package worker

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// AlertsConfig is who is told of what a person should know.
type AlertsConfig struct {
	// MaxLag is how far a copy may be behind its platform.
	MaxLag time.Duration
	// Repeat is how often an alert is sent again until somebody acknowledges it; 0 is never.
	Repeat    time.Duration
	Receivers map[string]AlertReceiver
}

// AlertReceiver is where alerts are sent: either a webhook as Standard Webhooks defines it, or an incoming webhook of Slack.
type AlertReceiver struct {
	URL    string
	Secret Secret // of the signature
	// Slack is the address of an incoming webhook. It is a secret, because everybody who knows it may post.
	Slack          Secret
	AllowPlaintext bool // allow plain HTTP to another machine
}

// IsSlack reports whether alerts have the form of messages of Slack.
func (r AlertReceiver) IsSlack() bool { return !r.Slack.IsZero() }

const (
	defaultAlertLag  = time.Hour
	leastAlertRepeat = 5 * time.Minute
	leastAlertLag    = time.Minute
	// leastSecret is the length of the shortest key that Standard Webhooks allows, in bytes.
	leastSecret = 24
)

// alerts reads the section alerts, or returns nil if there is none.
func (b branch) alerts() *AlertsConfig {
	if b.value == nil {
		return nil
	}
	c := &AlertsConfig{
		MaxLag: cmp.Or(duration(b.text("max_lag")), defaultAlertLag), Repeat: duration(b.text("repeat")), Receivers: map[string]AlertReceiver{},
	}
	receivers := b.at("receivers")
	for _, name := range receivers.keys() {
		r := receivers.at(name)
		c.Receivers[name] = AlertReceiver{URL: r.text("url"), Secret: r.secret("secret"), Slack: r.secret("slack"), AllowPlaintext: r.boolean("allow_plaintext")}
	}
	return c
}

// checkAlerts finds what is wrong with the section alerts.
func (c Config) checkAlerts() (problems Problems) {
	if c.Alerts == nil {
		return nil
	}
	add := func(key, reason string) { problems = append(problems, c.Problem("alerts."+key, reason)) }
	if repeat := c.Alerts.Repeat; repeat != 0 && repeat < leastAlertRepeat {
		add("repeat", fmt.Sprintf("must be at least %s; remove this key to send each alert once", DurationText(leastAlertRepeat)))
	}
	if c.Alerts.MaxLag < leastAlertLag {
		add("max_lag", fmt.Sprintf("must be at least %s", DurationText(leastAlertLag)))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Alerts.Receivers)) {
		r, at := c.Alerts.Receivers[name], "receivers."+name
		switch {
		case r.URL == "" && !r.IsSlack():
			add(at, "needs url and secret, for a signed webhook, or slack, for an incoming webhook of Slack")
		case r.URL != "" && r.IsSlack():
			add(at+".slack", "cannot be used together with url; make two receivers")
		case r.IsSlack() && !r.Secret.IsZero():
			add(at+".secret", "has no effect with slack, whose messages are not signed; remove this key")
		case r.URL != "" && r.Secret.IsZero():
			add(at+".secret", "is missing; expected a reference such as env:ALERT_SECRET to a key of the form whsec_..., with which webhooks are signed")
		}
		if reason := c.wrongAddress(r.URL, r); r.URL != "" && reason != "" {
			add(at+".url", reason)
		}
	}
	return problems
}

// wrongAddress says what is wrong with the address of a receiver; empty if nothing is. It does not repeat the address, which may be a secret.
func (c Config) wrongAddress(address string, r AlertReceiver) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" {
		return "expected an address such as https://alerts.example.com/hook, without a login"
	}
	if host, open := plaintextHost(address); open && !r.AllowPlaintext {
		return plaintextProblem(host, "alerts, with the names of accounts,", "https", "receiver")
	}
	return ""
}

// AlertSecrets resolves the secrets of a receiver of alerts: its address and, for a webhook, the key of its signature. An error is a Problem.
func (c Config) AlertSecrets(receiver string) (address string, key []byte, err error) {
	r, at := c.Alerts.Receivers[receiver], "alerts.receivers."+receiver
	if !r.IsSlack() {
		secret, err := r.Secret.Resolve()
		if err != nil {
			return "", nil, err
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) < leastSecret {
			return "", nil, c.Problem(at+".secret", fmt.Sprintf("is not a key of Standard Webhooks: expected whsec_ and at least %d bytes in base64", leastSecret))
		}
		return r.URL, key, nil
	}
	if address, err = r.Slack.Resolve(); err != nil {
		return "", nil, err
	}
	if reason := c.wrongAddress(address, r); reason != "" {
		return "", nil, c.Problem(at+".slack", "refers to a value that is no address of a webhook: "+reason)
	}
	return address, nil, nil
}

// CheckAlertSecrets resolves the secrets of all receivers of alerts, and discards them. It returns Problems.
func (c Config) CheckAlertSecrets() error {
	if c.Alerts == nil {
		return nil
	}
	var problems Problems
	for _, name := range slices.Sorted(maps.Keys(c.Alerts.Receivers)) {
		_, _, err := c.AlertSecrets(name)
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
