package simulator

import (
	"fmt"
	"strings"
	"time"
)

// Thread is a conversation with its messages in the order of ids. Messages are generated on demand.
type Thread struct {
	Conversation
	corpus   *Corpus
	index    int
	times    []int64
	messages []Message
}

// Thread is conversation i with its messages.
func (c *Corpus) Thread(i int) Thread {
	t := Thread{Conversation: c.Conversation(i), corpus: c, index: i}
	t.times = make([]int64, t.Messages)
	c.messageTimes(i, t.Messages, func(j int, at int64) { t.times[j] = at })
	return t
}

// NewThread returns a conversation with the given messages, which must ascend by id.
func NewThread(conv Conversation, messages []Message) Thread {
	conv.Messages = len(messages)
	return Thread{Conversation: conv, messages: messages}
}

// Len is the number of messages.
func (t Thread) Len() int { return t.Messages }

// ID is the id of message j.
func (t Thread) ID(j int) int64 {
	if t.corpus == nil {
		return t.messages[j].ID
	}
	return t.corpus.messageID(t.index, j)
}

// CreatedUnix is when message j was created, in Unix seconds.
func (t Thread) CreatedUnix(j int) int64 {
	if t.corpus == nil {
		return t.messages[j].CreatedAt.Unix()
	}
	return t.times[j]
}

// Kind is the kind of message j.
func (t Thread) Kind(j int) MessageKind {
	if t.corpus == nil {
		return t.messages[j].Kind
	}
	_, kind := t.corpus.messageKind(t.index, j, t.Outline)
	return kind
}

// Message is message j.
func (t Thread) Message(j int) Message {
	if t.corpus == nil {
		return t.messages[j]
	}
	return t.corpus.message(t, j)
}

// All are the messages, in the order of ids. The caller may change the slice.
func (t Thread) All() []Message {
	all := make([]Message, t.Len(), t.Len()+1)
	for j := range all {
		all[j] = t.Message(j)
	}
	return all
}

// messageKind is the kind of message j, and the dice for its next throws.
func (c *Corpus) messageKind(i, j int, o Outline) (dice, MessageKind) {
	d := c.dice(streamMessage, i, j)
	kind := [...]MessageKind{In, Out, Note, Activity, Template}[d.weigh(42, 38, 5, 10, 5)]
	switch {
	case o.Survey != NotAsked && j == o.Messages-1:
		return d, Template
	case j == 0 && !d.oneIn(10):
		return d, In
	}
	return d, kind
}

// author is who wrote a message of a kind; always the next throw after messageKind.
func (c *Corpus) author(d *dice, kind MessageKind, o Outline) Actor {
	r := d.below(100)
	switch kind {
	case In:
		return Actor{ByPerson, o.PersonID}
	case Out, Note:
		switch {
		case r < 3:
			return Actor{} // an agent who has been deleted since
		case r < 10:
			return Actor{ByBot, c.bots[r%2].ID}
		case r < 12:
			return Actor{ByBot, c.bots[2].ID}
		case o.Assignee.Kind == ByAgent && r < 80:
			return o.Assignee
		}
		return Actor{ByAgent, c.agents[int(d.next()>>1)%len(c.agents)].ID}
	}
	return Actor{}
}

func (c *Corpus) message(t Thread, j int) Message {
	d, kind := c.messageKind(t.index, j, t.Outline)
	m := Message{
		ID:          c.messageID(t.index, j),
		CreatedAt:   time.Unix(t.times[j], 0).UTC(),
		Kind:        kind,
		Author:      c.author(&d, kind, t.Outline),
		ContentType: "text",
		Delivery:    "sent",
		Imported:    c.imported(t.index, t.Messages) && j >= t.Messages/2,
	}
	switch kind {
	case Activity:
		m.Text = new(choose(&d, activityTexts))
	case Template:
		c.template(&d, &m, t, j)
	default:
		c.speak(&d, &m, t, j)
	}
	c.markMessage(&m)
	return m
}

func (c *Corpus) template(d *dice, m *Message, t Thread, j int) {
	if t.Survey != NotAsked && j == t.Messages-1 {
		m.ContentType, m.Text, m.Survey = "survey", new("Please rate the conversation"), t.Survey
		if t.Survey == Answered {
			m.Rating = d.between(1, 5)
			if d.oneIn(2) {
				m.Comment = choose(d, sentences)
			}
		}
		return
	}
	m.Text = new(choose(d, templateTexts))
	switch d.below(6) {
	case 0:
		m.ContentType = "select"
		m.Items = []Item{{Title: "Yes", Value: "yes"}, {Title: "Nein, danke", Value: "no"}}
	case 1:
		m.ContentType = "form"
		m.Items = []Item{{Title: "Your \"name\"", Value: "name"}, {Title: "Mail", Value: "email"}}
	case 2:
		m.ContentType = "cards"
		m.Items = []Item{{Title: "Red shoes 👟", Description: "size 42 & up"}, {Title: "Blue shoes"}}
	case 3:
		m.ContentType = "article"
		m.Items = []Item{{Title: "How to return", Description: "Print the <label>", Value: "https://example.com/help/1"}}
	}
}

// speak generates what a person, an agent or a bot says.
func (c *Corpus) speak(d *dice, m *Message, t Thread, j int) {
	if d.oneIn(60) {
		m.Deleted = true
		return
	}
	m.Text = new(say(d))
	if m.Kind == Out {
		m.Delivery = choose(d, []string{"sent", "delivered", "read", "read", "failed"})
	}
	channel, _ := c.ChannelByID(t.ChannelID)
	switch channel.Kind {
	case Email:
		m.ExternalID = fmt.Sprintf("<%x@mail.example.com>", d.next())
		if m.Kind == In {
			m.ContentType = "email"
			m.Mail = &Mail{Subject: choose(d, subjects), Text: *m.Text, HTML: page(*m.Text)}
		}
	case WhatsApp, Telegram, SMS:
		m.ExternalID = fmt.Sprintf("wamid.%x", d.next())
	}
	if j > 0 && d.oneIn(12) {
		m.ReplyTo = t.ID(d.below(j))
	}
	if d.oneIn(16) {
		c.attach(d, m)
	}
}

// attach adds files; sometimes they replace the text.
func (c *Corpus) attach(d *dice, m *Message) {
	for k := range 1 + d.below(3)*d.below(2) {
		f := choose(d, files)
		f.ID = m.ID*4 + int64(k)
		if f.Name != "" {
			f.Bytes = int64(d.between(100, 5_000_000))
		}
		m.Files = append(m.Files, f)
	}
	if m.Mail != nil {
		return
	}
	switch d.below(3) {
	case 0:
		m.Text = nil
	case 1:
		m.Text = new("")
	}
}

// say generates a text of one to five sentences, rarely of hundreds.
func say(d *dice) string {
	n := d.weigh(0, 50, 25, 15, 5, 5)
	if d.oneIn(500) {
		n = d.between(100, 300)
	}
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString([...]string{" ", " ", "\n", "\r\n\r\n"}[d.below(4)])
		}
		b.WriteString(choose(d, sentences))
	}
	return b.String()
}

// page is a text as the HTML of an e-mail.
func page(text string) string {
	return `<html><body style="font-family:'Arial'"><p>` + strings.ReplaceAll(text, "\n", "<br>\n") +
		"</p>\n<blockquote>&gt; earlier&nbsp;mail</blockquote></body></html>"
}
