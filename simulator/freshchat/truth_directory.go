package freshchat

import (
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// Snapshot is the correct content of the lake for the directory.
func (s *Site) Snapshot() schemas.Snapshot {
	var out schemas.Snapshot
	for _, a := range s.corpus.Agents() {
		row := schemas.Agent{AgentID: uuid(ofAgent, a.ID), Type: "agent", Name: text(a.Name), Email: text(a.Email), Attributes: map[string]*string{}}
		role, name := roleOf(a)
		row.Role = text(name)
		add(row.Attributes, "created_time", "2023-01-02T03:04:05.000Z")
		add(row.Attributes, "avatar", "https://files.example.com/agents/"+strconv.FormatInt(a.ID, 10)+".png")
		add(row.Attributes, "groups", "[]")
		add(row.Attributes, "role_id", role)
		add(row.Attributes, "agent_capacity", "4")
		add(row.Attributes, "availability_status", strings.ToUpper(a.Availability))
		add(row.Attributes, "is_deactivated", strconv.FormatBool(!a.Confirmed))
		out.Agents = append(out.Agents, row)
	}
	for _, g := range s.corpus.Groups() {
		out.Groups = append(out.Groups, schemas.Group{
			GroupID: uuid(ofGroup, g.ID), Name: text(g.Name), Description: text(g.Description),
			Attributes: map[string]*string{"routing_type": text(routing(g))},
		})
	}
	out.Groups = append(out.Groups,
		schemas.Group{GroupID: "role:ACCOUNT_ADMIN", Name: text("Account Admin"), Description: text("All of it"), Attributes: map[string]*string{"is_custom_role": text("false")}},
		schemas.Group{GroupID: "role:AGENT", Name: text("Agent"), Attributes: map[string]*string{"is_custom_role": text("false")}},
	)
	for _, c := range s.corpus.Channels() {
		row := schemas.Channel{ChannelID: uuid(ofChannel, c.ID), Name: text(c.Name), Type: text(strings.ToUpper(string(c.Kind))), Attributes: map[string]*string{}}
		add(row.Attributes, "updated_time", "2025-01-01T00:00:00.000Z")
		add(row.Attributes, "icon", "{}")
		add(row.Attributes, "enabled", "true")
		add(row.Attributes, "tags", `["faq"]`)
		add(row.Attributes, "welcome_message", `{"message_type":"normal"}`)
		out.Channels = append(out.Channels, row)
	}
	for _, f := range s.corpus.Fields() {
		if f.OfPerson {
			continue
		}
		out.Fields = append(out.Fields, schemas.Field{
			FieldID: strconv.FormatInt(f.ID, 10), Key: text("cf_" + f.Key), Name: text(f.Name), Type: text(strings.ToUpper(f.Type)),
			AppliesTo: text("conversation"), Choices: f.Choices, Attributes: map[string]*string{"custom": text("true"), "required": text("false")},
		})
	}
	for _, p := range s.people() {
		out.Contacts = append(out.Contacts, schemas.Contact{
			ContactID: uuid(ofUser, p.ID), Name: text(p.Name), Email: text(p.Email), Phone: text(p.Phone), Identifier: text(p.Identifier),
			CreatedAt: at(p.CreatedAt), LastActivityAt: at(p.LastActivityAt), Attributes: personAttributes(p),
		})
	}
	return out
}

// Report is the correct content of the lake for the reports of a window. Ids of events, and of ratings without one, are
// empty.
func (s *Site) Report(window schemas.Window, events ...string) schemas.Snapshot {
	var out schemas.Snapshot
	for _, event := range events {
		var all []reportRow
		if strings.HasPrefix(event, "Agent-") {
			all = s.shifts(event)
		}
		for i := range s.spans {
			if t, ok := s.at(i); ok {
				all = append(all, s.reportRows(t, event)...)
			}
		}
		for _, h := range all {
			switch {
			case !window.Contains(h.at):
			case event == "CSAT-Score":
				score, err := strconv.ParseFloat(h.cellsByColumn["value"], 64)
				if err != nil {
					panic(err)
				}
				out.Ratings = append(out.Ratings, schemas.Rating{
					ConversationID: h.cellsByColumn["conversation_id"], RatingID: h.cellsByColumn["csat_id"], Kind: "csat", Score: &score,
					Comment: text(h.cellsByColumn["comment"]), AnsweredAt: at(h.at), AgentID: text(h.cellsByColumn["agent_id"]),
				})
			default:
				out.Events = append(out.Events, h.row(event))
			}
		}
	}
	return out
}

func (h reportRow) row(event string) schemas.Event {
	row := schemas.Event{
		Kind: strings.ReplaceAll(strings.ToLower(event), "-", "_"), CreatedAt: at(h.at), Attributes: map[string]*string{},
	}
	for _, column := range reportHeaders[event] {
		switch column {
		case "conversation_id", "interaction_id":
			row.ConversationID = h.cellsByColumn[column]
		case "message_id":
			row.MessageID = text(h.cellsByColumn[column])
		case "agent_id":
			if row.ActorID = text(h.cellsByColumn[column]); row.ActorID != nil {
				row.ActorType = text("agent")
			}
		case "created_at":
		case "abel_sub_category_name": // the platform's misspelling
			add(row.Attributes, "label_sub_category_name", h.cellsByColumn[column])
		default:
			add(row.Attributes, column, h.cellsByColumn[column])
		}
	}
	return row
}
