package chatwoot

import (
	"strconv"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

// Snapshot is the correct content of the lake for the account's directory, as an administrator sees it, in the order in which
// the site lists it. Observation times are zero.
func (s *Site) Snapshot() schemas.Snapshot {
	var truth schemas.Snapshot
	for _, a := range s.corpus.Agents() {
		row := schemas.Agent{
			AgentID: id(a.ID), Type: "agent", Name: text(a.Name), Email: text(a.Email), Role: text(roleOf(a)),
			Attributes: s.agentAttributes(a),
		}
		truth.Agents = append(truth.Agents, row)
	}
	for _, k := range s.identified() {
		p := s.corpus.Person(int(k))
		attributes := personAttributes(p)
		add(attributes, "availability_status", availability(p))
		add(attributes, "contact_inboxes", "[]")
		truth.Contacts = append(truth.Contacts, schemas.Contact{
			ContactID: id(p.ID), Name: text(p.Name), Email: text(p.Email), Phone: text(p.Phone),
			Identifier: text(p.Identifier), CreatedAt: at(p.CreatedAt), LastActivityAt: at(p.LastActivityAt),
			Attributes: attributes,
		})
	}
	for _, g := range s.corpus.Groups() {
		row := schemas.Group{GroupID: id(g.ID), Name: text(g.Name), Description: text(g.Description), Attributes: map[string]*string{}}
		s.addTeam(row.Attributes, "", g)
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
		add(row.Attributes, "created_at", iso(f.CreatedAt))
		add(row.Attributes, "updated_at", iso(f.CreatedAt))
		truth.Fields = append(truth.Fields, row)
	}
	truth.Ratings = s.surveyRows()
	return truth
}

// surveyRows are the rows of the survey endpoint, which knows who was rated, and when.
func (s *Site) surveyRows() []schemas.Rating {
	var rows []schemas.Rating
	for _, a := range s.responses(0, 0) {
		t, ok := s.thread(int64(a.entry.number))
		if !ok {
			continue
		}
		m := t.Message(a.position)
		row := schemas.Rating{
			ConversationID: id(t.Number), RatingID: id(m.ID), Kind: "csat", Score: new(float64(a.rating)), Comment: text(m.Comment),
			AnsweredAt: at(time.Unix(a.at, 0)), MessageID: text(id(m.ID)), ContactID: text(id(t.PersonID)),
		}
		if _, ok := s.corpus.AgentByID(t.Assignee.ID); ok && t.Assignee.Kind == simulator.ByAgent {
			row.AgentID = text(id(t.Assignee.ID))
		}
		rows = append(rows, row)
	}
	return rows
}

// settings are the settings of every inbox; further ones depend on its kind.
var settings = map[string]string{
	"greeting_enabled": "false", "working_hours_enabled": "false", "enable_email_collect": "true",
	"csat_survey_enabled": "true", "enable_auto_assignment": "true", "timezone": "UTC",
	"allow_messages_after_resolved": "true", "lock_to_single_conversation": "false", "sender_name_type": "friendly",
	"csat_config": "{}", "auto_assignment_config": "{}", "working_hours": "[]",
}

var settingsOf = map[string]map[string]string{
	"Channel::WebWidget": {
		"widget_color": "#1f93ff", "hmac_mandatory": "false", "reply_time": "in_a_few_minutes",
		"pre_chat_form_enabled": "false", "continuity_via_email": "true",
		"pre_chat_form_options": "{}", "selected_feature_flags": `["attachments","emoji_picker","end_conversation"]`,
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
