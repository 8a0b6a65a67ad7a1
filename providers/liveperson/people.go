package liveperson

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// brandLists are the lists of participants on the brand's side.
var brandLists = []string{"agentParticipants", "agentParticipantsLeave", "agentParticipantsActive"}

// collectPeople collects the people before messages are mapped. It takes nothing out of the record.
func (m *mapper) collectPeople(o object) {
	for _, list := range brandLists {
		each(o[list], func(a object) {
			id := a.peek("agentId")
			if id == "" {
				return
			}
			known := m.people[id]
			kind := userType(a, "userType")
			if known.kind != "" && a.peek("userType") == "" && a.peek("userTypeName") == "" {
				kind = known.kind
			}
			m.people[id] = person{kind, cmp.Or(valueOf(a["agentFullName"]), valueOf(a["agentNickname"]), known.name)}
		})
	}
	each(o["consumerParticipants"], func(c object) {
		if id := c.peek("participantId"); id != "" {
			m.people[id] = person{typeContact, cmp.Or(consumerName(c), m.people[id].name)}
		}
	})
}

func consumerName(c object) *string {
	name := strings.TrimSpace(c.peek("firstName") + " " + c.peek("lastName"))
	return cmp.Or(orNil(name), valueOf(c["consumerName"]))
}

// participation is one person in one role, from joining to leaving.
type participation struct {
	row          schemas.Participant
	joined, left *time.Time
	last         *time.Time // the latest time of joining
	active       bool
}

// participations are the participants, in the order in which they were found.
type participations struct {
	all   []*participation
	known map[string]*participation
}

func (s *participations) find(role, id string) *participation {
	p, ok := s.known[role+" "+id]
	if !ok {
		p = &participation{row: schemas.Participant{ParticipantID: id, Role: role, Attributes: map[string]*string{}}}
		s.known[role+" "+id] = p
		s.all = append(s.all, p)
	}
	return p
}

// participants maps the participants. The lists stay in the record, because each entry is an event too.
func (m *mapper) participants(o object) {
	met := participations{known: map[string]*participation{}}
	inTime(o["consumerParticipants"], "joinTime", met.consumer)
	consumers := len(met.all)
	for _, list := range brandLists {
		inTime(o[list], "time", func(a object) { met.brand(list, a, m.people) })
	}
	slices.SortStableFunc(met.all[consumers:], func(x, y *participation) int {
		return cmp.Or(wire.CompareTimes(x.joined, y.joined), strings.Compare(x.row.ParticipantID, y.row.ParticipantID), strings.Compare(x.row.Role, y.row.Role))
	})
	for _, p := range met.all {
		p.row.ConversationID, p.row.ObservedAt, p.row.JoinedAt = m.id, m.at, p.joined
		if !p.active && p.left != nil && (p.last == nil || !p.last.After(*p.left)) {
			p.row.LeftAt = p.left
		}
		m.Participants = append(m.Participants, p.row)
	}
}

// consumer adds an entry of consumerParticipants.
func (s *participations) consumer(c object) {
	id := c.word("participantId")
	if id == "" {
		return
	}
	p := s.find(typeContact, id)
	p.row.Type = typeContact
	p.row.Name = cmp.Or(p.row.Name, consumerName(c))
	p.row.Email, p.row.Phone = cmp.Or(p.row.Email, c.value("email")), cmp.Or(p.row.Phone, c.value("phone"))
	p.joined = wire.Earlier(p.joined, c.moment("joinTime"))
	p.keep(c, "firstName", "lastName", "time", "timeL", "dialogId")
}

// brand adds an entry of one of brandLists.
func (s *participations) brand(list string, a object, people map[string]person) {
	id, role := a.word("agentId"), cmp.Or(a.word("permission"), "participant")
	if id == "" {
		return
	}
	if role == assignedAgent {
		role = "assignee"
	}
	p := s.find(role, id)
	p.row.Type, p.row.Name = people[id].kind, people[id].name
	at := a.moment("time")
	switch list {
	case "agentParticipants":
		p.joined, p.last = wire.Earlier(p.joined, at), wire.Later(p.last, at)
	case "agentParticipantsLeave":
		p.left = wire.Later(p.left, at)
	default:
		p.active = true
	}
	p.keep(a, "agentFullName", "userType", "dialogId")
}

// keep adds the attributes of one more entry about a participant, without replacing known ones. Fields with a column, and those
// about the entry instead of the participant, are left to the entry's event.
func (p *participation) keep(o object, but ...string) {
	all := attributes{}
	all.rest("", o)
	for name, v := range all {
		if p.row.Attributes[name] == nil && !slices.Contains(but, name) {
			p.row.Attributes[name] = v
		}
	}
}

// inTime calls do with a copy of every object of a list, sorted by time. do may take fields.
func inTime(list any, name string, do func(object)) {
	var all []object
	each(list, func(o object) { all = append(all, o) })
	slices.SortFunc(all, func(x, y object) int {
		at := func(o object) *time.Time { return cmp.Or(momentOf(o[name+"L"]), momentOf(o[name])) }
		return cmp.Or(wire.CompareTimes(at(x), at(y)), strings.Compare(compact(x), compact(y)))
	})
	for _, o := range all {
		do(o)
	}
}

// each calls do with a copy of every object of a list. do may take fields. A single object is a list of one.
func each(list any, do func(object)) {
	elements, _ := list.([]any)
	if one := asObject(list); one != nil {
		elements = []any{map[string]any(one)}
	}
	for _, element := range elements {
		if o := asObject(element); o != nil {
			c := make(object, len(o))
			for name, v := range o {
				c[name] = v
			}
			do(c)
		}
	}
}
