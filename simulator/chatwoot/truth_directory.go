package chatwoot

import (
	"strconv"

	"github.com/chatlake/chatlake/schemas"
)

// Snapshot is what the lake must hold of the account's directory, as an administrator sees it, in the order in which the
// site lists it. Observation times are left zero.
func (s *Site) Snapshot() schemas.Snapshot {
	var truth schemas.Snapshot
	for _, a := range s.corpus.Agents() {
		row := schemas.Agent{
			AgentID: id(a.ID), Type: "agent", Name: text(a.Name), Email: text(a.Email), Role: text(roleOf(a)),
			Attributes: map[string]*string{},
		}
		add(row.Attributes, "available_name", a.DisplayName)
		add(row.Attributes, "availability_status", a.Availability)
		add(row.Attributes, "confirmed", strconv.FormatBool(a.Confirmed))
		add(row.Attributes, "auto_offline", strconv.FormatBool(a.AutoOffline))
		truth.Agents = append(truth.Agents, row)
	}
	for _, k := range s.identified() {
		p := s.corpus.Person(int(k))
		truth.Contacts = append(truth.Contacts, schemas.Contact{
			ContactID: id(p.ID), Name: text(p.Name), Email: text(p.Email), Phone: text(p.Phone),
			Identifier: text(p.Identifier), CreatedAt: at(p.CreatedAt), LastActivityAt: at(p.LastActivityAt),
			Attributes: personAttributes(p),
		})
	}
	for _, g := range s.corpus.Groups() {
		row := schemas.Group{GroupID: id(g.ID), Name: text(g.Name), Description: text(g.Description), Attributes: map[string]*string{}}
		add(row.Attributes, "allow_auto_assign", strconv.FormatBool(g.AutoAssign))
		truth.Groups = append(truth.Groups, row)
	}
	truth.Channels = s.channelRows()
	for _, l := range s.corpus.Labels() {
		row := schemas.Label{
			LabelID: id(l.ID), Title: text(l.Title), Description: text(l.Description), Color: text(l.Color),
			Attributes: map[string]*string{},
		}
		add(row.Attributes, "show_on_sidebar", strconv.FormatBool(l.InSidebar))
		truth.Labels = append(truth.Labels, row)
	}
	for _, f := range s.corpus.Fields() {
		row := schemas.Field{
			FieldID: id(f.ID), Key: text(f.Key), Name: text(f.Name), Type: text(f.Type), AppliesTo: text("conversation"),
			Choices: f.Choices, Attributes: map[string]*string{},
		}
		if f.OfPerson {
			row.AppliesTo = text("contact")
		}
		add(row.Attributes, "attribute_description", f.Description)
		add(row.Attributes, "regex_pattern", f.Pattern)
		truth.Fields = append(truth.Fields, row)
	}
	return truth
}

// settings are the scalar settings that every inbox has; the others depend on its kind.
var settings = map[string]string{
	"greeting_enabled": "false", "working_hours_enabled": "false", "enable_email_collect": "true",
	"csat_survey_enabled": "true", "enable_auto_assignment": "true", "timezone": "UTC",
	"allow_messages_after_resolved": "true", "lock_to_single_conversation": "false", "sender_name_type": "friendly",
}

var settingsOf = map[string]map[string]string{
	"Channel::WebWidget": {
		"widget_color": "#1f93ff", "hmac_mandatory": "false", "reply_time": "in_a_few_minutes",
		"pre_chat_form_enabled": "false", "continuity_via_email": "true",
	},
	"Channel::Email":    {"forward_to_email": "forward@mail.example.com"},
	"Channel::Api":      {"webhook_url": "https://hooks.example.com/in", "inbox_identifier": "app-1"},
	"Channel::Whatsapp": {"lock_to_single_conversation": "true"},
}

var addressOf = map[string]string{
	"Channel::WebWidget": "website_url", "Channel::Email": "email", "Channel::Whatsapp": "phone_number", "Channel::Sms": "phone_number",
}

func (s *Site) channelRows() []schemas.Channel {
	var rows []schemas.Channel
	for _, ch := range s.corpus.Channels() {
		kind := channelType(ch.Kind)
		row := schemas.Channel{ChannelID: id(ch.ID), Name: text(ch.Name), Type: text(kind), Attributes: map[string]*string{}}
		add(row.Attributes, "channel_id", id(ch.ID+5))
		for _, list := range []map[string]string{settings, settingsOf[kind]} {
			for k, v := range list {
				add(row.Attributes, k, v)
			}
		}
		if key, ok := addressOf[kind]; ok {
			add(row.Attributes, key, ch.Address)
		}
		rows = append(rows, row)
	}
	return rows
}
