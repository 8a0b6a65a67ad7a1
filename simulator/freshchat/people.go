package freshchat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// page writes one page of a list in the site's envelope.
func (s *Site) page(w http.ResponseWriter, r *http.Request, key string, all []any) {
	size, page, ok := paging(r.URL.Query(), s.options.ListPage)
	if !ok {
		fail(w, http.StatusBadRequest, "INVALID_VALUE", "items_per_page")
		return
	}
	lo := min((page-1)*size, len(all))
	last := max(1, (len(all)+size-1)/size)
	body := pairs{key, append([]any{}, all[lo:min(lo+size, len(all))]...)}
	if e := s.options.Envelope; e != "links" && e != "none" {
		body = append(body, "pagination", pairs{"total_items", len(all), "total_pages", last, "current_page", page, "items_per_page", size})
	}
	if e := s.options.Envelope; e != "pagination" && e != "none" {
		link := func(n int) pairs {
			q := url.Values{"page": {strconv.Itoa(n)}, "items_per_page": {strconv.Itoa(size)}}
			return pairs{"href", r.URL.Path + "?" + q.Encode()}
		}
		links := pairs{"first_page", link(1), "last_page", link(last)}
		if page < last {
			links = append(links, "next_page", link(page+1))
		}
		body = append(body, "links", links)
	}
	send(w, http.StatusOK, body)
}

func (s *Site) hasUser(person int64) bool {
	s.mu.RLock()
	erased := s.erased[person]
	s.mu.RUnlock()
	return !erased && s.corpus.HasPerson(person) && (s.options.DeletedPeople == 0 || person/2%s.options.DeletedPeople != 0)
}

