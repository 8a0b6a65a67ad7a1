package chatwoot

import (
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Snapshot turns one document of the directory into rows, as docs/mapping-chatwoot.md says.
func (a *account) Snapshot(doc schemas.Document) (schemas.Snapshot, error) {
	var s schemas.Snapshot
	if doc.Status != statusOK {
		return s, nil
	}
	rows, _, err := envelope(doc.Body)
	if err != nil {
		return s, &providers.Error{Kind: providers.Malformed, Op: "read the document " + doc.Kind, Err: err}
	}
	for _, row := range rows {
		if o := wire.Fields(row); o != nil && wire.Word(o["id"]) != "" {
			add(&s, doc, wire.Word(o["id"]), o)
		}
	}
	return s, nil
}

func add(s *schemas.Snapshot, doc schemas.Document, id string, o object) {
	at, more := doc.ObservedAt, attributes{}
	switch doc.Kind {
	case kindAgents:
		more.add("", o, "available_name", "availability_status", "confirmed", "auto_offline", "custom_role_id")
		s.Agents = append(s.Agents, schemas.Agent{
			AgentID: id, ObservedAt: at, Type: "agent",
			Name: wire.Text(o["name"]), Email: wire.Text(o["email"]), Role: wire.Text(o["role"]), Attributes: more.rows(),
		})
	case kindContacts:
		s.Contacts = append(s.Contacts, schemas.Contact{
			ContactID: id, ObservedAt: at,
			Name: wire.Text(o["name"]), Email: wire.Text(o["email"]), Phone: wire.Text(o["phone_number"]), Identifier: wire.Text(o["identifier"]),
			CreatedAt: moment(o["created_at"]), LastActivityAt: moment(o["last_activity_at"]), Attributes: personAttributes("contact", o),
		})
	case kindTeams:
		more.add("", o, "allow_auto_assign")
		s.Groups = append(s.Groups, schemas.Group{
			GroupID: id, ObservedAt: at, Name: wire.Text(o["name"]), Description: wire.Text(o["description"]), Attributes: more.rows(),
		})
	case kindInboxes:
		for key, v := range o {
			if !secret(key) && !wire.IsNull(v) && v[0] != '{' && v[0] != '[' && key != "id" && key != "name" && key != "channel_type" {
				more.add("", o, key)
			}
		}
		s.Channels = append(s.Channels, schemas.Channel{
			ChannelID: id, ObservedAt: at, Name: wire.Text(o["name"]), Type: wire.Text(o["channel_type"]), Attributes: more.rows(),
		})
	case kindLabels:
		more.add("", o, "show_on_sidebar")
		s.Labels = append(s.Labels, schemas.Label{
			LabelID: id, ObservedAt: at, Title: wire.Text(o["title"]), Description: wire.Text(o["description"]), Color: wire.Text(o["color"]), Attributes: more.rows(),
		})
	case kindFields:
		more.add("", o, "attribute_description", "regex_pattern", "default_value")
		s.Fields = append(s.Fields, schemas.Field{
			FieldID: id, ObservedAt: at, Key: wire.Text(o["attribute_key"]), Name: wire.Text(o["attribute_display_name"]),
			Type: wire.Text(o["attribute_display_type"]), AppliesTo: appliesTo(wire.Word(o["attribute_model"])),
			Choices: texts(o["attribute_values"]), Attributes: more.rows(),
		})
	}
}

func appliesTo(model string) *string {
	var to string
	switch model {
	case "conversation_attribute", "0":
		to = "conversation"
	case "contact_attribute", "1":
		to = "contact"
	default:
		return nil
	}
	return &to
}
