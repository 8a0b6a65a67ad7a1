package liveperson

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// meet learns who is who before anybody is met in messages. It takes nothing out of the record.
func (m *mapper) meet(o object) {
	for _, list := range []string{"agentParticipants", "agentParticipantsLeave", "agentParticipantsActive"} {
		elements, _ := o[list].([]any)
		for _, element := range elements {
			a := asObject(element)
			if id := a.peek("agentId"); id != "" {
				m.people[id] = person{cmp.Or(userTypes[a.peek("userType")], typeAgent), cmp.Or(saidOf(a["agentFullName"]), saidOf(a["agentNickname"]), m.people[id].name)}
			}
		}
	}
	elements, _ := o["consumerParticipants"].([]any)
	for _, element := range elements {
		c := asObject(element)
		if id := c.peek("participantId"); id != "" {
			m.people[id] = person{typeContact, cmp.Or(consumerName(c), m.people[id].name)}
		}
	}
}

func consumerName(c object) *string {
	name := strings.TrimSpace(c.peek("firstName") + " " + c.peek("lastName"))
	return cmp.Or(orNil(name), saidOf(c["consumerName"]))
}

// stay is one person in one role, from joining to leaving.
type stay struct {
	row          schemas.Participant
	joined, left *time.Time
	last         *time.Time // the last time of joining
	active       bool
}

// participants maps those who took part. The lists stay in the record: each entry is an event too.
func (m *mapper) participants(o object) {
	var order []*stay
	known := map[string]*stay{}
	each(o["consumerParticipants"], func(c object) {
		id := c.word("participantId")
		if id == "" {
			return
		}
		p, ok := known[id]
		if !ok {
			p = &stay{row: schemas.Participant{ParticipantID: id, Type: typeContact, Role: typeContact}}
			known[id] = p
			order = append(order, p)
		}
		p.row.Name = cmp.Or(p.row.Name, consumerName(c))
		p.row.Email, p.row.Phone = cmp.Or(p.row.Email, c.said("email")), cmp.Or(p.row.Phone, c.said("phone"))
		p.joined = earlier(p.joined, c.moment("joinTime"))
		p.keep(c, "consumerName", "token", "avatarURL")
	})
	consumers := len(order)
	for _, list := range []string{"agentParticipants", "agentParticipantsLeave", "agentParticipantsActive"} {
		each(o[list], func(a object) {
			id, role := a.word("agentId"), cmp.Or(a.word("permission"), "participant")
			if id == "" {
				return
			}
			if role == "ASSIGNED_AGENT" {
				role = "assignee"
			}
			key := role + " " + id
			p, ok := known[key]
			if !ok {
				p = &stay{row: schemas.Participant{ParticipantID: id, Role: role, Type: m.people[id].kind, Name: m.people[id].name}}
				known[key] = p
				order = append(order, p)
			}
			at := a.moment("time")
			switch list {
			case "agentParticipants":
				p.joined, p.last = earlier(p.joined, at), later(p.last, at)
			case "agentParticipantsLeave":
				p.left = later(p.left, at)
			default:
				p.active = true
			}
			p.keep(a, "agentNickname", "agentLoginName", "agentDeleted", "agentPid", "agentGroupId", "agentGroupName", "userTypeName", "role")
		})
	}
	slices.SortStableFunc(order[consumers:], func(x, y *stay) int {
		return cmp.Or(compareTimes(x.joined, y.joined), strings.Compare(x.row.ParticipantID, y.row.ParticipantID), strings.Compare(x.row.Role, y.row.Role))
	})
	for _, p := range order {
		p.row.ConversationID, p.row.ObservedAt, p.row.JoinedAt = m.id, m.at, p.joined
		if !p.active && p.left != nil && (p.last == nil || !p.last.After(*p.left)) {
			p.row.LeftAt = p.left
		}
		m.Participants = append(m.Participants, p.row)
	}
}

// keep fills the attributes of a participant from one more entry about it; what is known stays.
func (p *stay) keep(o object, names ...string) {
	all := attributes{}
	for _, name := range names {
		all.put(name, o[name])
	}
	for name, v := range all {
		if p.row.Attributes == nil {
			p.row.Attributes = map[string]*string{}
		}
		if p.row.Attributes[name] == nil {
			p.row.Attributes[name] = v
		}
	}
}

// each calls do with a copy of every object of a list, from which do may take.
func each(list any, do func(object)) {
	elements, _ := list.([]any)
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

func earlier(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}

func later(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.After(*a) {
		return b
	}
	return a
}
