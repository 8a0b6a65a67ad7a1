package liveperson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/simulator"
)

// Facts that the platform has and the world lacks are made up here, the same for bodies and truth.

// startOf is when a conversation began, in milliseconds; every fifth begins exactly on a second.
func startOf(t simulator.Thread) int64 {
	at := t.CreatedAt.UnixMilli()
	if t.Number%5 != 0 {
		at += t.Number * 37 % 1000
	}
	return at
}

// endOf is when a conversation was closed, 0 while it is open.
func endOf(t simulator.Thread) int64 {
	if t.State != simulator.Closed {
		return 0
	}
	return t.LastActivityAt.UnixMilli() + 61_000
}

const systemUser = "0900000000"

func agentID(id int64) string { return fmt.Sprintf("36%06d10", id) }
func botID(id int64) string   { return fmt.Sprintf("36%06d20", id) }

func consumerID(person int64) string { return fmt.Sprintf("%064x", uint64(person)*2654435761) }

// attendance is one participant of the brand in a conversation.
type attendance struct {
	id, name, nick, login string
	userType, permission  string
	joined, left          int64 // left is 0 for participants who stayed
}

var typeNames = map[string]string{"0": "System", "1": "Human", "2": "Bot"}

// said is one message in the platform's format.
type said struct {
	simulator.Message
	id, dialog, author string
	seq                int
	at                 int64
	private            bool
	statuses           []status
}

type status struct {
	name, by, kind string
	at             int64
}

// facts is a conversation in the platform's format.
type facts struct {
	simulator.Thread
	person           simulator.Person
	dialog, survey   string
	start, end, full int64
	agents           []attendance
	messages         []said
	moves            []said // activities, which this platform has as transfers
	rating           *simulator.Message
	skill            string // name, empty for none
}

// cachedFacts is how many conversations a site caches.
const cachedFacts = 4096

// facts are the facts of a conversation. They are cached, because lists and fetches need the same ones again.
func (s *Site) facts(t simulator.Thread) facts {
	s.mu.RLock()
	f, ok := s.cache[t.Number]
	s.mu.RUnlock()
	if ok && f.UpdatedAt.Equal(t.UpdatedAt) {
		return f
	}
	f = s.work(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cache) >= cachedFacts {
		clear(s.cache)
	}
	s.cache[t.Number] = f
	return f
}

func (s *Site) work(t simulator.Thread) facts {
	f := facts{Thread: t, start: startOf(t), end: endOf(t), dialog: t.UUID, survey: t.UUID + "-survey"}
	f.person, _ = s.corpus.PersonByID(t.PersonID)
	if t.Number%3 == 0 {
		f.dialog = "d-" + t.UUID
	}
	f.full = f.end
	if group, ok := s.corpus.GroupByID(t.GroupID); ok {
		f.skill = group.Name
	}
	s.attend(&f, t.Assignee, "ASSIGNED_AGENT")
	for _, id := range t.Participants {
		s.attend(&f, simulator.Actor{Kind: simulator.ByAgent, ID: id}, "READER")
	}
	for j := range t.Len() {
		m := said{Message: t.Message(j), seq: j + j/3, dialog: f.dialog}
		m.at = m.CreatedAt.UnixMilli() + m.ID%1000
		if m.Kind == simulator.Activity {
			f.moves = append(f.moves, m)
			continue
		}
		if m.Message.Survey != simulator.NotAsked {
			m.seq, m.dialog = 0, f.survey
			if f.end > 0 {
				f.full = f.end + 60_000
			}
			if m.Message.Survey == simulator.Answered {
				f.rating = &m.Message
			}
		}
		m.id = fmt.Sprintf("ms::dialog:%s::msg:%d", m.dialog, m.seq)
		if t.Number%2 == 1 && m.dialog == f.dialog {
			m.id = fmt.Sprintf("ms::conv:%s::msg:%d", t.UUID, m.seq)
		}
		m.private = m.Kind == simulator.Note
		switch {
		case m.Kind == simulator.Template:
			m.author = systemUser
			f.join(attendance{id: systemUser, name: "System", nick: "System", login: "system", userType: "0", permission: "READER"})
		case m.Author.Kind == simulator.ByPerson:
			m.author = consumerID(t.PersonID)
		default:
			m.author = s.attend(&f, m.Author, "READER")
		}
		f.messages = append(f.messages, m)
	}
	for i := range f.messages {
		f.messages[i].statuses = f.statuses(f.messages[i])
	}
	return f
}

