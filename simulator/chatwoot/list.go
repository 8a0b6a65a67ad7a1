package chatwoot

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// query is the parameters of a request for a list.
type query struct {
	status   string // as sent
	inbox    int64
	team     int64
	labels   []string
	text     string
	assignee string
	sort     string
	within   time.Duration // 0 means no limit
	person   int64
}

// selection is the result of a query: indexes into Site.entries, in order, and the counts before the assignee filter.
type selection struct {
	places []int32
	counts counts
}

type counts struct{ mine, assigned, unassigned, all int }

func (c *counts) add(e entry, me int64) {
	c.all++
	if e.agent == 0 {
		c.unassigned++
		return
	}
	c.assigned++
	if int64(e.agent) == me {
		c.mine++
	}
}

// stateNames are the platform's words in the order of states.
var stateNames = []string{"open", "resolved", "pending", "snoozed"}

func number(r *http.Request, key string) int64 {
	n, _ := strconv.ParseInt(r.FormValue(key), 10, 64)
	return n
}

func pageOf(r *http.Request) int { return max(1, int(number(r, "page"))) }

func (s *Site) queryOf(r *http.Request) query {
	q := query{
		status:   r.FormValue("status"),
		inbox:    number(r, "inbox_id"),
		team:     number(r, "team_id"),
		labels:   r.Form["labels[]"],
		text:     r.FormValue("q"),
		assignee: r.FormValue("assignee_type"),
		sort:     r.FormValue("sort_by"),
	}
	if !s.options.NoUpdatedWithin {
		q.within = time.Duration(number(r, "updated_within")) * time.Second
	}
	if q.text != "" {
		q.status = "all"
	}
	if q.status == "" {
		q.status = "open"
	}
	return q
}

// conversations is GET conversations.
func (s *Site) conversations(w http.ResponseWriter, r *http.Request, c caller) {
	q := s.queryOf(r)
	if _, ok := s.corpus.GroupByID(q.team); q.team != 0 && !ok {
		notFound(w)
		return
	}
	size := s.options.PageSize
	skip := (pageOf(r) - 1) * size
	if q.within > 0 {
		skip, size = 0, 1<<31
	}
	rows, n := s.find(q, c, skip, size)
	b := &writer{b: make([]byte, 0, 4096*(len(rows)+1))}
	b.open('{')
	b.object("data")
	n.write(b, true)
	s.payload(b, rows)
	b.close('}')
	b.close('}')
	send(w, b)
}

// conversationsMeta is GET conversations/meta.
func (s *Site) conversationsMeta(w http.ResponseWriter, r *http.Request, c caller) {
	_, n := s.find(s.queryOf(r), c, 0, 0)
	var b writer
	b.open('{')
	n.write(&b, true)
	b.close('}')
	send(w, &b)
}

// write writes the member meta. The filter's answer lacks the count of assigned conversations.
func (c counts) write(b *writer, assigned bool) {
	b.object("meta")
	b.key("mine_count").int(int64(c.mine))
	if assigned {
		b.key("assigned_count").int(int64(c.assigned))
	}
	b.key("unassigned_count").int(int64(c.unassigned))
	b.key("all_count").int(int64(c.all))
	b.close('}')
}

func (s *Site) payload(b *writer, rows []listed) {
	b.array("payload")
	for _, row := range rows {
		b.raw(s.row(row))
	}
	b.close(']')
}

// listed is a conversation at the time when a list was made.
type listed struct {
	number int64
	index  int32             // in the corpus
	thread *simulator.Thread // nil if unchanged since the corpus
}

