package freshchat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Reports describe how a site makes reports.
type Reports struct {
	// Polls is how often a job must be polled before it is complete.
	Polls int
	// Fail is how many of the first jobs fail.
	Fail int
	// PerMinute and PerDay are quotas of orders, PerDay for each event; 0 means none. The real site has 1 and 120.
	PerMinute, PerDay int
	// LinkLife is how long a link works, an hour if 0. Polling the job again gives new links.
	LinkLife time.Duration
	// Plain means that files are CSV and not archives.
	Plain bool
	// Numbers means that ids of jobs are numbers instead of UUIDs.
	Numbers bool
	// Capitals means Id and Href instead of id and href, as in the documentation's sample.
	Capitals bool
	// Untidy means that headers vary in order and case.
	Untidy bool
}

// jobList accepts orders of reports and keeps their jobs.
type jobList struct {
	mu     sync.Mutex
	jobs   map[string]*job
	orders map[string][]time.Time // times of orders by event; the empty key has all orders
}

// job is one report over [from, to], in milliseconds.
type job struct {
	id, event string
	number    int
	from, to  time.Time
	polls     int
	files     [][]byte
}

// events are the reports that the site can make, and the longest window of each.
var events = map[string]time.Duration{
	"Chat-Transcript": 24 * time.Hour, "Conversation-Created": month, "Conversation-Agent-Assigned": month,
	"Conversation-Group-Assigned": month, "Message-Sent": month, "First-Response-Time": month, "Response-Time": month,
	"Resolution-Time": month, "Conversation-Resolution-Label": month, "Conversation-Resolved": month, "CSAT-Score": month,
	"Agent-Activity": month, "Agent-Intelliassign-Activity": month,
}

const month = 31 * 24 * time.Hour

// order is POST /reports/raw.
func (s *Site) order(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Start, End, Event, Format string }
	if json.NewDecoder(r.Body).Decode(&asked) != nil {
		fail(w, http.StatusBadRequest, "INVALID_VALUE", "body")
		return
	}
	longest, known := events[asked.Event]
	from, err1 := time.Parse(time.RFC3339, asked.Start)
	to, err2 := time.Parse(time.RFC3339, asked.End)
	if !known || err1 != nil || err2 != nil || to.Before(from) || asked.Format != "csv" {
		fail(w, http.StatusBadRequest, "INVALID_VALUE", "event, start or end")
		return
	}
	if to.Sub(from) > longest {
		fail(w, http.StatusBadRequest, "INVALID_VALUE", "interval too long")
		return
	}
	wait := s.jobs.takeOrder(asked.Event, s.options.Reports, s.options.Now())
	if wait > 0 {
		s.stats.throttle()
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		fail(w, http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "Too Many Requests")
		return
	}
	j := s.jobs.open(asked.Event, from, to, s.options.Reports)
	href := "/reports/raw/" + j.id
	if s.options.Reports.Capitals {
		send(w, http.StatusAccepted, pairs{"Id", j.id, "link", pairs{"rel", "extracts", "Href", href}})
		return
	}
	send(w, http.StatusAccepted, pairs{"id", j.id, "link", pairs{"rel", "extracts", "href", href}})
}

// place counts an order against the quotas, or returns how long they are used up.
func (d *jobList) takeOrder(event string, r Reports, now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.orders == nil {
		d.orders = map[string][]time.Time{}
	}
	for name, limit := range map[string]struct {
		uses int
		per  time.Duration
	}{"": {r.PerMinute, time.Minute}, event: {r.PerDay, 24 * time.Hour}} {
		recent := slices.DeleteFunc(d.orders[name], func(at time.Time) bool { return now.Sub(at) >= limit.per })
		d.orders[name] = recent
		if limit.uses > 0 && len(recent) >= limit.uses {
			return limit.per - now.Sub(recent[0])
		}
	}
	if r.PerMinute > 0 || r.PerDay > 0 {
		d.orders[""] = append(d.orders[""], now)
		d.orders[event] = append(d.orders[event], now)
	}
	return 0
}

