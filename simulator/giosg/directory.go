package giosg

import (
	"net/http"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// member is one room, user or team.
type member struct {
	id, name, description, email, public string
	bot                                  bool
	deleted                              time.Time
}

func (s *Site) allRooms() []member {
	var all []member
	for _, ch := range s.corpus.Channels() {
		all = append(all, member{id: uuid("room", ch.ID), name: ch.Name})
	}
	return append(all, member{id: uuid("room", 0), name: "Old room", deleted: s.corpus.Config().From})
}

func (s *Site) allUsers() []member {
	var all []member
	for _, a := range s.corpus.Agents() {
		all = append(all, member{id: uuid("user", a.ID), name: a.Name, email: a.Email, public: a.DisplayName})
	}
	for _, b := range s.corpus.Bots() {
		all = append(all, member{id: uuid("user", b.ID+1000), name: b.Name, public: b.Name, bot: true})
	}
	return append(all, member{id: uuid("user", 0), name: "Gone", public: "Gone", deleted: s.corpus.Config().From})
}

func (s *Site) allTeams() []member {
	var all []member
	for _, g := range s.corpus.Groups() {
		all = append(all, member{id: uuid("team", g.ID), name: g.Name, description: g.Description})
	}
	return all
}

func (s *Site) rooms(w http.ResponseWriter, r *http.Request) {
	s.members(w, r, s.allRooms(), func(m member) fields {
		return fields{"id": m.id, "name": m.name, "organization_id": Organization, "is_deleted": !m.deleted.IsZero()}
	})
}

func (s *Site) users(w http.ResponseWriter, r *http.Request) {
	s.members(w, r, s.allUsers(), func(m member) fields {
		return fields{"id": m.id, "full_name": m.name, "public_name": m.public, "email": or(m.email), "is_bot": m.bot, "deleted_at": stamp(m.deleted), "api_token": "never-in-a-row"}
	})
}

func (s *Site) teams(w http.ResponseWriter, r *http.Request) {
	s.members(w, r, s.allTeams(), func(m member) fields {
		return fields{"id": m.id, "name": m.name, "description": m.description}
	})
}

func (s *Site) members(w http.ResponseWriter, r *http.Request, all []member, row func(member) fields) {
	var some []member
	for _, m := range all {
		if m.deleted.IsZero() || r.FormValue("include_deleted") == "true" {
			some = append(some, m)
		}
	}
	s.paginate(w, r, len(some), s.options.PageSize, false, func(i int) int64 { return int64(i) }, func(i int) any { return row(some[i]) })
}

// Snapshot is the correct content of the lake for the organization's directory, in the order in which the site lists it.
// Observation times are zero.
func (s *Site) Snapshot() schemas.Snapshot {
	var truth schemas.Snapshot
	for _, m := range s.allRooms() {
		row := schemas.Channel{ChannelID: m.id, Name: text(m.name), Attributes: map[string]*string{}}
		add(row.Attributes, "organization_id", Organization)
		add(row.Attributes, "is_deleted", flag(!m.deleted.IsZero()))
		truth.Channels = append(truth.Channels, row)
	}
	for _, m := range s.allUsers() {
		row := schemas.Agent{AgentID: m.id, Type: "agent", Name: text(m.name), Email: text(m.email), Attributes: map[string]*string{}}
		if m.bot {
			row.Type = "bot"
		}
		add(row.Attributes, "is_bot", flag(m.bot))
		add(row.Attributes, "full_name", m.name)
		add(row.Attributes, "public_name", m.public)
		if !m.deleted.IsZero() {
			add(row.Attributes, "deleted_at", m.deleted.Format(layout))
		}
		truth.Agents = append(truth.Agents, row)
	}
	for _, m := range s.allTeams() {
		truth.Groups = append(truth.Groups, schemas.Group{GroupID: m.id, Name: text(m.name), Description: text(m.description), Attributes: map[string]*string{}})
	}
	return truth
}
