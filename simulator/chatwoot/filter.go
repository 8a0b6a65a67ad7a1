package chatwoot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// A condition is one element of a filter's payload.
type condition struct {
	Key      string  `json:"attribute_key"`
	Operator string  `json:"filter_operator"`
	Values   []any   `json:"values"`
	Query    *string `json:"query_operator"`
}

var (
	equality = []string{"equal_to", "not_equal_to"}
	presence = []string{"equal_to", "not_equal_to", "is_present", "is_not_present"}
	words    = []string{"equal_to", "not_equal_to", "contains", "does_not_contain"}
	dates    = []string{"is_greater_than", "is_less_than", "days_before"}
)

// filterKeys are the keys that conversations can be filtered by, in the order in which the error for an unknown key lists them.
var filterKeys = []struct {
	key       string
	operators []string
}{
	{"status", equality}, {"assignee_id", presence}, {"inbox_id", presence}, {"team_id", presence},
	{"contact_id", presence}, {"priority", equality}, {"display_id", words}, {"campaign_id", presence},
	{"labels", presence}, {"browser_language", equality}, {"conversation_language", equality}, {"referer", words},
	{"created_at", dates}, {"last_activity_at", dates}, {"mail_subject", words},
}

// conversationsFilter is POST conversations/filter.
func (s *Site) conversationsFilter(w http.ResponseWriter, r *http.Request, c caller) {
	var body struct {
		Payload []condition `json:"payload"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil || len(body.Payload) == 0 {
		w.WriteHeader(http.StatusInternalServerError) // as the real site does
		return
	}
	for _, cond := range body.Payload {
		if problem := s.violation(cond); problem != "" {
			fail(w, http.StatusUnprocessableEntity, problem)
			return
		}
	}
	rows, n := s.filtered(body.Payload, c, (pageOf(r)-1)*s.options.PageSize)
	var b writer
	b.open('{')
	n.write(&b, false)
	s.payload(&b, rows)
	b.close('}')
	send(w, &b)
}

// violation describes what is wrong with a condition; it checks values before keys.
func (s *Site) violation(c condition) string {
	if c.Query != nil && !slices.Contains([]string{"AND", "OR", "and", "or"}, *c.Query) {
		return `Query operator must be either "AND" or "OR".`
	}
	if c.Operator == "is_greater_than" || c.Operator == "is_less_than" {
		if _, err := time.Parse(time.DateOnly, c.text()); err != nil || !slices.Contains([]string{"created_at", "last_activity_at"}, c.Key) {
			return fmt.Sprintf("Invalid value. The values provided for %s are invalid", c.Key)
		}
	}
	var keys []string
	for _, k := range filterKeys {
		if k.key == c.Key {
			if slices.Contains(k.operators, c.Operator) {
				return ""
			}
			return fmt.Sprintf("Invalid operator. The allowed operators for %s are [%s].", c.Key, strings.Join(k.operators, ","))
		}
		keys = append(keys, k.key)
	}
	if slices.ContainsFunc(s.corpus.Fields(), func(f simulator.Field) bool { return f.Key == c.Key && !f.OfPerson }) {
		return ""
	}
	return fmt.Sprintf("Invalid attribute key - [%s]. The key should be one of [%s] or a custom attribute defined in the account.",
		c.Key, strings.Join(keys, ","))
}

// text is the first value of a condition.
func (c condition) text() string {
	if len(c.Values) == 0 {
		return ""
	}
	return fmt.Sprint(c.Values[0])
}

// filtered returns a page of the conversations that satisfy the conditions, latest activity first.
func (s *Site) filtered(conditions []condition, c caller, skip int) ([]listed, counts) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var n counts
	var places []int32
	for p, e := range s.entries {
		if c.sees(int64(e.inbox)) && s.satisfies(e, conditions) {
			n.add(e, c.agent)
			places = append(places, int32(p))
		}
	}
	s.sort(places, "")
	var rows []listed
	for _, p := range slice(places, skip/s.options.PageSize+1, s.options.PageSize) {
		e := s.entries[p]
		rows = append(rows, listed{int64(e.number), e.index, s.changed[int64(e.number)]})
	}
	return rows, n
}

// satisfies evaluates chained conditions from left to right.
func (s *Site) satisfies(e entry, conditions []condition) bool {
	result, or := true, false
	for _, c := range conditions {
		holds := s.holds(e, c)
		if or {
			result = result || holds
		} else {
			result = result && holds
		}
		or = c.Query != nil && strings.EqualFold(*c.Query, "OR")
	}
	return result
}

func (s *Site) holds(e entry, c condition) bool {
	switch c.Key {
	case "status":
		return c.oneOf(stateNames[e.state]) || c.text() == "all"
	case "assignee_id":
		return c.id(int64(e.agent))
	case "inbox_id":
		return c.id(int64(e.inbox))
	case "team_id":
		return c.id(int64(e.team))
	case "contact_id":
		return c.id(int64(e.person))
	case "campaign_id":
		return c.id(0)
	case "display_id":
		return c.oneOf(strconv.Itoa(int(e.number)))
	case "priority":
		return c.oneOf(priorities[e.priority])
	case "created_at":
		return c.date(e.created, s.options.Now())
	case "last_activity_at":
		return c.date(e.activity, s.options.Now())
	}
	t := s.current(e)
	if c.Key == "labels" {
		return c.anyOf(t.Tags)
	}
	for _, a := range append(slices.Clone(t.Additional), t.Custom...) {
		if a.Key == c.Key {
			return c.oneOf(fmt.Sprint(a.Value))
		}
	}
	return c.Operator == "not_equal_to" || c.Operator == "does_not_contain"
}

func (c condition) oneOf(v string) bool { return c.anyOf([]string{v}) }

// anyOf applies the operators for texts to a list of which one must match.
func (c condition) anyOf(list []string) bool {
	switch c.Operator {
	case "is_present":
		return len(list) > 0
	case "is_not_present":
		return len(list) == 0
	}
	part := c.Operator == "contains" || c.Operator == "does_not_contain"
	fits := slices.ContainsFunc(c.Values, func(want any) bool {
		return slices.ContainsFunc(list, func(v string) bool {
			return v == fmt.Sprint(want) || part && strings.Contains(strings.ToLower(v), strings.ToLower(fmt.Sprint(want)))
		})
	})
	return fits == (c.Operator == "equal_to" || c.Operator == "contains")
}

func (c condition) id(id int64) bool {
	if id == 0 {
		return c.anyOf(nil)
	}
	return c.oneOf(strconv.FormatInt(id, 10))
}

// date compares whole days in UTC, strictly.
func (c condition) date(at int64, now time.Time) bool {
	of := time.Unix(at, 0).UTC().Truncate(24 * time.Hour)
	if c.Operator == "days_before" {
		n, _ := strconv.Atoi(c.text())
		return of.Before(now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -n))
	}
	want, _ := time.Parse(time.DateOnly, c.text())
	if c.Operator == "is_less_than" {
		return of.Before(want)
	}
	return of.After(want)
}
