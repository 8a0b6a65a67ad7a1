package simulator

import "slices"

// MarkedPhone is the prefix of every phone number in a marked world, because a number cannot contain a word.
const MarkedPhone = "+4955500077"

// mark appends the corpus's mark and the kind of text to a text. An empty text stays empty.
func (c *Corpus) mark(text, kind string) string {
	if c.config.Mark == "" || text == "" {
		return text
	}
	return text + " " + c.config.Mark + "-" + kind
}

// markAddress puts the mark before an e-mail address.
func (c *Corpus) markAddress(address string) string {
	if c.config.Mark == "" || address == "" {
		return address
	}
	return c.config.Mark + "-email." + address
}

func (c *Corpus) markPerson(p *Person) {
	if c.config.Mark == "" {
		return
	}
	p.Name, p.Identifier = c.mark(p.Name, "name"), c.mark(p.Identifier, "identifier")
	p.Email = c.markAddress(p.Email)
	if p.Phone != "" {
		p.Phone = MarkedPhone + p.Phone[len(p.Phone)-4:]
	}
	c.markAttributes(p.Custom)
	c.markAttributes(p.Additional)
}

func (c *Corpus) markStaff() {
	for i := range c.agents {
		a := &c.agents[i]
		a.Name, a.DisplayName, a.Email = c.mark(a.Name, "agent"), c.mark(a.DisplayName, "agent"), c.markAddress(a.Email)
	}
	for i := range c.bots {
		c.bots[i].Name = c.mark(c.bots[i].Name, "bot")
	}
}

func (c *Corpus) markMessage(m *Message) {
	if c.config.Mark == "" {
		return
	}
	if m.Text != nil {
		m.Text = new(c.mark(*m.Text, "text"))
	}
	m.Comment = c.mark(m.Comment, "comment")
	if m.Mail != nil {
		m.Mail.Subject, m.Mail.Text = c.mark(m.Mail.Subject, "subject"), c.mark(m.Mail.Text, "text")
		m.Mail.HTML = c.mark(m.Mail.HTML, "html")
	}
	for i := range m.Files {
		m.Files[i].Name, m.Files[i].Title = c.mark(m.Files[i].Name, "file"), c.mark(m.Files[i].Title, "title")
		m.Files[i].Spoken = c.mark(m.Files[i].Spoken, "spoken")
	}
	for i := range m.Items {
		m.Items[i].Title, m.Items[i].Description = c.mark(m.Items[i].Title, "item"), c.mark(m.Items[i].Description, "item")
	}
}

// exact are attributes whose values are read by programs and stay unmarked.
var exact = []string{"timestamp", "source", "country_code", "browser_language", "conversation_language"}

// markAttributes marks the texts among attributes, at any depth.
func (c *Corpus) markAttributes(all Attributes) {
	for i, a := range all {
		if c.config.Mark == "" || slices.Contains(exact, a.Key) {
			continue
		}
		switch value := a.Value.(type) {
		case string:
			all[i].Value = c.mark(value, "attribute")
		case Attributes:
			c.markAttributes(value)
		}
	}
}
