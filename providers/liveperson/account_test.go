package liveperson

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

// stub serves a platform whose domain service works and whose other responses come from do.
func stub(t testing.TB, do http.HandlerFunc, change ...func(*providers.Account)) *account {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/baseURI.json") {
			_ = json.NewEncoder(w).Encode(map[string]string{"baseURI": r.Host})
			return
		}
		do(w, r)
	}))
	t.Cleanup(server.Close)
	return testAccount(t, server.URL, change...)
}

func day(n int) schemas.Window {
	from := seenAt.AddDate(0, 0, n-1)
	return schemas.Window{From: from, To: from.AddDate(0, 0, n)}
}

// listed returns the error that a list ends with.
func listed(t testing.TB, a *account, w schemas.Window) error {
	t.Helper()
	var last error
	for _, err := range a.Conversations(t.Context(), w, "") {
		last = err
	}
	return last
}

func wantError(t *testing.T, name string, err error, kind providers.Kind, is error) {
	t.Helper()
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != kind || is != nil && !errors.Is(err, is) {
		t.Errorf("%s: the error is %v, want %s, %v", name, err, kind, is)
	}
	if err != nil && (strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "body-marker")) {
		t.Errorf("%s: the error gives too much away: %v", name, err)
	}
}

// TestRefusals has every error response that the platform is known to send.
func TestRefusals(t *testing.T) {
	file := func(name string) string { return string(providertest.Sample(t, name)) }
	tests := []struct {
		name   string
		answer http.HandlerFunc
		kind   providers.Kind
		is     error
	}{
		{"400", providertest.Says(400, file("error_400_agentactivity_doc.json")), providers.Malformed, errOffset},
		{"400 for the interval", providertest.Says(400, file("error_400_interval_constructed.json")), providers.Malformed, errInterval},
		{"400 for the source", providertest.Says(400, `{"causes":["source: may not be null"],"message":"body-marker"}`), providers.Malformed, errSource},
		{"400 without a body", providertest.Says(400, ``), providers.Malformed, nil},
		{"401", providertest.Says(401, file("error_401_agentactivity_doc.json")), providers.Denied, errKey},
		{"403", providertest.Says(403, file("error_403_constructed.json")), providers.Denied, errForbidden},
		{"451", providertest.Says(451, `{}`), providers.Denied, errLegal},
		{"500", providertest.Says(500, file("error_500_agentactivity_doc.json")), providers.Transient, nil},
		{"500 0007", providertest.Says(500, file("error_500_0007_constructed.json")), providers.Transient, errSearch},
		{"500 0008", providertest.Says(500, file("error_500_0008_constructed.json")), providers.Transient, errRuntime},
		{"500 that is no JSON", providertest.Says(500, `body-marker`), providers.Transient, nil},
		{"501", providertest.Says(501, `{"internalCode":8}`), providers.Transient, errRuntime},
		{"404 of something in front", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = w.Write([]byte("<html>body-marker"))
		}, providers.Transient, rest.ErrNotFromAPI},
		{"404", providertest.Says(404, `{"message":"body-marker"}`), providers.NotFound, nil},
		{"200 with HTML", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>body-marker"))
		}, providers.Malformed, rest.ErrHTML},
		{"another shape", providertest.Says(200, `{"records":[],"body-marker":1}`), providers.Malformed, wire.ErrShape},
		{"an array", providertest.Says(200, `["body-marker"]`), providers.Malformed, wire.ErrShape},
		{"a text", providertest.Says(200, `"body-marker"`), providers.Malformed, wire.ErrShape},
		{"records that are none", providertest.Says(200, `{"_metadata":{"count":1},"conversationHistoryRecords":["body-marker"]}`), providers.Malformed, wire.ErrShape},
		{"a record without an id", providertest.Says(200, `{"_metadata":{"count":1},"conversationHistoryRecords":[{"info":{"startTimeL":5}}]}`), providers.Malformed, errRow},
		{"a record without a time", providertest.Says(200, `{"_metadata":{"count":1},"conversationHistoryRecords":[{"info":{"conversationId":"x","startTimeL":-1}}]}`), providers.Malformed, errRow},
		{"shards that did not answer", providertest.Says(200, file("conversations_search_partial_shards.json")), providers.Transient, errPartial},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := stub(t, tt.answer)
			wantError(t, "list", listed(t, a, day(1)), tt.kind, tt.is)
			if strings.HasPrefix(tt.name, "404") || strings.Contains(tt.name, "time") {
				return
			}
			var last error
			for _, err := range a.Messages(t.Context(), []providers.Ref{{ID: "x"}, {ID: "y"}}) {
				last = err
			}
			wantError(t, "messages", last, tt.kind, tt.is)
		})
	}
}

// After a 429 without Retry-After, wait a second.
func TestTooManyRequests(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 4, Conversations: 15}, fake.Options{Throttle: 4})
	refs, _ := collect(t, a, whole)
	if stats := s.Stats(); len(refs) != 15 || stats.Throttled == 0 || stats.Throttled > 4 {
		t.Errorf("%d conversations, %d of %d requests throttled", len(refs), stats.Throttled, stats.Requests)
	}
}

