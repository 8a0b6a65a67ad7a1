package simulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const firstPerson = 1000

// People is the number of people who may write to the account.
func (c *Corpus) People() int { return c.config.People }

// Person is person k. The greater k, the later the person's first conversation.
func (c *Corpus) Person(k int) Person {
	d := c.dice(streamPerson, k, 0)
	first, last := choose(&d, firstNames), choose(&d, lastNames)
	p := Person{
		ID:        firstPerson + 2*int64(k),
		Name:      first + " " + last,
		Online:    d.oneIn(20),
		Blocked:   d.oneIn(200),
		CreatedAt: c.config.From.Add(-time.Duration(d.below(90*24*3600)) * time.Second),
	}
	if c.Len() > 0 {
		p.CreatedAt = c.CreatedAt(int(int64(k) * int64(c.Len()) / int64(c.config.People))).Add(-time.Duration(d.below(3600)) * time.Second)
	}
	p.LastActivityAt = p.CreatedAt.Add(time.Duration(d.below(30*24*3600)) * time.Second)
	switch d.weigh(45, 15, 15, 25) {
	case 0:
		p.Email = letters(first) + "." + strconv.Itoa(k) + "@example.com"
	case 1:
		p.Phone = fmt.Sprintf("+4930%07d", k)
	case 2:
		p.Email = letters(last) + "." + strconv.Itoa(k) + "@example.org"
		p.Identifier = "crm-" + strconv.Itoa(k)
	default:
		p.Name = "quiet-river-" + strconv.Itoa(d.below(1000))
		if d.oneIn(5) {
			p.Name = ""
		}
	}
	c.describePerson(&d, &p)
	c.markPerson(&p)
	return p
}

func (c *Corpus) describePerson(d *dice, p *Person) {
	if !d.oneIn(3) {
		p.Custom = append(p.Custom, Attribute{"plan", choose(d, []string{"free", "gold", "größer", ""})})
	}
	if d.oneIn(4) {
		p.Custom = append(p.Custom, Attribute{"seats", int64(d.below(500))}, Attribute{"vip", d.oneIn(2)})
	}
	if d.oneIn(12) {
		p.Custom = append(p.Custom, Attribute{"churned", nil}, Attribute{"regions", []any{"north", "süd"}})
	}
	if d.oneIn(2) {
		place := choose(d, places)
		p.Additional = Attributes{{"city", place[0]}, {"country", place[1]}, {"country_code", place[2]}}
	}
	if d.oneIn(10) {
		p.Additional = append(p.Additional, Attribute{"social_profiles", Attributes{{"github", ""}, {"twitter", "@" + letters(p.Name)}}})
	}
}

// HasPerson reports whether there is a person with an id.
func (c *Corpus) HasPerson(id int64) bool {
	return id >= firstPerson && id%2 == 0 && (id-firstPerson)/2 < int64(c.config.People)
}

// PersonByID is the person with an id.
func (c *Corpus) PersonByID(id int64) (Person, bool) {
	if !c.HasPerson(id) {
		return Person{}, false
	}
	return c.Person(int((id - firstPerson) / 2)), true
}

// letters are the plain letters of a name, for addresses.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

// Agents are all agents.
func (c *Corpus) Agents() []Agent { return c.agents }

// Bots are all bots.
func (c *Corpus) Bots() []Bot { return c.bots }

// Groups are the teams.
func (c *Corpus) Groups() []Group { return c.groups }

// Channels are all channels.
func (c *Corpus) Channels() []Channel { return c.channels }

// Labels are the tags of conversations.
func (c *Corpus) Labels() []Label { return c.labels }

// Fields are the definitions of custom attributes.
func (c *Corpus) Fields() []Field { return c.fields }

// AgentByID is the agent with an id.
func (c *Corpus) AgentByID(id int64) (Agent, bool) {
	for _, a := range c.agents {
		if a.ID == id {
			return a, true
		}
	}
	return Agent{}, false
}

// BotByID is the bot with an id.
func (c *Corpus) BotByID(id int64) (Bot, bool) {
	for _, b := range c.bots {
		if b.ID == id {
			return b, true
		}
	}
	return Bot{}, false
}

// GroupByID is the group with an id.
func (c *Corpus) GroupByID(id int64) (Group, bool) {
	for _, g := range c.groups {
		if g.ID == id {
			return g, true
		}
	}
	return Group{}, false
}

// ChannelByID is the channel with an id.
func (c *Corpus) ChannelByID(id int64) (Channel, bool) {
	for _, ch := range c.channels {
		if ch.ID == id {
			return ch, true
		}
	}
	return Channel{}, false
}

// staff generates everything that a world has only few of.
func (c *Corpus) staff() {
	for i := range c.config.Agents {
		d := c.dice(streamStaff, i, 0)
		first, last := choose(&d, firstNames), choose(&d, lastNames)
		c.agents = append(c.agents, Agent{
			ID:            int64(3 + 2*i),
			Name:          first + " " + last,
			DisplayName:   first,
			Email:         fmt.Sprintf("%s.%d@agents.example.com", letters(first), i),
			Availability:  choose(&d, []string{"online", "busy", "offline"}),
			Confirmed:     !d.oneIn(10),
			AutoOffline:   !d.oneIn(4),
			Administrator: i == 0 || d.oneIn(8),
		})
	}
	c.bots = []Bot{
		{ID: 3, Name: "Greeter", Description: "asks what it is about"},
		{ID: 4, Name: "Night bot 🌙"},
		{ID: 1, Name: "Captain", Assistant: true},
	}
	c.markStaff()
	c.groups = []Group{
		{ID: 2, Name: "billing", Description: "Invoices and refunds", AutoAssign: true},
		{ID: 3, Name: "technik", Description: "Störungen"},
		{ID: 5, Name: "sales"},
	}
	c.channels = []Channel{
		{ID: 4, Kind: Web, Name: "Website", Address: "https://www.example.com"},
		{ID: 5, Kind: Email, Name: "Support mailbox", Address: "support@example.com"},
		{ID: 6, Kind: API, Name: "App"},
		{ID: 8, Kind: WhatsApp, Name: "WhatsApp", Address: "+493000000"},
		{ID: 9, Kind: Telegram, Name: "Telegram"},
		{ID: 11, Kind: SMS, Name: "SMS", Address: "+493000001"},
	}
	c.labels = []Label{
		{ID: 1, Title: "billing", Description: "Money", Color: "#1f93ff", InSidebar: true},
		{ID: 2, Title: "bug", Description: "It is broken", Color: "#ff0000", InSidebar: true},
		{ID: 4, Title: "rückruf", Color: "#00ff7f"},
		{ID: 7, Title: "vip-客户", Description: "Handle with \"care\"", Color: "#aa00aa"},
	}
	at := c.config.From
	c.fields = []Field{
		{ID: 11, Key: "order_id", Name: "Order id", Type: "text", Description: "Shop order", Pattern: `^O-\d+$`, CreatedAt: at},
		{ID: 12, Key: "amount", Name: "Amount", Type: "number", CreatedAt: at},
		{ID: 13, Key: "topic", Name: "Topic", Type: "list", Choices: []string{"refund", "delivery", "other, “else”"}, CreatedAt: at},
		{ID: 14, Key: "escalated", Name: "Escalated", Type: "checkbox", CreatedAt: at},
		{ID: 15, Key: "plan", Name: "Plan", Type: "list", OfPerson: true, Description: "What they pay for", Choices: []string{"free", "gold"}, CreatedAt: at},
		{ID: 16, Key: "seats", Name: "Seats", Type: "number", OfPerson: true, CreatedAt: at},
	}
}
