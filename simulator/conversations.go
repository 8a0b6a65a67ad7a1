package simulator

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"time"
)

// Some kinds of conversations are difficult for readers. They recur at fixed intervals, so that small worlds have some too.
const (
	everyEmpty    = 50   // has no messages
	everyLong     = 1000 // has several hundred
	everyImported = 97   // has messages whose times are not in the order of their ids
)

// messageCount is how many messages conversation i has: about 8 on average, and at most 40 except in long conversations.
func (c *Corpus) messageCount(i int) int {
	d := c.dice(streamCount, i, 0)
	switch {
	case c.config.GiantMessages > 0 && i == c.config.Conversations/2:
		return c.config.GiantMessages
	case i%everyEmpty == 23:
		return 0
	case i%everyLong == 137:
		return d.between(250, 900)
	}
	return min(40, 1+int(-7.5*math.Log(1-d.unit())))
}

func (c *Corpus) imported(i, messages int) bool { return i%everyImported == 11 && messages >= 4 }

// messageTimes calls yield with the time of each message of conversation i, in the order of ids, in Unix seconds.
func (c *Corpus) messageTimes(i, messages int, yield func(j int, at int64)) {
	d := c.dice(streamTimes, i, 0)
	at := c.createdUnix(i)
	// In an imported conversation, the second half of the ids belongs to older messages that were imported later.
	old := messages
	if c.imported(i, messages) {
		old = messages / 2
	}
	for j := range messages {
		if j == old {
			at = c.createdUnix(i) - int64(messages-old)*7200
		}
		if j > 0 {
			at += pause(&d)
		}
		yield(j, at)
	}
}

// pause is the time until the next message: seconds while both sides are present, hours when they are not.
func pause(d *dice) int64 {
	switch r := d.next(); {
	case r%16 < 3:
		return 0
	case r%16 < 14:
		return int64(1 + r>>8%120)
	default:
		return int64(60 + r>>8%7000)
	}
}

// Outline is the outline of conversation i. It allocates nothing.
func (c *Corpus) Outline(i int) Outline {
	d := c.dice(streamOutline, i, 0)
	o := Outline{
		Number:    Number(i),
		CreatedAt: c.CreatedAt(i),
		State:     [...]State{Closed, Open, Pending, Snoozed}[d.weigh(70, 15, 8, 7)],
		Priority:  [...]string{"", "low", "medium", "high", "urgent"}[d.weigh(60, 10, 15, 10, 5)],
		ChannelID: c.channels[d.weigh(40, 20, 10, 15, 10, 5)].ID,
		Messages:  c.messageCount(i),
	}
	if !d.oneIn(3) {
		o.GroupID = choose(&d, c.groups).ID
	}
	switch d.weigh(65, 10, 25) {
	case 0:
		o.Assignee = Actor{ByAgent, choose(&d, c.agents).ID}
	case 1:
		o.Assignee = Actor{ByBot, c.bots[d.below(2)].ID}
	}
	known := max(1, i*c.config.People/max(1, c.Len()))
	o.PersonID = firstPerson + 2*int64(max(0, known-1-d.below(min(known, 400))))
	if o.State == Closed && o.Messages > 0 && !c.imported(i, o.Messages) {
		o.Survey = [...]Survey{NotAsked, Asked, Answered}[d.weigh(70, 16, 14)]
	}
	last := o.CreatedAt.Unix()
	c.messageTimes(i, o.Messages, func(_ int, at int64) { last = max(last, at) })
	o.LastActivityAt = time.Unix(last, 0).UTC()
	o.UpdatedAt = o.LastActivityAt.Add(time.Duration(d.below(90_000_000)) * time.Microsecond)
	return o
}

