package chatwoot

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// docs reports whether bodies look as in the old documentation, modern whether they look as in a new version.
func (s *Site) docs() bool   { return s.options.Version == Docs }
func (s *Site) modern() bool { return s.options.Version == V4_14 }

// rowCache keeps the bodies of conversations that have not changed since the corpus.
type rowCache struct {
	mu   sync.RWMutex
	rows map[int64][]byte
}

const cachedRows = 4096

func (c *rowCache) get(number int64) ([]byte, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	row, ok := c.rows[number]
	return row, ok
}

func (c *rowCache) put(number int64, row []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rows) >= cachedRows || c.rows == nil {
		c.rows = make(map[int64][]byte, cachedRows)
	}
	c.rows[number] = row
}

// row is the body of a conversation, the same in lists and on its own.
func (s *Site) row(f listed) []byte {
	if f.thread != nil {
		return s.conversation(*f.thread)
	}
	if row, ok := s.rows.get(f.number); ok {
		return row
	}
	row := s.conversation(s.corpus.Thread(int(f.index)))
	s.rows.put(f.number, row)
	return row
}

// viewer answers a request about one conversation.
type viewer func(w http.ResponseWriter, r *http.Request, t simulator.Thread)

// ofConversation finds the conversation in the path for a viewer.
func (s *Site) ofConversation(do viewer) endpoint {
	return func(w http.ResponseWriter, r *http.Request, c caller) {
		n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		t, ok := s.thread(n)
		switch {
		case err != nil || !ok:
			notFound(w)
		case !c.sees(t.ChannelID):
			refuse(w)
		default:
			do(w, r, t)
		}
	}
}

// show is GET conversations/{id}.
func (s *Site) show(w http.ResponseWriter, _ *http.Request, t simulator.Thread) {
	send(w, &writer{b: s.ownPage(t)})
}

// closingNote is the field that OwnMore adds.
const closingNote = "closing_note"

// owns reports whether the page of a conversation differs from its row in lists.
func (s *Site) owns(t simulator.Thread, what OwnPage) bool {
	return s.options.Own == what && (s.options.OwnOnly == nil || s.options.OwnOnly(t.Number))
}

// ownPage encodes the page of a conversation.
func (s *Site) ownPage(t simulator.Thread) []byte {
	b := &writer{b: make([]byte, 0, 4096)}
	if s.owns(t, OwnMessages) {
		all := pick(t, "0", strconv.FormatInt(math.MaxInt64, 10), false)
		if most := s.options.OwnMost; most > 0 {
			all = all[:min(len(all), most)]
		}
		s.conversationWith(b, t, func() []byte {
			s.rowsOf(b, t, all)
			return nil
		})
		if s.options.OwnCounted {
			b.b = b.b[:len(b.b)-1]
			b.key("messages_count").int(int64(t.Len()))
			b.close('}')
		}
		return b.b
	}
	b.b = append(b.b, s.conversation(t)...)
	if s.owns(t, OwnMore) {
		b.b = b.b[:len(b.b)-1]
		b.key(closingNote).str(noteOf(t))
		b.close('}')
	}
	return b.b
}

func noteOf(t simulator.Thread) string { return "note " + id(t.Number) }

// conversation encodes a conversation with its last message.
func (s *Site) conversation(t simulator.Thread) []byte {
	b := &writer{b: make([]byte, 0, 4096)}
	return s.conversationWith(b, t, func() []byte { return s.lastMessage(b, t) })
}

// lastMessage encodes the last message as it appears inside a conversation, and returns it.
func (s *Site) lastMessage(b *writer, t simulator.Thread) []byte {
	from, n := len(b.b), t.Len()
	switch {
	case n == 0:
	case s.docs():
		s.message(b, t, t.Message(n-1), false)
	default:
		s.pushed(b, t, t.Message(n-1))
	}
	return b.b[from:]
}

// conversationWith encodes a conversation with the messages that a function writes. The function returns the last one, if that is how it
// appears inside a conversation.
func (s *Site) conversationWith(b *writer, t simulator.Thread, messages func() []byte) []byte {
	b.open('{')
	s.meta(b, t)
	b.key("id").int(t.Number)
	b.array("messages")
	last := messages()
	b.close(']')
	b.key("account_id").int(s.options.AccountID)
	if s.docs() {
		s.documented(b, t)
		return b.b
	}
	b.key("uuid").str(t.UUID)
	b.key("additional_attributes").attributes(t.Additional)
	b.key("agent_last_seen_at").int(unix(t.AgentSeenAt))
	b.key("assignee_last_seen_at").int(0)
	b.key("can_reply").bool(t.CanReply)
	b.key("contact_last_seen_at").int(unix(t.PersonSeenAt))
	b.key("custom_attributes").attributes(t.Custom)
	b.key("inbox_id").int(t.ChannelID)
	b.strs("labels", t.Tags)
	b.key("muted").bool(t.Muted)
	b.key("snoozed_until").strOrNull(iso(t.SnoozedUntil))
	b.key("status").str(statusOf(t.State))
	b.key("created_at").int(t.CreatedAt.Unix())
	if s.modern() {
		b.key("updated_at").lit(seconds(t.UpdatedAt))
	}
	b.key("timestamp").int(t.LastActivityAt.Unix())
	b.key("first_reply_created_at").int(unix(t.FirstReplyAt))
	b.key("unread_count").int(int64(min(t.Unread, 10)))
	b.key("last_non_activity_message")
	s.lastSpoken(b, t, last)
	b.key("last_activity_at").int(t.LastActivityAt.Unix())
	b.key("priority").strOrNull(t.Priority)
	b.key("waiting_since").int(unix(t.WaitingSince))
	b.key("sla_policy_id").null()
	b.close('}')
	return b.b
}

