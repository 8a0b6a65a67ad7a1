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
func internalID(number int64) int64 { return 88_000 + 3*number }

// An event is one reporting event.
type event struct {
	id                     int64
	name                   string
	from, to               time.Time
	number, channel, agent int64 // of the conversation; agent is the agent who did it, 0 for none
}

// events are the reporting events of a conversation, oldest first.
func events(t simulator.Thread) []event {
	e := event{id: 2 * t.Number, from: t.CreatedAt, number: t.Number, channel: t.ChannelID}
	if t.Assignee.Kind == simulator.ByAgent {
		e.agent = t.Assignee.ID
	}
	var all []event
	if !t.FirstReplyAt.IsZero() {
		e.name, e.to = "first_response", t.FirstReplyAt
		all = append(all, e)
	}
	if t.State == simulator.Closed {
		e.id++
		e.name, e.to = "conversation_resolved", t.LastActivityAt
		all = append(all, e)
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
	b.key("inbox_id").int(e.channel)
	b.key("user_id").intOrNull(e.agent)
	b.key("conversation_id").int(internalID(e.number))
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

// accountEvents is GET reporting_events: newest first.
func (s *Site) accountEvents(w http.ResponseWriter, r *http.Request, c caller) {
	if !s.options.ReportingEvents {
		notFound(w)
		return
	}
	if !administrator(w, c) {
		return
	}
	since, until := number(r, "since"), number(r, "until")
	all := s.newestEvents()
	if since != 0 || until != 0 {
		all = slices.DeleteFunc(slices.Clone(all), func(e event) bool {
			at := e.recordedAt().Unix()
			return at < since || until != 0 && at >= until
		})
	}
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

// newestEvents are the reporting events of all conversations, newest first.
func (s *Site) newestEvents() []event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.derived.events == nil {
		for _, e := range s.entries {
			s.derived.events = append(s.derived.events, events(s.current(e))...)
		}
		slices.SortFunc(s.derived.events, func(a, b event) int { return cmp.Or(b.to.Compare(a.to), cmp.Compare(b.id, a.id)) })
	}
	return s.derived.events
}

// derived is the data that reports are made from. It is computed on demand and discarded at every change.
type derived struct {
	events    []event
	responses []response
}

// A response is one answered survey.
type response struct {
	at       int64 // Unix seconds
	entry    entry
	position int // index of its message in the conversation
	rating   int
}

// responses are the surveys answered in [since, until), in Unix seconds; a single bound is ignored.
func (s *Site) responses(since, until int64) []response {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.derived.responses == nil {
		for _, e := range s.entries {
			if e.survey == simulator.Answered {
				s.derived.responses = append(s.derived.responses, answers(e, s.current(e))...)
			}
		}
	}
	all := s.derived.responses
	if since != 0 && until != 0 {
		all = slices.DeleteFunc(slices.Clone(all), func(a response) bool { return a.at < since || a.at >= until })
	}
	return all
}

// answers are the answered surveys of one conversation.
func answers(e entry, t simulator.Thread) []response {
	var all []response
	for j := range t.Len() {
		if t.Kind(j) != simulator.Template {
			continue
		}
		if m := t.Message(j); m.Survey == simulator.Answered {
			all = append(all, response{m.CreatedAt.Unix() + 60, e, j, m.Rating})
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
		t, ok := s.thread(int64(a.entry.number))
		if !ok {
			continue // deleted just now
		}
		m := t.Message(a.position)
		person, _ := s.corpus.PersonByID(t.PersonID)
		b.open('{')
		b.key("id").int(900 + t.Number)
		b.key("rating").int(int64(a.rating))
		b.key("feedback_message").str(m.Comment)
		if s.modern() {
			b.key("csat_review_notes").null()
			b.key("review_notes_updated_at").null()
		}
		b.key("account_id").int(s.options.AccountID)
		b.key("message_id").int(m.ID)
		b.key("contact")
		b.contact(person, false)
		b.key("conversation_id").int(t.Number)
		if agent, ok := s.corpus.AgentByID(t.Assignee.ID); ok && t.Assignee.Kind == simulator.ByAgent {
			b.key("assigned_agent")
			s.agent(&b, agent)
		}
		b.key("created_at").int(a.at)
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
		ratings[a.rating]++
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