// people are the existing users, oldest first.
func (s *Site) people() []simulator.Person {
	var all []simulator.Person
	for k := range s.corpus.People() {
		if p := s.corpus.Person(k); s.hasUser(p.ID) {
			all = append(all, s.person(p.ID))
		}
	}
	slices.SortStableFunc(all, func(a, b simulator.Person) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return all
}

// users is GET /users. The site refuses it without a filter.
func (s *Site) users(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	filters := map[string]time.Time{}
	for _, name := range []string{"created_from", "created_to", "updated_from", "updated_to"} {
		if v := q.Get(name); v != "" {
			at, err := time.Parse(time.RFC3339, v)
			if err != nil {
				fail(w, http.StatusBadRequest, "INVALID_VALUE", name)
				return
			}
			filters[name] = at
		}
	}
	if len(filters) == 0 && q.Get("email") == "" {
		fail(w, http.StatusBadRequest, "MISSING_FILTER", "at least one filter is needed")
		return
	}
	rows := []any{}
	for _, p := range s.people() {
		from, bounded := filters["created_from"]
		if bounded && p.CreatedAt.Before(from) {
			continue
		}
		if to, bounded := filters["created_to"]; bounded && p.CreatedAt.After(to) {
			continue
		}
		if from, bounded := filters["updated_from"]; bounded && p.LastActivityAt.Before(from) {
			continue
		}
		if to, bounded := filters["updated_to"]; bounded && p.LastActivityAt.After(to) {
			continue
		}
		if email := q.Get("email"); email == "" || email == p.Email {
			rows = append(rows, userBody(p))
		}
	}
	if q.Get("sort_order") != "asc" {
		slices.Reverse(rows)
	}
	s.page(w, r, "users", rows)
}

func userBody(p simulator.Person) pairs {
	first, last := names(p.Name)
	body := pairs{"id", uuid(ofUser, p.ID), "created_time", iso(p.CreatedAt), "updated_time", iso(p.LastActivityAt), "avatar", pairs{}}
	for _, field := range [][2]string{{"first_name", first}, {"last_name", last}, {"email", p.Email}, {"phone", p.Phone}, {"reference_id", p.Identifier}} {
		if field[1] != "" {
			body = append(body, field[0], field[1])
		}
	}
	own := []any{}
	for _, a := range p.Custom {
		own = append(own, pairs{"name", a.Key, "value", a.Value})
	}
	return append(body, "restore_id", uuid("restore", p.ID), "login_status", p.Online, "org_contact_id", orgID(ofUser, p.ID),
		"properties", own, "social_profiles", []any{})
}

// personByID is the user with an id, unless deleted.
func (s *Site) personByID(id string) (simulator.Person, bool) {
	number, known := s.numbers[id]
	if !known || !s.hasUser(number) {
		return simulator.Person{}, false
	}
	return s.person(number), true
}

// person is a person of the world, with the time of the last message.
func (s *Site) person(id int64) simulator.Person {
	p, _ := s.corpus.PersonByID(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if at := s.active[id]; at.After(p.LastActivityAt) {
		p.LastActivityAt = at
	}
	return p
}

// user is GET /users/{id}. It shows a system user only if the request has system_user=true.
func (s *Site) user(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if r.URL.Query().Get("system_user") == "true" {
		for n := int64(1); n <= systemUsers; n++ {
			if id == uuid(ofSystem, n) {
				send(w, http.StatusOK, systemBody(n))
				return
			}
		}
	}
	p, ok := s.personByID(id)
	if !ok {
		fail(w, http.StatusNotFound, "USER_NOT_FOUND", "user not found")
		return
	}
	send(w, http.StatusOK, userBody(p))
}

func systemBody(n int64) pairs {
	return pairs{"id", uuid(ofSystem, n), "first_name", "System", "last_name", strconv.FormatInt(n, 10), "org_contact_id", orgID(ofSystem, n)}
}

// userConversations is GET /users/{id}/conversations: only ids. The conversations of every seventh person are also listed
// under the previous person.
func (s *Site) userConversations(w http.ResponseWriter, r *http.Request) {
	p, ok := s.personByID(r.PathValue("id"))
	if !ok {
		fail(w, http.StatusNotFound, "USER_NOT_FOUND", "user not found")
		return
	}
	s.mu.RLock()
	of := slices.Clone(s.byUser[p.ID])
	if next := p.ID + 2; next/2%7 == 0 {
		of = append(of, s.byUser[next]...)
	}
	s.mu.RUnlock()
	rows := []any{}
	for _, i := range of {
		if t, ok := s.at(i); ok {
			rows = append(rows, pairs{"id", t.UUID})
		}
	}
	send(w, http.StatusOK, pairs{"conversations", rows})
}

// fetchUsers is POST /users/fetch. Its answer omits deleted users.
func (s *Site) fetchUsers(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		IDs []string `json:"ids"`
	}
	switch err := json.NewDecoder(r.Body).Decode(&asked); {
	case s.options.NoBatch:
		fail(w, http.StatusNotFound, "NOT_FOUND", "not found")
		return
	case err != nil || len(asked.IDs) == 0 || len(asked.IDs) > 100:
		fail(w, http.StatusBadRequest, "INVALID_VALUE", "ids")
		return
	}
	rows := []any{}
	for _, id := range asked.IDs {
		if p, ok := s.personByID(id); ok {
			rows = append(rows, userBody(p))
		}
	}
	send(w, http.StatusOK, pairs{"users", rows})
}

// agents is GET /agents.
func (s *Site) agents(w http.ResponseWriter, r *http.Request) {
	var rows []any
	for _, a := range s.corpus.Agents() {
		rows = append(rows, agentBody(a))
	}
	s.page(w, r, "agents", rows)
}

func roleOf(a simulator.Agent) (id, name string) {
	if a.Administrator {
		return "ACCOUNT_ADMIN", "Account Admin"
	}
	return "AGENT", "Agent"
}

func agentBody(a simulator.Agent) pairs {
	first, last := names(a.Name)
	id, name := roleOf(a)
	return pairs{
		"id", uuid(ofAgent, a.ID), "created_time", "2023-01-02T03:04:05.000Z", "email", a.Email, "first_name", first, "last_name", last,
		"avatar", pairs{"url", fmt.Sprintf("https://files.example.com/agents/%d.png", a.ID)}, "biography", "", "groups", []any{},
		"role_id", id, "role_name", name, "agent_capacity", 4, "availability_status", strings.ToUpper(a.Availability), "is_deactivated", !a.Confirmed,
	}
}

func (s *Site) groups(w http.ResponseWriter, r *http.Request) {
	var rows []any
	for _, g := range s.corpus.Groups() {
		p := pairs{"id", uuid(ofGroup, g.ID), "name", g.Name, "routing_type", routing(g)}
		if g.Description != "" {
			p = append(p, "description", g.Description)
		}
		rows = append(rows, p)
	}
	s.page(w, r, "groups", rows)
}

func routing(g simulator.Group) string {
	if g.AutoAssign {
		return "INTELLIASSIGN"
	}
	return "DISABLED"
}

func (s *Site) channels(w http.ResponseWriter, r *http.Request) {
	var rows []any
	for _, c := range s.corpus.Channels() {
		rows = append(rows, pairs{
			"id", uuid(ofChannel, c.ID), "updated_time", "2025-01-01T00:00:00.000Z", "name", c.Name, "icon", pairs{}, "enabled", true,
			"tags", []any{"faq"}, "source", strings.ToUpper(string(c.Kind)), "welcome_message", pairs{"message_type", "normal"},
		})
	}
	s.page(w, r, "channels", rows)
}

func (s *Site) roles(w http.ResponseWriter, r *http.Request) {
	s.page(w, r, "roles", []any{
		pairs{"id", "ACCOUNT_ADMIN", "name", "Account Admin", "description", "All of it", "is_custom_role", false},
		pairs{"id", "AGENT", "name", "Agent", "is_custom_role", false},
	})
}

// fields is GET /conversations/fields: a bare array.
func (s *Site) fields(w http.ResponseWriter, _ *http.Request) {
	rows := []any{}
	for _, f := range s.corpus.Fields() {
		if f.OfPerson {
			continue
		}
		choices := []any{}
		for i, c := range f.Choices {
			choices = append(choices, pairs{"id", strconv.Itoa(i + 1), "value", c})
		}
		rows = append(rows, pairs{
			"id", strconv.FormatInt(f.ID, 10), "name", "cf_" + f.Key, "label", f.Name, "type", strings.ToUpper(f.Type), "custom", true,
			"required", false, "choices", choices,
		})
	}
	send(w, http.StatusOK, rows)
}

func (s *Site) configuration(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, pairs{
		"organisation_id", 123456789, "account_id", 987654, "account_domain", "acme-1234567890.freshchat.com", "app_id", appID,
		"bundle_id", 0, "bundle_type", "freshchat", "plan_type", "Pro", "datacenter", "EUC",
	})
}