// find returns size rows of the result of a query. One answer reflects one moment, as with a database.
func (s *Site) find(q query, c caller, skip, size int) ([]listed, counts) {
	key := q.key(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	list, ok := s.lists[key]
	if !ok || q.within > 0 {
		list = s.choose(q, c)
		if len(s.lists) > 16 {
			clear(s.lists)
		}
		s.lists[key] = list
	}
	if skip < 0 || skip >= len(list.places) {
		return nil, list.counts
	}
	places := list.places[skip:]
	places = places[:min(size, len(places))]
	rows := make([]listed, len(places))
	for i, p := range places {
		e := s.entries[p]
		rows[i] = listed{number: int64(e.number), index: e.index, thread: s.changed[int64(e.number)]}
	}
	return rows, list.counts
}

func (q query) key(c caller) string {
	return strings.Join([]string{
		q.status, q.text, q.assignee, q.sort, strings.Join(q.labels, ","),
		strconv.FormatInt(q.inbox, 10), strconv.FormatInt(q.team, 10), strconv.FormatInt(q.person, 10),
		q.within.String(), string(c.role),
	}, "\x00")
}

// choose answers a query. The caller holds s.mu.
func (s *Site) choose(q query, c caller) selection {
	var list selection
	since := s.options.Now().Add(-q.within).UnixMicro()
	state := slices.Index(stateNames, q.status)
	for p, e := range s.entries {
		switch {
		case q.status != "all" && int(e.state) != state,
			q.inbox != 0 && int64(e.inbox) != q.inbox,
			q.team != 0 && int64(e.team) != q.team,
			q.person != 0 && int64(e.person) != q.person,
			!c.sees(int64(e.inbox)),
			len(q.labels) > 0 && !s.labelled(e, q.labels),
			q.text != "" && !s.mentions(e, q.text):
			continue
		}
		list.counts.add(e, c.agent)
		if q.within > 0 && e.updated <= since { // not in the counts
			continue
		}
		switch q.assignee {
		case "me":
			if int64(e.agent) != c.agent {
				continue
			}
		case "assigned":
			if e.agent == 0 {
				continue
			}
		case "unassigned":
			if e.agent != 0 {
				continue
			}
		}
		list.places = append(list.places, int32(p))
	}
	s.sort(list.places, q.sort)
	return list
}

func (s *Site) current(e entry) simulator.Thread {
	if t := s.changed[int64(e.number)]; t != nil {
		return *t
	}
	return s.corpus.Thread(int(e.index))
}

func (s *Site) labelled(e entry, labels []string) bool {
	tags := s.current(e).Tags
	return slices.ContainsFunc(labels, func(l string) bool { return slices.Contains(tags, l) })
}

func (s *Site) mentions(e entry, text string) bool {
	t := s.current(e)
	for j := range t.Len() {
		m := t.Message(j)
		if (m.Kind == simulator.In || m.Kind == simulator.Out) && m.Text != nil &&
			strings.Contains(strings.ToLower(*m.Text), strings.ToLower(text)) {
			return true
		}
	}
	return false
}

// sort orders indexes as sort_by says; an unknown word means the default. Equal rows stay in the order of creation.
func (s *Site) sort(places []int32, by string) {
	by = cmp.Or(map[string]string{
		"latest": "last_activity_at_desc", "sort_on_created_at": "created_at_asc",
		"sort_on_priority": "priority_desc", "sort_on_waiting_since": "waiting_since_asc",
	}[by], by)
	order := func(a, b entry) int { return -cmp.Compare(a.activity, b.activity) }
	switch by {
	case "created_at_asc":
		return // in this order already
	case "created_at_desc":
		order = func(a, b entry) int { return -cmp.Compare(a.created, b.created) }
	case "last_activity_at_asc":
		order = func(a, b entry) int { return cmp.Compare(a.activity, b.activity) }
	case "priority_asc":
		order = func(a, b entry) int { return cmp.Compare(a.priority, b.priority) }
	case "priority_desc", "priority_desc_created_at_asc":
		order = func(a, b entry) int { return -cmp.Compare(a.priority, b.priority) }
	case "waiting_since_asc":
		order = func(a, b entry) int { return s.current(a).WaitingSince.Compare(s.current(b).WaitingSince) }
	case "waiting_since_desc":
		order = func(a, b entry) int { return s.current(b).WaitingSince.Compare(s.current(a).WaitingSince) }
	}
	slices.SortStableFunc(places, func(a, b int32) int { return order(s.entries[a], s.entries[b]) })
}
