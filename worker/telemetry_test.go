package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/worker"
)

const beforeTelemetry = "lake: {url: \"file:lake\"}\naccounts: {acme: {provider: chatwoot, base_url: \"https://chat.example.com\", account_id: 1, token: \"env:TOKEN\"}}\n"

func TestTelemetrySection(t *testing.T) {
	for text, want := range map[string]telemetry.Options{
		"":                         {},
		"telemetry: {every: 1m}\n": {},
		"telemetry: {every: 1m, otlp: {endpoint: \"https://otlp.example.com\"}}\n": {
			OTLP: &telemetry.OTLP{Endpoint: "https://otlp.example.com", Metrics: true, Every: time.Minute}},
		"telemetry: {otlp: {endpoint: \"http://[::1]:4317\", metrics: false, trace_ratio: 1}}\n": {
			OTLP: &telemetry.OTLP{Endpoint: "http://[::1]:4317", TraceRatio: 1, Every: 30 * time.Second}},
		"telemetry: {otlp: {endpoint: \"http://otlp.example.com\", allow_plaintext: true, trace_ratio: 0.25}}\n": {
			OTLP: &telemetry.OTLP{Endpoint: "http://otlp.example.com", Metrics: true, TraceRatio: 0.25, Every: 30 * time.Second}},
	} {
		c, err := worker.Parse("chatlake.yaml", []byte(beforeTelemetry+text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := c.TelemetryOptions("", nil)
		if diff := cmp.Diff(want.OTLP, got.OTLP); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestTelemetryProblems(t *testing.T) {
	for text, want := range map[string]string{
		"telemetry: {every: 1s}\n":                                                   "telemetry.every: must be at least 5s",
		"telemetry: {otlp: {}}\n":                                                    "telemetry.otlp.endpoint: missing: address of the collector",
		"telemetry: {otlp: {endpoint: \"otlp.example.com:4317\"}}\n":                 "telemetry.otlp.endpoint: expected the address of a collector",
		"telemetry: {otlp: {endpoint: \"https://me@example.com\"}}\n":                "telemetry.otlp.endpoint: expected the address of a collector",
		"telemetry: {otlp: {endpoint: \"http://example.com\"}}\n":                    "telemetry.otlp.endpoint: metrics and traces, with the names of accounts and hosts, would go to example.com unencrypted",
		"telemetry: {otlp: {endpoint: \"https://example.com\", metrics: false}}\n":   "telemetry.otlp: sends nothing",
		"telemetry: {otlp: {endpoint: \"https://example.com\", trace_ratio: 1.5}}\n": "telemetry.otlp.trace_ratio: must be from 0 to 1",
		"telemetry: {listen: \"127.0.0.1:1\"}\n":                                     "telemetry.listen: unknown key",
	} {
		_, err := worker.Parse("chatlake.yaml", []byte(beforeTelemetry+text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "chatlake.yaml:3") {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}
