package liveperson

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// span is a time range; it accepts numbers as texts.
type span struct {
	From json.Number `json:"from"`
	To   json.Number `json:"to"`
}

// question is the body of a search.
type question struct {
	Start           *span           `json:"start"`
	End             *span           `json:"end"`
	Updated         *span           `json:"latestUpdateTime"`
	Status          []string        `json:"status"`
	Content         []string        `json:"contentToRetrieve"`
	ConversationID  string          `json:"conversationId"`
	ConversationIDs []string        `json:"conversationIds"`
	Rest            json.RawMessage `json:"-"`
}

const ten = 10 * 60 * 1000 // minutes, in milliseconds

// bounds are the bounds of a span, both inclusive, widened as the platform does.
func (s *Site) bounds(from, to int64) (int64, int64) {
	if s.options.NoRounding {
		return from, to
	}
	return from / ten * ten, (to + ten - 1) / ten * ten
}

var (
	sourceForm = regexp.MustCompile(`^[a-zA-Z0-9_]+$`)
	sortForm   = regexp.MustCompile(`^(start|end):(asc|desc)$`)
)

// paging reads and checks the parameters that all searches share.
func (s *Site) paging(w http.ResponseWriter, r *http.Request, sort string) (offset, limit int, order string, ok bool) {
	q := r.URL.Query()
	offset, err1 := strconv.Atoi(cmp.Or(q.Get("offset"), "0"))
	limit, err2 := strconv.Atoi(cmp.Or(q.Get("limit"), "50"))
	order = cmp.Or(q.Get("sort"), sort)
	switch {
	case err1 != nil || offset < 0:
		bad(w, "offset: must be greater than or equal to 0")
	case err2 != nil || limit < 1 || limit > 100:
		bad(w, "limit: must be less than or equal to 100")
	case len(q.Get("source")) > 20 || !sourceForm.MatchString(q.Get("source")):
		bad(w, "source: must be given, with at most 20 characters")
	case !sortForm.MatchString(order):
		bad(w, "sort: must be one of start and end")
	case s.options.OffsetWall > 0 && offset+limit > s.options.OffsetWall && s.options.WallIs400:
		bad(w, "Result window is too large")
	case s.options.OffsetWall > 0 && offset+limit > s.options.OffsetWall:
		send(w, http.StatusInternalServerError, obj{"internalCode": "0007", "message": "Elastic search exception"})
	default:
		if s.options.OneBased && offset > 0 {
			offset--
		}
		if s.options.PageLimit > 0 {
			limit = min(limit, s.options.PageLimit)
		}
		return offset, limit, order, true
	}
	return 0, 0, "", false
}

// search is POST conversations/search.
func (s *Site) search(w http.ResponseWriter, r *http.Request) {
	var q question
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Start == nil {
		bad(w, "start: must be given")
		return
	}
	offset, limit, order, ok := s.paging(w, r, "start:desc")
	if !ok {
		return
	}
	from, err1 := q.Start.From.Int64()
	to, err2 := q.Start.To.Int64()
	if err1 != nil || err2 != nil {
		bad(w, "start: must be two numbers")
		return
	}
	from, to = s.bounds(from, to)
	if time.UnixMilli(from).UTC().AddDate(0, 3, 0).Before(time.UnixMilli(to)) {
		bad(w, "start: the time interval must not exceed three months")
		return
	}
	updated := int64(0)
	if q.Updated != nil {
		updated, _ = q.Updated.From.Int64()
		updated = updated / ten * ten
	}
	found := s.find(order, func(e entry) bool {
		status := "CLOSE"
		if e.open {
			status = "OPEN"
		}
		return e.start >= from && e.start <= to && e.updated >= updated && (len(q.Status) == 0 || slices.Contains(q.Status, status))
	})
	partial := s.partial()
	if partial {
		found = found[:len(found)/2]
	}
	var records []any
	for _, e := range cut(found, offset, limit) {
		t, ok := s.thread(e.id)
		if ok {
			records = append(records, s.record(t, q.Content, r.URL.Query().Get("v"), true))
		}
	}
	s.answer(w, r, "_metadata", "conversationHistoryRecords", records, len(found), offset, limit, partial)
}

// partial answers every n-th search as if some shards of the search engine had not answered.
func (s *Site) partial() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Endpoints["searches"]++
	n := int64(s.options.PartialShards)
	return n > 0 && s.stats.Endpoints["searches"]%n == 0
}

// find returns the matching conversations in the search engine, in order.
func (s *Site) find(order string, fits func(entry) bool) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ripen()
	var found []entry
	for _, e := range s.entries {
		if !e.held && fits(e) {
			found = append(found, e)
		}
	}
	key := func(e entry) int64 { return e.start }
	if order[:3] == "end" {
		key = func(e entry) int64 { return e.end }
	}
	slices.SortStableFunc(found, func(a, b entry) int {
		x, y := key(a), key(b)
		if s.options.SortBySecond {
			x, y = x/1000, y/1000
			if x == y {
				return cmp.Compare(b.id, a.id)
			}
		}
		return cmp.Compare(x, y)
	})
	if order[len(order)-4:] == "desc" {
		slices.Reverse(found)
	}
	return found
}

