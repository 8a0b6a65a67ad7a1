package alerts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/worker"
)

// TestSignature is the example of the reference implementations.
func TestSignature(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

const secret = "whsec_bm9ib2R5IGtub3dzIHRoaXMgdmVyeSBsb25nIGtleQ=="

// sender sends to a receiver at an address, as a webhook or in the form of Slack.
func sender(address string, slack bool) *Alerts {
	r := worker.AlertReceiver{URL: address, Secret: worker.Literal(secret)}
	if slack {
		r = worker.AlertReceiver{Slack: worker.Literal(address)}
	}
	return &Alerts{
		config: worker.Config{Alerts: &worker.AlertsConfig{Receivers: map[string]worker.AlertReceiver{"ops": r}}},
		client: newClient(), now: time.Now,
	}
}

func blockedEvent() activities.SendAlertInput {
	return activities.SendAlertInput{
		Receiver: "ops", ID: "alert_x_1", Event: activities.AlertFired, HappenedAt: now.Add(5 * time.Minute), Since: now,
		AlertState: activities.AlertState{AlertName: activities.AlertName{Kind: "blocked", Account: "acme", About: "export Denied"}, Count: 3},
	}
}

func TestSendAWebhook(t *testing.T) {
	var body []byte
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	if out := sender(server.URL, false).Send(t.Context(), blockedEvent()); out.Failure != "" {
		t.Fatal(out.Failure)
	}
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(header.Get("webhook-id") + "." + header.Get("webhook-timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); header.Get("webhook-signature") != want || header.Get("webhook-id") != "alert_x_1" {
		t.Errorf("headers %v, want the signature %s", header, want)
	}
	var got event
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	d := got.Data
	if got.Type != "alert.fired" || d.Alert != "blocked" || d.Account != "acme" || d.Severity != "page" || !d.Since.Equal(now) || d.Runbook != "docs/runbook.md#blocked" ||
		d.Summary != "3 windows of acme (export) must wait for a person: Denied." || !strings.Contains(d.Advice, "chatlake resume") {
		t.Errorf("body %s", body)
	}
}

func TestSendToSlack(t *testing.T) {
	var got struct{ Text string }
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("webhook-signature") != "" {
			t.Error("a message of Slack is signed")
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	a, in := sender(server.URL, true), blockedEvent()
	if out := a.Send(t.Context(), in); out.Failure != "" {
		t.Fatal(out.Failure)
	}
	if want := "*page*, since 2026-06-01T12:00:00Z: 3 windows of acme (export) must wait for a person: Denied.\nNothing is lost meanwhile."; !strings.HasPrefix(got.Text, want) {
		t.Errorf("text %q", got.Text)
	}
	in.Event, in.About = activities.AlertResolved, "export <x>&"
	if out := a.Send(t.Context(), in); out.Failure != "" || !strings.HasPrefix(got.Text, "*resolved*") || !strings.Contains(got.Text, "&lt;x&gt;&amp;") {
		t.Errorf("%q, text %q", out.Failure, got.Text)
	}
}

// TestReceiversThatFail has a real server that answers in every wrong way. No failure repeats the address or what the server has written.
func TestReceiversThatFail(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/secret/") {
		case "gone":
			w.WriteHeader(http.StatusGone)
		case "busy":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		case "busy-for-days":
			w.Header().Set("Retry-After", "999999")
			w.WriteHeader(http.StatusTooManyRequests)
		case "busy-until":
			w.Header().Set("Retry-After", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		case "moved":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "slow":
			<-held
		case "breaks":
			connection, _, _ := w.(http.Hijacker).Hijack()
			_ = connection.Close()
		default:
			http.Error(w, "canary in the answer", http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	defer close(held)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + listener.Addr().String()
	_ = listener.Close()
	for path, want := range map[string]activities.SendAlertOutput{
		"/secret/gone":          {Failure: "it answers 410: it wants no more; remove it from the configuration", Gone: true},
		"/secret/busy":          {Failure: "it answers 429", After: 2 * time.Minute},
		"/secret/busy-for-days": {Failure: "it answers 429", After: time.Hour},
		"/secret/error":         {Failure: "it answers 500"},
		"/secret/moved":         {Failure: "it answers 307, a redirect, which is not followed; correct its address"},
		"/secret/slow":          {Failure: "no answer within 15 s"},
		"/secret/breaks":        {Failure: "the connection broke"},
	} {
		a := sender(server.URL+path, false)
		a.client.Timeout = 2 * time.Second
		if path == "/secret/slow" {
			a.client.Timeout = 50 * time.Millisecond
		}
		if got := a.Send(t.Context(), blockedEvent()); got != want {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
	if got := sender(server.URL+"/secret/busy-until", false).Send(t.Context(), blockedEvent()); got.After < 9*time.Minute || got.After > 10*time.Minute {
		t.Errorf("until a time: %+v", got)
	}
	if got := sender(nobody, false).Send(t.Context(), blockedEvent()); got.Failure != "it cannot be reached" {
		t.Errorf("nobody there: %+v", got)
	}
	other := blockedEvent()
	other.Receiver = "other"
	if got := sender(nobody, false).Send(t.Context(), other); !strings.Contains(got.Failure, "not in the configuration") {
		t.Errorf("a receiver that is not configured: %+v", got)
	}
	// The address of Slack comes from the environment, so it is checked when it is used.
	if got := sender("http://hooks.example.com/services/T0/B0/canary", true).Send(t.Context(), blockedEvent()); got.Failure == "" || strings.Contains(got.Failure, "canary") {
		t.Errorf("plain HTTP to another machine: %+v", got)
	}
}
