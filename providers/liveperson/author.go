package liveperson

import (
	"cmp"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

const (
	typeContact = "contact"
	typeAgent   = "agent"
	typeBot     = "bot"
	typeSystem  = "system"
)

// userTypes are the types of those on the brand's side, by number and by name.
// "Conversations", agentParticipants: 0 System, 1 Human, 2 Bot.
var userTypes = map[string]string{
	"0": typeSystem, "1": typeAgent, "2": typeBot, "system": typeSystem, "human": typeAgent, "bot": typeBot,
}

// speakers are the types of those who write, by the words of sentBy, of participantType, and of the roles that the
// consumer's API names. Agents may turn out to be bots.
// "Conversations", messageRecords and messageStatuses; roles seen in LivePersonInc/node-agent-sdk.
var speakers = map[string]string{
	"consumer": typeContact,
	"agent":    typeAgent, "assigned_agent": typeAgent, "suggested_assigned_agent": typeAgent, "agent_manager": typeAgent,
	"agent_manger": typeAgent, "manager": typeAgent, "reader": typeAgent,
	"bot":        typeBot,
	"controller": typeSystem, "system": typeSystem,
}

// person is what is known of one who writes.
type person struct {
	kind string
	name *string
}

// userType is the type of one on the brand's side: a word that nobody knows as it was sent, and an agent where there is none.
func userType(o object, name string) string {
	number, word := o.peek(name), strings.ToLower(o.peek("userTypeName"))
	return cmp.Or(userTypes[number], userTypes[word], word, number, typeAgent)
}

// speaker is the type of a person whom the platform calls by a word, empty where nothing tells. A word that nobody knows is
// the type as it was sent.
func (m *mapper) speaker(id *string, word string) string {
	known := m.people[stringOf(id)].kind
	word = strings.ToLower(word)
	switch kind := speakers[word]; {
	case kind == typeAgent && known != typeContact:
		return cmp.Or(known, typeAgent)
	case kind != "":
		return kind
	}
	return cmp.Or(known, word)
}

// directions are where messages go by who wrote them.
var directions = map[string]string{typeContact: "in", typeAgent: "out", typeBot: "out", typeSystem: "out"}

// everyone is the audience of what the consumer can read; so is none.
// "Conversations", messageRecords: ALL and AGENTS_AND_MANAGERS.
const everyone = "ALL"

// sign fills who wrote a message, which way it went, and with that what it is. An audience other than everyone is the
// brand's own. What the system writes, under whoever's id, is nobody's message: to the consumer it is a template, and for the
// brand alone an activity.
func (m *mapper) sign(row *schemas.Message, sentBy, audience string) {
	author := m.speaker(row.AuthorID, sentBy)
	direction := cmp.Or(directions[author], "none")
	row.IsPrivate = audience != "" && audience != everyone
	switch {
	case row.IsPrivate && author == typeSystem:
		row.Kind, direction = "activity", "none"
	case row.IsPrivate:
		row.Kind, direction = "note", "none"
	case author == typeSystem:
		row.Kind = "template"
	default:
		row.Kind = "message"
	}
	row.AuthorType, row.AuthorName, row.Direction = orNil(author), m.people[stringOf(row.AuthorID)].name, &direction
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
