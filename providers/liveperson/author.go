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

// userTypes maps the user types on the brand's side, by number and by name. "Conversations", agentParticipants: 0 System, 1
// Human, 2 Bot.
var userTypes = map[string]string{
	"0": typeSystem, "1": typeAgent, "2": typeBot, "system": typeSystem, "human": typeAgent, "bot": typeBot,
}

// speakers maps the words of sentBy, of participantType, and of roles in the consumer's API to types of authors. Agents may turn
// out to be bots. "Conversations", messageRecords and messageStatuses; roles seen in LivePersonInc/node-agent-sdk.
var speakers = map[string]string{
	"consumer": typeContact,
	"agent":    typeAgent, "assigned_agent": typeAgent, "suggested_assigned_agent": typeAgent, "agent_manager": typeAgent,
	"agent_manger": typeAgent, "manager": typeAgent, "reader": typeAgent,
	"bot":        typeBot,
	"controller": typeSystem, "system": typeSystem,
}

// person is what is known about an author.
type person struct {
	kind string
	name *string
}

// userType returns the type of a participant on the brand's side: an unknown word as it was sent, and agent if there is none.
func userType(o object, name string) string {
	number, word := o.peek(name), strings.ToLower(o.peek("userTypeName"))
	return cmp.Or(userTypes[number], userTypes[word], word, number, typeAgent)
}

// speaker returns the type of a person from the platform's word for it, or "" if nothing is known. An unknown word is the type as
// it was sent.
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

// directions maps the types of authors to the directions of their messages.
var directions = map[string]string{typeContact: "in", typeAgent: "out", typeBot: "out", typeSystem: "out"}

// everyone is the audience of messages that the consumer can read, as is an empty audience. "Conversations", messageRecords: ALL
// and AGENTS_AND_MANAGERS.
const everyone = "ALL"

// setAuthor sets a message's author and direction, and from these its kind. Messages with another audience than everyone are private
// to the brand. Messages of the system have no author, whatever their id: they are templates if the consumer can read them, and
// activities otherwise.
func (m *mapper) setAuthor(row *schemas.Message, sentBy, audience string) {
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
