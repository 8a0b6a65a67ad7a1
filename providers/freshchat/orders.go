package freshchat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// The reports that list conversations.
const (
	eventTranscript = "Chat-Transcript"
	eventCreated    = "Conversation-Created"
)

// The platform's limits, as quoted from the vendor's page in the documentation of a dashboard: a report covers at most 24 hours for
// transcripts and at most a month for all other events; one order a minute; 120 orders a day for each event; links expire after about
// an hour. It is not known whether the platform counts by account or by token. We count by account.
const (
	ordersPerMinute = 1
	ordersPerDay    = 120
	linkLife        = 45 * time.Minute
	firstPoll       = 2 * time.Second  // between the first two polls of a report; each wait is twice the one before,
	longestPoll     = 30 * time.Second // up to this one. It is not known how long the platform takes
	maxFailures     = 5                // failed reports of a segment before it is given up
)

// order is one report over a window.
type order struct {
	event string
	schemas.Window
}

func (o order) op() string {
	return fmt.Sprintf("report %s from %s", o.event, o.From.UTC().Format(time.RFC3339))
}

// orderEach returns an order of a report for each window.
func orderEach(event string, windows []schemas.Window) []order {
	var all []order
	for _, w := range windows {
		all = append(all, order{event, w})
	}
	return all
}

// months cuts a window into parts of at most a month, whichever way the platform measures a month.
func months(w schemas.Window) []schemas.Window {
	const shortest = 28 // days of the shortest month
	return cutWindow(w, func(from time.Time) time.Time {
		if from.Day() > shortest {
			return from.AddDate(0, 0, shortest)
		}
		return from.AddDate(0, 1, 0)
	})
}

var (
	errTooSoon = errors.New("the platform's clock has not reached the end of the report's window")
	errOrders  = errors.New("the platform accepts no more orders of reports now")
	errOrder   = errors.New("the platform refuses the report; the window may be too old (about 15 months are kept), or the account's plan does not include the report")
)

// placeOrder orders a report, if the quotas allow it, and returns its id. For a list of changes, an order that the platform got before the
// end of the report's window does not count.
func (a *account) placeOrder(ctx context.Context, o order, changes bool) (string, error) {
	if err := a.takeQuotas(ctx, o.event, changes); err != nil {
		return "", err
	}
	// "Extract": POST /reports/raw answers 202 with the id. The end is inclusive in the vendor's sample.
	const layout = "2006-01-02T15:04:05.000Z"
	op := "order " + o.op()
	answer, err := a.do(ctx, rest.Request{Op: op, Method: http.MethodPost, Path: root + "/reports/raw", OwnQuota: true, JSON: map[string]string{
		"start": o.From.UTC().Format(layout), "end": o.To.Add(-time.Millisecond).UTC().Format(layout), "event": o.event, "format": "csv",
	}})
	switch {
	case rest.Gone(err):
		return "", &providers.Error{Kind: providers.NotFound, Op: op, Status: answer.Status, Err: errNoAccount}
	case rest.StatusOf(err) == http.StatusTooManyRequests:
		return "", &providers.Error{Kind: providers.Throttled, Op: op, Status: answer.Status, After: cmp.Or(answer.After, time.Minute), Err: errOrders}
	case rest.StatusOf(err) == http.StatusBadRequest:
		return "", &providers.Error{Kind: providers.Malformed, Op: op, Status: answer.Status, Err: errOrder}
	case err != nil:
		return "", err
	}
	if at, err := http.ParseTime(answer.Header.Get("Date")); changes && err == nil && at.Before(o.To) {
		return "", &providers.Error{Kind: providers.Pending, Op: op, After: o.To.Sub(at), Err: errTooSoon}
	}
	return orderID(op, answer.Body)
}

// orderID returns the id of an ordered report. The vendor's own sample has the names Id and Href, other people's code reads id and
// href.
func orderID(op string, body []byte) (string, error) {
	o, err := wire.ParseObject(body)
	if err != nil {
		return "", rest.Malformed(op, err)
	}
	id := wire.Word(anyCase(o, "id"))
	if id == "" {
		href := wire.Word(anyCase(wire.Fields(anyCase(o, "link")), "href"))
		id = href[strings.LastIndexByte(href, '/')+1:]
	}
	const longest = 64
	if id == "" || len(id) > longest {
		return "", rest.Malformed(op, errors.New("the answer contains no valid id of the report"))
	}
	return id, nil
}

