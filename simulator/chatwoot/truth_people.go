package chatwoot

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
)

// participantRows adds the contact, the assignee and the followers of the conversation.
func (s *Site) participantRows(t simulator.Thread, truth *schemas.Thread) {
	if p, ok := s.corpus.PersonByID(t.PersonID); ok {
		row := participant(t, "contact", "contact", p.ID, p.Name)
		if s.docs() {
			channel, _ := s.corpus.ChannelByID(t.ChannelID)
			add(row.Attributes, "channel", channelType(channel.Kind))
			if s.writes(t, p) {
				complete(&row, p)
			}
		} else {
			row.Email, row.Phone = text(p.Email), text(p.Phone)
			row.Attributes = personAttributes(p)
			add(row.Attributes, "availability_status", availability(p))
			add(row.Attributes, "identifier", p.Identifier)
			add(row.Attributes, "last_activity_at", id(p.LastActivityAt.Unix()))
			add(row.Attributes, "created_at", id(p.CreatedAt.Unix()))
		}
		truth.Participants = append(truth.Participants, row)
	}
	switch assignee := s.assigneeID(t); {
	case assignee != nil && t.Assignee.Kind == simulator.ByBot:
		bot, _ := s.corpus.BotByID(t.Assignee.ID)
		row := participant(t, "bot", "assignee", bot.ID, bot.Name)
		add(row.Attributes, "description", bot.Description)
		add(row.Attributes, "outgoing_url", "https://bots.example.com/hook")
		add(row.Attributes, "bot_type", "webhook")
		truth.Participants = append(truth.Participants, row)
	case assignee != nil:
		agent, _ := s.corpus.AgentByID(t.Assignee.ID)
		row := s.agentParticipant(t, "assignee", agent)
		if s.docs() {
			s.addProfile(&row, agent)
		}
		truth.Participants = append(truth.Participants, row)
	}
	for _, n := range t.Participants {
		if agent, ok := s.corpus.AgentByID(n); ok {
			truth.Participants = append(truth.Participants, s.agentParticipant(t, "participant", agent))
		}
	}
}

// senderRows adds the authors of messages who are not yet in the thread, in the order of the messages.
func (s *Site) senderRows(t simulator.Thread, truth *schemas.Thread) {
	present := map[string]bool{}
	for _, p := range truth.Participants {
		present[p.Type+p.ParticipantID] = true
	}
	for _, m := range inOrder(t) {
		word := s.senderType(m)
		var row schemas.Participant
		switch {
		case word == "":
			continue
		case m.Author.Kind == simulator.ByPerson:
			p, _ := s.corpus.PersonByID(m.Author.ID)
			row = participant(t, "contact", "sender", p.ID, p.Name)
			complete(&row, p)
		case m.Author.Kind == simulator.ByAgent:
			a, _ := s.corpus.AgentByID(m.Author.ID)
			row = participant(t, "agent", "sender", a.ID, a.Name)
			add(row.Attributes, "available_name", a.DisplayName)
			add(row.Attributes, "availability_status", a.Availability)
		default:
			b, _ := s.corpus.BotByID(m.Author.ID)
			row = participant(t, "bot", "sender", b.ID, b.Name)
			if word != "AgentBot" {
				add(row.Attributes, "description", b.Description)
			}
		}
		add(row.Attributes, "type", senderWord(word))
		if key := row.Type + row.ParticipantID; !present[key] {
			present[key] = true
			truth.Participants = append(truth.Participants, row)
		}
	}
}

// writes reports whether a contact wrote any message of a conversation.
func (s *Site) writes(t simulator.Thread, p simulator.Person) bool {
	return slices.ContainsFunc(inOrder(t), func(m simulator.Message) bool {
		return m.Author.Kind == simulator.ByPerson && m.Author.ID == p.ID
	})
}

// complete adds what messages say about their sender.
func complete(row *schemas.Participant, p simulator.Person) {
	row.Email, row.Phone = text(p.Email), text(p.Phone)
	for key, v := range personAttributes(p) {
		row.Attributes[key] = v
	}
	add(row.Attributes, "identifier", p.Identifier)
}

// senderWord is a class of senders as messages name it.
func senderWord(class string) string {
	return cmp.Or(map[string]string{
		"Contact": "contact", "User": "user", "AgentBot": "agent_bot", "Captain::Assistant": "captain_assistant",
	}[class], class)
}

func participant(t simulator.Thread, kind, role string, n int64, name string) schemas.Participant {
	return schemas.Participant{
		ConversationID: id(t.Number), ParticipantID: id(n), Type: kind, Role: role, Name: text(name), Attributes: map[string]*string{},
	}
}

func (s *Site) agentParticipant(t simulator.Thread, role string, a simulator.Agent) schemas.Participant {
	row := participant(t, "agent", role, a.ID, a.Name)
	row.Email = text(a.Email)
	row.Attributes = s.agentAttributes(a)
	add(row.Attributes, "role", roleOf(a))
	return row
}

// addProfile adds an agent as in the old documentation.
func (s *Site) addProfile(row *schemas.Participant, a simulator.Agent) {
	for _, key := range []string{"availability_status", "auto_offline"} {
		delete(row.Attributes, key)
	}
	add(row.Attributes, "uid", a.Email)
	add(row.Attributes, "display_name", a.DisplayName)
	add(row.Attributes, "accounts", plain([]any{simulator.Attributes{
		{Key: "id", Value: s.options.AccountID}, {Key: "name", Value: "Example"}, {Key: "role", Value: roleOf(a)},
	}}))
}

// agentAttributes are the attributes of an agent in conversations and in the directory.
func (s *Site) agentAttributes(a simulator.Agent) map[string]*string {
	to := map[string]*string{}
	add(to, "account_id", id(s.options.AccountID))
	add(to, "available_name", a.DisplayName)
	add(to, "availability_status", a.Availability)
	add(to, "confirmed", strconv.FormatBool(a.Confirmed))
	add(to, "auto_offline", strconv.FormatBool(a.AutoOffline))
	if s.modern() {
		add(to, "provider", "email")
	}
	return to
}

// personAttributes are the attributes of a contact wherever it is shown completely.
func personAttributes(p simulator.Person) map[string]*string {
	to := map[string]*string{}
	add(to, "blocked", strconv.FormatBool(p.Blocked))
	addAll(to, "custom.", p.Custom)
	addAll(to, "additional.", p.Additional)
	return to
}

func (s *Site) addTeam(to map[string]*string, prefix string, g simulator.Group) {
	add(to, prefix+"allow_auto_assign", strconv.FormatBool(g.AutoAssign))
	add(to, prefix+"account_id", id(s.options.AccountID))
	add(to, prefix+"is_member", "false")
}
