package chatwoot

import (
	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// Snapshot turns one document of the directory into rows, as described in docs/mapping-chatwoot.md.
func (mapping) Snapshot(doc schemas.Document) (schemas.Snapshot, error) {
	var s schemas.Snapshot
	if doc.Status != statusOK {
		return s, nil
	}
	rows, _, err := envelope(doc.Body)
	if err != nil {
		return s, rest.Malformed("read the document "+doc.Kind, err)
	}
	for _, row := range rows {
		if r := wire.Read(row); !r.Empty() && wire.Word(r.Peek("id")) != "" {
			add(&s, doc, r)
		}
	}
	return s, nil
}

// add adds a row of the directory. Fields without a column become attributes.
func add(s *schemas.Snapshot, doc schemas.Document, r *wire.Reader) {
	at := doc.ObservedAt
	if doc.Kind == kindSurveys {
		s.Ratings = append(s.Ratings, surveyRating(doc, r))
		return
	}
	id := r.Word("id")
	switch doc.Kind {
	case kindAgents:
		s.Agents = append(s.Agents, schemas.Agent{
			AgentID: id, ObservedAt: at, Type: assigneeType(r.Value("type"), object{"bot_type": r.Peek("bot_type")}),
			Name: r.Text("name"), Email: r.Text("email"), Role: r.Text("role"), Attributes: personAttributes(r, "agent"),
		})
	case kindContacts:
		s.Contacts = append(s.Contacts, schemas.Contact{
			ContactID: id, ObservedAt: at,
			Name: r.Text("name"), Email: r.Text("email"), Phone: r.Text("phone_number"), Identifier: r.Text("identifier"),
			CreatedAt: wire.Parse(r, "created_at", moment), LastActivityAt: wire.Parse(r, "last_activity_at", moment),
			Attributes: personAttributes(r, "contact"),
		})
	case kindTeams:
		s.Groups = append(s.Groups, schemas.Group{
			GroupID: id, ObservedAt: at, Name: r.Text("name"), Description: r.Text("description"), Attributes: r.Rest(),
		})
	case kindInboxes:
		removeCredentials(r)
		s.Channels = append(s.Channels, schemas.Channel{
			ChannelID: id, ObservedAt: at, Name: r.Text("name"), Type: r.Text("channel_type"), Attributes: r.Rest(),
		})
	case kindLabels:
		s.Labels = append(s.Labels, schemas.Label{
			LabelID: id, ObservedAt: at, Title: r.Text("title"), Description: r.Text("description"), Color: r.Text("color"), Attributes: r.Rest(),
		})
	case kindFields:
		s.Fields = append(s.Fields, schemas.Field{
			FieldID: id, ObservedAt: at, Key: r.Text("attribute_key"), Name: r.Text("attribute_display_name"),
			Type: r.Text("attribute_display_type"), AppliesTo: wire.Parse(r, "attribute_model", appliesTo),
			Choices: texts(r.List("attribute_values")), Attributes: r.Rest(),
		})
	}
}

func appliesTo(model value) *string {
	var to string
	switch wire.Word(model) {
	case "conversation_attribute", "0":
		to = "conversation"
	case "contact_attribute", "1":
		to = "contact"
	default:
		return nil
	}
	return &to
}