func cut(found []entry, offset, limit int) []entry {
	offset = min(offset, len(found))
	return found[offset:min(offset+limit, len(found))]
}

// answer wraps records as the platform does. The links are dead.
func (s *Site) answer(w http.ResponseWriter, r *http.Request, meta, list string, records []any, count, offset, limit int, partial bool) {
	if len(records) == 0 && s.options.EmptyIs204 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	link := func(rel string, offset int) obj {
		return obj{"rel": rel, "href": fmt.Sprintf("http://localhost:8080%s?limit=%d&offset=%d", r.URL.Path, limit, offset)}
	}
	m := obj{"count": count, "self": link("self", offset), "shardsStatusResult": obj{"partialResult": partial}}
	if offset+limit < count {
		m["next"], m["last"] = link("next", offset+limit), link("last", (count-1)/limit*limit)
	}
	if s.options.NoCount {
		delete(m, "count")
	}
	if records == nil {
		records = []any{}
	}
	send(w, http.StatusOK, obj{meta: m, list: records})
}

// byID is POST conversations/conversation/search.
func (s *Site) byID(w http.ResponseWriter, r *http.Request) {
	var q question
	source := r.URL.Query().Get("source")
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		bad(w, "body: cannot be read")
		return
	}
	if q.ConversationID != "" {
		q.ConversationIDs = append(q.ConversationIDs, q.ConversationID)
	}
	if len(q.ConversationIDs) == 0 || len(q.ConversationIDs) > 100 {
		bad(w, "conversationIds: must be 1 to 100")
		return
	}
	if len(source) > 20 || !sourceForm.MatchString(source) {
		bad(w, "source: must be given, with at most 20 characters")
		return
	}
	alone := len(q.ConversationIDs) == 1
	var records []any
	for _, id := range slices.Backward(q.ConversationIDs) { // not in the order of the request
		t, ok := s.thread(id)
		if ok && (s.options.ByIDLimit == 0 || len(records) < s.options.ByIDLimit) {
			records = append(records, s.record(t, q.Content, r.URL.Query().Get("v"), !alone || s.options.AlwaysCut))
		}
	}
	if alone && len(records) == 0 && s.options.UnknownIs404 {
		fail(w, http.StatusNotFound, "Not found")
		return
	}
	s.answer(w, r, "_metadata", "conversationHistoryRecords", records, len(records), 0, 100, false)
}

// metadata is GET conversations/consumer/metadata/search, of one consumer.
func (s *Site) metadata(w http.ResponseWriter, r *http.Request, person int64) {
	offset, limit, order, ok := s.paging(w, r, "start:desc")
	if !ok {
		return
	}
	q := r.URL.Query()
	if q.Has("startFrom") != q.Has("startTo") {
		bad(w, "startFrom and startTo must be given together")
		return
	}
	now := s.options.Now()
	from, err1 := strconv.ParseInt(cmp.Or(q.Get("startFrom"), strconv.FormatInt(now.AddDate(0, -13, 0).UnixMilli(), 10)), 10, 64)
	to, err2 := strconv.ParseInt(cmp.Or(q.Get("startTo"), strconv.FormatInt(now.UnixMilli(), 10)), 10, 64)
	if err1 != nil || err2 != nil {
		bad(w, "startFrom: must be a number")
		return
	}
	from, to = s.bounds(from, to)
	if time.UnixMilli(from).UTC().AddDate(0, 13, 0).Before(time.UnixMilli(to)) {
		bad(w, "startFrom: the time interval must not exceed 13 months")
		return
	}
	states := regexp.MustCompile(`[a-zA-Z]+`).FindAllString(cmp.Or(q.Get("state"), "archive"), -1)
	found := s.find(order, func(e entry) bool {
		return e.person == person && e.start >= from && e.start <= to && slices.Contains(states, e.state())
	})
	partial := s.partial()
	if partial {
		found = found[:len(found)/2]
	}
	var records []any
	for _, e := range cut(found, offset, limit) {
		if t, ok := s.thread(e.id); ok {
			records = append(records, s.metadataRecord(t))
		}
	}
	s.answer(w, r, "_responseMetadata", "conversationHistoryMetadataRecords", records, len(found), offset, limit, partial)
}

// state is a conversation's state in the consumer's history: half of the ended ones are archived.
func (e entry) state() string {
	switch {
	case e.open:
		return "open"
	case e.number%2 == 0:
		return "archive"
	}
	return "close"
}

// content is GET conversations/conversation/content/search, of one consumer.
func (s *Site) content(w http.ResponseWriter, r *http.Request, person int64) {
	t, ok := s.thread(r.URL.Query().Get("conversationId"))
	if !ok || t.PersonID != person {
		fail(w, http.StatusNotFound, "Not found")
		return
	}
	send(w, http.StatusOK, obj{"messageEventRecords": s.contentRecords(t)})
}
