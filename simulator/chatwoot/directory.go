package chatwoot

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/simulator"
)

const (
	contactsPerPage      = 15
	contactConversations = 20
)

// contacts is GET contacts: only identified ones, in the order of ids.
func (s *Site) contacts(w http.ResponseWriter, r *http.Request, _ caller) {
	people := s.identified()
	page := pageOf(r)
	var b writer
	b.open('{')
	b.object("meta")
	b.key("count").int(int64(len(people)))
	if sent := r.FormValue("page"); sent != "" {
		b.key("current_page").str(sent)
	} else {
		b.key("current_page").int(1)
	}
	b.close('}')
	b.array("payload")
	for _, k := range slice(people, page, contactsPerPage) {
		b.contact(s.corpus.Person(int(k)), r.FormValue("include_contact_inboxes") != "false")
	}
	b.close(']')
	b.close('}')
	send(w, &b)
}

// identified lists the people that the contacts endpoint shows.
func (s *Site) identified() []int32 {
	s.people.Do(func() {
		for k := range s.corpus.People() {
			if s.corpus.Person(k).Identified() {
				s.known = append(s.known, int32(k))
			}
		}
	})
	return s.known
}

// contactsSearch is GET contacts/search.
func (s *Site) contactsSearch(w http.ResponseWriter, r *http.Request, _ caller) {
	q := strings.ToLower(r.FormValue("q"))
	var hits []simulator.Person
	for k := range s.corpus.People() {
		p := s.corpus.Person(k)
		for _, v := range []string{p.Name, p.Email, p.Phone, p.Identifier} {
			if strings.Contains(strings.ToLower(v), q) {
				hits = append(hits, p)
				break
			}
		}
	}
	page := pageOf(r)
	shown := slice(hits, page, contactsPerPage)
	var b writer
	b.open('{')
	b.object("meta")
	b.key("count").int(int64(len(shown)))
	b.key("current_page").int(int64(page))
	b.key("has_more").bool(len(hits) > page*contactsPerPage)
	b.close('}')
	b.array("payload")
	for _, p := range shown {
		b.contact(p, true)
	}
	b.close(']')
	b.close('}')
	send(w, &b)
}

func (s *Site) person(w http.ResponseWriter, r *http.Request) (simulator.Person, bool) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	p, ok := s.corpus.PersonByID(id)
	if !ok {
		notFound(w)
	}
	return p, ok
}

// contact is GET contacts/{id}.
func (s *Site) contact(w http.ResponseWriter, r *http.Request, _ caller) {
	p, ok := s.person(w, r)
	if !ok {
		return
	}
	var b writer
	b.open('{')
	b.key("payload")
	b.contact(p, true)
	b.close('}')
	send(w, &b)
}

// contactConversations is GET contacts/{id}/conversations: only the latest, without paging.
func (s *Site) contactConversations(w http.ResponseWriter, r *http.Request, c caller) {
	p, ok := s.person(w, r)
	if !ok {
		return
	}
	rows, _ := s.find(query{status: "all", person: p.ID}, c, 0, contactConversations)
	var b writer
	b.open('{')
	s.payload(&b, rows)
	b.close('}')
	send(w, &b)
}

// agents is GET agents.
func (s *Site) agents(w http.ResponseWriter, _ *http.Request, _ caller) {
	var b writer
	b.open('[')
	for _, a := range s.corpus.Agents() {
		s.agent(&b, a)
	}
	b.close(']')
	send(w, &b)
}

// teams is GET teams.
func (s *Site) teams(w http.ResponseWriter, _ *http.Request, _ caller) {
	var b writer
	b.open('[')
	for _, g := range s.corpus.Groups() {
		s.team(&b, g)
	}
	b.close(']')
	send(w, &b)
}

// labels is GET labels.
func (s *Site) labels(w http.ResponseWriter, _ *http.Request, _ caller) {
	var b writer
	b.open('{')
	b.array("payload")
	for _, l := range s.corpus.Labels() {
		b.open('{')
		b.key("id").int(l.ID)
		b.key("title").str(l.Title)
		b.key("description").strOrNull(l.Description)
		b.key("color").str(l.Color)
		b.key("show_on_sidebar").bool(l.InSidebar)
		b.close('}')
	}
	b.close(']')
	b.close('}')
	send(w, &b)
}

// fields is GET custom_attribute_definitions.
func (s *Site) fields(w http.ResponseWriter, r *http.Request, _ caller) {
	model := r.FormValue("attribute_model")
	var b writer
	b.open('[')
	for _, f := range s.corpus.Fields() {
		if model != "" && model != attributeModel(f) && model != modelNumber(f) {
			continue
		}
		b.open('{')
		b.key("id").int(f.ID)
		b.key("attribute_display_name").str(f.Name)
		b.key("attribute_display_type").str(f.Type)
		b.key("attribute_description").strOrNull(f.Description)
		b.key("attribute_key").str(f.Key)
		b.key("regex_pattern").strOrNull(f.Pattern)
		b.key("regex_cue").null()
		b.strs("attribute_values", f.Choices)
		b.key("attribute_model").str(attributeModel(f))
		b.key("default_value").null()
		b.key("created_at").str(iso(f.CreatedAt))
		b.key("updated_at").str(iso(f.CreatedAt))
		b.close('}')
	}
	b.close(']')
	send(w, &b)
}

func attributeModel(f simulator.Field) string {
	if f.OfPerson {
		return "contact_attribute"
	}
	return "conversation_attribute"
}

func modelNumber(f simulator.Field) string {
	if f.OfPerson {
		return "1"
	}
	return "0"
}
