package chatwoot

import (
	"github.com/chatlake/chatlake/simulator"
)

// senderType is the platform's word for a message's author, empty for nobody.
func (s *Site) senderType(m simulator.Message) string {
	switch m.Author.Kind {
	case simulator.ByPerson:
		if s.corpus.HasPerson(m.Author.ID) {
			return "Contact"
		}
	case simulator.ByAgent:
		if _, ok := s.corpus.AgentByID(m.Author.ID); ok {
			return "User"
		}
	case simulator.ByBot:
		bot, ok := s.corpus.BotByID(m.Author.ID)
		switch {
		case ok && bot.Assistant && s.modern():
			return "Captain::Assistant"
		case ok:
			return "AgentBot"
		}
	}
	return ""
}

// sender writes the author of a message, if there is one.
func (s *Site) sender(b *writer, m simulator.Message) {
	switch word := s.senderType(m); word {
	case "Contact":
		person, _ := s.corpus.PersonByID(m.Author.ID)
		b.key("sender")
		b.pushedContact(person)
	case "User":
		agent, _ := s.corpus.AgentByID(m.Author.ID)
		b.key("sender")
		b.pushedAgent(agent)
	case "AgentBot", "Captain::Assistant":
		bot, _ := s.corpus.BotByID(m.Author.ID)
		b.object("sender")
		b.key("id").int(bot.ID)
		b.key("name").str(bot.Name)
		b.key("avatar_url").str("")
		if word == "AgentBot" {
			b.key("type").str("agent_bot")
		} else {
			b.key("description").strOrNull(bot.Description)
			b.key("type").str("captain_assistant")
		}
		b.close('}')
	}
}

// contact writes a contact as it appears in the contact endpoints and in conversations. If withInboxes is set, it also writes
// the fields that only the endpoints have.
func (b *writer) contact(p simulator.Person, withInboxes bool) {
	b.open('{')
	b.key("additional_attributes").attributes(p.Additional)
	b.key("availability_status").str(availability(p))
	b.key("email").strOrNull(p.Email)
	b.key("id").int(p.ID)
	b.key("name").str(p.Name)
	b.key("phone_number").strOrNull(p.Phone)
	b.key("blocked").bool(p.Blocked)
	b.key("identifier").strOrNull(p.Identifier)
	b.key("thumbnail").str("")
	b.key("custom_attributes").attributes(p.Custom)
	b.key("last_activity_at").int(p.LastActivityAt.Unix())
	b.key("created_at").int(p.CreatedAt.Unix())
	if withInboxes {
		b.array("contact_inboxes")
		b.close(']')
	}
	b.close('}')
}

func availability(p simulator.Person) string {
	if p.Online {
		return "online"
	}
	return "offline"
}

// pushedContact writes a contact as it appears inside messages.
func (b *writer) pushedContact(p simulator.Person) {
	b.open('{')
	b.key("additional_attributes").attributes(p.Additional)
	b.key("custom_attributes").attributes(p.Custom)
	b.key("email").strOrNull(p.Email)
	b.key("id").int(p.ID)
	b.key("identifier").strOrNull(p.Identifier)
	b.key("name").str(p.Name)
	b.key("phone_number").strOrNull(p.Phone)
	b.key("thumbnail").str("")
	b.key("blocked").bool(p.Blocked)
	b.key("type").str("contact")
	b.close('}')
}

// pushedAgent writes an agent as it appears inside messages.
func (b *writer) pushedAgent(a simulator.Agent) {
	b.open('{')
	b.key("id").int(a.ID)
	b.key("name").str(a.Name)
	b.key("available_name").str(a.DisplayName)
	b.key("avatar_url").str("")
	b.key("type").str("user")
	b.key("availability_status").str(a.Availability)
	b.key("thumbnail").str("")
	b.close('}')
}

func roleOf(a simulator.Agent) string {
	if a.Administrator {
		return "administrator"
	}
	return "agent"
}

// agent writes an agent as it appears in the agents endpoint and in conversations.
func (s *Site) agent(b *writer, a simulator.Agent) {
	b.open('{')
	b.key("id").int(a.ID)
	b.key("account_id").int(s.options.AccountID)
	b.key("availability_status").str(a.Availability)
	b.key("auto_offline").bool(a.AutoOffline)
	b.key("confirmed").bool(a.Confirmed)
	b.key("email").str(a.Email)
	if s.modern() {
		b.key("provider").str("email")
	}
	b.key("available_name").str(a.DisplayName)
	b.key("name").str(a.Name)
	b.key("role").str(roleOf(a))
	b.key("thumbnail").str("")
	if s.modern() {
		b.key("custom_role_id").null()
	}
	b.close('}')
}

func (s *Site) team(b *writer, g simulator.Group) {
	b.open('{')
	b.key("id").int(g.ID)
	b.key("name").str(g.Name)
	b.key("description").strOrNull(g.Description)
	b.key("allow_auto_assign").bool(g.AutoAssign)
	b.key("account_id").int(s.options.AccountID)
	b.key("is_member").bool(false)
	b.close('}')
}

// documentedAgent writes an agent as in the old documentation.
func (s *Site) documentedAgent(b *writer, a simulator.Agent) {
	b.open('{')
	b.key("id").int(a.ID)
	b.key("uid").str(a.Email)
	b.key("name").str(a.Name)
	b.key("available_name").str(a.DisplayName)
	b.key("display_name").str(a.DisplayName)
	b.key("email").str(a.Email)
	b.key("account_id").int(s.options.AccountID)
	b.key("role").str(roleOf(a))
	b.key("confirmed").bool(a.Confirmed)
	b.key("custom_attributes").attributes(nil)
	b.array("accounts")
	b.open('{')
	b.key("id").int(s.options.AccountID)
	b.key("name").str("Example")
	b.key("role").str(roleOf(a))
	b.close('}')
	b.close(']')
	b.close('}')
}
