package chatwoot

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

const reportsPerPage = 25

// internalID is the id that only reporting events use.
func internalID(t simulator.Thread) int64 { return 88_000 + 3*t.Number }

// An event is one reporting event.
type event struct {
	id       int64
	name     string
	from, to time.Time
	t        simulator.Thread
}

// events are the reporting events of a conversation, the oldest first.
func events(t simulator.Thread) []event {
	var all []event
	if !t.FirstReplyAt.IsZero() {
		all = append(all, event{2 * t.Number, "first_response", t.CreatedAt, t.FirstReplyAt, t})
	}
	if t.State == simulator.Closed {
		all = append(all, event{2*t.Number + 1, "conversation_resolved", t.CreatedAt, t.LastActivityAt, t})
	}
	return all
}

func (e event) value() float64 { return e.to.Sub(e.from).Seconds() }

func (e event) recordedAt() time.Time { return e.to.Add(5 * time.Millisecond) }

func (s *Site) event(b *writer, e event) {
	value := strconv.FormatFloat(e.value(), 'f', 1, 64) // Ruby prints floats with a fraction
	b.open('{')
	b.key("id").int(e.id)
	b.key("name").str(e.name)
	b.key("value").lit(value)
	b.key("value_in_business_hours").lit(value)
	b.key("event_start_time").str(iso(e.from))
	b.key("event_end_time").str(iso(e.to))
	b.key("account_id").int(s.options.AccountID)
	b.key("inbox_id").int(e.t.ChannelID)
	b.key("user_id")
	if e.t.Assignee.Kind == simulator.ByAgent {
		b.int(e.t.Assignee.ID)
	} else {
		b.null()
	}
	b.key("conversation_id").int(internalID(e.t))
	b.key("created_at").str(iso(e.recordedAt()))
	b.key("updated_at").str(iso(e.recordedAt()))
	b.close('}')
}

// reportingEvents is GET conversations/{id}/reporting_events.
func (s *Site) reportingEvents(w http.ResponseWriter, _ *http.Request, t simulator.Thread) {
	if !s.options.ReportingEvents {
		notFound(w)
		return
	}
	var b writer
	b.open('[')
	for _, e := range events(t) {
		s.event(&b, e)
	}
	b.close(']')
	send(w, &b)
}

// accountEvents is GET reporting_events: the newest first.
func (s *Site) accountEvents(w http.ResponseWriter, r *http.Request, c caller) {
	if !s.options.ReportingEvents {
		notFound(w)
		return
	}
	if !administrator(w, c) {
		return
	}
	since, until := number(r, "since"), number(r, "until")
	var all []event
	for _, t := range s.threads() {
		for _, e := range events(t) {
			at := e.recordedAt().Unix()
			if (since == 0 || at >= since) && (until == 0 || at < until) {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b event) int { return cmp.Or(b.to.Compare(a.to), cmp.Compare(b.id, a.id)) })
	page := pageOf(r)
	var b writer
	b.open('{')
	b.array("payload")
	for _, e := range slice(all, page, reportsPerPage) {
		s.event(&b, e)
	}
	b.close(']')
	b.object("meta")
	b.key("count").int(int64(len(all)))
	b.key("current_page").int(int64(page))
	b.key("total_pages").int(int64((len(all) + reportsPerPage - 1) / reportsPerPage))
	b.close('}')
	b.close('}')
	send(w, &b)
}

// threads are all conversations as they stand.
func (s *Site) threads() []simulator.Thread {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]simulator.Thread, len(s.entries))
	for i, e := range s.entries {
		all[i] = s.current(e)
	}
	return all
}

// A response is one answered survey.
type response struct {
	at      time.Time
	t       simulator.Thread
	message simulator.Message
}

// responses are the answered surveys in [since, until) of Unix seconds; one bound alone is ignored.
func (s *Site) responses(since, until int64) []response {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []response
	for _, e := range s.entries {
		if e.survey != simulator.Answered {
			continue
		}
		t := s.current(e)
		for j := t.Len() - 1; j >= 0; j-- {
			if t.Kind(j) != simulator.Template {
				continue
			}
			m := t.Message(j)
			at := m.CreatedAt.Add(time.Minute)
			if m.Survey == simulator.Answered && (since == 0 || until == 0 || at.Unix() >= since && at.Unix() < until) {
				all = append(all, response{at, t, m})
			}
		}
	}
	return all
}

// surveys is GET csat_survey_responses.
func (s *Site) surveys(w http.ResponseWriter, r *http.Request, c caller) {
	if !administrator(w, c) {
		return
	}
	all := s.responses(number(r, "since"), number(r, "until"))
	var b writer
	b.open('[')
	for _, a := range slice(all, pageOf(r), reportsPerPage) {
		person, _ := s.corpus.PersonByID(a.t.PersonID)
		b.open('{')
		b.key("id").int(900 + a.t.Number)
		b.key("rating").int(int64(a.message.Rating))
		b.key("feedback_message").str(a.message.Comment)
		if s.modern() {
			b.key("csat_review_notes").null()
			b.key("review_notes_updated_at").null()
		}
		b.key("account_id").int(s.options.AccountID)
		b.key("message_id").int(a.message.ID)
		b.key("contact")
		b.contact(person, false)
		b.key("conversation_id").int(a.t.Number)
		if agent, ok := s.corpus.AgentByID(a.t.Assignee.ID); ok && a.t.Assignee.Kind == simulator.ByAgent {
			b.key("assigned_agent")
			s.agent(&b, agent)
		}
		b.key("created_at").int(a.at.Unix())
		b.close('}')
	}
	b.close(']')
	send(w, &b)
}

// surveyMetrics is GET csat_survey_responses/metrics.
func (s *Site) surveyMetrics(w http.ResponseWriter, r *http.Request, c caller) {
	if !administrator(w, c) {
		return
	}
	all := s.responses(number(r, "since"), number(r, "until"))
	ratings := [6]int64{}
	for _, a := range all {
		ratings[a.message.Rating]++
	}
	s.mu.RLock()
	asked := int64(0)
	for _, e := range s.entries {
		if e.survey != simulator.NotAsked {
			asked++
		}
	}
	s.mu.RUnlock()
	var b writer
	b.open('{')
	b.key("total_count").int(int64(len(all)))
	b.object("ratings_count")
	for rating, n := range ratings {
		if n > 0 {
			b.key(strconv.Itoa(rating)).int(n)
		}
	}
	b.close('}')
	b.key("total_sent_messages_count").int(asked)
	b.close('}')
	send(w, &b)
}
