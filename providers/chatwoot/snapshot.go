package chatwoot

import (
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
		if o := fields(row); o != nil && word(o["id"]) != "" {
			add(&s, doc, word(o["id"]), o)
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
			Name: text(o["name"]), Email: text(o["email"]), Role: text(o["role"]), Attributes: more.rows(),
		})
	case kindContacts:
		s.Contacts = append(s.Contacts, schemas.Contact{
			ContactID: id, ObservedAt: at,
			Name: text(o["name"]), Email: text(o["email"]), Phone: text(o["phone_number"]), Identifier: text(o["identifier"]),
			CreatedAt: moment(o["created_at"]), LastActivityAt: moment(o["last_activity_at"]), Attributes: personAttributes("contact", o),
		})
	case kindTeams:
		more.add("", o, "allow_auto_assign")
		s.Groups = append(s.Groups, schemas.Group{
			GroupID: id, ObservedAt: at, Name: text(o["name"]), Description: text(o["description"]), Attributes: more.rows(),
		})
	case kindInboxes:
		for key, v := range o {
			if !secret(key) && !isNull(v) && v[0] != '{' && v[0] != '[' && key != "id" && key != "name" && key != "channel_type" {
				more.add("", o, key)
			}
		}
		s.Channels = append(s.Channels, schemas.Channel{
			ChannelID: id, ObservedAt: at, Name: text(o["name"]), Type: text(o["channel_type"]), Attributes: more.rows(),
		})
	case kindLabels:
		more.add("", o, "show_on_sidebar")
		s.Labels = append(s.Labels, schemas.Label{
			LabelID: id, ObservedAt: at, Title: text(o["title"]), Description: text(o["description"]), Color: text(o["color"]), Attributes: more.rows(),
		})
	case kindFields:
		more.add("", o, "attribute_description", "regex_pattern", "default_value")
		s.Fields = append(s.Fields, schemas.Field{
			FieldID: id, ObservedAt: at, Key: text(o["attribute_key"]), Name: text(o["attribute_display_name"]),
			Type: text(o["attribute_display_type"]), AppliesTo: appliesTo(word(o["attribute_model"])),
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