func TestHosts(t *testing.T) {
	tests := []struct {
		body, want string
	}{
		{string(providertest.Sample(t, "csds_single_service.json")), "va.msghist.liveperson.net"},
		{string(providertest.Sample(t, "csds_all_services.json")), "va.msghist.liveperson.net"},
		{`{"baseURI":"127.0.0.1:80"}`, "127.0.0.1:80"},
		{`{"service":"msgHist","baseURI":"a.example.com/"}`, "a.example.com"},
		{`{"service":"sentinel","baseURI":"a.example.com"}`, ""},
		{`{"baseURIs":[]}`, ""},
		{`{"baseURI":"https://a.example.com"}`, ""},
		{`{"baseURI":"a.example.com/path"}`, ""},
		{`{"baseURI":"u:p@a.example.com"}`, ""},
		{`{"baseURI":"a.example.com?x"}`, ""},
		{`{"baseURI":7}`, ""},
		{`[]`, ""},
		{`{}`, ""},
	}
	for _, tt := range tests {
		got, err := hostOf([]byte(tt.body), serviceHistory)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("the host of %s is %q, %v; want %q", tt.body, got, err, tt.want)
		}
	}
}

// Hosts are requested once; an invalid response is requested again.
func TestHostsAreRemembered(t *testing.T) {
	var asked atomic.Int64
	var name atomic.Value
	name.Store("not a host")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/baseURI.json") {
			asked.Add(1)
			if r.Header.Get("Authorization") != "" {
				t.Error("the domain service was given credentials")
			}
			fmt.Fprintf(w, `{"service":"msgHist","baseURI":%q}`, name.Load())
			return
		}
		providertest.Says(200, `{"_metadata":{"count":0},"conversationHistoryRecords":[]}`)(w, r)
	}))
	defer server.Close()
	a := testAccount(t, server.URL)
	wantError(t, "a bad name", listed(t, a, day(1)), providers.Malformed, errHostForm)
	name.Store(strings.TrimPrefix(server.URL, "http://"))
	for range 3 {
		if err := listed(t, a, day(1)); err != nil {
			t.Error(err)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("the domain service was asked %d times", asked.Load())
	}
}

func TestWrongAccount(t *testing.T) {
	_, a, whole := site(t, simulator.CorpusConfig{Seed: 1, Conversations: 5}, fake.Options{AccountID: "le1"})
	wantError(t, "another account", listed(t, a, whole), providers.Denied, errNoService)
}

func TestProbe(t *testing.T) {
	_, a, _ := site(t, simulator.CorpusConfig{Seed: 1, Conversations: 5}, fake.Options{})
	if probe, err := a.Probe(t.Context()); err != nil || probe.Visibility != providers.VisibilityUnknown || probe.Advice == "" {
		t.Errorf("the probe says %+v, %v", probe, err)
	}
	_, a, _ = site(t, simulator.CorpusConfig{Seed: 1, Conversations: 5}, fake.Options{Consumers: map[string]int64{testToken: 1000}},
		with(consumerOptions), func(p *providers.Account) { p.Token = testToken })
	if probe, err := a.Probe(t.Context()); err != nil || probe.Visibility != providers.VisibilityPartial || probe.Advice == "" {
		t.Errorf("the probe says %+v, %v", probe, err)
	}
	_, a, _ = site(t, simulator.CorpusConfig{Seed: 1, Conversations: 5}, fake.Options{Tokens: []string{"another"}})
	_, err := a.Probe(t.Context())
	wantError(t, "a wrong token", err, providers.Denied, errKey)
}

// The directory is separate from conversations: if access to it is denied, the documents say so and nothing fails.
func TestClosedDirectory(t *testing.T) {
	for _, status := range []int{401, 403, 404, 500} {
		_, a, _ := site(t, simulator.CorpusConfig{Seed: 1, Conversations: 5}, fake.Options{NoDirectory: status})
		var docs []schemas.Document
		var last error
		for page, err := range a.Directory(t.Context(), "") {
			docs, last = append(docs, page.Documents...), err
		}
		if status == 500 {
			wantError(t, "500", last, providers.Transient, nil)
			continue
		}
		if last != nil || len(docs) != 3 || docs[0].Status != int64(status) || docs[0].Body != nil {
			t.Errorf("%d: %d documents, %v", status, len(docs), last)
		}
		if rows, err := pure().Snapshot(docs[0]); err != nil || rows.Agents != nil {
			t.Errorf("%d: rows of a refusal, %v", status, err)
		}
	}
	a := testAccount(t, httptestDomainless(t))
	for page, err := range a.Directory(t.Context(), "") {
		if err != nil || page.Documents[0].Status != 404 || page.Documents[0].ObservedAt.IsZero() {
			t.Errorf("an account without the service: %+v, %v", page, err)
		}
	}
}

// httptestDomainless is a domain service that knows no services.
func httptestDomainless(t *testing.T) string {
	server := httptest.NewServer(providertest.Says(404, `{}`))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDirectoryShapes(t *testing.T) {
	for body, want := range map[string]int{`[]`: 0, `[{"id":1},{"name":"no id"},7]`: 1, `{"users":[{"id":"1"}]}`: 1, `{"items":[]}`: 0, `{"x":1}`: -1, `7`: -1, `x`: -1} {
		s, err := pure().Snapshot(doc(kindUsers, "", body))
		if (err != nil) != (want < 0) || err == nil && len(s.Agents) != want {
			t.Errorf("%s: %d agents, %v", body, len(s.Agents), err)
		}
	}
}
