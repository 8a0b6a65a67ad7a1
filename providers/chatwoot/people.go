package chatwoot

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// participants adds people to a thread.
type participants struct {
	thread *schemas.Thread
	known  map[[2]string]known // by type and id
}

// known is a participant of the thread: the index of the row and the fields behind it.
type known struct {
	row    int
	fields object
}

// add adds a person with a role.
func (p participants) add(doc schemas.Document, role, kind string, v value) {
	o := wire.Fields(v)
	id := wire.Word(o["id"])
	if id == "" {
		return
	}
	p.known[[2]string{kind, id}] = known{len(p.thread.Participants), o}
	row := schemas.Participant{
		ConversationID: p.thread.Conversation.ConversationID, ParticipantID: id, ObservedAt: doc.ObservedAt, Type: kind, Role: role,
	}
	describe(&row, o)
	p.thread.Participants = append(p.thread.Participants, row)
}

// describe fills the columns of a person.
func describe(row *schemas.Participant, o object) {
	r := wire.ReadFields(maps.Clone(o))
	r.Skip("id")
	row.Name, row.Email, row.Phone = r.Text("name"), r.Text("email"), r.Text("phone_number")
	row.Attributes = personAttributes(r, row.Type)
}

// followers adds the users who follow the conversation.
func (p participants) followers(docs []schemas.Document) error {
	once := map[[2]string]bool{}
	for _, doc := range docs {
		if doc.Kind != kindParticipants || doc.Status != statusOK {
			continue
		}
		rows, _, err := envelope(doc.Body)
		if err != nil {
			return fmt.Errorf("participants: %w", err)
		}
		for _, row := range rows {
			o := wire.Fields(row)
			key := [2]string{assigneeType(nil, o), wire.Word(o["id"])}
			if !once[key] {
				p.add(doc, "participant", key[0], row)
			}
			once[key] = true
		}
	}
	return nil
}

// details are the fields of a sender that the row of a participant contains.
var details = []string{
	"additional_attributes", "available_name", "avatar_url", "blocked", "custom_attributes", "description", "email", "identifier",
	"phone_number", "thumbnail",
}

// sender adds the author of a message, unless the thread already has that person; then it adds missing details to the existing row.
// It returns the fields behind the row.
func (p participants) sender(m message) object {
	kind := cmp.Or(authorTypes[typeWord(wire.Field(m.sender, "type"))], "unknown")
	key := [2]string{kind, wire.Word(wire.Field(m.sender, "id"))}
	person, there := p.known[key]
	if !there {
		p.add(m.doc, "sender", kind, m.sender)
		return p.known[key].fields
	}
	more := false
	for _, name := range details {
		if wire.Word(person.fields[name]) != "" || name == "avatar_url" && wire.Word(person.fields["thumbnail"]) != "" {
			continue
		}
		if said := wire.Field(m.sender, name); wire.Word(said) != "" {
			person.fields[name], more = said, true
		}
	}
	if more {
		describe(&p.thread.Participants[person.row], person.fields)
	}
	return person.fields
}

// authorTypes maps the server's words for the type of a person to ours. The server uses class names, such as "AgentBot" and
// "Captain::Assistant", and the words of push_event_data; typeWord maps both to the same spelling.
var authorTypes = map[string]string{
	"contact": "contact", "user": "agent", "agentbot": "bot", "captainassistant": "bot", "agent": "agent", "bot": "bot",
}

func typeWord(v value) string {
	word := wire.Word(v)
	if authorTypes[word] != "" {
		return word
	}
	return separators.Replace(strings.ToLower(word))
}

var separators = strings.NewReplacer("_", "", ":", "")

// assigneeType returns the type of an assignee or a follower. Since version 4.8 assignee_type contains it; only bots have a bot_type.
func assigneeType(stated value, o object) string {
	word := cmp.Or(typeWord(stated), typeWord(o["type"]))
	switch {
	case word != "":
		return cmp.Or(authorTypes[word], "unknown")
	case !wire.IsNull(o["bot_type"]):
		return "bot"
	}
	return "agent"
}

// personAttributes returns the fields of a person that have no column, without credentials: in the server's old documentation,
// agents have the fields of their own profile, which include some.
func personAttributes(r *wire.Reader, kind string) map[string]*string {
	r.Nested("custom.", "custom_attributes")
	r.Nested("additional.", "additional_attributes")
	if kind != "contact" {
		removeCredentials(r)
	}
	return r.Rest()
}

// reportingRows adds the server's reporting events.
func reportingRows(thread *schemas.Thread, docs []schemas.Document) error {
	for _, doc := range docs {
		if doc.Kind != kindReporting || doc.Status != statusOK {
			continue
		}
		rows, _, err := envelope(doc.Body)
		if err != nil {
			return fmt.Errorf("reporting events: %w", err)
		}
		for i, row := range rows {
			o := wire.Read(row)
			if o.Empty() {
				continue
			}
			id := cmp.Or(o.Word("id"), fmt.Sprintf("#%d", i))
			event := schemas.Event{
				ConversationID: thread.Conversation.ConversationID,
				EventID:        "reporting:" + id,
				ObservedAt:     doc.ObservedAt,
				Kind:           o.Word("name"),
				CreatedAt:      wire.Parse(o, "created_at", moment),
				ActorID:        o.Text("user_id"),
			}
			if event.ActorID != nil {
				agent := "agent"
				event.ActorType = &agent
			}
			event.Attributes = o.Rest()
			thread.Events = append(thread.Events, event)
		}
	}
	return nil
}
