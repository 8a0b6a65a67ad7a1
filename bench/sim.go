package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"time"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// simulated is the configuration of the process that simulates the platform.
type simulated struct {
	World World `json:"world"`
	Site  Site  `json:"site"`
	// Account says which requests are necessary.
	Account Account `json:"account"`
}

// announced is the first line of its output.
type announced struct {
	URL       string `json:"url"`     // of the platform
	Control   string `json:"control"` // for requests of the bench itself
	Necessary int64  `json:"necessary"`
}

// simulate serves until in ends, which happens when the bench ends.
func simulate(config simulated, in io.Reader, out io.Writer) error {
	corpus := config.World.corpus()
	throttle := chatwoot.Throttle{PerSecond: config.Site.Budget, Burst: config.Site.burst(), Headers: config.Site.Headers}
	site := chatwoot.New(corpus, chatwoot.Options{Latency: config.Site.latency(), Uneven: config.Site.Uneven, Throttle: throttle})
	var handler http.Handler = site
	if config.Site.Errors > 0 {
		handler = (&simulator.Faults{Seed: seed, Probability: config.Site.Errors, Kinds: []simulator.Fault{simulator.ServerError}}).Wrap(site)
	}
	r := &recorder{now: time.Now, repeats: config.Site.Repeats, halveAt: config.Site.HalveAt}
	r.halve = func() {
		throttle.PerSecond /= 2
		throttle.Burst = max(1, throttle.Burst/2)
		site.SetThrottle(throttle)
	}
	necessary, err := necessaryRequests(corpus, config.Account)
	if err != nil {
		return err
	}
	platform, err := simulator.Serve("127.0.0.1:0", r.wrap(handler))
	if err != nil {
		return err
	}
	control, err := simulator.Serve("127.0.0.1:0", r.control())
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(announced{platform.URL, control.URL, necessary}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // do not wait for requests in flight
	_, _ = platform.Close(ctx), control.Close(ctx)
	return err
}

// The pages of the platform.
const (
	listPage    = 25
	contactPage = 15
	surveyPage  = 25
	// windowRows is how many messages one answer may have.
	windowRows = 1000
)

// necessaryRequests is the smallest number of requests for a complete copy of the account: one for the messages of every conversation, one more for
// every further thousand of them, those for what else the options ask for, and two for every page of the list and of the directory, because two answers must agree
// (docs/protocol.md, "Who witnesses a list").
func necessaryRequests(corpus *simulator.Corpus, a Account) (int64, error) {
	pages := func(rows, page int) int64 { return int64((rows + page - 1) / page) }
	var n int64
	for i := range corpus.Len() {
		n += a.each() + max(1, pages(corpus.Outline(i).Messages, windowRows-1))
	}
	contacts, surveys, err := directorySize(chatwoot.New(corpus, chatwoot.Options{}))
	// Agents, inboxes, teams, labels and two kinds of fields are one page each. Paged lists end with an empty page.
	lists := pages(corpus.Len(), listPage) + 6 + pages(contacts, contactPage) + 1 + pages(surveys, surveyPage) + 1
	return n + 2*lists, err
}

// directorySize asks a site for the lengths of its paged lists.
func directorySize(site http.Handler) (contacts, surveys int, err error) {
	ask := func(path string, into any) {
		r := httptest.NewRequest("GET", "/api/v1/accounts/1/"+path, nil)
		r.Header.Set("api_access_token", chatwoot.AdministratorToken)
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if err == nil && w.Code != http.StatusOK {
			err = fmt.Errorf("ask the site for %s: status %d", path, w.Code)
		}
		if err == nil {
			err = json.Unmarshal(w.Body.Bytes(), into)
		}
	}
	var list struct{ Meta struct{ Count int } }
	var metrics struct {
		Total int `json:"total_count"`
	}
	ask("contacts?page=1", &list)
	ask("csat_survey_responses/metrics", &metrics)
	return list.Meta.Count, metrics.Total, err
}

// cpuOfSelf is this process's processor time so far.
func cpuOfSelf() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// simulateMain is the role of the process that simulates.
func simulateMain(config string) error {
	var c simulated
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	return simulate(c, os.Stdin, os.Stdout)
}