// documented writes the rest of a conversation as in the old documentation.
func (s *Site) documented(b *writer, t simulator.Thread) {
	b.key("inbox_id").int(t.ChannelID)
	b.key("status").str(statusOf(t.State))
	b.key("timestamp").str(timeText(t.CreatedAt, t.Number))
	b.key("contact_last_seen_at").str(timeText(t.PersonSeenAt, t.Number))
	b.key("agent_last_seen_at").str(timeText(t.AgentSeenAt, t.Number))
	b.key("unread_count").int(int64(min(t.Unread, 10)))
	b.key("additional_attributes").attributes(t.Additional)
	b.key("custom_attributes").attributes(t.Custom)
	b.close('}')
}

// timeText returns a time as text: ISO or, for every other conversation, the digits of Unix seconds.
func timeText(t time.Time, number int64) string {
	if number%2 == 0 {
		return strconv.FormatInt(unix(t), 10)
	}
	return iso(t)
}

func (s *Site) meta(b *writer, t simulator.Thread) {
	channel, _ := s.corpus.ChannelByID(t.ChannelID)
	person, _ := s.corpus.PersonByID(t.PersonID)
	b.object("meta")
	if s.docs() {
		b.object("sender")
		b.key("id").int(person.ID)
		b.key("name").str(person.Name)
		b.key("thumbnail").str("")
		b.key("channel").str(channelType(channel.Kind))
		b.close('}')
		s.assignee(b, t)
		b.close('}')
		return
	}
	b.key("sender")
	b.contact(person, false)
	b.key("channel").str(channelType(channel.Kind))
	s.assignee(b, t)
	if group, ok := s.corpus.GroupByID(t.GroupID); ok {
		b.key("team")
		s.team(b, group)
	}
	b.key("hmac_verified").bool(t.Authenticated)
	b.close('}')
}

// assignee writes the assignee, if there is one. Only new versions can assign bots.
func (s *Site) assignee(b *writer, t simulator.Thread) {
	switch t.Assignee.Kind {
	case simulator.ByAgent:
		a, ok := s.corpus.AgentByID(t.Assignee.ID)
		if !ok {
			return
		}
		b.key("assignee")
		if s.docs() {
			s.documentedAgent(b, a)
			return
		}
		s.agent(b, a)
		if s.modern() {
			b.key("assignee_type").str("User")
		}
	case simulator.ByBot:
		a, ok := s.corpus.BotByID(t.Assignee.ID)
		if !ok || !s.modern() {
			return
		}
		b.object("assignee")
		b.key("id").int(a.ID)
		b.key("name").str(a.Name)
		b.key("description").strOrNull(a.Description)
		b.key("thumbnail").str("")
		b.key("outgoing_url").str("https://bots.example.com/hook")
		b.key("bot_type").str("webhook")
		b.close('}')
		b.key("assignee_type").str("AgentBot")
	}
}

// lastSpoken writes the newest message that is not an activity, or null; last is the newest message of all, as written, or empty.
func (s *Site) lastSpoken(b *writer, t simulator.Thread, last []byte) {
	for j := t.Len() - 1; j >= 0; j-- {
		if t.Kind(j) != simulator.Activity {
			if j == t.Len()-1 && len(last) > 0 {
				b.raw(last)
				return
			}
			s.pushed(b, t, t.Message(j))
			return
		}
	}
	b.null()
}

// conversationLabels is GET conversations/{id}/labels.
func (s *Site) conversationLabels(w http.ResponseWriter, _ *http.Request, t simulator.Thread) {
	var b writer
	b.open('{')
	b.strs("payload", t.Tags)
	b.close('}')
	send(w, &b)
}

// participants is GET conversations/{id}/participants.
func (s *Site) participants(w http.ResponseWriter, _ *http.Request, t simulator.Thread) {
	var b writer
	b.open('[')
	for _, id := range t.Participants {
		if a, ok := s.corpus.AgentByID(id); ok {
			s.agent(&b, a)
		}
	}
	b.close(']')
	send(w, &b)
}

func statusOf(state simulator.State) string {
	if state == simulator.Closed {
		return "resolved"
	}
	return string(state)
}

func channelType(kind simulator.ChannelKind) string {
	switch kind {
	case simulator.Web:
		return "Channel::WebWidget"
	case simulator.Email:
		return "Channel::Email"
	case simulator.API:
		return "Channel::Api"
	case simulator.WhatsApp:
		return "Channel::Whatsapp"
	case simulator.SMS:
		return "Channel::Sms"
	default:
		return "Channel::Telegram"
	}
}

// unix is a time in Unix seconds, 0 for no time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// iso is a time as text, empty for no time.
func iso(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// seconds is a time in seconds with its microseconds, as Ruby prints a float.
func seconds(t time.Time) string {
	micros := t.UnixMicro()
	fraction := strconv.FormatInt(1_000_000+micros%1_000_000, 10)[1:]
	for len(fraction) > 1 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	return strconv.FormatInt(micros/1_000_000, 10) + "." + fraction
}
