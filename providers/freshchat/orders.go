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

// The reports that conversations are found by.
const (
	eventTranscript = "Chat-Transcript"
	eventCreated    = "Conversation-Created"
)

// What the platform allows (quoted from the vendor's page in a dashboard's documents): a window of 24 hours for
// transcripts and of a month for all other events, one order a minute, 120 orders a day for each event, links that live
// for about an hour. Whether an account or a token is counted is not known; we count accounts.
const (
	maxTranscript   = 24 * time.Hour
	ordersPerMinute = 1
	ordersPerDay    = 120
	linkLife        = 45 * time.Minute
	pollAfter       = 30 * time.Second
	maxAgain        = 5 // reports of a segment that may fail before it is given up
)

// order is one report over [from, to).
type order struct {
	event    string
	from, to time.Time
}

func (o order) op() string {
	return fmt.Sprintf("report %s from %s", o.event, o.from.UTC().Format(time.RFC3339))
}

// daily cuts a window at midnight UTC, as the platform does with its files.
func daily(event string, w schemas.Window) []order {
	var all []order
	for from := w.From.UTC(); from.Before(w.To); {
		to := from.Truncate(maxTranscript).Add(maxTranscript)
		if to.After(w.To) {
			to = w.To.UTC()
		}
		all = append(all, order{event, from, to})
		from = to
	}
	return all
}

// monthly cuts a window into parts that are no longer than a month however months are counted.
func monthly(event string, w schemas.Window) []order {
	const safe = 28 // days that every month has
	var all []order
	for from := w.From.UTC(); from.Before(w.To); {
		to := from.AddDate(0, 1, 0)
		if from.Day() > safe {
			to = from.AddDate(0, 0, safe)
		}
		if to.After(w.To) {
			to = w.To.UTC()
		}
		all = append(all, order{event, from, to})
		from = to
	}
	return all
}

var (
	errOrders = errors.New("the platform takes no more orders of reports now")
	errOrder  = errors.New("the platform refuses the order: the time may be too long ago (about 15 months are kept), or the plan has no such report")
)

// place orders a report, when the quotas allow it, and gives back its id.
func (a *account) place(ctx context.Context, o order) (string, error) {
	if err := a.quota(ctx, o.event); err != nil {
		return "", err
	}
	// "Extract": POST /reports/raw, answered 202 with the id; the window's end is inclusive in the vendor's sample.
	const layout = "2006-01-02T15:04:05.000Z"
	op := "order " + o.op()
	answer, err := a.do(ctx, rest.Request{Op: op, Method: http.MethodPost, Path: root + "/reports/raw", OwnQuota: true, JSON: map[string]string{
		"start": o.from.UTC().Format(layout), "end": o.to.Add(-time.Millisecond).UTC().Format(layout), "event": o.event, "format": "csv",
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
	return orderID(op, answer.Body)
}

// orderID is the report's id; the vendor's own sample writes Id and Href, code reads id and href.
func orderID(op string, body []byte) (string, error) {
	o, err := only(body)
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
		return "", rest.Malformed(op, errors.New("the answer has no id of the report"))
	}
	return id, nil
}

// anyCase is a member under a name in any case.
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

// quotas are those that a report of an event takes from.
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

func (a *account) quota(ctx context.Context, event string) error {
	if a.take == nil {
		return nil
	}
	for _, quota := range a.quotas(event) {
		if err := a.take(ctx, quota); err != nil {
			return err
		}
	}
	return nil
}

// orders remembers the links of reports that are ready, as long as they live.
type orders struct {
	mu    sync.Mutex
	ready map[string]ready
}

type ready struct {
	links []string
	at    time.Time
}

func (r *orders) get(id string) ([]string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.ready[id]
	return found.links, ok && time.Since(found.at) < linkLife
}

func (r *orders) put(id string, links []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	const most = 1000
	if r.ready == nil || len(r.ready) > most {
		r.ready = map[string]ready{}
	}
	r.ready[id] = ready{links, time.Now()}
}

func (r *orders) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ready, id)
}

// errFailed says that the platform could not make a report, or does not know it any more: it has to be ordered again.
var errFailed = errors.New("the platform did not make the report")

// links are the links of a report's files. It is a Pending error while the report is being made, and errFailed where it
// never will be.
func (a *account) links(ctx context.Context, o order, id string) ([]string, error) {
	if links, ok := a.orders.get(id); ok {
		return links, nil
	}
	op := "poll " + o.op()
	// "Extract": GET /reports/raw/{id}. The href of the order has no /v2, so the address is built from the id.
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
		pending.Op, pending.Status = op, answer.Status
		return nil, pending
	case errors.Is(err, errFailed):
		return nil, err
	case err != nil:
		return nil, rest.Malformed(op, err)
	}
	a.orders.put(id, links)
	return links, nil
}

// readState reads a report's state. Of the states only COMPLETED, PENDING and FAILED were seen; all but the first and the
// last are taken to pass.
func readState(body []byte) ([]string, error) {
	o, err := only(body)
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
		return nil, &providers.Error{Kind: providers.Pending, After: pollAfter, Err: errors.New("the report is being made")}
	}
	var links []string
	for _, v := range wire.Items(o["links"]) {
		entry := wire.Fields(v)
		switch strings.ToUpper(wire.Word(entry["status"])) {
		case "FAILED":
			return nil, errFailed
		case "PENDING", "IN_PROGRESS":
			return nil, &providers.Error{Kind: providers.Pending, After: pollAfter, Err: errors.New("a file of the report is being made")}
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