// attend adds an agent or a bot as a participant, and returns its id; "-1" for a deleted one.
func (s *Site) attend(f *facts, who simulator.Actor, permission string) string {
	switch who.Kind {
	case simulator.ByAgent:
		if a, ok := s.corpus.AgentByID(who.ID); ok {
			return f.join(attendance{id: agentID(a.ID), name: a.Name, nick: a.DisplayName, login: a.Email, userType: "1", permission: permission})
		}
	case simulator.ByBot:
		if b, ok := s.corpus.BotByID(who.ID); ok {
			return f.join(attendance{id: botID(b.ID), name: b.Name, nick: b.Name, login: "bot-" + strconv.FormatInt(b.ID, 10), userType: "2", permission: permission})
		}
	}
	return "-1"
}

func (f *facts) join(a attendance) string {
	for _, known := range f.agents {
		if known.id == a.id {
			return a.id
		}
	}
	a.joined = f.start + 1000*int64(len(f.agents)+1)
	if a.userType == "2" && a.permission == "READER" {
		a.left = a.joined + 30_500
	}
	f.agents = append(f.agents, a)
	return a.id
}

// first is the first participant of the brand.
func (f *facts) first() string {
	if len(f.agents) == 0 {
		return systemUser
	}
	return f.agents[0].id
}

// statuses are who has received and read a message, latest first.
func (f *facts) statuses(m said) []status {
	by, kind := consumerID(f.PersonID), "Consumer"
	if m.author == by {
		by, kind = f.first(), "Agent"
	}
	switch m.Delivery {
	case "sent":
		return []status{{"SENT", by, kind, m.at + 100}}
	case "delivered":
		return []status{{"ACCEPT", by, kind, m.at + 700}}
	case "read":
		return []status{{"READ", by, kind, m.at + 1400}, {"ACCEPT", by, kind, m.at + 700}}
	}
	return nil
}

func (f *facts) closed() bool { return f.end > 0 }

// source is the platform's word for a channel.
func (s *Site) source(channel int64) string {
	c, _ := s.corpus.ChannelByID(channel)
	switch c.Kind {
	case simulator.Web:
		return "SHARK"
	case simulator.API:
		return "APP"
	case simulator.SMS:
		return "SMS"
	case simulator.Email:
		return "AGENT"
	case simulator.WhatsApp:
		return "WHATSAPP"
	}
	return "APPLE BUSINESS CHAT"
}

// kindOf is the type of a message.
func kindOf(m said) string {
	switch {
	case m.ContentType == "form":
		return "SECURE_FORM_INVITATION"
	case m.ContentType == "cards" || m.ContentType == "article":
		return "RICH_CONTENT"
	case len(m.Files) > 0:
		return "HOSTED_FILE"
	case m.Mail != nil:
		return "TEXT_HTML"
	}
	return "TEXT_PLAIN"
}

// textOf is the text of a message, nil if it has none.
func textOf(m said) *string {
	if m.Mail != nil {
		return &m.Mail.HTML
	}
	return m.Text
}

// rich are the items of a message as one JSON text, and richly as an object.
func rich(m said) string { return text(richly(m)) }

func richly(m said) obj {
	var items []obj
	for _, i := range m.Items {
		items = append(items, obj{"title": i.Title, "text": i.Value, "tooltip": i.Description, "click": obj{"actions": []obj{{"type": "publishText", "text": "clicked"}}}})
	}
	return obj{"type": m.ContentType, "elements": items}
}

// file and linked are the addresses of a message's first two files; it cannot have more.
func (s *Site) file(f simulator.File) (address, kind string) {
	name := f.Name
	if name == "" {
		name = "blob"
	}
	kind = strings.ToUpper(strings.TrimPrefix(path.Ext(f.Name), "."))
	return fmt.Sprintf("/v1/AUTH_async-images/%s/%d_%s", s.options.AccountID, f.ID, name), kind
}

func linked(f simulator.File) string {
	return fmt.Sprintf("https://files.example.com/%d/%s", f.ID, strings.ReplaceAll(f.Name, " ", "_"))
}

// text is a value as JSON.
func text(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func surveyData(m *simulator.Message) []obj {
	data := []obj{{
		"question": *m.Text, "answer": strconv.Itoa(m.Rating), "questionId": "q-1", "answerId": "a-" + strconv.Itoa(m.Rating),
		"questionType": "csat", "questionFormat": "single", "questionName": "csat", "answerSeq": "2", "isValidAnswer": true,
	}}
	if m.Comment != "" {
		data = append(data, obj{"question": "Why?", "answer": m.Comment, "questionId": "q-2", "questionType": "custom", "isValidAnswer": true})
	}
	return data
}