// Conversation is conversation i without its messages.
func (c *Corpus) Conversation(i int) Conversation {
	d := c.dice(streamDetails, i, 0)
	o := c.Outline(i)
	conv := Conversation{
		Outline:       o,
		UUID:          uuid(&d),
		FirstReplyAt:  c.firstReply(i, o),
		Muted:         d.oneIn(100),
		CanReply:      !d.oneIn(4),
		Authenticated: d.oneIn(6),
	}
	for _, l := range c.labels {
		if d.oneIn(4) {
			conv.Tags = append(conv.Tags, l.Title)
		}
	}
	for _, a := range c.agents {
		if (o.Assignee == Actor{ByAgent, a.ID}) || d.oneIn(30) {
			conv.Participants = append(conv.Participants, a.ID)
		}
	}
	if o.State != Closed {
		conv.Unread = d.below(11)
		if d.oneIn(2) {
			conv.WaitingSince = o.LastActivityAt
		}
	}
	if o.State == Snoozed {
		conv.SnoozedUntil = o.LastActivityAt.Add(time.Duration(1+d.below(72)) * time.Hour)
	}
	if !d.oneIn(3) {
		conv.AgentSeenAt = o.LastActivityAt.Add(time.Duration(d.below(600)) * time.Second)
	}
	if d.oneIn(2) {
		conv.PersonSeenAt = o.LastActivityAt.Add(time.Duration(d.below(6000)) * time.Second)
	}
	c.describe(&d, &conv)
	c.markAttributes(conv.Custom)
	c.markAttributes(conv.Additional)
	return conv
}

// uuid is a random UUID.
func uuid(d *dice) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], d.next()&^0xf000|0x4000)
	binary.BigEndian.PutUint64(raw[8:], d.next()>>2|1<<63)
	var text [36]byte
	at := 0
	for i, v := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		hex.Encode(text[at:], []byte{v})
		at += 2
	}
	return string(text[:])
}

// describe fills in the free-form attributes.
func (c *Corpus) describe(d *dice, conv *Conversation) {
	if !d.oneIn(3) {
		conv.Custom = append(conv.Custom, Attribute{"order_id", "O-" + strconv.Itoa(d.below(100000))})
	}
	if d.oneIn(3) {
		conv.Custom = append(conv.Custom, Attribute{"amount", float64(d.below(100000)) / 100}, Attribute{"escalated", d.oneIn(2)})
	}
	if d.oneIn(8) {
		conv.Custom = append(conv.Custom, Attribute{"topic", choose(d, []string{"refund", "delivery", ""})}, Attribute{"note", nil})
	}
	if d.oneIn(20) {
		conv.Custom = append(conv.Custom, Attribute{"steps", []any{"a", int64(2), Attributes{{"deep", "<b>&\"quoted\""}}}})
	}
	channel, _ := c.ChannelByID(conv.ChannelID)
	switch channel.Kind {
	case Web:
		conv.Additional = Attributes{
			{"browser", Attributes{{"browser_name", "Firefox"}, {"platform_name", "Linux"}, {"browser_version", "128.0"}}},
			{"referer", choose(d, referers)},
			{"initiated_at", Attributes{{"timestamp", conv.CreatedAt.Format("Mon Jan 02 2006 15:04:05 GMT-0700")}}},
			{"browser_language", choose(d, languages)},
		}
	case Email:
		conv.Additional = Attributes{{"source", "email"}, {"mail_subject", choose(d, subjects)}}
	case WhatsApp, Telegram:
		if d.oneIn(2) {
			conv.Additional = Attributes{{"conversation_language", choose(d, languages)}, {"chat_id", int64(d.next() >> 20)}}
		}
	}
}

// firstReply is when an agent first wrote to the person; the zero time if none did.
func (c *Corpus) firstReply(i int, o Outline) time.Time {
	var first int64
	c.messageTimes(i, o.Messages, func(j int, at int64) {
		if first != 0 || j > 100 {
			return
		}
		if d, kind := c.messageKind(i, j, o); kind == Out && c.author(&d, kind, o).Kind == ByAgent {
			first = at
		}
	})
	if first == 0 {
		return time.Time{}
	}
	return time.Unix(first, 0).UTC()
}