func (d *jobList) open(event string, from, to time.Time, r Reports) *job {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.jobs == nil {
		d.jobs = map[string]*job{}
	}
	n := len(d.jobs) + 1
	j := &job{id: uuid("job", int64(n)), event: event, number: n, from: from, to: to}
	if r.Numbers {
		j.id = "job-" + strconv.Itoa(n)
	}
	d.jobs[j.id] = j
	return j
}

func (d *jobList) find(id string) *job {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.jobs[id]
}

// poll is GET /reports/raw/{id}.
func (s *Site) poll(w http.ResponseWriter, r *http.Request) {
	j := s.jobs.find(r.PathValue("id"))
	if j == nil {
		fail(w, http.StatusNotFound, "NOT_FOUND", "report not found")
		return
	}
	s.jobs.mu.Lock()
	j.polls++
	waiting := j.polls <= s.options.Reports.Polls
	s.jobs.mu.Unlock()
	interval := j.from.Format("2006-01-02 15:04:05.0") + " " + j.to.Format("2006-01-02 15:04:05.0")
	switch {
	case j.number <= s.options.Reports.Fail:
		send(w, http.StatusOK, pairs{"id", j.id, "status", "FAILED", "links", []any{}})
	case waiting:
		send(w, http.StatusOK, pairs{"id", j.id, "status", []string{"PENDING", "IN_PROGRESS"}[j.number%2], "interval", interval, "links", []any{}})
	default:
		send(w, http.StatusOK, pairs{"id", j.id, "status", "COMPLETED", "interval", interval, "links", s.links(r, j)})
	}
}

// links are the pre-signed addresses of a job's files.
func (s *Site) links(r *http.Request, j *job) []any {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	var all []any
	for n, part := range j.parts() {
		href := fmt.Sprintf("%s://%s/extracts/%s/%d.zip?X-Amz-Expires=3600&X-Amz-Date=%d&X-Amz-Signature=ab",
			scheme, r.Host, j.id, n, s.options.Now().UnixMilli())
		all = append(all, pairs{
			"link", pairs{"rel", "extraction", "href", href},
			"from", part[0].Format("2006-01-02T15:04:05"), "to", part[1].Format("2006-01-02T15:04:05"), "status", "COMPLETED",
		})
	}
	return all
}

// parts are the time ranges of a job's files: a job is split once, at the first midnight.
func (j *job) parts() [][2]time.Time {
	midnight := j.from.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	if j.from.Equal(midnight.Add(-24*time.Hour)) || !midnight.Before(j.to) {
		return [][2]time.Time{{j.from, j.to}}
	}
	return [][2]time.Time{{j.from, midnight.Add(-time.Millisecond)}, {midnight, j.to}}
}

// extract is the store of the reports' files. It refuses requests with a token in addition to the signature, and expired
// links.
func (s *Site) extract(w http.ResponseWriter, r *http.Request) {
	s.stats.count("extracts", s.options.Now())
	refuse := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code></Error>", code)
	}
	j := s.jobs.find(r.PathValue("job"))
	n, err := strconv.Atoi(strings.TrimSuffix(r.PathValue("file"), ".zip"))
	if j == nil || err != nil || n < 0 || n >= len(j.parts()) {
		refuse(http.StatusNotFound, "NoSuchKey")
		return
	}
	if r.Header.Get("Authorization") != "" {
		refuse(http.StatusBadRequest, "InvalidArgument")
		return
	}
	life := s.options.Reports.LinkLife
	if life == 0 {
		life = time.Hour
	}
	made, err := strconv.ParseInt(r.URL.Query().Get("X-Amz-Date"), 10, 64)
	if err != nil || s.options.Now().Sub(time.UnixMilli(made)) >= life {
		refuse(http.StatusForbidden, "AccessDenied")
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	_, _ = w.Write(s.files(j)[n])
}

// files are made once, because a finished report does not change.
func (s *Site) files(j *job) [][]byte {
	s.jobs.mu.Lock()
	made := j.files
	s.jobs.mu.Unlock()
	if made != nil {
		return made
	}
	for _, part := range j.parts() {
		made = append(made, s.file(j, s.table(j.event, part[0], part[1])))
	}
	s.jobs.mu.Lock()
	defer s.jobs.mu.Unlock()
	if j.files == nil {
		j.files = made
	}
	return j.files
}