// anyCase returns the member with a name, ignoring case.
func anyCase(o object, name string) value {
	if v, ok := o[name]; ok {
		return v
	}
	for key, v := range o {
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return nil
}

// quotas returns the quotas that a report of an event counts towards.
func (o options) quotas(event string) []providers.Quota {
	var all []providers.Quota
	if o.perMinute > 0 {
		all = append(all, providers.Quota{Name: "reports", Limits: []providers.Limit{{Uses: o.perMinute, Per: time.Minute}}})
	}
	if o.perDay > 0 {
		all = append(all, providers.Quota{Name: "reports-" + event, Limits: []providers.Limit{{Uses: o.perDay, Per: 24 * time.Hour}}})
	}
	return all
}

func (a *account) takeQuotas(ctx context.Context, event string, changes bool) error {
	if a.take == nil {
		return nil
	}
	for _, quota := range a.quotas(event) {
		quota.Changes = changes
		if err := a.take(ctx, quota); err != nil {
			return err
		}
	}
	return nil
}

// linkCache keeps the links of reports that are ready until the links expire, and how often the others were polled.
type linkCache struct {
	mu    sync.Mutex
	ready map[string]readyReport
	polls map[string]int // of reports that are not ready
}

type readyReport struct {
	links []string
	at    time.Time
}

func (r *linkCache) get(id string) ([]string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.ready[id]
	return found.links, ok && time.Since(found.at) < linkLife
}

// mostReports is how many reports are remembered. Forgetting one costs a poll.
const mostReports = 1000

// pollAfter notes a poll of a report that is not ready, and returns how long to wait for the next one.
func (r *linkCache) pollAfter(id string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.polls == nil || len(r.polls) > mostReports {
		r.polls = map[string]int{}
	}
	wait := firstPoll << min(r.polls[id], 10)
	r.polls[id]++
	return min(wait, longestPoll)
}

func (r *linkCache) put(id string, links []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.polls, id)
	if r.ready == nil || len(r.ready) > mostReports {
		r.ready = map[string]readyReport{}
	}
	r.ready[id] = readyReport{links, time.Now()}
}

func (r *linkCache) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ready, id)
}

// errFailed means that the platform could not make a report, or no longer knows it. It must be ordered again.
var errFailed = errors.New("the platform could not make the report")

// links returns the links of a report's files. While the platform makes the report, the error is Pending; if it never will be ready,
// the error is errFailed.
func (a *account) links(ctx context.Context, o order, id string) ([]string, error) {
	if links, ok := a.linkCache.get(id); ok {
		return links, nil
	}
	op := "poll " + o.op()
	// "Extract": GET /reports/raw/{id}. The href in the answer to the order lacks /v2, so the path is built from the id.
	answer, err := a.get(ctx, op, "/reports/raw/"+url.PathEscape(id), nil)
	if rest.Gone(err) {
		return nil, errFailed
	}
	if err != nil {
		return nil, err
	}
	links, err := readState(answer.Body)
	var pending *providers.Error
	switch {
	case errors.As(err, &pending):
		pending.Op, pending.Status, pending.After = op, answer.Status, a.linkCache.pollAfter(id)
		return nil, pending
	case errors.Is(err, errFailed):
		return nil, err
	case err != nil:
		return nil, rest.Malformed(op, err)
	}
	a.linkCache.put(id, links)
	return links, nil
}

// readState reads a report's state. Only COMPLETED, PENDING and FAILED have been seen; any state other than COMPLETED and FAILED counts
// as pending.
func readState(body []byte) ([]string, error) {
	o, err := wire.ParseObject(body)
	if err != nil {
		return nil, err
	}
	status := strings.ToUpper(wire.Word(o["status"]))
	switch status {
	case "":
		return nil, wire.ErrShape
	case "COMPLETED":
	case "FAILED":
		return nil, errFailed
	default:
		return nil, &providers.Error{Kind: providers.Pending, Err: errors.New("the platform is still making the report")}
	}
	var links []string
	for _, v := range wire.Items(o["links"]) {
		entry := wire.Fields(v)
		switch strings.ToUpper(wire.Word(entry["status"])) {
		case "FAILED":
			return nil, errFailed
		case "PENDING", "IN_PROGRESS":
			return nil, &providers.Error{Kind: providers.Pending, Err: errors.New("the platform is still making a file of the report")}
		}
		href := wire.Word(wire.Fields(entry["link"])["href"])
		if href == "" {
			href = wire.Word(entry["href"])
		}
		if href == "" {
			return nil, errors.New("a file of the report has no link")
		}
		links = append(links, href)
	}
	return links, nil
}
