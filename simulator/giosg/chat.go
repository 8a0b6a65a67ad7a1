package giosg

import (
	"cmp"
	"slices"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// room is a chat with its room and all its lines.
type room struct {
	simulator.Thread
	id        string
	channel   simulator.Channel
	created   time.Time
	updated   time.Time
	ended     time.Time // zero if it has not ended
	encrypted bool
	lines     []line // by time
	bots      map[string]bool
}

// line is one row of a chat's messages.
type line struct {
	id         string
	kind       string
	at         time.Time
	senderType string
	senderID   string
	name       string
	publicName string
	text       string
	purged     time.Time
	replyTo    string
	response   string // the value of a button
	cards      []card
}

// card is one attachment.
type card struct {
	id, title, text, image string
	buttons                []simulator.Item
}

var chatTypes = map[simulator.ChannelKind]string{
	simulator.Web: "visitor", simulator.Email: "external", simulator.API: "task", simulator.WhatsApp: "operator",
	simulator.Telegram: "group", simulator.SMS: "visitor",
}

// open is a chat in its current state. The caller holds s.mu.
func (s *Site) open(e entry) room {
	t := s.thread(e)
	r := room{Thread: t, id: uuid("chat", e.number), created: time.UnixMilli(e.created).UTC()}
	r.channel, _ = s.corpus.ChannelByID(t.ChannelID)
	r.encrypted = s.options.Encrypted && (r.channel.Kind == simulator.Email || r.channel.Kind == simulator.WhatsApp)
	r.bots = map[string]bool{}
	for _, b := range s.corpus.Bots() {
		r.bots[uuid("user", b.ID+1000)] = true
	}
	last := r.created
	for j := range t.Len() {
		l := s.lineOf(t.Message(j), t, j)
		if purge, ok := s.purged[t.Number]; ok && l.purged.IsZero() {
			l.text, l.response, l.purged = "", "", purge
		}
		r.lines = append(r.lines, l)
		if l.at.After(last) {
			last = l.at
		}
	}
	r.updated = last.Add(11 * time.Millisecond)
	if _, changed := s.added[e.number]; changed && t.UpdatedAt.After(r.updated) {
		r.updated = t.UpdatedAt.Truncate(time.Millisecond)
	}
	if s.hasEnded(e) {
		r.ended = last.Add(2 * time.Second)
		if at, asked := s.ended[e.number]; asked {
			r.ended = at
		}
		r.updated = r.ended.Add(11 * time.Millisecond)
		r.late(s)
	}
	if purge, ok := s.purged[t.Number]; ok {
		r.updated = purge.Add(390 * time.Millisecond)
	}
	slices.SortStableFunc(r.lines, func(a, b line) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	return r
}

// late adds the rows that have arrived after the end of a chat. They do not change its updated_at.
func (r *room) late(s *Site) {
	now := s.options.Now()
	defer func() {
		r.lines = slices.DeleteFunc(r.lines, func(l line) bool { return (l.kind == "tag_created" || l.kind == "leave") && l.at.After(now) })
	}()
	for i, tag := range r.Tags {
		r.lines = append(r.lines, line{
			id: uuid("tagged", r.Number*10+int64(i)), kind: "tag_created", at: r.ended.Add(956 * time.Millisecond),
			senderType: "user", senderID: uuid("user", s.corpus.Bots()[0].ID+1000), name: s.corpus.Bots()[0].Name, text: tag,
		})
	}
	for _, agent := range r.Participants {
		a, _ := s.corpus.AgentByID(agent)
		r.lines = append(r.lines, line{
			id: uuid("left", r.Number*1000+agent), kind: "leave", at: r.ended.Add(3798 * time.Millisecond),
			senderType: "user", senderID: uuid("user", agent), name: a.Name, publicName: a.DisplayName,
		})
	}
}

// lineOf converts a message to the platform's format. The platform has no notes, so they get an unknown type.
func (s *Site) lineOf(m simulator.Message, t simulator.Thread, j int) line {
	l := line{id: uuid("message", m.ID), at: m.CreatedAt.Add(time.Duration(m.ID*7%1000) * time.Millisecond)}
	if m.Text != nil {
		l.text = *m.Text
	}
	if m.ReplyTo != 0 {
		l.replyTo = uuid("message", m.ReplyTo)
	}
	l.kind = "msg"
	s.sign(&l, m.Author)
	switch m.Kind {
	case simulator.Note:
		l.kind = "whisper"
	case simulator.Activity:
		l.kind = []string{"join", "system", "tag_created", "shoppingcart_locked"}[m.ID%4]
		if l.kind != "system" && l.kind != "tag_created" {
			l.text = ""
		}
		if agents := t.Participants; len(agents) > 0 {
			s.sign(&l, simulator.Actor{Kind: simulator.ByAgent, ID: agents[0]})
		}
	case simulator.Template:
		l.kind, l.senderType, l.senderID = "autosuggest", "rule", uuid("rule", 1)
		if m.Survey == simulator.Answered {
			l.kind, l.text, l.response = "action", "", number(int64(m.Rating))
			s.sign(&l, simulator.Actor{Kind: simulator.ByPerson, ID: t.PersonID})
			if j > 0 {
				l.replyTo = uuid("message", t.ID(j-1))
			}
		}
	}
	if m.Deleted {
		l.purged, l.text = l.at.Add(time.Hour), ""
	}
	if len(m.Items) > 0 {
		l.cards = append(l.cards, card{id: uuid("card", m.ID), text: "hint", buttons: m.Items})
	}
	for _, f := range m.Files {
		if f.Kind == "image" {
			l.cards = append(l.cards, card{id: uuid("file", f.ID), title: f.Name, image: "https://cdn.example.com/" + number(f.ID)})
		}
	}
	return l
}

// sign fills in the author of a line.
func (s *Site) sign(l *line, by simulator.Actor) {
	switch by.Kind {
	case simulator.ByPerson:
		l.senderType, l.senderID = "visitor", visitorID(by.ID)
	case simulator.ByAgent:
		a, _ := s.corpus.AgentByID(by.ID)
		l.senderType, l.senderID, l.name, l.publicName = "user", uuid("user", by.ID), a.Name, a.DisplayName
	case simulator.ByBot:
		b, _ := s.corpus.BotByID(by.ID)
		l.senderType, l.senderID, l.name, l.publicName = "user", uuid("user", by.ID+1000), b.Name, b.Name
	default:
		l.senderType = "user" // a deleted user
	}
}

// counts are the numbers of lines of type msg: all, by users, by visitors.
func (r room) counts() (all, users, visitors int) {
	for _, l := range r.lines {
		if l.kind != "msg" {
			continue
		}
		all++
		switch l.senderType {
		case "user":
			users++
		case "visitor":
			visitors++
		}
	}
	return all, users, visitors
}
